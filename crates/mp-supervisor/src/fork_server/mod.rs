//! The supervisor's side of a fork server: started when the first worker is wanted, asked for each, started again when it dies.
//!
//! Does **not** know pools or tasks; nor what a fork server does (`mp-worker` does).
//!
//! ```text
//!  engine: Start ─▶ forker's thread ─▶ Fork, descriptors ─▶ fork server ─ clone3 ─▶ worker
//!    ◀── born ─────────┘ ◀──────────────────── Born(pid) ──────────────────────────┘ ▲
//!    └─▶ what it is sent at once, then its letter: who it is ────────────────────────┘
//! ```
//!
//! All pools with the same preload share one, and the last to end ends it (I7). It is started by the spawner's thread:
//! `PR_SET_PDEATHSIG` of the workers follows the thread that spawned their maker, since they have the same parent. No wait for
//! it is without limit (I2): one that does not answer is killed, with all in its process group, and another one is asked once.

mod live;

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mp_sys::child::Child;
use mp_wire::frame::Identity;
use mp_worker::Entry;
use parking_lot::Mutex;

use crate::spare::{self, Forker, Job};
use crate::streams::Streams;
use crate::worker_io::WorkerIo;
use live::{Greet, Live};

/// What a fork server runs once, before it makes workers.
#[derive(Clone, Debug)]
pub(crate) struct Preload {
    pub(crate) entry: Entry,
    pub(crate) args: Arc<[u8]>,
}

impl Preload {
    fn is(&self, other: &Self) -> bool {
        self.entry as usize == other.entry as usize && self.args == other.args
    }
}

/// One fork server, or the one that comes after it.
#[derive(Debug)]
pub(crate) struct ForkServer {
    identity: Identity,
    preload: Option<Preload>,
    /// How long it may take until it is ready.
    limit: Duration,
    live: Mutex<Option<Live>>,
    forker: Forker,
    this: Weak<Self>,
}

/// A worker to be made.
pub(crate) struct Wanted<'a> {
    pub(crate) id: String,
    pub(crate) pool: &'a str,
    pub(crate) streams: &'a Streams,
    /// Whether another one like it may be wanted soon, and not only all at once with this one.
    pub(crate) follows: bool,
}

impl ForkServer {
    /// The one of this process with this preload. It is not started yet.
    pub(crate) fn shared(identity: Identity, preload: Option<Preload>, limit: Duration) -> io::Result<Arc<Self>> {
        static ALL: Mutex<Vec<Weak<ForkServer>>> = Mutex::new(Vec::new());
        let mut all = ALL.lock();
        all.retain(|server| server.strong_count() > 0);
        let same = |server: &Arc<Self>| match (&server.preload, &preload) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if let Some(server) = all.iter().filter_map(Weak::upgrade).find(same) {
            return Ok(server);
        }
        let forker = spare::forker()?;
        let new = |this: &Weak<Self>| {
            let this = Weak::clone(this);
            Self { identity, preload, limit, live: Mutex::new(None), forker, this }
        };
        let server = Arc::new_cyclic(new);
        all.push(Arc::downgrade(&server));
        Ok(server)
    }

    /// Runs `job` in the thread that may wait for the fork server. It is handed back where there is no such thread.
    pub(crate) fn hand(&self, job: Job) -> Result<(), Job> {
        self.forker.run(job)
    }

    /// Makes a worker, greeted. Waits for the fork server, in bounds.
    pub(crate) fn bear(&self, wanted: &Wanted<'_>, greet: Greet<'_>) -> io::Result<(WorkerIo, Child)> {
        let mut live = self.live.lock();
        let fresh = live.is_none();
        let made = match self.ask(&mut live, wanted, greet) {
            // It had died, or hung: nobody was there to notice.
            Err(error) if live.is_none() && !fresh => {
                crate::log::warning!(%error, "fork server is started anew");
                self.ask(&mut live, wanted, greet)
            }
            other => other,
        };
        if let Some(server) = live.as_mut().filter(|_| wanted.follows) {
            server.note_birth();
        }
        made
    }

    /// Asks the one that is there, or a new one. Afterwards it is there only if it is well.
    fn ask(&self, live: &mut Option<Live>, wanted: &Wanted<'_>, greet: Greet<'_>) -> io::Result<(WorkerIo, Child)> {
        let mut server = match live.take() {
            Some(server) => server,
            None => Live::launch(self)?,
        };
        match server.make(wanted, greet) {
            Ok(made) => {
                *live = Some(server);
                made
            }
            Err(error) => {
                server.end();
                Err(error)
            }
        }
    }

    /// Has a worker made ahead of time, if there is none and one is to be expected to be wanted.
    pub(crate) fn replenish(&self) {
        let mut live = self.live.lock();
        let Some(server) = live.as_mut().filter(|server| server.expects && server.spare.is_none()) else { return };
        // Why it cannot be is said to who wants one.
        server.spare = server.order().ok();
        if server.spare.is_some() && !std::mem::replace(&mut server.watched, true) {
            self.forker.keep(&self.this);
        }
    }

    /// Ends the one that was made ahead of time, if nobody has wanted one for a while. Gives whether this is to be asked again.
    pub(crate) fn still_keeps(&self) -> bool {
        let mut live = self.live.lock();
        let Some(server) = live.as_mut() else { return false };
        if server.births.is_some_and(|last| last.elapsed() < spare::KEPT) {
            return true;
        }
        (server.expects, server.watched) = (false, false);
        if server.spare.take().is_some()
            && server.bury().is_err()
            && let Some(server) = live.take()
        {
            server.end();
        }
        false
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        if let Some(server) = self.live.get_mut().take() {
            server.end();
        }
    }
}
