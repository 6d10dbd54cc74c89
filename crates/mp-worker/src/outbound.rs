//! The way back: records are gathered, kept in the outbox, and sent.
//!
//! Does **not** run tasks.
//!
//! Short items are answered together, long ones at once: a send costs about 2 µs, so after an item that ran longer
//! than [`LONG_NS`] it costs little, and after shorter ones it waits for more of them, at the latest for the frame's end.
//! Short ones before a long one do not wait for it: the supervisor, when it hears nothing for some milliseconds, reads the
//! outbox.

use mp_link::{Line, LinkError, Status};
use mp_wire::frame::{Body, INLINE_MAX, OUTCOMES_HEADER, outcomes_header};
use mp_wire::{CodecStage, TaskId, codec};

use crate::run::{Reported, refused};

/// An item that ran so long, in nanoseconds, is answered at once.
const LONG_NS: u64 = 10_000;

/// So many bytes of records are sent at once. With an item of [`INLINE_MAX`] more they still fit into a frame.
const MANY: usize = 8 * 1024;

pub(crate) struct Outbound<'a> {
    line: &'a Line,
    status: &'a Status,
    frame: Vec<u8>,
    kept: usize,
    records: u64,
}

impl<'a> Outbound<'a> {
    pub(crate) fn new(line: &'a Line, status: &'a Status) -> Self {
        Self { line, status, frame: outcomes_header(0).to_vec(), kept: 0, records: 0 }
    }

    /// Takes the word on `task`; `out` holds its value, if it has one.
    pub(crate) fn push(&mut self, task: TaskId, reported: Reported, out: &[u8]) -> Result<(), LinkError> {
        if matches!(reported, Reported::Value(_)) && out.len() > INLINE_MAX {
            return self.push_bulk(task, reported, out);
        }
        let at_once = !matches!(reported, Reported::Value(run_ns) if run_ns < LONG_NS);
        self.append(task, reported, Body::Inline(out));
        self.status.keep(&self.frame, self.kept);
        self.kept = self.frame.len();
        if at_once || self.frame.len() > MANY { self.flush() } else { Ok(()) }
    }

    /// A large value goes as a memory file, at once: what is only in this process would die with it.
    fn push_bulk(&mut self, task: TaskId, reported: Reported, out: &[u8]) -> Result<(), LinkError> {
        match mp_sys::memory::file_with(out) {
            Ok(file) => {
                self.append(task, reported, Body::Bulk(out.len() as u64));
                self.send(vec![file])
            }
            Err(error) => {
                let reason = format!("no memory file for a result of {} bytes: {error}", out.len());
                self.append(task, refused(CodecStage::EncodeResult, reason), Body::Bulk(0));
                self.flush()
            }
        }
    }

    fn append(&mut self, task: TaskId, reported: Reported, body: Body<'_>) {
        let record = reported.into_record(task, body);
        // A record is numbers, bytes and texts: there is nothing in it that cannot be encoded.
        let _ = codec::encode_into(&record, &mut self.frame);
        self.records += 1;
    }

    /// Sends what has been gathered.
    pub(crate) fn flush(&mut self) -> Result<(), LinkError> {
        if self.frame.len() == OUTCOMES_HEADER { Ok(()) } else { self.send(Vec::new()) }
    }

    fn send(&mut self, descriptors: Vec<std::os::fd::OwnedFd>) -> Result<(), LinkError> {
        self.line.send(&self.frame, descriptors)?;
        self.status.sent();
        self.frame.clear();
        self.frame.extend_from_slice(&outcomes_header(self.records));
        self.kept = 0;
        Ok(())
    }
}
