//! Large values that came as files, between their record and their reading: that takes long, and is done without the engine's lock.
//!
//! Does **not** know workers.

use std::os::fd::OwnedFd;

use mp_wire::{CodecStage, Failure, TaskLabel};

use crate::engine::Engine;
use crate::sink::{News, Sink};

/// A value that is to be read, and who waits for it.
#[derive(Debug)]
pub(crate) struct Unread {
    /// The file, and how long its worker says that it is.
    pub(crate) file: (OwnedFd, u64),
    /// As [`Sink::set_apart`] gives it.
    pub(crate) sink: Sink,
    /// The place of the item in the caller's input.
    pub(crate) index: u64,
    pub(crate) label: TaskLabel,
}

impl Engine {
    /// Reads them. In the thread that heard of them, so that each descriptor is soon closed (I6).
    pub(crate) fn read_all(&self, unread: Vec<Unread>) {
        for Unread { file: (fd, len), mut sink, index, label } in unread {
            let read = mp_sys::memory::read_file(fd, len);
            let mut state = self.state.lock();
            match &read {
                Ok(_) => state.stats.completed += 1,
                Err(_) => state.stats.failed += 1,
            }
            drop(state);
            let index = if matches!(sink, Sink::Each(_)) { 0 } else { index };
            let mut news = News::default();
            match read {
                Ok(value) => sink.put_owned(index, value, &mut news),
                Err(error) => {
                    let failure = Failure::codec(label, CodecStage::DecodeResult, error.to_string());
                    sink.put_failure(index, failure, &mut news);
                }
            }
            news.tell();
        }
    }
}
