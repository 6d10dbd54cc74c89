//! Short frames to a worker who is awake, and how it learns that its answer was heard: through shared memory, without a
//! system call at either end.
//!
//! Does **not** know what a frame says. What is long, has descriptors, or finds its worker asleep or at work goes by the line.
//!
//! ```text
//!  mailbox word:  | state: 16 | length: 16 | frames that the worker has taken from the line: 32 |
//!
//!   worker                          supervisor
//!   CLOSED ── open ──▶ OPEN(n) ──── post: writes the frame, then exchanges ──▶ FULL(length)
//!     ▲ ▲                 │         (if it is open, and n is what was sent by the line:       │
//!     │ └───── close ─────┘          a frame never overtakes another)                         │
//!     └──────────────────────────── take ◀────────────────────────────────────────────────────┘
//!
//!   answer:    worker      record into the outbox ─ fence ─ is anybody listening?   no: sends it, yes: looks for `heard`
//!              supervisor  listened ─ looks into outboxes ─ heard ─ ..  not listened ─ fence ─ looks once more ─ sleeps
//! ```
//!
//! Closing and posting are one compare-exchange each, so a worker never sleeps beside a full mailbox. And of a worker that keeps
//! its answer to itself because somebody listens, and a caller that listens no more, at least one sees what the other did.

use std::sync::atomic::{Ordering, fence};

use mp_sys::shared::MAILBOX;

use crate::status::{Outbox, Status};

/// Words that the supervisor writes, all but the first: on a cache line of their own.
const MAIL: usize = 8;
const SENT_BY_LINE: usize = 9;
const LISTENED: usize = 10;
const HEARD: usize = 11;

/// What is longer, in bytes, is left to the line.
pub const FEW: usize = 128;

const CLOSED: u64 = 0;
const OPEN: u64 = 1 << 48;
const FULL: u64 = 2 << 48;

/// How much of an outbox was read. Equal ones are of equal content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard(u64);

impl Status {
    /// Worker: who has taken so many frames from the line would take one from the mailbox.
    pub fn open_mailbox(&self, taken: u32) {
        self.0.word(MAIL).store(OPEN | u64::from(taken), Ordering::Release);
    }

    /// Worker: the frame in the mailbox, which is closed then.
    #[must_use]
    #[inline]
    pub fn take_mail(&self) -> Option<Vec<u8>> {
        let word = self.0.word(MAIL).load(Ordering::Acquire);
        (word & FULL != 0).then(|| self.empty(word))
    }

    /// Worker: takes no mail any more; gives what has come meanwhile.
    #[must_use]
    pub fn close_mailbox(&self) -> Option<Vec<u8>> {
        let word = self.0.word(MAIL).swap(CLOSED, Ordering::AcqRel);
        (word & FULL != 0).then(|| self.empty(word))
    }

    fn empty(&self, word: u64) -> Vec<u8> {
        let frame = self.0.mail((word >> 32) as usize & 0xffff);
        self.0.word(MAIL).store(CLOSED, Ordering::Release);
        frame
    }

    /// Worker: whether more was sent by the line than it has taken, so that it need not wait there. It is said when it has been sent,
    /// and so may be said later than it is taken.
    #[must_use]
    #[inline]
    pub fn is_sent_more(&self, taken: u32) -> bool {
        let sent = self.0.word(SENT_BY_LINE).load(Ordering::Acquire) as u32;
        sent.wrapping_sub(taken).cast_signed() > 0
    }

    /// Supervisor: puts `frame` into the mailbox, if it is open, and so many were sent by the line before. `false`, if it has to
    /// go by the line as well.
    #[must_use]
    pub fn post(&self, frame: &[u8], sent: u32) -> bool {
        let (word, open) = (self.0.word(MAIL), OPEN | u64::from(sent));
        if frame.len() > MAILBOX || word.load(Ordering::Acquire) != open || self.0.post(frame).is_none() {
            return false;
        }
        let full = FULL | (frame.len() as u64) << 32;
        word.compare_exchange(open, full, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Supervisor: so many frames were sent by the line.
    pub fn sent_by_line(&self, sent: u32) {
        self.0.word(SENT_BY_LINE).store(u64::from(sent), Ordering::Release);
    }

    /// Supervisor: somebody reads the outbox again and again; or nobody does from now on, but should look once more.
    pub fn set_listened(&self, listened: bool) {
        self.0.word(LISTENED).store(u64::from(listened), Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Worker: whether somebody will read what is in the outbox now.
    #[must_use]
    pub fn is_listened(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.word(LISTENED).load(Ordering::Acquire) != 0
    }

    /// Supervisor: as [`Status::unsent`], if that are a few bytes, and others than were `heard` before.
    #[must_use]
    #[inline]
    pub fn overhear(&self, heard: Heard) -> Option<(Heard, Vec<u8>)> {
        let outbox = self.outbox();
        let now = Heard(outbox.pack());
        if now == heard || outbox.len == 0 || outbox.len as usize > FEW {
            return None;
        }
        let frame = self.unsent_of(outbox);
        (!frame.is_empty()).then_some((now, frame))
    }

    /// Supervisor: what was read counts.
    pub fn hear(&self, heard: Heard) {
        self.0.word(HEARD).store(heard.0, Ordering::Release);
    }

    /// Worker: how many bytes of the outbox, from its start, need not be sent.
    #[must_use]
    #[inline]
    pub fn heard(&self) -> usize {
        let heard = Outbox::unpack(self.0.word(HEARD).load(Ordering::Acquire));
        if heard.filling == self.outbox().filling { heard.len as usize } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_posted_to_who_is_awake_and_has_taken_all_that_was_sent_before() {
        let status = Status::local().expect("memory");
        assert!(!status.post(b"asleep", 0));
        status.open_mailbox(3);
        assert!(!status.post(b"one is on its way", 4) && !status.post(&[0; MAILBOX + 1], 3));
        assert_eq!(status.take_mail(), None);
        assert!(status.post(b"frame", 3));
        assert!(!status.post(b"another", 3), "the first is still there");
        assert_eq!((status.take_mail(), status.take_mail()), (Some(b"frame".to_vec()), None));
        assert!(!status.post(b"at work", 3));
    }

    #[test]
    fn what_is_taken_before_it_is_said_to_be_sent_is_not_waited_for_again() {
        // It was: a worker slept over its answer.
        let status = Status::local().expect("memory");
        assert!(!status.is_sent_more(0) && !status.is_sent_more(1));
        status.sent_by_line(1);
        assert!(status.is_sent_more(0) && !status.is_sent_more(1));
        status.sent_by_line(2_u32.wrapping_sub(2));
        assert!(status.is_sent_more(u32::MAX), "the count starts again");
    }

    #[test]
    fn who_goes_to_sleep_takes_what_was_posted_meanwhile() {
        let status = Status::local().expect("memory");
        status.open_mailbox(0);
        assert!(status.post(b"frame", 0));
        assert_eq!((status.close_mailbox(), status.close_mailbox()), (Some(b"frame".to_vec()), None));
        assert!(!status.post(b"asleep", 0));
    }

    #[test]
    fn what_was_heard_counts_until_the_outbox_is_emptied() {
        let status = Status::local().expect("memory");
        let mut records = b"first".to_vec();
        status.keep(&records, 0);
        let (heard, bytes) = status.overhear(Heard::default()).expect("something new");
        assert_eq!((bytes, status.heard(), status.overhear(heard)), (records.clone(), 0, None));
        status.hear(heard);
        records.extend(b", second");
        status.keep(&records, 5);
        assert_eq!(status.heard(), 5);
        assert_eq!(status.overhear(heard).expect("more").1, records);
        status.sent();
        status.keep(b"later", 0);
        assert_eq!(status.heard(), 0, "it was another filling");
        status.keep(&[7; FEW + 1], 0);
        assert_eq!(status.overhear(heard), None, "what is long comes by the line");
    }

    #[test]
    fn rubbish_in_the_words_is_no_mail_that_is_longer_than_the_mailbox() {
        let status = Status::local().expect("memory");
        status.0.word(MAIL).store(u64::MAX, Ordering::Release);
        assert!(!status.post(b"frame", u32::MAX));
        assert_eq!(status.take_mail().map(|mail| mail.len()), Some(MAILBOX));
    }
}
