//! The processes of this program that have not ended, and those that its own end waits for.
//!
//! Does **not** keep them alive: a process belongs to its handle, and one that does not (`daemon(false)`) to itself.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mp_sys::child::{Child, Signal};
use parking_lot::Mutex;

use crate::engine::Engine;

/// A process that has not ended. See [`active_children`].
#[non_exhaustive]
#[derive(Clone)]
pub struct ActiveChild {
    /// Its name.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// Whether it ends with its handle: see [`crate::ProcessBuilder::daemon`].
    pub daemon: bool,
    entry: Entry,
}

#[derive(Clone)]
struct Entry {
    engine: Weak<Engine>,
    child: Weak<Child>,
    name: Arc<str>,
    daemon: bool,
    /// Whose child it is: a forked copy of this process has none of them.
    parent: u32,
}

static ALL: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

pub(crate) fn note((engine, child): (&Arc<Engine>, &Arc<Child>), name: &Arc<str>, daemon: bool) {
    let parent = std::process::id();
    let (engine, child) = (Arc::downgrade(engine), Arc::downgrade(child));
    let mut all = ALL.lock();
    all.retain(|entry| entry.engine.strong_count() > 0 && entry.parent == parent);
    all.push(Entry { engine, child, name: Arc::clone(name), daemon, parent });
    drop(all);
    if !daemon {
        mp_sys::at_exit::at_exit(join_children);
    }
}

/// The processes made by [`crate::Process`] that have not ended. Python: `multiprocessing.active_children()`.
#[must_use]
pub fn active_children() -> Vec<ActiveChild> {
    let active = |entry: Entry| {
        let pid = entry.engine.upgrade()?.pids().first().copied()?;
        Some(ActiveChild { name: entry.name.to_string(), pid, daemon: entry.daemon, entry })
    };
    all().into_iter().filter_map(active).collect()
}

/// Waits for the end of all processes of this one that were made with [`daemon(false)`](crate::ProcessBuilder::daemon). The
/// normal end of a program does so of itself, as in Python.
///
/// ```
/// # mp_worker::before_main!(mp_worker::init);
/// # fn main() -> mp_supervisor::Result<()> {
/// drop(mp_supervisor::Process::builder(|| (), ()).daemon(false).spawn()?); // it goes on
/// mp_supervisor::join_children();
/// assert!(mp_supervisor::active_children().is_empty());
/// # Ok(()) }
/// ```
pub fn join_children() {
    join_until(None);
}

/// As [`join_children`], for at most `limit`. Whether none is left.
#[must_use]
pub fn join_children_timeout(limit: Duration) -> bool {
    join_until(Instant::now().checked_add(limit))
}

fn join_until(deadline: Option<Instant>) -> bool {
    let ended = |engine: Arc<Engine>| {
        engine.wait_end(deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())))
    };
    let own = all().into_iter().filter(|entry| !entry.daemon);
    own.filter_map(|entry| entry.engine.upgrade()).all(ended)
}

fn all() -> Vec<Entry> {
    let own = std::process::id();
    ALL.lock().iter().filter(|entry| entry.parent == own).cloned().collect()
}

impl ActiveChild {
    /// Whether it has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.wait_timeout(Duration::ZERO)
    }

    /// Waits for its end, at most for `limit`; whether it has ended.
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.entry.engine.upgrade().is_none_or(|engine| engine.wait_end(Some(limit)))
    }

    /// Asks it to end: SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Ends it: SIGKILL.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = self.entry.child.upgrade() {
            child.signal(signal);
        }
    }
}

impl PartialEq for ActiveChild {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.pid) == (&other.name, other.pid)
    }
}

impl Eq for ActiveChild {}

impl std::fmt::Debug for ActiveChild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, pid, daemon, entry: _ } = self;
        f.debug_struct("ActiveChild").field("name", name).field("pid", pid).field("daemon", daemon).finish()
    }
}
