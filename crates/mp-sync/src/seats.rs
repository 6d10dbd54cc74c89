//! Places for those who hold or wait: a latch each, so that a death is known, and a few words.
//!
//! Does **not** know what the words mean.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use mp_sys::latch::{Held, Latch};
use mp_sys::plate::LATCHES;

use crate::block::Block;
use crate::error::SyncError;

/// How far apart the words of two seats in a page are.
const STEP: usize = 256;
const STATE_AT: usize = 64;
const ORDER_AT: usize = 72;

/// The seats of a block: all latches but those of its first page.
#[derive(Clone, Copy)]
pub(crate) struct Seats<'a>(pub(crate) &'a Block);

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct Seat<'a> {
    block: &'a Block,
    number: usize,
}

impl<'a> Seats<'a> {
    /// How many pages a block with so many seats has.
    pub(crate) fn pages(seats: usize) -> usize {
        1 + seats.div_ceil(LATCHES)
    }

    pub(crate) fn len(self) -> usize {
        (self.0.pages() - 1) * LATCHES
    }

    pub(crate) fn at(self, number: usize) -> Seat<'a> {
        Seat { block: self.0, number }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Seat<'a>> {
        (0..self.len()).map(move |number| self.at(number))
    }

    /// Looks whether who has one of them exists, another one at each call: a death that the kernel has not marked is found in the end,
    /// and each call costs one system call at the most.
    pub(crate) fn look_at_one(self, looked: &AtomicU32) {
        let start = looked.load(Relaxed) as usize;
        let mut turn = (0..self.len()).map(|step| start.wrapping_add(step) % self.len());
        let taken = turn.find(|number| self.at(*number).is_alive().unwrap_or(false));
        if let Some(number) = taken {
            looked.store(number as u32 + 1, Relaxed);
            self.at(number).latch().mark_if_gone();
        }
    }

    /// Takes a free one.
    pub(crate) fn sit(self, what: &'static str) -> Result<Seat<'a>, SyncError> {
        for seat in self.iter() {
            if seat.held()? == Held::Free && seat.take()? {
                return Ok(seat);
            }
        }
        Err(SyncError::Crowded { what, most: self.len() })
    }
}

impl<'a> Seat<'a> {
    pub(crate) fn number(self) -> usize {
        self.number
    }

    pub(crate) fn latch(self) -> Latch<'a> {
        self.block.plate().latch(1 + self.number / LATCHES, self.number % LATCHES)
    }

    pub(crate) fn held(self) -> Result<Held, SyncError> {
        self.latch().held().map_err(SyncError::os("looking at a latch"))
    }

    pub(crate) fn is_alive(self) -> Result<bool, SyncError> {
        Ok(matches!(self.held()?, Held::Here | Held::By(_)))
    }

    pub(crate) fn state(self) -> &'a AtomicU32 {
        self.block.plate().u32_at(1 + self.number / LATCHES, STATE_AT + STEP * (self.number % LATCHES))
    }

    pub(crate) fn order(self) -> &'a AtomicU64 {
        self.block.plate().u64_at(1 + self.number / LATCHES, ORDER_AT + STEP * (self.number % LATCHES))
    }

    fn take(self) -> Result<bool, SyncError> {
        Ok(self.latch().try_take().map_err(SyncError::os("taking a latch"))?.is_some())
    }
}
