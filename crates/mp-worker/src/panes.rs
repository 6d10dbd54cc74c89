//! The windows that the supervisor has lent this worker, from its side: large results are written there.
//!
//! Does **not** make any, nor ask for one: they come when large results have come in another way.

use std::os::fd::OwnedFd;

use mp_link::Status;
use mp_sys::window::Pane;
use mp_wire::frame::{Lent, WINDOWS};

/// By slot.
#[derive(Debug, Default)]
pub(crate) struct Panes {
    slots: [Option<Pane>; WINDOWS],
    /// Values of more bytes use them.
    from: usize,
}

impl Panes {
    /// Another window takes its slot. Where it cannot be mapped there is none: results cross in another way.
    pub(crate) fn lend(&mut self, lent: Lent, fd: Option<OwnedFd>, status: &Status) {
        let Some(slot) = self.slots.get_mut(lent.slot as usize) else { return };
        let pane = fd.and_then(|fd| Pane::open(fd, usize::try_from(lent.size).ok()?).ok());
        *slot = pane;
        self.from = usize::try_from(lent.from).unwrap_or(usize::MAX);
        status.release_window(lent.slot);
    }

    /// Writes a large value to a window that is free, if there is one; gives its slot.
    pub(crate) fn write(&mut self, value: &[u8], status: &Status) -> Option<u32> {
        if value.len() <= self.from {
            return None;
        }
        (0..).zip(&mut self.slots).find_map(|(slot, pane)| {
            let pane = pane.as_mut().filter(|pane| pane.size() >= value.len() && status.take_window(slot))?;
            pane.write(value).then_some(slot)
        })
    }
}
