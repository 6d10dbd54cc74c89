//! A thread that hands items to a pool and passes what comes of them on, as events.
//!
//! Does **not** show anything, nor decide how it ends.
//!
//! ```text
//!  items ──▶ encode ──▶ pool ──▶ outcomes ──▶ events (64 at most: a slow reader slows the reading of input)
//!               └─ rejected: no task, reported in its place ──▶
//! ```
//!
//! It is a thread so that a Ctrl-C is answered while the input has nothing to say. It lets go of the pool before its last
//! event: when the events have ended, who made the pool has it alone again, and drops it.

use std::sync::{Arc, mpsc};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use mp::{Failure, NamedTask, Pool, TaskHandle};
use serde_json::Value;

use crate::items::Item;
use crate::problem::Problem;
use crate::rejects::Rejects;
use crate::source::{self, Source};

/// What comes of the work.
#[derive(Debug)]
pub(crate) enum Event {
    /// The one final word on item `.0` of the input.
    Outcome(u64, Result<Value, Failure>),
    /// Item `.0` of the input is no task.
    Rejected(u64, Problem),
}

/// How `map` walks through its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// Python's `imap`: in order, read as needed.
    Ordered,
    /// Python's `imap_unordered`.
    Unordered,
    /// Python's `map_async`: a handle for each item.
    Handles,
}

/// Handles in flight at most.
const HANDLES: usize = 1024;

/// Runs `task` once with these encoded arguments.
pub(crate) fn apply(pool: &Arc<Pool>, task: &'static NamedTask, args: Vec<u8>) -> Receiver<Event> {
    let pool = pool.clone();
    start(move |events| {
        let submitted = pool.submit_named(task, args);
        drop(pool);
        let event = match submitted {
            Ok(handle) => Event::Outcome(0, handle.get()),
            Err(error) => Event::Rejected(0, Problem::failed(&error)),
        };
        // An error is a reader that has left.
        events.send(event).ok();
    })
}

/// Runs `task` on every item.
pub(crate) fn map(pool: &Arc<Pool>, task: &'static NamedTask, source: Source, walk: Walk) -> Receiver<Event> {
    let (pool, rejects) = (pool.clone(), Rejects::default());
    start(move |events| {
        let tasks = Tasks { task, items: source.items, next: 0, rejects: rejects.clone() };
        let output = Numbered { events, rejects, walk };
        match walk {
            Walk::Ordered => {
                let outcomes = pool.imap_named(task, tasks);
                drop(pool);
                output.pass_on(outcomes);
            }
            Walk::Unordered => {
                let outcomes = pool.imap_unordered_named(task, tasks);
                drop(pool);
                output.pass_on(outcomes);
            }
            Walk::Handles => by_handles(pool, tasks, &output),
        }
    })
}

fn start(work: impl FnOnce(Sender<Event>) + Send + 'static) -> Receiver<Event> {
    let (sender, receiver) = bounded(64);
    thread::spawn(move || work(sender));
    receiver
}

/// Encoded arguments, of the items that can be tasks.
struct Tasks<I> {
    task: &'static NamedTask,
    items: I,
    next: u64,
    rejects: Rejects,
}

impl<I: Iterator<Item = Result<Item, Problem>>> Iterator for Tasks<I> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let item = self.items.next()?;
            let number = self.next;
            self.next += 1;
            match item.and_then(|item| source::encode(self.task, item)) {
                Ok(args) => return Some(args),
                Err(problem) => self.rejects.add(number, problem),
            }
        }
    }
}

/// Outcomes on their way out, numbered as the input was.
struct Numbered {
    events: Sender<Event>,
    rejects: Rejects,
    walk: Walk,
}

/// Nobody reads the events any more.
struct ReaderGone;

impl Numbered {
    fn pass_on(&self, outcomes: impl Iterator<Item = (usize, Result<Value, Failure>)>) {
        for (number, outcome) in outcomes {
            if self.outcome(number as u64, outcome).is_err() {
                return;
            }
        }
        self.rejected_before(u64::MAX).ok();
    }

    fn outcome(&self, number: u64, outcome: Result<Value, Failure>) -> Result<(), ReaderGone> {
        let number = self.rejects.in_input(number);
        self.rejected_before(if self.walk == Walk::Unordered { u64::MAX } else { number })?;
        self.events.send(Event::Outcome(number, outcome)).map_err(|_| ReaderGone)
    }

    fn rejected_before(&self, number: u64) -> Result<(), ReaderGone> {
        while let Some((number, problem)) = self.rejects.take_before(number) {
            self.events.send(Event::Rejected(number, problem)).map_err(|_| ReaderGone)?;
        }
        Ok(())
    }
}

fn by_handles<I>(pool: Arc<Pool>, tasks: Tasks<I>, output: &Numbered)
where
    I: Iterator<Item = Result<Item, Problem>> + Send + 'static,
{
    let (sender, handles) = mpsc::sync_channel::<TaskHandle<Value>>(HANDLES);
    thread::spawn(move || {
        submit_all(&pool, tasks, &sender);
        // In this order: the end of the handles is the end of the events.
        drop(pool);
        drop(sender);
    });
    output.pass_on(handles.into_iter().map(TaskHandle::get).enumerate());
}

fn submit_all<I>(pool: &Pool, mut tasks: Tasks<I>, handles: &mpsc::SyncSender<TaskHandle<Value>>)
where
    I: Iterator<Item = Result<Item, Problem>>,
{
    while let Some(args) = tasks.next() {
        match pool.submit_named(tasks.task, args) {
            Ok(handle) => {
                if handles.send(handle).is_err() {
                    return;
                }
            }
            Err(error) => tasks.rejects.add(tasks.next - 1, Problem::failed(&error)),
        }
    }
}
