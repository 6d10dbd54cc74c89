//! What workers say of themselves beside the runtime: a log in a memory file, to which each appends.
//!
//! Does **not** judge. A mark is one `write` to a file opened for appending: it is there whole or not at all, in the order
//! of what happened, whoever is killed.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;

use mp_sys::memfile::MemFile;
use serde::{Deserialize, Serialize};

/// Bytes of a mark.
const LEN: usize = 16;

/// What a worker has just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The first statement of the task.
    Begun = 1,
    /// The last.
    Ended = 2,
}

/// A line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) index: u32,
    pub(super) worker: mp::WorkerId,
    pub(super) attempt: u32,
    pub(super) what: What,
}

/// The log, on the side of who reads it.
#[derive(Debug)]
pub(super) struct Log(File);

/// Where a worker finds the log: the descriptor of its supervisor.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Address {
    pid: u32,
    fd: i32,
}

impl Log {
    pub(super) fn create() -> io::Result<Self> {
        Ok(Self(File::from(OwnedFd::from(MemFile::create(c"mpctl-chaos", 0)?))))
    }

    pub(super) fn address(&self) -> Address {
        Address { pid: std::process::id(), fd: self.0.as_raw_fd() }
    }

    /// All marks, in the order in which they were made; `None` when they cannot be read.
    pub(super) fn read(&self) -> Option<Vec<Mark>> {
        let mut bytes = Vec::new();
        let mut file = &self.0;
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).ok()?;
        bytes.chunks(LEN).map(|bytes| Mark::unpack(bytes.try_into().ok()?)).collect()
    }
}

impl Address {
    /// In a worker: appends a mark. A task that cannot is no task of this run: it panics, which the audit sees.
    pub(super) fn put(self, index: u32, what: What) {
        static LOG: OnceLock<File> = OnceLock::new();
        let path = format!("/proc/{}/fd/{}", self.pid, self.fd);
        let open = || File::options().append(true).open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let Some(info) = mp::current_worker() else { panic!("not in a worker") };
        let worker = mp::WorkerId { slot: info.id, generation: info.generation };
        let mark = Mark { index, worker, attempt: info.attempt, what };
        let written = LOG.get_or_init(open).write(&mark.pack());
        assert!(matches!(written, Ok(LEN)), "a mark could not be written: {written:?}");
    }
}

impl Mark {
    fn pack(self) -> [u8; LEN] {
        let attempt_and_what = self.attempt << 2 | self.what as u32;
        let words = [self.index, self.worker.slot, self.worker.generation, attempt_and_what];
        let mut bytes = [0; LEN];
        bytes.chunks_mut(4).zip(words).for_each(|(place, word)| place.copy_from_slice(&word.to_ne_bytes()));
        bytes
    }

    fn unpack(bytes: [u8; LEN]) -> Option<Self> {
        let word = |i: usize| bytes[i * 4..].first_chunk().map_or(0, |word| u32::from_ne_bytes(*word));
        let what = match word(3) & 3 {
            1 => What::Begun,
            2 => What::Ended,
            _ => return None,
        };
        let worker = mp::WorkerId { slot: word(1), generation: word(2) };
        Some(Self { index: word(0), worker, attempt: word(3) >> 2, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let worker = mp::WorkerId { slot: 3, generation: 70_000 };
        for what in [What::Begun, What::Ended] {
            let mark = Mark { index: 199_999, worker, attempt: 2, what };
            assert_eq!(Mark::unpack(mark.pack()), Some(mark));
        }
        assert_eq!(Mark::unpack([0; LEN]), None);
    }
}
