//! One descriptor on which a worker speaks: read in turns, kept shortly, handed on in order.
//!
//! Does **not** know who wants it. Two threads meet here, under locks that no callback holds: the desk's, which reads and
//! hands on, and the reactor's, which reads to the end when the worker has died.
//!
//! ```text
//!  readable (desk) ── read ─▶ parse ─▶ said ─▶ deliver (desk)
//!  close (reactor) ── read ─▶ parse ─▶ said ─▶ hand_on ─▶ deliver (desk) ─▶ counted as gone
//! ```

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use mp_sys::outlet::{read_now, recv_now};
use mp_wire::lines::{Found, Lines};
use mp_wire::outlets::{TRACE_MAX, TraceRecord};
use mp_wire::{TaskId, WorkerId, codec};
use parking_lot::Mutex;

use super::desk::Desk;
use super::{OutputStream, Outputs};
use crate::reactor::{Listener, Registration};

/// So many bytes of a stream, or so many events, are read in one turn.
const TURN: usize = 64 * 1024;
const EVENTS: usize = 64;

/// So many turns are read of a worker that has died: a pipe holds one, a descendant of the worker may write on.
const LAST_TURNS: usize = 8;

/// What a worker said.
#[derive(Debug)]
pub(super) enum Said {
    Line { task: Option<TaskId>, text: String, goes_on: bool },
    Event(TraceRecord),
}

/// How what comes is to be read.
#[derive(Debug)]
pub(super) enum Kind {
    Stream(OutputStream, Lines),
    Events,
}

/// Who speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    pub(super) worker: WorkerId,
    pub(super) pid: u32,
}

pub(super) struct Outlet {
    worker: WorkerId,
    /// Its process, 0 until that exists: what it says before is read when it has a name.
    pid: AtomicU32,
    fd: OwnedFd,
    outputs: Arc<Outputs>,
    state: Mutex<State>,
    gone: AtomicBool,
}

struct State {
    kind: Kind,
    said: VecDeque<Said>,
    registration: Option<Registration>,
    closed: bool,
}

/// What a turn has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    More,
    Empty,
    End,
}

impl Outlet {
    /// Hears `fd` from now on.
    pub(super) fn open(
        outputs: &Arc<Outputs>,
        worker: WorkerId,
        (fd, kind): (OwnedFd, Kind),
    ) -> std::io::Result<Arc<Self>> {
        let desk = Desk::get()?;
        let state = State { kind, said: VecDeque::new(), registration: None, closed: false };
        let outputs = Arc::clone(outputs);
        let (pid, gone) = (AtomicU32::new(0), AtomicBool::new(false));
        let outlet = Arc::new(Self { worker, pid, fd, outputs, state: Mutex::new(state), gone });
        outlet.outputs.opened();
        // Under the lock: who hears its end at once must find what to forget.
        let mut state = outlet.state.lock();
        match desk.hear(outlet.fd.as_fd(), Arc::clone(&outlet)) {
            Ok(registration) => state.registration = Some(registration),
            Err(error) => {
                drop(state);
                outlet.is_gone();
                return Err(error);
            }
        }
        drop(state);
        Ok(outlet)
    }

    pub(super) fn worker(&self) -> WorkerId {
        self.worker
    }

    pub(super) fn name(&self, pid: u32) {
        self.pid.store(pid, Ordering::Release);
    }

    /// Its worker has died: what it has said is read to the end, or to where it can have said no more. Gives the last lines.
    pub(super) fn close(self: &Arc<Self>) -> Option<(OutputStream, String)> {
        let mut state = self.state.lock();
        let mut turns = (0..LAST_TURNS).map(|_| self.turn(&mut state));
        while turns.next() == Some(Turn::More) {}
        drop(turns);
        self.shut(&mut state);
        let tail = match &state.kind {
            Kind::Stream(stream, lines) => Some((*stream, lines.tail())),
            Kind::Events => None,
        };
        drop(state);
        if let Ok(desk) = Desk::get() {
            desk.hand_on(Arc::clone(self));
        }
        tail
    }

    fn turn(&self, state: &mut State) -> Turn {
        if state.closed {
            return Turn::End;
        }
        let State { kind, said, .. } = state;
        match kind {
            Kind::Stream(_, lines) => read_stream(&self.fd, lines, said),
            Kind::Events => read_events(&self.fd, said),
        }
    }

    /// Nothing more is read.
    fn shut(&self, state: &mut State) {
        if std::mem::replace(&mut state.closed, true) {
            return;
        }
        if let Kind::Stream(_, lines) = &mut state.kind {
            let mut found = Vec::new();
            lines.end(&mut found);
            state.said.extend(found.into_iter().map(Said::from));
        }
        if let (Ok(desk), Some(registration)) = (Desk::get(), state.registration.take()) {
            desk.forget(self.fd.as_fd(), registration);
        }
    }

    /// Hands on what was said; the desk's thread alone does, so it comes in order.
    pub(super) fn deliver(&self) {
        let (said, stream, closed) = {
            let mut state = self.state.lock();
            let stream = match state.kind {
                Kind::Stream(stream, _) => Some(stream),
                Kind::Events => None,
            };
            (std::mem::take(&mut state.said), stream, state.closed)
        };
        let speaker = Speaker { worker: self.worker, pid: self.pid.load(Ordering::Acquire) };
        self.outputs.hand_on(speaker, stream, said);
        if closed {
            self.is_gone();
        }
    }

    fn is_gone(&self) {
        if !self.gone.swap(true, Ordering::AcqRel) {
            self.outputs.closed();
        }
    }
}

impl Listener for Outlet {
    fn readable(&self, _worker: WorkerId) {
        let mut state = self.state.lock();
        // Its birth is a matter of microseconds, and this is told again until then.
        if self.pid.load(Ordering::Acquire) == 0 && !state.closed {
            return;
        }
        if self.turn(&mut state) == Turn::End {
            self.shut(&mut state);
        }
        drop(state);
        self.deliver();
    }

    fn exited(&self, _worker: WorkerId) {}

    fn tick(&self) {}
}

fn read_stream(fd: &OwnedFd, lines: &mut Lines, said: &mut VecDeque<Said>) -> Turn {
    let (mut buffer, mut found) = (vec![0; TURN], Vec::new());
    let turn = match read_now(fd, &mut buffer) {
        Ok(0) => Turn::End,
        Ok(len) => {
            lines.feed(&buffer[..len], &mut found);
            Turn::More
        }
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Turn::Empty,
        Err(_) => Turn::End,
    };
    said.extend(found.into_iter().map(Said::from));
    turn
}

/// What is no record is passed over: the worker has harmed only its own log.
fn read_events(fd: &OwnedFd, said: &mut VecDeque<Said>) -> Turn {
    let mut buffer = vec![0; TRACE_MAX];
    for _ in 0..EVENTS {
        match recv_now(fd, &mut buffer) {
            Ok(0) => return Turn::End,
            Ok(len) => said.extend(codec::decode(&buffer[..len]).ok().map(Said::Event)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Turn::Empty,
            Err(_) => return Turn::End,
        }
    }
    Turn::More
}

impl From<Found> for Said {
    fn from(found: Found) -> Self {
        Self::Line { task: found.task, text: found.text, goes_on: found.goes_on }
    }
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlet").field("worker", &self.worker).finish_non_exhaustive()
    }
}
