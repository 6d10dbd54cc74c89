//! One task over many items: `map` and its sisters, and what they can be told.
//!
//! Does **not** know how items reach workers.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use mp_scheduler::{Retry, Terms};
use mp_wire::Failure;
use mp_wire::frame::ITEMS_MAX;
use mp_worker::Task;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::SubmitError;
use crate::host::Work;
use crate::job::Name;
use crate::map_handle::MapHandle;
use crate::pieces::map_in_pieces;
use crate::pool::Pool;
use crate::trace::{Deed, PoolTrace};

/// A task that is to be run on many items, and how. What is not set is as the pool has it.
#[must_use = "it does nothing until it is given items"]
#[derive(Clone, Copy, Debug)]
pub struct Mapping<'p, F> {
    pool: &'p Pool,
    task: F,
    terms: Terms,
    chunk: Option<usize>,
}

impl Pool {
    /// A task that will be run on many items, and is told more before.
    ///
    /// ```no_run
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = mp_supervisor::Pool::new(2)?;
    /// assert_eq!(pool.mapping(square).chunk_size(50).map(0..1000)?.len(), 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mapping<F>(&self, task: F) -> Mapping<'_, F> {
        Mapping { pool: self, task, terms: self.terms(), chunk: None }
    }

    /// Runs `task` on every item and waits for all; the results are in the order of the input. Python: `Pool.map`.
    ///
    /// Where items are numbers, the first of them are run while the input is still read. Everything else is read and encoded first;
    /// what cannot be encoded is then said before any item is run.
    ///
    /// # Errors
    /// The first failure by the order of the input, when all have ended.
    pub fn map<F, T, I>(&self, task: F, items: I) -> Result<Vec<F::Output>, Failure>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
    {
        self.mapping(task).map(items)
    }

    /// As [`Pool::map`], but gives every item's own outcome.
    #[must_use]
    pub fn map_outcomes<F, T, I>(&self, task: F, items: I) -> Vec<Result<F::Output, Failure>>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
    {
        self.mapping(task).map_outcomes(items)
    }

    /// Submits `task` for every item. Python: `Pool.map_async`.
    ///
    /// # Errors
    /// As [`Pool::apply_async`]; then none of the items is run.
    pub fn map_async<F, T, I>(&self, task: F, items: I) -> Result<MapHandle<F::Output>, SubmitError>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
    {
        self.mapping(task).map_async(items)
    }

    /// As [`Pool::map`], for a function of several arguments: the items are tuples. Python: `Pool.starmap`.
    ///
    /// # Errors
    /// As [`Pool::map`].
    pub fn starmap<F, Args, I>(&self, task: F, items: I) -> Result<Vec<F::Output>, Failure>
    where
        F: Task<Args>,
        Args: Serialize + DeserializeOwned,
        I: IntoIterator<Item = Args>,
    {
        self.mapping(task).starmap(items)
    }

    /// As [`Pool::map_async`], for a function of several arguments. Python: `Pool.starmap_async`.
    ///
    /// # Errors
    /// As [`Pool::map_async`].
    pub fn starmap_async<F, Args, I>(&self, task: F, items: I) -> Result<MapHandle<F::Output>, SubmitError>
    where
        F: Task<Args>,
        Args: Serialize + DeserializeOwned,
        I: IntoIterator<Item = Args>,
    {
        self.mapping(task).starmap_async(items)
    }
}

impl<F> Mapping<'_, F> {
    /// How many items are handed to a worker at once: at most 4096, and fewer where they are large. By default as many as fit
    /// the time that tasks take. A worker that has nothing to do takes over half of what another has not begun of its chunk.
    /// Python: `chunksize`.
    pub fn chunk_size(mut self, items: usize) -> Self {
        self.chunk = Some(items);
        self
    }

    /// How long each item may run, from when it begins.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// How many times an item is tried again when it was lost with its worker, or ran too long.
    pub fn retries(mut self, retries: u32) -> Self {
        self.terms.retry = self.terms.retry.with_times(retries);
        self
    }

    /// When an item is tried again, by cause, and after which pause.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.terms.retry = retry;
        self
    }

    /// How urgent its items are among all that waits: see [`crate::TaskBuilder::priority`].
    pub fn priority(mut self, priority: i32) -> Self {
        self.terms.priority = priority;
        self
    }

    /// As [`Pool::map`].
    ///
    /// # Errors
    /// As [`Pool::map`]; and for a chunk of no items.
    pub fn map<T, I>(self, items: I) -> Result<Vec<F::Output>, Failure>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
    {
        self.starmap(items.into_iter().map(|item| (item,)))
    }

    /// As [`Pool::map_async`].
    ///
    /// # Errors
    /// As [`Pool::map_async`]; and for a chunk of no items.
    pub fn map_async<T, I>(self, items: I) -> Result<MapHandle<F::Output>, SubmitError>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
    {
        self.starmap_async(items.into_iter().map(|item| (item,)))
    }

    /// As [`Pool::starmap`].
    ///
    /// # Errors
    /// As [`Pool::map`]; and for a chunk of no items.
    pub fn starmap<Args, I>(self, items: I) -> Result<Vec<F::Output>, Failure>
    where
        F: Task<Args>,
        Args: Serialize + DeserializeOwned,
        I: IntoIterator<Item = Args>,
    {
        let failed = |error: SubmitError| error.into_failure(F::name());
        if self.chunk.is_none() && crate::args::Args::can_always::<F, Args>(self.pool.max_payload()) {
            return map_in_pieces::<F, Args>(self.pool, &self.work().map_err(failed)?, items.into_iter());
        }
        self.starmap_async(items).map_err(failed)?.get()
    }

    /// As [`Pool::starmap_async`].
    ///
    /// # Errors
    /// As [`Pool::map_async`]; and for a chunk of no items.
    pub fn starmap_async<Args, I>(self, items: I) -> Result<MapHandle<F::Output>, SubmitError>
    where
        F: Task<Args>,
        Args: Serialize + DeserializeOwned,
        I: IntoIterator<Item = Args>,
    {
        let (work, mut items, max) = (self.work()?, items.into_iter(), self.pool.max_payload());
        let mut args = self.pool.no_args().with_room_for::<F, Args>(items.size_hint().0);
        let encode = || items.try_for_each(|item| args.push_task::<F, Args>(&item, max));
        PoolTrace::time(self.pool.host().trace(), (Deed::Encode, &work.name, 0), encode)?;
        self.pool.submit_many(work, args)
    }

    /// As [`Pool::map_outcomes`].
    #[must_use]
    pub fn map_outcomes<T, I>(self, items: I) -> Vec<Result<F::Output, Failure>>
    where
        F: Task<(T,)>,
        T: Serialize + DeserializeOwned,
        I: IntoIterator<Item = T>,
    {
        let (mut args, max) = (self.pool.no_args(), self.pool.max_payload());
        let (mut refused, mut count) = (BTreeMap::new(), 0_usize);
        let encode = || {
            for item in items {
                refused.extend(args.push_task::<F, (T,)>(&(item,), max).err().map(|error| (count, error)));
                count += 1;
            }
        };
        PoolTrace::time(self.pool.host().trace(), (Deed::Encode, &Name::Function(F::name()), 0), encode);
        let accepted = self.work().and_then(|work| self.pool.submit_many(work, args)).map(MapHandle::outcomes);
        let failed = |error: SubmitError| Err(error.into_failure(F::name()));
        match accepted.map(Vec::into_iter) {
            Err(error) => (0..count).map(|_| failed(error.clone())).collect(),
            Ok(mut outcomes) => {
                let outcome = |index| refused.remove(&index).map(failed).or_else(|| outcomes.next());
                (0..count).filter_map(outcome).collect()
            }
        }
    }

    fn work<Args: Serialize + DeserializeOwned>(&self) -> Result<Work, SubmitError>
    where
        F: Task<Args>,
    {
        let chunk = |items: usize| {
            let items = u32::try_from(items.min(ITEMS_MAX)).ok().and_then(NonZeroU32::new);
            items.ok_or_else(|| SubmitError::Invalid("a chunk needs at least 1 item, not 0".to_owned()))
        };
        let chunk = self.chunk.map(chunk).transpose()?;
        Ok(Work { terms: Terms { chunk, ..self.terms }, ..self.pool.work::<F, Args>(self.task) })
    }
}
