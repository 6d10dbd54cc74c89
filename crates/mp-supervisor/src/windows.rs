//! How large results come: in memory that a worker was lent, is kept for the next, and dies with the worker.
//!
//! Does **not** know tasks. Trusts nothing that the worker writes (I9): a window is one that was lent, holds no other value that is
//! still wanted, and is no longer than it was made; its bytes are copied before anybody looks at them.
//!
//! ```text
//!  worker   a large value, no window for it: as a memory file ──▶ taken; a window is made, lent with the next frame
//!  worker   take(slot) ─ write ─ record: slot, len ─────────────▶ Brought ─ caller copies it out, decodes ─ release(slot)
//! ```

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use mp_link::Status;
use mp_sys::window::Window;
use mp_wire::frame::{Lent, WINDOWS};

use crate::arena::Arena;

/// A larger value always crosses as a file.
const LARGEST: usize = 256 << 20;

/// A larger window does not keep its memory when its value was taken.
const KEPT: usize = 64 << 20;

/// As much memory for copies is kept for each thread that takes large results.
const SCRATCH: usize = 4 << 20;

/// One window.
#[derive(Debug)]
pub(crate) struct Glass {
    window: Window,
    slot: u32,
    /// The worker's words, where it is said whose turn it is.
    status: Status,
    /// Whether a value in it is still wanted: the words alone say what the worker wants them to say.
    wanted: AtomicBool,
    /// Who gives its memory back when it was not used for a while.
    arena: Weak<Arena>,
}

/// The windows that one worker was lent.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    slots: [Option<Arc<Glass>>; WINDOWS],
    /// Not yet handed over.
    unsent: Vec<(Lent, OwnedFd)>,
}

/// A large value, where its worker left it.
#[derive(Debug)]
pub(crate) struct Brought {
    glass: Arc<Glass>,
    len: usize,
}

impl Windows {
    /// A value of `len` bytes came in another way: there is to be a window for the next, if there can be one more, or a larger
    /// one. Values that `arena` takes for large are to use it.
    pub(crate) fn lend(&mut self, len: usize, arena: &Arc<Arena>, status: &Status) -> Option<Arc<Glass>> {
        let size = len.checked_next_power_of_two().filter(|size| *size <= LARGEST)?;
        let slot = self.empty(status).or_else(|| self.smaller(size, status))?;
        let (window, fd) =
            Window::create(size).inspect_err(|error| crate::log::warning!(%error, size, "no window")).ok()?;
        let (slot_number, size) = (slot as u32, window.size() as u64);
        let wanted = AtomicBool::new(false);
        let (status, from) = (status.clone(), arena.from() as u64);
        let glass = Arc::new(Glass { window, slot: slot_number, status, wanted, arena: Arc::downgrade(arena) });
        self.slots[slot] = Some(Arc::clone(&glass));
        self.unsent.retain(|(lent, _)| lent.slot != slot_number);
        self.unsent.push((Lent { slot: slot_number, size, from }, fd));
        Some(glass)
    }

    /// A slot without a window. Its turn is nobody's until the worker has what is lent for it: before that it could be taken
    /// for a smaller one that is not in use, and the worker would write to a window that is no longer there.
    fn empty(&self, status: &Status) -> Option<usize> {
        let slot = self.slots.iter().position(Option::is_none)?;
        let _ = status.take_window(slot as u32);
        Some(slot)
    }

    /// A window that is too small and not in use. The worker cannot take it from now on, until it has its successor.
    fn smaller(&self, size: usize, status: &Status) -> Option<usize> {
        let fits = |glass: &Arc<Glass>| {
            glass.window.size() < size && !glass.wanted.load(Ordering::Acquire) && status.take_window(glass.slot)
        };
        self.slots.iter().position(|glass| glass.as_ref().is_some_and(fits))
    }

    /// What is to be handed over.
    pub(crate) fn unsent(&mut self) -> Vec<(Lent, OwnedFd)> {
        std::mem::take(&mut self.unsent)
    }

    /// The worker says that a value of `len` bytes is in window `slot`.
    pub(crate) fn bring(&self, slot: u32, len: u64) -> Result<Brought, String> {
        let glass = self.slots.get(slot as usize).and_then(Option::as_ref);
        let glass = glass.ok_or_else(|| format!("its worker was not lent a window {slot}"))?;
        let size = glass.window.size();
        let len = usize::try_from(len).ok().filter(|len| *len <= size);
        let len = len.ok_or_else(|| format!("its worker's window has {size} bytes, more were announced"))?;
        if glass.wanted.swap(true, Ordering::AcqRel) {
            return Err(format!("its worker has written over another value in window {slot}"));
        }
        Ok(Brought { glass: Arc::clone(glass), len })
    }
}

impl Glass {
    /// Gives the memory back, if the window is not in use.
    pub(crate) fn give_back(&self) {
        if !self.wanted.load(Ordering::Acquire) && self.status.take_window(self.slot) {
            self.window.give_back();
            self.status.release_window(self.slot);
        }
    }
}

impl Brought {
    /// A copy of the value, in memory that the caller's thread keeps.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        thread_local! {
            static COPY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        let mut copy = COPY.take();
        copy.clear();
        let value = self.glass.window.copy_out(self.len, &mut copy).then(|| read(&copy));
        if copy.capacity() <= SCRATCH {
            COPY.set(copy);
        }
        value
    }
}

/// The worker may use the window again.
impl Drop for Brought {
    fn drop(&mut self) {
        if self.glass.window.size() > KEPT {
            self.glass.window.give_back();
        }
        self.glass.wanted.store(false, Ordering::Release);
        self.glass.status.release_window(self.glass.slot);
        self.glass.arena.upgrade().iter().for_each(|arena| arena.touch());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp_sys::window::Pane;

    fn arena() -> Arc<Arena> {
        Arena::new(0)
    }

    /// What was lent last, as its worker has it.
    fn handed_over(windows: &mut Windows, status: &Status) -> (Lent, Pane) {
        let (lent, fd) = windows.unsent().pop().expect("one was lent");
        assert!(!status.take_window(lent.slot), "not before the worker has it");
        status.release_window(lent.slot);
        (lent, Pane::open(fd, lent.size as usize).expect("opened"))
    }

    #[test]
    fn a_value_is_read_once_and_its_window_used_again() {
        let (mut windows, status) = (Windows::default(), Status::local().expect("memory"));
        windows.lend(100_000, &arena(), &status);
        let (lent, mut pane) = handed_over(&mut windows, &status);
        assert_eq!((lent.slot, lent.size), (0, 131_072));
        for round in 0..3 {
            assert!(status.take_window(0), "round {round}");
            assert!(pane.write(&vec![round; 100_000]));
            let brought = windows.bring(0, 100_000).expect("it is there");
            assert!(!status.take_window(0), "not while its value is wanted");
            assert_eq!(brought.read(|bytes| bytes == vec![round; 100_000]), Some(true));
        }
    }

    #[test]
    fn what_was_not_lent_or_is_too_long_or_still_wanted_is_refused() {
        let (mut windows, status) = (Windows::default(), Status::local().expect("memory"));
        assert!(windows.bring(0, 1).is_err(), "none was lent");
        windows.lend(4096, &arena(), &status);
        for (slot, len) in [(1, 1), (WINDOWS as u32, 1), (u32::MAX, 1), (0, 4097), (0, u64::MAX)] {
            assert!(windows.bring(slot, len).is_err(), "{slot} {len}");
        }
        let first = windows.bring(0, 4096).expect("as long as it is");
        status.release_window(0);
        assert!(windows.bring(0, 1).is_err(), "though the words say that it is free");
        drop(first);
        assert!(windows.bring(0, 0).is_ok());
    }

    #[test]
    fn one_that_is_on_its_way_is_not_replaced() {
        // The worker wrote to the first one it was lent, and its supervisor read the second.
        let (mut windows, status) = (Windows::default(), Status::local().expect("memory"));
        (0..WINDOWS).for_each(|_| drop(windows.lend(4096, &arena(), &status)));
        assert!(windows.lend(8192, &arena(), &status).is_none(), "the worker has none of them yet");
        let (lent, _) = handed_over(&mut windows, &status);
        assert!(windows.lend(8192, &arena(), &status).is_some());
        assert_eq!(windows.unsent().pop().map(|(again, _)| again.slot), Some(lent.slot));
    }

    #[test]
    fn there_are_few_and_a_larger_one_replaces_one_that_is_not_in_use() {
        let (mut windows, status) = (Windows::default(), Status::local().expect("memory"));
        for slot in 0..WINDOWS as u32 {
            windows.lend(4096, &arena(), &status);
            assert_eq!(handed_over(&mut windows, &status).0.slot, slot);
        }
        assert!(windows.lend(4096, &arena(), &status).is_none(), "no larger one is needed");
        let wanted = windows.bring(0, 1).expect("it is there");
        windows.lend(8192, &arena(), &status);
        assert_eq!(handed_over(&mut windows, &status).0, Lent { slot: 1, size: 8192, from: 0 });
        assert!(windows.lend(LARGEST + 1, &arena(), &status).is_none());
        drop(wanted);
    }
}
