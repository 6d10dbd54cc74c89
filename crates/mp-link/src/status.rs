//! What a worker says of itself in shared memory, without a system call: what it has begun, since when, and the
//! outcomes that it has not sent yet.
//!
//! Does **not** know tasks: it counts the items of a frame.
//!
//! ```text
//!   claim word of frame n (one of two, n mod 2):   | number n: 32 | limit: 16 | begun: 16 |
//!
//!   supervisor:  publish(n, count)  limit = count, begun = 0, then the frame is sent
//!   worker:      claim(n)           begun + 1, if begun < limit and the number is still n      (compare-exchange)
//!   supervisor:  revoke(n, k)       limit - k, but not below begun                              (compare-exchange)
//! ```
//!
//! Both are one compare-exchange on one word, so every item is either begun by the worker or taken back by the
//! supervisor, never both and never neither: this is what lets an idle worker take work from a busy one, a time limit
//! end one task only, and a death be blamed on exactly one item. A word is used again two frames later, when all of its
//! frame's items have had their outcomes or been revoked; a worker that still walks the old frame sees another number.
//!
//! The outbox holds a copy of the records that the worker has finished and not yet sent. When it dies, they are
//! read from there: what had finished keeps its value. It can be read while the worker lives as well: its word counts how
//! often it was emptied, so a reader knows whether what it read belongs together. Records that were sent as well are
//! recognised by their numbers.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use mp_sys::shared::SharedPage;
use mp_wire::TaskId;
use mp_wire::frame::{CREDITS, claim_word};

const STARTED: usize = CREDITS;
pub(crate) const OUTBOX_LEN: usize = CREDITS + 1;
const CANCELLED: usize = CREDITS + 2;
const ASKED: usize = CREDITS + 3;
const WINDOWS_TAKEN: usize = CREDITS + 4;

/// In the word of what is cancelled: whatever runs.
const ALL: u64 = u64::MAX;

/// The shared words of one worker. Clones are the same words.
#[derive(Clone, Debug)]
pub struct Status(pub(crate) Arc<SharedPage>);

/// How many items of a frame have been begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The frame's number.
    pub number: u32,
    /// How many of its items, from its front.
    pub items: u16,
}

impl Status {
    /// New words, and the descriptor by which another process can [`Status::open`] them.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn create() -> io::Result<(Self, OwnedFd)> {
        let (page, fd) = SharedPage::create()?;
        Ok((Self(Arc::new(page)), fd))
    }

    /// The words behind `fd`.
    ///
    /// # Errors
    /// When it is no status memory.
    pub fn open(fd: &OwnedFd) -> io::Result<Self> {
        Ok(Self(Arc::new(SharedPage::open(fd)?)))
    }

    /// Leaves here, from now on, how this process crashes. Once in a process.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn record_crashes(&self) -> io::Result<()> {
        Arc::clone(&self.0).record_crashes()
    }

    /// How the worker has crashed, as it says itself, if it has.
    #[must_use]
    pub fn crash(&self) -> Option<mp_sys::crash::Record> {
        self.0.crash()
    }

    /// New words for a thread.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn local() -> io::Result<Self> {
        Ok(Self(Arc::new(SharedPage::local()?)))
    }

    #[inline]
    pub(crate) fn claim_word(&self, number: u32) -> &AtomicU64 {
        self.0.word(claim_word(number))
    }

    /// Supervisor: frame `number` of `count` items is about to be sent.
    pub fn publish(&self, number: u32, count: u16) {
        self.claim_word(number).store(Claim { number, limit: count, begun: 0 }.pack(), Ordering::Release);
    }

    /// Worker: the items that it claims from now on begin at this time, in nanoseconds of CLOCK_MONOTONIC, or later.
    #[inline]
    pub fn started(&self, now_ns: u64) {
        self.0.word(STARTED).store(now_ns, Ordering::Release);
    }

    /// Worker: begins the next item of frame `number`. `false` when the rest of the frame has been revoked.
    #[must_use]
    #[inline]
    pub fn claim(&self, number: u32) -> bool {
        let begin = |claim: Claim| Claim { begun: claim.begun + 1, ..claim };
        let free = |claim: Claim| claim.number == number && claim.begun < claim.limit;
        self.claim_word(number)
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                let claim = Claim::unpack(word);
                free(claim).then(|| begin(claim).pack())
            })
            .is_ok()
    }

    /// Worker: the item that was begun last is over; what is still done for it is no time of its own.
    pub fn over(&self) {
        self.0.word(STARTED).store(u64::MAX, Ordering::Release);
    }

    /// Supervisor: takes back up to `most` items from the end of frame `number`; gives how many.
    #[must_use]
    pub fn revoke(&self, number: u32, most: u16) -> u16 {
        let mut taken = 0;
        let lower = |word| {
            let claim = Claim::unpack(word);
            taken = if claim.number == number { most.min(claim.limit.saturating_sub(claim.begun)) } else { 0 };
            (taken > 0).then(|| Claim { limit: claim.limit - taken, ..claim }.pack())
        };
        match self.claim_word(number).fetch_update(Ordering::AcqRel, Ordering::Acquire, lower) {
            Ok(_) => taken,
            Err(_) => 0,
        }
    }

    /// How much of the frames in flight has been begun. The worker wrote it: not to be trusted.
    #[must_use]
    pub fn begun(&self) -> [Begun; CREDITS] {
        std::array::from_fn(|i| {
            let claim = Claim::unpack(self.0.word(i).load(Ordering::Acquire));
            Begun { number: claim.number, items: claim.begun }
        })
    }

    /// When the item that was begun last was begun, in nanoseconds of CLOCK_MONOTONIC; the end of all time when it is over.
    #[must_use]
    pub fn started_ns(&self) -> u64 {
        self.0.word(STARTED).load(Ordering::Acquire)
    }

    /// Supervisor: this task should end. Task ids are never reused, so it concerns no other.
    pub fn cancel(&self, task: TaskId) {
        self.0.word(CANCELLED).store(task.0.wrapping_add(1), Ordering::Release);
    }

    /// Supervisor: whatever this worker runs should end.
    pub fn cancel_all(&self) {
        self.0.word(CANCELLED).store(ALL, Ordering::Release);
    }

    /// Worker: whether the task that it runs should end. That it asked can be seen.
    #[must_use]
    pub fn ask(&self, task: TaskId) -> bool {
        self.0.word(ASKED).store(task.0.wrapping_add(1), Ordering::Release);
        let cancelled = self.0.word(CANCELLED).load(Ordering::Acquire);
        cancelled == ALL || cancelled == task.0.wrapping_add(1)
    }

    /// Supervisor: which task asked last. The worker wrote it: not to be trusted.
    #[must_use]
    pub fn asked(&self) -> Option<TaskId> {
        self.0.word(ASKED).load(Ordering::Acquire).checked_sub(1).map(TaskId)
    }

    /// Takes window `slot`, if nobody has it: the worker to write a value, which the supervisor releases when it has been
    /// taken; the supervisor to give its memory back, or to lend another in its place.
    #[must_use]
    pub fn take_window(&self, slot: u32) -> bool {
        let bit = 1_u64.unbounded_shl(slot);
        bit != 0 && self.0.word(WINDOWS_TAKEN).fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Whoever takes window `slot` next may write to it.
    pub fn release_window(&self, slot: u32) {
        self.0.word(WINDOWS_TAKEN).fetch_and(!1_u64.unbounded_shl(slot), Ordering::AcqRel);
    }

    #[inline]
    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::unpack(self.0.word(OUTBOX_LEN).load(Ordering::Acquire))
    }

    /// Worker: keeps a copy of all `unsent` records, of which the first `kept` bytes are there already.
    /// Records that do not fit are not kept; they should be sent at once.
    #[inline]
    pub fn keep(&self, unsent: &[u8], kept: usize) {
        if self.0.keep(unsent, kept).is_some() {
            let outbox = Outbox { len: unsent.len() as u32, ..self.outbox() };
            self.0.word(OUTBOX_LEN).store(outbox.pack(), Ordering::Release);
        }
    }

    /// Worker: as [`Status::keep`], of `len` bytes more, at most 9, behind `kept` that are there.
    #[inline]
    pub fn append(&self, kept: usize, item: u128, len: usize) {
        if self.0.append(kept, item, len).is_some() {
            let outbox = Outbox { len: (kept + len) as u32, ..self.outbox() };
            self.0.word(OUTBOX_LEN).store(outbox.pack(), Ordering::Release);
        }
    }

    /// Worker: all records have been sent.
    pub fn sent(&self) {
        let outbox = Outbox { filling: self.outbox().filling.wrapping_add(1), len: 0 };
        self.0.word(OUTBOX_LEN).store(outbox.pack(), Ordering::Release);
        // Who reads a byte that is written from here on will read the new count as well.
        fence(Ordering::Release);
    }

    /// Supervisor: the records that the worker has not sent. Empty, if it sends them just now.
    #[must_use]
    pub fn unsent(&self) -> Vec<u8> {
        self.unsent_of(self.outbox())
    }

    pub(crate) fn unsent_of(&self, outbox: Outbox) -> Vec<u8> {
        let bytes = self.0.read(outbox.len as usize);
        fence(Ordering::Acquire);
        if self.outbox().filling == outbox.filling { bytes } else { Vec::new() }
    }
}

/// How full the outbox is, and how often it has been emptied before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outbox {
    pub(crate) filling: u32,
    pub(crate) len: u32,
}

impl Outbox {
    #[inline]
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.filling) << 32 | u64::from(self.len)
    }

    #[inline]
    pub(crate) fn unpack(word: u64) -> Self {
        Self { filling: (word >> 32) as u32, len: word as u32 }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) number: u32,
    pub(crate) limit: u16,
    pub(crate) begun: u16,
}

impl Claim {
    #[inline]
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.number) << 32 | u64::from(self.limit) << 16 | u64::from(self.begun)
    }

    #[inline]
    pub(crate) fn unpack(word: u64) -> Self {
        Self { number: (word >> 32) as u32, limit: (word >> 16) as u16, begun: word as u16 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_begun_or_revoked_never_both() {
        // Two threads fight over the items of many frames; each item must end on exactly one side.
        const ITEMS: u16 = 64;
        let status = Status::local().expect("memory");
        for number in 1..200 {
            status.publish(number, ITEMS);
            let (begun, revoked) = std::thread::scope(|scope| {
                let worker = scope.spawn(|| (0..ITEMS).take_while(|_| status.claim(number)).count());
                let mut revoked = 0;
                while status.revoke(number, 1) == 1 {
                    revoked += 1;
                }
                (worker.join().expect("no panic"), revoked)
            });
            assert_eq!(begun + revoked, usize::from(ITEMS), "frame {number}");
        }
    }

    #[test]
    fn one_task_is_cancelled_or_all_are() {
        let status = Status::local().expect("memory");
        assert_eq!((status.asked(), status.ask(TaskId(0)), status.asked()), (None, false, Some(TaskId(0))));
        status.cancel(TaskId(7));
        assert_eq!([6, 7, 8].map(|id| status.ask(TaskId(id))), [false, true, false]);
        status.cancel_all();
        assert!(status.ask(TaskId(8)));
    }

    #[test]
    fn a_worker_in_an_old_frame_claims_nothing_of_the_new_one() {
        let status = Status::local().expect("memory");
        status.publish(1, 2);
        assert_eq!(status.revoke(1, 9), 2);
        status.publish(3, 2);
        assert!(!status.claim(1), "frame 3 uses the word of frame 1");
        assert!(status.claim(3));
        assert_eq!(status.revoke(1, 9), 0);
        assert_eq!(status.begun()[1], Begun { number: 3, items: 1 });
    }

    #[test]
    fn what_is_read_of_a_living_outbox_belongs_together() {
        // Each filling repeats one byte; a reader must never see two of them.
        let status = Status::local().expect("memory");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..20_000_u32 {
                    let filling = vec![round as u8; 200];
                    status.keep(&filling[..100], 0);
                    status.keep(&filling, 100);
                    status.sent();
                }
            });
            while !writer.is_finished() {
                let seen = status.unsent();
                assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
            }
        });
    }

    #[test]
    fn the_outbox_keeps_what_was_not_sent() {
        let status = Status::local().expect("memory");
        let mut unsent = b"first record".to_vec();
        status.keep(&unsent, 0);
        let kept = unsent.len();
        unsent.extend_from_slice(b", second record");
        status.keep(&unsent, kept);
        assert_eq!(status.unsent(), b"first record, second record");
        status.sent();
        assert_eq!(status.unsent(), b"");
    }
}
