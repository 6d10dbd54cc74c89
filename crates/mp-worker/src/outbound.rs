//! The way back: records are gathered, kept in the outbox, and sent.
//!
//! Does **not** run tasks.
//!
//! Short items are answered together, long ones at once: a send costs about 2 µs, so after a long item it costs little, and
//! after short ones, or right after another answer, it waits for more of them, at the latest for the frame's end. Short ones before a long one do not wait
//! for it: the supervisor, when it hears nothing for some milliseconds, reads the outbox.

use std::os::fd::OwnedFd;

use mp_link::{FEW, Line, LinkError, Shelf, Status};
use mp_wire::frame::{FRAME_MAX, INLINE_MAX, Lent, OUTCOMES_HEADER, outcomes_header};
use mp_wire::item::{only_item, push_item, short_item};
use mp_wire::record::{NEXT_LEN, Report, Times, push_next, push_report, push_spent, push_times, push_value};
use mp_wire::{CodecError, CodecStage, TaskId};

use crate::pace::Lap;
use crate::panes::Panes;

/// So many bytes of records are sent at once: short values of a full frame of tasks are answered by one frame.
const MANY: usize = 60 * 1024;

/// An item of so many bytes fits into a frame that has not [`MANY`], whatever comes with it.
const SMALL: usize = 1024;

/// With so many bytes of records in it, a frame takes any other record as well. Where items are larger, it is sent then.
const ANY: usize = FRAME_MAX - INLINE_MAX - SMALL;

/// What may be said of an item behind its value takes up less.
const MARKS: usize = 64;

/// So much memory is kept for the next large value.
const SPARE: usize = 4 << 20;

#[derive(Debug)]
pub(crate) struct Outbound<'a> {
    line: &'a Line,
    status: &'a Status,
    frame: Vec<u8>,
    /// Up to here there is a copy in the outbox. Beyond are the header, as long as there is nothing else, and what a value
    /// that is being encoded has left so far.
    kept: usize,
    records: u64,
    /// How many there were when the frame began.
    first: u64,
    /// The task whose record may come next without being named.
    next: Option<TaskId>,
    /// Where what follows the last record begins, and how many records there were then.
    tail: (usize, u64),
    panes: Panes,
    /// Whether any task has had no value.
    pub(crate) failed: bool,
    /// Memory that large values were encoded in: fresh memory costs ten times what it costs to write to it.
    spare: Vec<u8>,
}

impl<'a> Outbound<'a> {
    pub(crate) fn new(line: &'a Line, status: &'a Status) -> Self {
        Self {
            line,
            status,
            frame: outcomes_header(0).to_vec(),
            kept: 0,
            records: 0,
            first: 0,
            next: None,
            tail: (OUTCOMES_HEADER, 0),
            panes: Panes::default(),
            failed: false,
            spare: Vec::new(),
        }
    }

    /// Takes the value of `task` as `write` encodes it.
    ///
    /// # Errors
    /// What `write` says; then nothing was taken.
    #[inline]
    pub(crate) fn put(
        &mut self,
        task: TaskId,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<Result<(), LinkError>, CodecError> {
        if self.next != Some(task) {
            push_next(&mut self.frame, task);
        }
        if let Err(error) = push_item(&mut self.frame, write) {
            self.abandon();
            return Err(error);
        }
        let item = self.frame.len() - self.whole();
        if item > INLINE_MAX || self.frame.len() > FRAME_MAX - MARKS {
            return Ok(self.put_apart(task));
        }
        (self.next, self.records) = (Some(task.plus(1)), self.records + 1);
        self.keep();
        let enough = self.frame.len() > if item > SMALL { ANY } else { MANY };
        Ok(if enough { self.flush() } else { Ok(()) })
    }

    /// As [`Outbound::put`], of a value of up to eight bytes, the lowest first. Gives whether it is time to [send](Self::flush).
    #[inline]
    pub(crate) fn put_short(&mut self, task: TaskId, value: u64, len: usize) -> bool {
        let (item, size) = short_item(value, len);
        let follows = self.next == Some(task) && self.kept == self.frame.len();
        if !follows {
            self.name_anew(task);
        }
        self.frame.extend_from_slice(&item.to_le_bytes()[..size]);
        self.status.append(self.kept, item, size);
        self.kept += size;
        (self.next, self.records) = (Some(task.plus(1)), self.records + 1);
        self.frame.len() > MANY
    }

    /// Where the values of `task` and of those behind it may be put in a row, each of `len` bytes; and how many. What it took is to
    /// be [told](Self::took).
    #[inline]
    pub(crate) fn shelf(&self, task: TaskId, len: usize) -> Option<(Shelf<'a>, u32)> {
        if self.next != Some(task) || self.kept != self.frame.len() {
            return None;
        }
        let shelf = self.status.shelf(self.kept);
        let room = MANY.saturating_sub(self.kept).min(shelf.room());
        Some((shelf, (room / (1 + len)) as u32))
    }

    /// The shelf took so many values: it has `kept` bytes now, and `next` is the next task.
    #[inline]
    pub(crate) fn took(&mut self, values: u32, kept: usize, next: TaskId) {
        self.status.complete(&mut self.frame, kept);
        (self.kept, self.next, self.records) = (kept, Some(next), self.records + u64::from(values));
    }

    #[cold]
    fn name_anew(&mut self, task: TaskId) {
        if self.next != Some(task) {
            push_next(&mut self.frame, task);
        }
        self.keep();
    }

    /// What lies beyond the whole records turned out to be too large for this frame.
    #[cold]
    fn put_apart(&mut self, task: TaskId) -> Result<(), LinkError> {
        let mut tail = self.frame.split_off(self.whole());
        self.frame.shrink_to(FRAME_MAX);
        if self.next != Some(task) {
            tail.drain(..NEXT_LEN);
        }
        self.value(task, only_item(&tail))
    }

    /// Memory to encode a large value in; to be given back.
    pub(crate) fn spare(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.spare)
    }

    pub(crate) fn give_back(&mut self, mut memory: Vec<u8>) {
        if memory.capacity() <= SPARE {
            memory.clear();
            self.spare = memory;
        }
    }

    /// What lies beyond the whole records comes to nothing: to be called when encoding has failed, or panicked.
    #[cold]
    pub(crate) fn abandon(&mut self) {
        self.frame.truncate(self.whole());
    }

    /// Takes the value of `task`.
    pub(crate) fn value(&mut self, task: TaskId, value: &[u8]) -> Result<(), LinkError> {
        if let Some(slot) = self.panes.write(value, self.status) {
            // In shared memory as its record is: what has finished outlives this process.
            return self.report(task, &Report::Window(slot, value.len() as u64), None);
        }
        if value.len() > INLINE_MAX {
            return self.bulk(task, value);
        }
        self.make_room()?;
        self.name(task);
        push_value(&mut self.frame, value);
        self.keep();
        if self.frame.len() > ANY { self.flush() } else { Ok(()) }
    }

    /// There is memory for large results.
    pub(crate) fn lend(&mut self, lent: Lent, fd: Option<OwnedFd>) {
        self.panes.lend(lent, fd, self.status);
    }

    /// Takes what became of `task`, if that is no value; it is said at once.
    pub(crate) fn report(&mut self, task: TaskId, report: &Report, times: Option<Times>) -> Result<(), LinkError> {
        self.append(task, report)?;
        if let Some(times) = times {
            push_times(&mut self.frame, &times);
        }
        self.keep();
        self.flush()
    }

    /// The time that the last items took.
    pub(crate) fn lap(&mut self, lap: Lap) -> Result<(), LinkError> {
        if self.tail.1 != self.records {
            self.tail = (self.frame.len(), self.records);
        }
        push_spent(&mut self.frame, lap.spent_ns);
        self.keep();
        if lap.long { self.flush() } else { Ok(()) }
    }

    /// When the task whose value was taken last was where. It is said with what comes next, or is lost with its worker.
    #[cold]
    pub(crate) fn times(&mut self, times: Times) {
        push_times(&mut self.frame, &times);
        self.keep();
    }

    /// A large value goes as a memory file, at once: what is only in this process would die with it.
    fn bulk(&mut self, task: TaskId, value: &[u8]) -> Result<(), LinkError> {
        match mp_sys::memory::file_with(value) {
            Ok(file) => {
                self.append(task, &Report::Bulk(value.len() as u64))?;
                self.send(vec![file])
            }
            Err(error) => {
                let reason = format!("no memory file for a result of {} bytes: {error}", value.len());
                self.report(task, &Report::Codec(CodecStage::EncodeResult, reason), None)
            }
        }
    }

    fn append(&mut self, task: TaskId, report: &Report) -> Result<(), LinkError> {
        self.failed |= !matches!(report, Report::Window(..) | Report::Bulk(_));
        self.make_room()?;
        self.name(task);
        // A report is numbers and texts: there is nothing in it that cannot be encoded.
        let _ = push_report(&mut self.frame, report);
        Ok(())
    }

    /// Afterwards any record fits into the frame.
    fn make_room(&mut self) -> Result<(), LinkError> {
        if self.frame.len() > ANY { self.flush() } else { Ok(()) }
    }

    /// The next record is the one of `task`.
    fn name(&mut self, task: TaskId) {
        if self.next != Some(task) {
            push_next(&mut self.frame, task);
        }
        self.next = Some(task.plus(1));
        self.records += 1;
    }

    #[inline]
    fn keep(&mut self) {
        self.status.keep(&self.frame, self.kept);
        self.kept = self.frame.len();
    }

    /// Up to where there are whole records.
    fn whole(&self) -> usize {
        self.kept.max(OUTCOMES_HEADER)
    }

    /// Sends what has been gathered.
    pub(crate) fn flush(&mut self) -> Result<(), LinkError> {
        if self.frame.len() == OUTCOMES_HEADER { Ok(()) } else { self.send(Vec::new()) }
    }

    /// Sends what has been gathered, unless somebody is about to read it in the outbox.
    pub(crate) fn offer(&mut self) -> Result<(), LinkError> {
        if self.frame.len() <= FEW && self.status.is_listened() { Ok(()) } else { self.flush() }
    }

    /// Leaves what has been gathered in the outbox: it is read there when this process has ended, as it is about to.
    pub(crate) fn leave(&mut self) {
        if self.kept < self.frame.len() {
            self.keep();
        }
    }

    /// Sends what nobody has heard, unless somebody is still about to.
    #[inline]
    pub(crate) fn hand_on_unless_listened(&mut self) -> Result<(), LinkError> {
        if self.has_unheard() { self.offer() } else { Ok(()) }
    }

    /// Sends what nobody has heard: what is run next may take long.
    pub(crate) fn hand_on(&mut self) -> Result<(), LinkError> {
        if self.has_unheard() { self.flush() } else { Ok(()) }
    }

    /// Whether there are records that nobody has heard. Those that were are forgotten.
    #[inline]
    fn has_unheard(&mut self) -> bool {
        if self.first == self.records {
            return false;
        }
        let heard = self.status.heard();
        if heard >= self.recorded() {
            self.forget(heard);
        }
        self.first != self.records
    }

    /// Up to where there are records.
    fn recorded(&self) -> usize {
        let (at, records) = self.tail;
        if records == self.records { at } else { self.frame.len() }
    }

    /// The frame begins anew, with what is behind its first `heard` bytes. These are no records.
    fn forget(&mut self, heard: usize) {
        let heard = heard.min(self.frame.len());
        self.frame.drain(OUTCOMES_HEADER..heard);
        self.begin();
        if self.frame.len() > OUTCOMES_HEADER {
            self.keep();
        }
    }

    /// The outbox is empty, and the frame has the header of one that begins with the next record.
    fn begin(&mut self) {
        self.status.sent();
        self.frame[..OUTCOMES_HEADER].copy_from_slice(&outcomes_header(self.records));
        (self.kept, self.next, self.first) = (0, None, self.records);
    }

    fn send(&mut self, descriptors: Vec<OwnedFd>) -> Result<(), LinkError> {
        self.line.send(&self.frame, descriptors)?;
        self.frame.truncate(OUTCOMES_HEADER);
        self.begin();
        Ok(())
    }
}
