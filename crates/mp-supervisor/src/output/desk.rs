//! The thread that hears what workers say beside their outcomes, and hands it on: one for all pools, made at first use.
//!
//! Does **not** know a scheduler. It may be held up by a callback, or by a terminal that is stopped: then the pipes fill up,
//! and who writes waits as at any pipe. No outcome, death or time limit waits with it: the reactor hears those.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};

use mp_sys::poll::Bell;
use mp_wire::WorkerId;
use parking_lot::Mutex;

use super::outlet::Outlet;
use crate::reactor::{Listener, Reactor, Registration, Source};

const NOBODY: WorkerId = WorkerId { slot: 0, generation: 0 };

pub(super) struct Desk {
    reactor: &'static Reactor,
    bell: Bell,
    /// Of workers that have ended: their last words are to be handed on.
    ended: Mutex<VecDeque<Arc<Outlet>>>,
}

impl Desk {
    pub(super) fn get() -> io::Result<&'static Arc<Self>> {
        static DESK: OnceLock<Arc<Desk>> = OnceLock::new();
        static OPENING: Mutex<()> = Mutex::new(());
        let _one_at_a_time = OPENING.lock();
        match DESK.get() {
            Some(desk) => Ok(desk),
            None => Self::open().map(|desk| DESK.get_or_init(|| desk)),
        }
    }

    fn open() -> io::Result<Arc<Self>> {
        let desk = Self { reactor: Reactor::launch("mp-output")?, bell: Bell::new()?, ended: Mutex::default() };
        let desk = Arc::new(desk);
        let listener: Arc<dyn Listener> = Arc::<Self>::clone(&desk);
        desk.reactor.add(desk.bell.as_fd(), (listener, NOBODY, Source::Line))?;
        Ok(desk)
    }

    pub(super) fn hear(&self, fd: BorrowedFd<'_>, outlet: Arc<Outlet>) -> io::Result<Registration> {
        let worker = outlet.worker();
        self.reactor.add(fd, (outlet, worker, Source::Line))
    }

    pub(super) fn forget(&self, fd: BorrowedFd<'_>, registration: Registration) {
        self.reactor.remove(fd, registration);
    }

    pub(super) fn hand_on(&self, outlet: Arc<Outlet>) {
        self.ended.lock().push_back(outlet);
        self.bell.ring();
    }
}

/// Whether this is the thread in which callbacks run.
pub(super) fn is_here() -> bool {
    std::thread::current().name() == Some("mp-output")
}

impl Listener for Desk {
    fn readable(&self, _nobody: WorkerId) {
        self.bell.silence();
        loop {
            let Some(outlet) = self.ended.lock().pop_front() else { return };
            outlet.deliver();
        }
    }

    fn exited(&self, _nobody: WorkerId) {}

    fn tick(&self) {}
}
