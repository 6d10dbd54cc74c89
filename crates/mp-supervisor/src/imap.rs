//! Lazy maps: input is read as outcomes are taken, so that neither fills the memory.
//!
//! Does **not** know workers, nor how the input is read: [`crate::feeder`] does.
//!
//! ```text
//!  feeder's thread: input.next() ─▶ a place in the window? ─▶ submit ─▶ .. workers .. ─▶ Many
//!  caller's thread: next() ◀── in order, or as they come ◀── take ◀───────────────────────┘
//!                      └─ gives the place back
//! ```
//!
//! The input has a thread of its own because it may wait (for a line on standard input) while outcomes are ready.

use std::collections::{BTreeMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::Arc;

use mp_wire::bulk::decode_value;
use mp_wire::{Failure, TaskId};
use mp_worker::Task;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arena::Arena;
use crate::args::Args;
use crate::error::SubmitError;
use crate::feeder::{End, Feeder, Window};
use crate::handle::{Decode, Reader};
use crate::host::{Host, Work};
use crate::job::Name;
use crate::many::{Block, Came, Many};
use crate::one::{Raw, Value};
use crate::pool::Pool;
use crate::trace::{Deed, PoolTrace};

/// How an iterator over outcomes orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Input,
    Completion,
}

/// The outcomes of a lazy map, each with the place of its item in the input. See [`Pool::imap`].
#[must_use = "a lazy map does nothing more when its iterator is dropped"]
pub struct Outcomes<R> {
    many: Arc<Many>,
    window: Arc<Window>,
    reader: Reader<R>,
    order: Order,
    /// Where there are no workers: runs the next item, in the thread that wants it.
    pull: Option<Box<dyn FnMut() + Send>>,
    early: BTreeMap<u64, Raw>,
    ready: VecDeque<(u64, Raw)>,
    /// What has come and is just being taken in.
    block: Block,
    taken: u64,
}

impl Pool {
    /// Runs `task` on every item, reading them one by one, and gives the results in the order of the input. At most some
    /// thousand items and 64 MiB of arguments are on their way at a time, so the input may be endless.
    /// Python: `Pool.imap`, which reads all of its input at once.
    pub fn imap<F, T, I>(
        &self,
        task: F,
        items: I,
    ) -> impl Iterator<Item = Result<F::Output, Failure>> + Send + use<F, T, I>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        self.lazy_map(task, items, Order::Input).map(|(_, outcome)| outcome)
    }

    /// As [`Pool::imap`], in the order in which they come. Python: `Pool.imap_unordered`.
    pub fn imap_unordered<F, T, I>(
        &self,
        task: F,
        items: I,
    ) -> impl Iterator<Item = Result<F::Output, Failure>> + Send + use<F, T, I>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        self.lazy_map(task, items, Order::Completion).map(|(_, outcome)| outcome)
    }

    fn lazy_map<F, T, I>(&self, task: F, items: I, order: Order) -> Outcomes<F::Output>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        let work = self.work::<F, (T,)>(task);
        let encoder = self.encoder(&work);
        let encode = move |item| encoder.one(|args, max| args.push_task::<F, (T,)>(&(item,), max));
        self.feed(work, decode_value, (items.into_iter().map(encode), order))
    }

    /// For items of `work` that are encoded one after the other.
    pub(crate) fn encoder(&self, work: &Work) -> Encoder {
        let (trace, name) = (self.host().trace().cloned(), work.name.clone());
        Encoder { max: self.max_payload(), arena: self.arena(), trace, name }
    }

    pub(crate) fn feed<R, I>(&self, work: Work, decode: Decode<R>, (items, order): (I, Order)) -> Outcomes<R>
    where
        I: Iterator<Item = Result<Args, SubmitError>> + Send + 'static,
    {
        let (many, window) = (Arc::new(Many::default()), Arc::new(Window::default()));
        let reader = Reader { name: work.name.clone(), first: TaskId(1), decode, trace: self.host().trace().cloned() };
        let mut feeder = Feeder::new((&window, &many), work, self.host().clone(), items);
        let mut pull: Option<Box<dyn FnMut() + Send>> = None;
        if let Host::Serial(_) = self.host() {
            pull = Some(Box::new(move || {
                feeder.feed_next();
            }));
        } else if let Err(error) = thread("mp-feeder", move || feeder.run()) {
            // Without a thread there is no input; that is said like a refusal.
            window.end(End::Refused(SubmitError::Closed(error.to_string())));
        }
        Outcomes {
            many,
            window,
            reader,
            order,
            pull,
            early: BTreeMap::new(),
            ready: VecDeque::new(),
            block: Block::default(),
            taken: 0,
        }
    }
}

/// What it takes to encode the arguments of an item in the thread that reads the input.
pub(crate) struct Encoder {
    max: usize,
    arena: Option<Arc<Arena>>,
    trace: Option<PoolTrace>,
    name: Name,
}

impl Encoder {
    /// The arguments of one item, as `push` encodes them.
    pub(crate) fn one(
        &self,
        push: impl FnOnce(&mut Args, usize) -> Result<(), SubmitError>,
    ) -> Result<Args, SubmitError> {
        let mut args = Args::new(self.arena.as_ref());
        PoolTrace::time(self.trace.as_ref(), (Deed::Encode, &self.name, 1), || push(&mut args, self.max)).map(|()| args)
    }
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
}

impl<R> Outcomes<R> {
    fn next_raw(&mut self) -> Option<(u64, Raw)> {
        loop {
            if let Some(found) = self.at_hand() {
                self.window.left();
                self.taken += 1;
                return Some(found);
            }
            if self.window.all_taken() {
                return self.end();
            }
            if let Some(pull) = &mut self.pull {
                pull();
            }
            self.take_in();
        }
    }

    /// Takes what has come; waits for the first of it.
    fn take_in(&mut self) {
        self.many.take(None, 1, &mut self.block);
        let (order, ready, early) = (&self.order, &mut self.ready, &mut self.early);
        let mut put = |index: u64, outcome: Raw| match order {
            Order::Completion => ready.push_back((index, outcome)),
            Order::Input => _ = early.insert(index, outcome),
        };
        self.block.drain(|came| match came {
            Came::Values(first, values) => {
                (first..).zip(values).for_each(|(index, value)| put(index, Ok(Value::from(value))));
            }
            Came::Value(index, value) => put(index, Ok(Value::from(value))),
            Came::Failure(index, failure) => put(index, Err(Box::new(failure))),
        });
    }

    fn at_hand(&mut self) -> Option<(u64, Raw)> {
        match self.order {
            Order::Completion => self.ready.pop_front(),
            Order::Input => self.early.remove(&self.taken).map(|raw| (self.taken, raw)),
        }
    }

    /// What ended the input: a panic goes on in the thread that wanted the items.
    fn end(&self) -> Option<(u64, Raw)> {
        let end = self.window.take_end();
        match end {
            Some(End::Panicked(panic)) => resume_unwind(panic),
            Some(End::Refused(error)) => {
                crate::log::error!(%error, "input of a lazy map could not be read");
                None
            }
            Some(End::Exhausted) | None => None,
        }
    }
}

impl<R> Iterator for Outcomes<R> {
    type Item = (usize, Result<R, Failure>);

    fn next(&mut self) -> Option<Self::Item> {
        let (index, raw) = self.next_raw()?;
        let outcome = raw
            .map_err(|failure| *failure)
            .and_then(|value| self.reader.read_value(TaskId(self.reader.first.0 + index), &value));
        Some((index as usize, outcome))
    }
}

impl<R> Drop for Outcomes<R> {
    fn drop(&mut self) {
        self.window.abandon();
        let left = self.early.values().chain(self.ready.iter().map(|(_, raw)| raw));
        self.many.abandon(left.filter_map(|raw| raw.as_ref().err()).map(|failure| &**failure));
    }
}

impl<R> std::fmt::Debug for Outcomes<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outcomes").field("order", &self.order).field("taken", &self.taken).finish_non_exhaustive()
    }
}
