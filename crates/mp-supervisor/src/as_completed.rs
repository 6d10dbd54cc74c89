//! Handles one by one, as they are done; with a limit, if there is to be one.
//!
//! Does **not** know how it hears of an outcome: [`Arrivals`] does.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::completion::Arrivals;
use crate::handle::TaskHandle;

/// Gives the handles back one by one, each when its outcome is there. Python: `concurrent.futures.as_completed`; its `timeout` is
/// [`AsCompleted::within`].
///
/// ```no_run
/// # fn square(n: u64) -> u64 { n * n }
/// # let pool = mp_supervisor::Pool::new(2)?;
/// let handles: Result<Vec<_>, _> = (1..=6).map(|n: u64| pool.apply_async(square, (n,))).collect();
/// for handle in mp_supervisor::as_completed(handles?) {
///     println!("task {}: {:?}", handle.id(), handle.get());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn as_completed<R>(handles: impl IntoIterator<Item = TaskHandle<R>>) -> AsCompleted<R> {
    let arrivals = Arc::new(Arrivals::default());
    let handles: Vec<_> = handles.into_iter().map(Some).collect();
    (0..).zip(handles.iter().flatten()).for_each(|(index, handle)| arrivals.expect(index, handle));
    AsCompleted { arrivals, left: handles.len(), handles }
}

/// The handles that [`as_completed`] was given, in the order in which they are done.
///
/// It waits without limit for an outcome, which always comes.
#[must_use = "it gives the handles back only as far as it is asked for them"]
pub struct AsCompleted<R> {
    arrivals: Arc<Arrivals>,
    /// Those that have not been given back, at their places.
    handles: Vec<Option<TaskHandle<R>>>,
    left: usize,
}

impl<R> AsCompleted<R> {
    /// Waits no longer than `limit` from now, for all of them together: what is not done by then comes back in one last item,
    /// an [`Unfinished`]. What is done by then is given out first, however late it is asked for.
    ///
    /// ```no_run
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = mp_supervisor::Pool::new(2)?;
    /// # use std::time::Duration;
    /// let handles: Result<Vec<_>, _> = (1..=6).map(|n: u64| pool.apply_async(square, (n,))).collect();
    /// for done in mp_supervisor::as_completed(handles?).within(Duration::from_secs(5)) {
    ///     match done {
    ///         Ok(handle) => println!("task {}: {:?}", handle.id(), handle.get()),
    ///         Err(unfinished) => unfinished.handles.iter().for_each(|late| drop(late.cancel())),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within(self, limit: Duration) -> AsCompletedWithin<R> {
        AsCompletedWithin { total: self.left, limit, deadline: Instant::now().checked_add(limit), all: self }
    }

    /// Those that it has not given back, done or not, in the order in which they were given to it.
    pub fn into_rest(self) -> Vec<TaskHandle<R>> {
        self.handles.into_iter().flatten().collect()
    }

    /// The next, unless the deadline comes first.
    fn next_until(&mut self, deadline: Option<Instant>) -> Option<TaskHandle<R>> {
        if self.left == 0 {
            return None;
        }
        let index = self.arrivals.next(deadline)?;
        self.left -= 1;
        self.handles[index].take()
    }
}

impl<R> Iterator for AsCompleted<R> {
    type Item = TaskHandle<R>;

    fn next(&mut self) -> Option<TaskHandle<R>> {
        self.next_until(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<R> ExactSizeIterator for AsCompleted<R> {}
impl<R> FusedIterator for AsCompleted<R> {}

impl<R> fmt::Debug for AsCompleted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The handles that are done within a limit, and then those that are not. See [`AsCompleted::within`].
#[must_use = "it gives the handles back only as far as it is asked for them"]
#[derive(Debug)]
pub struct AsCompletedWithin<R> {
    all: AsCompleted<R>,
    total: usize,
    limit: Duration,
    deadline: Option<Instant>,
}

impl<R> Iterator for AsCompletedWithin<R> {
    type Item = Result<TaskHandle<R>, Unfinished<R>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(handle) = self.all.next_until(self.deadline) {
            return Some(Ok(handle));
        }
        let late = std::mem::take(&mut self.all.left);
        let handles = std::mem::take(&mut self.all.handles).into_iter().flatten().collect();
        (late > 0).then_some(Err(Unfinished { handles, total: self.total, limit: self.limit }))
    }
}

impl<R> FusedIterator for AsCompletedWithin<R> {}

/// Some tasks were not done in time. They go on; their handles are here. Python: the `TimeoutError` of `as_completed`.
#[derive(thiserror::Error)]
#[error("{} of {total} tasks are not done after {limit:?}", handles.len())]
#[non_exhaustive]
pub struct Unfinished<R> {
    /// Those that were not done, in the order in which they were given to [`as_completed`].
    pub handles: Vec<TaskHandle<R>>,
    /// How many were waited for.
    pub total: usize,
    /// For how long.
    pub limit: Duration,
}

impl<R> fmt::Debug for Unfinished<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks: Vec<_> = self.handles.iter().map(TaskHandle::id).collect();
        f.debug_struct("Unfinished").field("tasks", &tasks).field("limit", &self.limit).finish_non_exhaustive()
    }
}
