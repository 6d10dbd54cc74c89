//! A timeline: when each task was encoded, waited, crossed, ran and came back, in a form that trace viewers open.
//!
//! Does **not** measure what runs in a worker: its worker says that, and is believed for a picture only.
//!
//! ```text
//!  caller     | encode |                                                     | decode |
//!  task       |        | queue ..... | wire |                       | return |
//!  worker                                   | decode |  run  | encode |
//! ```
//!
//! All times are of CLOCK_MONOTONIC, which is the same in every process of the machine.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use mp_sys::clock::monotonic_ns;
use mp_wire::record::Times;
use mp_wire::{TaskId, WorkerId};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::job::Name;
use crate::ledger::Asked;

/// More entries than this are counted, not kept: a picture with more could not be drawn.
const MOST: usize = 200_000;

/// A recorder of what happens to tasks. Clones are the same recorder; several pools and processes can have it.
///
/// To be traced costs a task some 200 ns, and short ones are timed one by one instead of together.
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
struct Log {
    entries: Vec<Entry>,
    left_out: u64,
}

enum Entry {
    Task(Half, Times, u64),
    /// What a caller's thread did, from when to when, for how many items.
    Caller(Deed, Name, (u64, u64), u32),
    /// A task without a value: what became of it, and when.
    Failed(TaskId, Name, Option<(WorkerId, u32)>, &'static str, u64),
}

/// What a caller's thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Encode,
    Decode,
}

/// A task as its supervisor saw it, up to its value.
#[derive(Debug)]
pub(crate) struct Half {
    pub(crate) task: TaskId,
    pub(crate) name: Name,
    pub(crate) worker: (WorkerId, u32),
    pub(crate) submitted_ns: u64,
    pub(crate) sent_ns: u64,
    /// Its arguments, where somebody may want to see them.
    pub(crate) asked: Option<Asked>,
}

impl Trace {
    /// Nothing is recorded yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many tasks have been recorded with all their times.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.0.lock().entries.iter().filter(|entry| matches!(entry, Entry::Task(..))).count()
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

    /// Writes what has been recorded so far, in the trace event format of Chrome (JSON), which Perfetto reads: a lane for each
    /// worker under its process id, one for each calling thread, and the times between them for each task.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let log = self.0.lock();
        let first = log.entries.iter().map(Entry::began).min().unwrap_or(0);
        let page = Page { first, own: std::process::id() };
        write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"left_out\":{}}},\"traceEvents\":[", log.left_out)?;
        let names = page.names(&log.entries);
        let events = names.into_iter().chain(log.entries.iter().flat_map(|entry| page.events(entry)));
        for (n, event) in events.enumerate() {
            write!(out, "{}{event}", if n == 0 { "\n" } else { ",\n" })?;
        }
        writeln!(out, "\n]}}")
    }

    pub(crate) fn task(&self, half: Half, times: Times) {
        self.note(Entry::Task(half, times, monotonic_ns()));
    }

    pub(crate) fn failed(&self, task: (TaskId, Name), worker: Option<(WorkerId, u32)>, what: &'static str) {
        self.note(Entry::Failed(task.0, task.1, worker, what, monotonic_ns()));
    }

    /// Runs `body` in the caller's thread, for `items` items.
    pub(crate) fn time<T>(
        trace: Option<&Self>,
        (deed, name, items): (Deed, &Name, u32),
        body: impl FnOnce() -> T,
    ) -> T {
        let Some(trace) = trace else { return body() };
        let began = monotonic_ns();
        let value = body();
        trace.note(Entry::Caller(deed, name.clone(), (began, monotonic_ns()), items));
        value
    }

    fn note(&self, entry: Entry) {
        let mut log = self.0.lock();
        if log.entries.len() < MOST { log.entries.push(entry) } else { log.left_out += 1 }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("tasks", &self.tasks()).finish()
    }
}

impl Entry {
    fn began(&self) -> u64 {
        match self {
            Self::Task(half, ..) => half.submitted_ns,
            Self::Caller(_, _, (began, _), _) => *began,
            Self::Failed(.., at) => *at,
        }
    }
}

/// Where events are put.
struct Page {
    /// When everything began.
    first: u64,
    /// This process.
    own: u32,
}

impl Page {
    /// Microseconds, as the format has it.
    fn at(&self, ns: u64) -> f64 {
        ns.saturating_sub(self.first) as f64 / 1e3
    }

    fn names(&self, entries: &[Entry]) -> Vec<Value> {
        let mut names = BTreeMap::from([(self.own, "supervisor".to_owned())]);
        for entry in entries {
            if let Entry::Task(Half { worker: (id, pid), .. }, ..) = entry {
                names.entry(*pid).or_insert_with(|| format!("worker {id}"));
            }
        }
        let name =
            |(pid, name): (u32, String)| json!({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}});
        names.into_iter().map(name).collect()
    }

    fn events(&self, entry: &Entry) -> Vec<Value> {
        match entry {
            Entry::Task(half, times, heard_ns) => self.task(half, times, *heard_ns),
            Entry::Caller(deed, name, (began, ended), items) => {
                let what = if *deed == Deed::Encode { "encode" } else { "decode" };
                let args = json!({"items": items, "task": name.as_str()});
                vec![self.slice((self.own, self.own), what, (*began, *ended), args)]
            }
            Entry::Failed(task, name, worker, what, at) => {
                let (pid, args) =
                    (worker.map_or(self.own, |worker| worker.1), json!({"task": task.0, "name": name.as_str()}));
                vec![
                    json!({"ph": "i", "s": "p", "name": what, "pid": pid, "tid": pid, "ts": self.at(*at), "args": args}),
                ]
            }
        }
    }

    fn task(&self, half: &Half, times: &Times, heard_ns: u64) -> Vec<Value> {
        let ran_to = times.ran_from_ns.saturating_add(times.ran_ns);
        let (lane, args) = ((half.worker.1, half.worker.1), json!({"task": half.task.0}));
        let mut events = vec![
            self.slice(lane, "decode", (times.begun_ns, times.ran_from_ns), args.clone()),
            self.slice(lane, half.name.as_str(), (times.ran_from_ns, ran_to), args.clone()),
            self.slice(lane, "encode", (ran_to, times.done_ns), args),
        ];
        let between = [
            ("queue", half.submitted_ns, half.sent_ns),
            ("wire", half.sent_ns, times.begun_ns),
            ("return", times.done_ns, heard_ns),
        ];
        for (name, from, to) in between {
            for (ph, at) in [("b", from), ("e", to.max(from))] {
                let (id, at) = (half.task.0, self.at(at));
                events.push(json!({"ph": ph, "cat": "task", "id": id, "name": name, "pid": self.own, "tid": self.own, "ts": at}));
            }
        }
        events
    }

    fn slice(&self, (pid, tid): (u32, u32), name: &str, (from, to): (u64, u64), args: Value) -> Value {
        let dur = to.saturating_sub(from) as f64 / 1e3;
        json!({"ph": "X", "name": name, "pid": pid, "tid": tid, "ts": self.at(from), "dur": dur, "args": args})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_json_with_a_lane_for_each_worker() {
        let trace = Trace::new();
        let name = Name::Function("square");
        let worker = (WorkerId { slot: 1, generation: 2 }, 4711);
        let half =
            Half { task: TaskId(7), name: name.clone(), worker, submitted_ns: 1_000, sent_ns: 3_000, asked: None };
        trace.task(half, Times { begun_ns: 5_000, ran_from_ns: 6_000, ran_ns: 10_000, done_ns: 17_000 });
        trace.failed((TaskId(8), name.clone()), None, "lost");
        assert_eq!(Trace::time(Some(&trace), (Deed::Encode, &name, 3), || 5), 5);
        let mut text = Vec::new();
        trace.write(&mut text).expect("memory");
        let all: Value = serde_json::from_slice(&text).expect("JSON");
        let events = all["traceEvents"].as_array().expect("a list");
        let run = events.iter().find(|event| event["name"] == "square").expect("it ran");
        assert_eq!((&run["pid"], &run["ts"], &run["dur"]), (&json!(4711), &json!(5.0), &json!(10.0)));
        assert!(events.iter().any(|event| event["args"]["name"] == "worker 1.2"), "{all}");
        assert_eq!((trace.tasks(), events.len()), (1, 2 + 9 + 1 + 1));
    }

    #[test]
    fn lies_of_a_worker_make_an_odd_picture_and_nothing_worse() {
        let trace = Trace::new();
        let worker = (WorkerId { slot: 0, generation: 1 }, 1);
        let half = Half {
            task: TaskId(0),
            name: Name::Function("f"),
            worker,
            submitted_ns: u64::MAX,
            sent_ns: 0,
            asked: None,
        };
        trace.task(half, Times { begun_ns: u64::MAX, ran_from_ns: u64::MAX, ran_ns: u64::MAX, done_ns: 0 });
        let mut text = Vec::new();
        trace.write(&mut text).expect("memory");
        assert!(serde_json::from_slice::<Value>(&text).is_ok());
    }
}
