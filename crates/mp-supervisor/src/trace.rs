//! A timeline: when each attempt at a task was encoded, waited, crossed, ran and came back, or how it failed; kept to be written.
//!
//! Does **not** measure what runs in a worker: its worker says that, and is believed for a picture only. Nor does it know how the
//! picture is drawn: that is `page`.
//!
//! All times are of CLOCK_MONOTONIC, which is the same in every process of the machine.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use mp_scheduler::Verdict;
use mp_sys::clock::monotonic_ns;
use mp_wire::record::Times;
use mp_wire::{CodecStage, Panic, TaskId, WorkerId};
use parking_lot::Mutex;

use crate::job::Name;
use crate::ledger::Asked;
use crate::page;

/// More attempts than this are counted, not kept, and so are more deeds of callers: a picture with more could not be drawn.
const MOST: usize = 200_000;

/// A recorder of what happens to tasks. Clones are the same recorder; several pools and processes can have it.
///
/// It keeps the first 200 000 attempts at tasks, and the first 200 000 times that a caller's thread encoded or decoded; of what
/// comes later it keeps the number, [`Trace::left_out`]. To be traced costs a task some 200 ns, and short ones are timed one by one
/// instead of together.
///
/// ```no_run
/// # fn square(n: u64) -> u64 { n * n }
/// let trace = mp_supervisor::Trace::new();
/// let pool = mp_supervisor::Pool::builder().workers(2).trace(&trace).build()?;
/// pool.map(square, 0..100)?;
/// pool.join()?;
/// trace.save("timeline.json")?; // opens at ui.perfetto.dev, or in chrome://tracing
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Log>>);

#[derive(Default)]
pub(crate) struct Log {
    /// Who records, by number.
    pub(crate) pools: Vec<Recorded>,
    /// The names of callers' threads.
    pub(crate) threads: BTreeMap<u32, String>,
    pub(crate) attempts: Kept<(usize, Entry)>,
    pub(crate) deeds: Kept<Done>,
}

/// A pool, or the one process of a [`Process`](crate::Process).
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) alone: bool,
}

/// The first of them, and how many came later.
pub(crate) struct Kept<T> {
    pub(crate) all: Vec<T>,
    pub(crate) left_out: u64,
}

/// What became of an attempt.
pub(crate) enum Entry {
    /// A worker began it.
    Ran(Half, Times),
    /// Nobody began it; it was over then.
    Waited(Attempt, Ended, u64),
}

/// What a caller's thread did, from when to when, for how many items.
pub(crate) struct Done {
    pub(crate) deed: Deed,
    pub(crate) name: Name,
    pub(crate) thread: u32,
    pub(crate) time: (u64, u64),
    pub(crate) items: u32,
}

/// What a caller's thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Encode,
    Decode,
}

/// One try of a task.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) task: TaskId,
    /// Counted from 1.
    pub(crate) number: u32,
    pub(crate) name: Name,
    /// When the task was submitted.
    pub(crate) submitted_ns: u64,
}

/// Who was sent an attempt, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    pub(crate) worker: WorkerId,
    /// The worker's process and thread.
    pub(crate) lane: (u32, u32),
    pub(crate) frame: u32,
    pub(crate) sent_ns: u64,
}

/// An attempt as its supervisor saw it, up to its end.
#[derive(Clone, Debug)]
pub(crate) struct Half {
    pub(crate) attempt: Attempt,
    pub(crate) by: Sending,
    /// Its arguments, where somebody may want to see them.
    pub(crate) asked: Option<Asked>,
    /// None where it has a value.
    pub(crate) ended: Option<Box<Ended>>,
    /// When its end was heard of.
    pub(crate) heard_ns: u64,
}

/// How an attempt without a value ended: in a word, and in full.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) what: &'static str,
    pub(crate) how: String,
}

impl Trace {
    /// Nothing is recorded yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many tasks have been recorded, with a value or without.
    #[must_use]
    pub fn tasks(&self) -> usize {
        let log = self.0.lock();
        let tasks: HashSet<_> = log.attempts.all.iter().map(|(pool, entry)| (*pool, entry.attempt().task)).collect();
        tasks.len()
    }

    /// How many attempts at tasks came when there was no room for more.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.0.lock().attempts.left_out
    }

    /// Writes what has been recorded so far to a file, as [`Trace::write`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut file = io::BufWriter::new(std::fs::File::create(path)?);
        self.write(&mut file)?;
        file.flush()
    }

    /// Writes what has been recorded so far, in the trace event format of Chrome (JSON), which Perfetto reads.
    ///
    /// Each worker has a lane under its own process id, also one that has died; a worker that is a thread has one beside those of the
    /// calling threads, which are in the lanes of this process; where the calling thread is the worker, its lane has both. An attempt that failed is a slice with the word for it in its name,
    /// from when it was begun to when its end was heard of, and a mark at its end. An attempt's times outside of its worker are
    /// those of its supervisor:
    ///
    /// | name | from, to |
    /// |---|---|
    /// | `queue` | submitted, or the attempt before was over; sent to a worker |
    /// | `waits` | sent; what is before it in its worker is over. It may have been on its way meanwhile, which cannot be told apart |
    /// | `wire` | sent, or its worker was free; its worker began it, for which it may have had to start. Only the first of those that are sent together has it |
    /// | `return` | its outcome was ready in its worker; it was heard of |
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        page::write(&self.0.lock(), out)
    }

    /// For a pool, or for a process if that is `alone`.
    pub(crate) fn of_pool(&self, name: &str, alone: bool) -> PoolTrace {
        let mut log = self.0.lock();
        // Whoever comes after so many finds no room for attempts either.
        if log.pools.len() < MOST {
            log.pools.push(Recorded { name: name.to_owned(), alone });
        }
        PoolTrace { trace: self.clone(), pool: log.pools.len() - 1 }
    }
}

/// A trace, for one of those who record to it: they count their tasks and workers each for itself.
#[derive(Clone, Debug)]
pub(crate) struct PoolTrace {
    trace: Trace,
    pool: usize,
}

impl PoolTrace {
    /// An attempt is over that a worker had begun.
    pub(crate) fn ran(&self, half: Half, times: Times) {
        self.note(Entry::Ran(half, times));
    }

    /// An attempt is over that nobody had begun.
    pub(crate) fn waited(&self, attempt: Attempt, ended: Ended) {
        self.note(Entry::Waited(attempt, ended, monotonic_ns()));
    }

    fn note(&self, entry: Entry) {
        self.trace.0.lock().attempts.put((self.pool, entry));
    }

    /// Runs `body` in the caller's thread, for `items` items; 0 where that is not known.
    pub(crate) fn time<T>(
        trace: Option<&Self>,
        (deed, name, items): (Deed, &Name, u32),
        body: impl FnOnce() -> T,
    ) -> T {
        let Some(trace) = trace else { return body() };
        let began = monotonic_ns();
        let value = body();
        trace.timed((deed, name, items), (began, monotonic_ns()));
        value
    }

    /// The calling thread did this.
    pub(crate) fn timed(&self, (deed, name, items): (Deed, &Name, u32), time: (u64, u64)) {
        let thread = mp_sys::child::own_thread();
        let mut log = self.trace.0.lock();
        if log.deeds.put(Done { deed, name: name.clone(), thread, time, items }) {
            log.threads.entry(thread).or_insert_with(|| own_name(thread));
        }
    }
}

/// The calling thread's name, or else its number.
fn own_name(thread: u32) -> String {
    std::thread::current().name().map_or_else(|| format!("thread {thread}"), ToOwned::to_owned)
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { all: Vec::new(), left_out: 0 }
    }
}

impl<T> Kept<T> {
    /// Whether there was room for it.
    fn put(&mut self, one: T) -> bool {
        let fits = self.all.len() < MOST;
        if fits {
            self.all.push(one);
        } else {
            self.left_out += 1;
        }
        fits
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("tasks", &self.tasks()).finish()
    }
}

impl Entry {
    pub(crate) fn attempt(&self) -> &Attempt {
        match self {
            Self::Ran(half, ..) => &half.attempt,
            Self::Waited(attempt, ..) => attempt,
        }
    }
}

impl Ended {
    pub(crate) fn by(verdict: &Verdict) -> Self {
        let (what, how) = match verdict {
            Verdict::Lost(worker, exit) => ("lost", format!("its worker {worker} {exit}")),
            Verdict::TimedOut(after) => ("timed out", format!("it ran longer than {after:?}")),
            Verdict::Cancelled => ("cancelled", "somebody cancelled it".to_owned()),
            Verdict::Unsendable(reason) => ("not sent", reason.clone()),
            Verdict::Stopped(reason) => ("stopped", reason.clone()),
        };
        Self { what, how }
    }

    pub(crate) fn panicked(panic: &Panic) -> Self {
        Self { what: "panicked", how: panic.message.clone() }
    }

    pub(crate) fn refused(stage: CodecStage, reason: &str) -> Self {
        Self { what: "refused", how: format!("{stage}: {reason}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_of_each_kind_for_itself() {
        let trace = Trace::new();
        let pool = trace.of_pool("squares", false);
        let name = Name::Function("square");
        for n in 0..MOST as u64 + 3 {
            let attempt = Attempt { task: TaskId(n / 2), number: 1, name: name.clone(), submitted_ns: 1 };
            pool.waited(attempt, Ended::by(&Verdict::Cancelled));
        }
        assert_eq!((trace.tasks(), trace.left_out()), (MOST / 2, 3));
        assert_eq!(PoolTrace::time(Some(&pool), (Deed::Encode, &name, 3), || 5), 5);
        let log = trace.0.lock();
        assert_eq!((log.deeds.all.len(), log.deeds.left_out), (1, 0), "tasks leave callers their room");
        drop(log);
        (0..MOST + 3).for_each(|_| drop(trace.of_pool("another", true)));
        assert_eq!(trace.0.lock().pools.len(), MOST);
    }
}
