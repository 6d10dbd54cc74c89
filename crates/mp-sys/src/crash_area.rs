//! What a crash leaves in shared memory, and how it is read by a process that is well.
//!
//! Does **not** know how it came there: [`crate::crash`] does.
//!
//! ```text
//!  area:  │ 16 words: signal, address, registers, lengths │ stack │ maps │
//! ```
#![expect(unsafe_code, reason = "reads words and bytes that another process writes")]

use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// The most bytes of the stack that are kept.
pub const STACK: usize = 64 * 1024;

/// The most bytes of `/proc/self/maps` that are kept.
pub const MAPS: usize = 32 * 1024;

const WORDS: usize = 16;

/// How long the area is.
pub(crate) const AREA: usize = WORDS * 8 + STACK + MAPS;

pub(crate) const SIGNAL: usize = 0;
pub(crate) const ADDRESS: usize = 1;
pub(crate) const REGISTERS: usize = 2;
pub(crate) const STACK_LEN: usize = 6;
pub(crate) const MAPS_LEN: usize = 7;
pub(crate) const IS_FAULT: usize = 8;

/// Where a thread was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// The instruction.
    pub instruction: u64,
    /// The end of the stack in use.
    pub stack: u64,
    /// The frame's base, where frames have one.
    pub frame: u64,
    /// Where it would have returned to, where that is in a register.
    pub link: u64,
}

/// What was recorded. Data of a process that was not well: nothing of it need be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The signal.
    pub signal: i32,
    /// The address that could not be reached, or executed; `None` for a signal that was sent.
    pub address: Option<u64>,
    /// Of the thread that crashed.
    pub registers: Registers,
    /// The bytes from `registers.stack` on.
    pub stack: Vec<u8>,
    /// `/proc/self/maps`, perhaps without its end.
    pub maps: String,
}

/// The area in shared memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area(pub(crate) *mut u8);

impl Area {
    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index < WORDS, "there are {WORDS} words");
        // SAFETY: whoever made the area has so many bytes mapped there, aligned, for as long as it is used.
        unsafe { AtomicU64::from_ptr(self.0.cast::<u64>().add(index)) }
    }

    pub(crate) fn stack(self) -> *mut u8 {
        self.0.wrapping_add(WORDS * 8)
    }

    pub(crate) fn maps(self) -> *mut u8 {
        self.stack().wrapping_add(STACK)
    }

    /// What was recorded, if anything was.
    pub(crate) fn read(self) -> Option<Record> {
        let signal = i32::try_from(self.word(SIGNAL).load(Acquire)).ok().filter(|signal| *signal != 0)?;
        let at = |index| self.word(index).load(Relaxed);
        let [instruction, stack, frame, link] = [0, 1, 2, 3].map(|index| at(REGISTERS + index));
        let registers = Registers { instruction, stack, frame, link };
        let maps = copy(self.maps(), (at(MAPS_LEN) as usize).min(MAPS));
        let stack = copy(self.stack(), (at(STACK_LEN) as usize).min(STACK));
        Some(Record {
            signal,
            address: (at(IS_FAULT) != 0).then(|| at(ADDRESS)),
            registers,
            stack,
            maps: String::from_utf8_lossy(&maps).into_owned(),
        })
    }
}

fn copy(from: *const u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; len];
    // SAFETY: the caller's area has so many bytes there. Another process may write them meanwhile: each becomes some byte, and
    // the compiler is made to think that they were changed once more, by code that it does not see.
    unsafe {
        ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), len);
        std::hint::black_box(bytes.as_mut_ptr());
    }
    bytes
}
