//! What a worker writes for each of many short items, one after the other: its claim, and its value in the outbox.
//!
//! Does **not** mean anything else than the same words do in [`Status`], item by item. What was written last is at hand, so
//! that nothing is read back from memory for it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::status::{Claim, OUTBOX_LEN, Outbox, Status};

/// Claims the items of one frame, as [`Status::claim`] does.
#[derive(Debug)]
pub struct Claims<'s> {
    word: &'s AtomicU64,
    number: u32,
    /// What the word was when it was seen last.
    seen: u64,
}

impl Claims<'_> {
    /// Begins the next item. `false` when the rest of the frame has been revoked.
    #[must_use]
    #[inline]
    pub fn claim(&mut self) -> bool {
        loop {
            let claim = Claim::unpack(self.seen);
            if claim.number != self.number || claim.begun >= claim.limit {
                return false;
            }
            let begun = Claim { begun: claim.begun + 1, ..claim }.pack();
            match self.word.compare_exchange(self.seen, begun, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    self.seen = begun;
                    return true;
                }
                Err(found) => self.seen = found,
            }
        }
    }
}

/// Fills the outbox, as [`Status::append`] does.
#[derive(Debug)]
pub struct Shelf<'s> {
    /// The words from the one on that is not full.
    rest: &'s [AtomicU64],
    /// What the first of them holds, and in how many of its bits.
    held: u64,
    bits: u32,
    len: &'s AtomicU64,
    outbox: Outbox,
}

impl Shelf<'_> {
    /// How many bytes it takes.
    #[must_use]
    pub fn room(&self) -> usize {
        (self.rest.len() * 8).saturating_sub(16)
    }

    /// How many bytes are in the outbox now.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.outbox.len as usize
    }

    /// Keeps `size` bytes more, at most 9 and no others in `item`. Where there is no [room](Self::room), nothing is kept.
    #[inline]
    pub fn append(&mut self, item: u128, size: usize) {
        let [low, high, ..] = self.rest else { return };
        // By halves, as the processor has them: to shift all 128 bits costs more than all else here.
        let (lower, upper) = (item as u64, (item >> 64) as u64);
        let first = self.held | lower << self.bits;
        let second = lower >> 1 >> (63 - self.bits) | upper << self.bits;
        low.store(first.to_le(), Ordering::Relaxed);
        high.store(second.to_le(), Ordering::Relaxed);
        let filled = self.bits as usize / 8 + size;
        self.held = match filled / 8 {
            0 => first,
            1 => second,
            _ => 0,
        };
        self.bits = (filled % 8 * 8) as u32;
        self.rest = self.rest.get(filled / 8..).unwrap_or_default();
        self.outbox.len += size as u32;
        self.len.store(self.outbox.pack(), Ordering::Release);
    }
}

impl Status {
    /// Worker: to claim many items of frame `number`.
    #[must_use]
    #[inline]
    pub fn claims(&self, number: u32) -> Claims<'_> {
        let word = self.claim_word(number);
        Claims { word, number, seen: word.load(Ordering::Acquire) }
    }

    /// Worker: to append many records behind the `kept` bytes that are in the outbox.
    #[must_use]
    #[inline]
    pub fn shelf(&self, kept: usize) -> Shelf<'_> {
        let (rest, bits) = (self.0.outbox().get(kept / 8..).unwrap_or_default(), (kept % 8 * 8) as u32);
        let first = rest.first().map_or(0, |word| u64::from_le(word.load(Ordering::Relaxed)));
        let held = first & !(u64::MAX << bits);
        let outbox = Outbox { len: kept as u32, ..self.outbox() };
        Shelf { rest, held, bits, len: self.0.word(OUTBOX_LEN), outbox }
    }

    /// Worker: completes `unsent`, of which the outbox has up to `len` bytes more.
    pub fn complete(&self, unsent: &mut Vec<u8>, len: usize) {
        let from = unsent.len() / 8;
        unsent.resize(len.next_multiple_of(8), 0);
        let words = unsent.as_chunks_mut::<8>().0.iter_mut().zip(self.0.outbox()).skip(from);
        words.for_each(|(bytes, word)| *bytes = word.load(Ordering::Relaxed).to_ne_bytes());
        unsent.truncate(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_begun_or_revoked_never_both() {
        const ITEMS: u16 = 64;
        let status = Status::local().expect("memory");
        for number in 1..200 {
            status.publish(number, ITEMS);
            let (begun, revoked) = std::thread::scope(|scope| {
                let mut claims = status.claims(number);
                let worker = scope.spawn(move || (0..ITEMS).take_while(|_| claims.claim()).count());
                let mut revoked = 0;
                while status.revoke(number, 1) == 1 {
                    revoked += 1;
                }
                (worker.join().expect("no panic"), revoked)
            });
            assert_eq!(begun + revoked, usize::from(ITEMS), "frame {number}");
            assert_eq!(usize::from(status.begun()[number as usize % 2].items), begun);
        }
    }

    #[test]
    fn who_claims_many_of_an_old_frame_gets_none_of_the_new_one() {
        let status = Status::local().expect("memory");
        status.publish(1, 2);
        let mut claims = status.claims(1);
        assert!(claims.claim());
        assert_eq!(status.revoke(1, 9), 1);
        status.publish(3, 2);
        assert!(!claims.claim(), "frame 3 uses the word of frame 1");
        assert!(status.claims(3).claim());
    }

    #[test]
    fn what_is_on_the_shelf_is_as_if_it_were_kept() {
        // From each place in a word, with each size.
        let status = Status::local().expect("memory");
        for start in 0..9 {
            let mut unsent = vec![7; start];
            status.keep(&unsent, 0);
            let mut expected = unsent.clone();
            let mut shelf = status.shelf(start);
            for size in (0..=9).chain((1..=9).rev()).cycle().take(100) {
                let item = 0x99_2233_4455_6677_8811_u128 & !(u128::MAX << (8 * size));
                shelf.append(item, size);
                expected.extend_from_slice(&item.to_le_bytes()[..size]);
                assert_eq!(status.unsent(), expected);
            }
            assert_eq!(shelf.kept(), expected.len());
            status.complete(&mut unsent, expected.len());
            assert_eq!(unsent, expected);
            status.sent();
        }
    }

    #[test]
    fn a_full_shelf_takes_nothing() {
        let status = Status::local().expect("memory");
        let mut shelf = status.shelf(0);
        while shelf.room() >= 9 {
            shelf.append(1, 9);
        }
        assert!(shelf.kept() > mp_sys::shared::OUTBOX - 32);
        for _ in 0..9 {
            shelf.append(1, 9);
        }
        assert!(shelf.kept() <= mp_sys::shared::OUTBOX);
        assert_eq!(status.unsent().len(), shelf.kept());
    }
}
