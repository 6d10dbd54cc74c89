//! A pool whose workers have a state, which each task is lent.
//!
//! Does **not** know where the state is (`mp-worker` does), nor anything of its own about tasks: it hands them to the pool
//! beneath, with the state before their arguments.
//!
//! ```text
//!  StatePool<S>::apply(f, args) ─▶ Pool::apply(WithState<S>(f), args) ══▶ worker: f(&mut its S, args)
//! ```

use std::marker::PhantomData;
use std::ops::Deref;

use mp_wire::Failure;
use mp_worker::{StateTask, WithState};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::broadcast::Broadcast;
use crate::error::SubmitError;
use crate::handle::TaskHandle;
use crate::map_handle::MapHandle;
use crate::mapping::Mapping;
use crate::pool::Pool;
use crate::task_builder::TaskBuilder;

/// A pool whose workers have a state of type `S` each, made once: its tasks take `&mut S` before their arguments. Python's
/// globals that an `initializer` sets, without globals; mpire: `use_worker_state`.
///
/// The function is checked against the state when the program is compiled. `S` crosses nowhere: it is made in the worker that
/// has it, so it can be what no serializer knows (a connection, a file, an interpreter), and need not be `Send`.
///
/// - A worker that replaces another, after a death or its number of tasks, makes its own anew.
/// - After a panic in a task nobody knows how far the state has been changed. It is dropped and made anew before the next
///   task that is lent it, within that task's time limit; where that fails, that task fails (as panicked, with the
///   reason), and the one after it tries again.
/// - [`Backend::Threads`](crate::Backend::Threads): each worker thread has its own.
///   [`Backend::Serial`](crate::Backend::Serial): each thread that submits.
/// - At a worker's end it is dropped, after the finalizer; not where the worker is killed.
///
/// What a pool can be told besides (`join`, `resize`, `stats` ..) is reached through it; for tasks without the state see
/// [`StatePool::plain`].
///
/// ```no_run
/// use std::collections::HashMap;
///
/// #[derive(Default)]
/// struct Cache { squares: HashMap<u64, u64>, misses: u64 }
///
/// fn square(cache: &mut Cache, n: u64) -> u64 {
///     let Cache { squares, misses } = cache;
///     *squares.entry(n).or_insert_with(|| { *misses += 1; n * n })
/// }
///
/// let pool = mp_supervisor::Pool::builder().workers(1).state(Cache::default, ()).build()?;
/// assert_eq!(pool.map(square, [3, 4, 3, 4])?, [9, 16, 9, 16]);
/// assert_eq!(pool.apply(|cache: &mut Cache| cache.misses, ())?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A function of another state is refused when the program is compiled:
///
/// ```compile_fail,E0277
/// fn total(sum: &mut u64, n: u64) -> u64 { *sum += n; *sum }
/// let pool = mp_supervisor::Pool::builder().state(|| String::new(), ()).build()?;
/// pool.apply(total, (1,))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StatePool<S> {
    pool: Pool,
    state: PhantomData<fn(&mut S)>,
}

impl<S: 'static> StatePool<S> {
    pub(crate) fn over(pool: Pool) -> Self {
        Self { pool, state: PhantomData }
    }

    /// The pool beneath, for tasks that take no state.
    #[must_use]
    pub fn plain(&self) -> &Pool {
        &self.pool
    }

    /// As [`Pool::apply`], with the state.
    ///
    /// # Errors
    /// As [`Pool::apply`].
    pub fn apply<F, Args>(&self, task: F, args: Args) -> Result<F::Output, Failure>
    where
        F: StateTask<S, Args>,
        Args: mp_worker::Arguments + Serialize + DeserializeOwned,
    {
        self.pool.apply(WithState::<S, F>::new(task), args)
    }

    /// As [`Pool::apply_async`], with the state.
    ///
    /// # Errors
    /// As [`Pool::apply_async`].
    pub fn apply_async<F, Args>(&self, task: F, args: Args) -> Result<TaskHandle<F::Output>, SubmitError>
    where
        F: StateTask<S, Args>,
        Args: mp_worker::Arguments + Serialize + DeserializeOwned,
    {
        self.pool.apply_async(WithState::<S, F>::new(task), args)
    }

    /// As [`Pool::try_submit`], with the state.
    ///
    /// # Errors
    /// As [`Pool::try_submit`].
    pub fn try_submit<F, Args>(&self, task: F, args: Args) -> Result<TaskHandle<F::Output>, SubmitError>
    where
        F: StateTask<S, Args>,
        Args: mp_worker::Arguments + Serialize + DeserializeOwned,
    {
        self.pool.try_submit(WithState::<S, F>::new(task), args)
    }

    /// As [`Pool::broadcast`], with the state: what each worker has made once can be made anew, or told something.
    ///
    /// ```no_run
    /// fn reload(model: &mut Vec<u8>, path: String) -> Result<(), String> {
    ///     *model = std::fs::read(path).map_err(|error| error.to_string())?;
    ///     Ok(())
    /// }
    ///
    /// let pool = mp_supervisor::Pool::builder().workers(4).state(Vec::new, ()).build()?;
    /// // What is submitted from here on finds the new model.
    /// for (worker, loaded) in pool.broadcast(reload, ("model.bin".to_owned(),))?.outcomes() {
    ///     println!("worker {worker}: {loaded:?}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Pool::broadcast`].
    pub fn broadcast<F, Args>(&self, task: F, args: Args) -> Result<Broadcast<F::Output>, SubmitError>
    where
        F: StateTask<S, Args>,
        Args: mp_worker::Arguments + Serialize + DeserializeOwned,
    {
        self.pool.broadcast(WithState::<S, F>::new(task), args)
    }

    /// As [`Pool::task`], with the state.
    pub fn task<F, Args>(&self, task: F, args: Args) -> TaskBuilder<'_, WithState<S, F>, Args>
    where
        F: StateTask<S, Args>,
        Args: mp_worker::Arguments + Serialize + DeserializeOwned,
    {
        self.pool.task(WithState::new(task), args)
    }

    /// As [`Pool::mapping`], with the state.
    pub fn mapping<F>(&self, task: F) -> Mapping<'_, WithState<S, F>> {
        self.pool.mapping(WithState::new(task))
    }

    /// As [`Pool::map`], with the state.
    ///
    /// # Errors
    /// As [`Pool::map`].
    pub fn map<F, T, I>(&self, task: F, items: I) -> Result<Vec<F::Output>, Failure>
    where
        F: StateTask<S, (T,)>,
        T: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = T>,
    {
        self.pool.map(WithState::<S, F>::new(task), items)
    }

    /// As [`Pool::map_outcomes`], with the state.
    #[must_use]
    pub fn map_outcomes<F, T, I>(&self, task: F, items: I) -> Vec<Result<F::Output, Failure>>
    where
        F: StateTask<S, (T,)>,
        T: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = T>,
    {
        self.pool.map_outcomes(WithState::<S, F>::new(task), items)
    }

    /// As [`Pool::map_async`], with the state.
    ///
    /// # Errors
    /// As [`Pool::map_async`].
    pub fn map_async<F, T, I>(&self, task: F, items: I) -> Result<MapHandle<F::Output>, SubmitError>
    where
        F: StateTask<S, (T,)>,
        T: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = T>,
    {
        self.pool.map_async(WithState::<S, F>::new(task), items)
    }

    /// As [`Pool::starmap`], with the state.
    ///
    /// # Errors
    /// As [`Pool::map`].
    pub fn starmap<F, Args, I>(&self, task: F, items: I) -> Result<Vec<F::Output>, Failure>
    where
        F: StateTask<S, Args>,
        Args: mp_worker::Arguments + Serialize + DeserializeOwned,
        I: IntoIterator<Item = Args>,
    {
        self.pool.starmap(WithState::<S, F>::new(task), items)
    }

    /// As [`Pool::starmap_async`], with the state.
    ///
    /// # Errors
    /// As [`Pool::map_async`].
    pub fn starmap_async<F, Args, I>(&self, task: F, items: I) -> Result<MapHandle<F::Output>, SubmitError>
    where
        F: StateTask<S, Args>,
        Args: mp_worker::Arguments + Serialize + DeserializeOwned,
        I: IntoIterator<Item = Args>,
    {
        self.pool.starmap_async(WithState::<S, F>::new(task), items)
    }

    /// As [`Pool::imap`], with the state.
    pub fn imap<F, T, I>(
        &self,
        task: F,
        items: I,
    ) -> impl Iterator<Item = Result<F::Output, Failure>> + Send + use<S, F, T, I>
    where
        F: StateTask<S, (T,)>,
        T: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        self.pool.imap(WithState::<S, F>::new(task), items)
    }

    /// As [`Pool::imap_unordered`], with the state.
    pub fn imap_unordered<F, T, I>(
        &self,
        task: F,
        items: I,
    ) -> impl Iterator<Item = Result<F::Output, Failure>> + Send + use<S, F, T, I>
    where
        F: StateTask<S, (T,)>,
        T: Serialize + DeserializeOwned + 'static,
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        self.pool.imap_unordered(WithState::<S, F>::new(task), items)
    }
}

impl<S> Deref for StatePool<S> {
    type Target = Pool;

    fn deref(&self) -> &Pool {
        &self.pool
    }
}

impl<S> std::fmt::Debug for StatePool<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pool.fmt(f)
    }
}
