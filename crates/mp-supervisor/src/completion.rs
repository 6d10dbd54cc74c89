//! What follows when tasks are done: a callback for one, a wait for some, who of many came first.
//!
//! Does **not** know workers: it hears of outcomes as any future does, by a waker.
//!
//! ```text
//!  outcome ─▶ waker (in the reactor's thread: only notes it) ─┬─▶ on_done: the thread of the callbacks runs it
//!                                                              └─▶ as_completed, wait: whoever waits is woken
//! ```

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mp_wire::Failure;
use parking_lot::{Condvar, Mutex};

use crate::handle::TaskHandle;

/// When [`wait`] has waited enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// One task has its outcome.
    FirstDone,
    /// One task has failed, or all have their outcomes.
    FirstFailed,
    /// All have their outcomes.
    AllDone,
}

/// Which tasks have their outcomes and which have not, by their places in what was waited for. See [`wait`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waited {
    /// Those that have.
    pub done: Vec<usize>,
    /// Those that have not.
    pub pending: Vec<usize>,
}

/// Waits for `handles`, at most for `timeout`; the outcomes stay where they are. Python: `concurrent.futures.wait`.
///
/// ```no_run
/// # fn square(n: u64) -> u64 { n * n }
/// # let pool = mp_supervisor::Pool::new(2)?;
/// use mp_supervisor::{Until, wait};
/// let handles: Result<Vec<_>, _> = (1..=6).map(|n: u64| pool.apply_async(square, (n,))).collect();
/// let waited = wait(&handles?, Until::AllDone, None);
/// assert_eq!((waited.done.len(), waited.pending.len()), (6, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait<R>(handles: &[TaskHandle<R>], until: Until, timeout: Option<Duration>) -> Waited {
    let arrivals = Arc::new(Arrivals::default());
    (0..).zip(handles).for_each(|(index, handle)| arrivals.expect(index, handle));
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut done = Vec::new();
    while done.len() < handles.len() && !enough(until, &done, handles) {
        match arrivals.next(deadline) {
            Some(index) => done.push(index),
            None => break,
        }
    }
    // Some may have come since.
    let (done, pending) = (0..handles.len()).partition(|index| handles[*index].is_ready());
    Waited { done, pending }
}

fn enough<R>(until: Until, done: &[usize], handles: &[TaskHandle<R>]) -> bool {
    match until {
        Until::FirstDone => !done.is_empty(),
        Until::FirstFailed => done.last().is_some_and(|index| handles[*index].is_successful() == Some(false)),
        Until::AllDone => false,
    }
}

/// Whose outcome has come, in this order.
#[derive(Default)]
pub(crate) struct Arrivals {
    come: Mutex<VecDeque<usize>>,
    changed: Condvar,
}

struct Arrival {
    index: usize,
    to: Arc<Arrivals>,
}

impl Arrivals {
    pub(crate) fn expect<R>(self: &Arc<Self>, index: usize, handle: &TaskHandle<R>) {
        let waker = Waker::from(Arc::new(Arrival { index, to: Arc::clone(self) }));
        if handle.tell(&waker) {
            waker.wake();
        }
    }

    /// The next; waits for it, at most until the deadline.
    pub(crate) fn next(&self, deadline: Option<Instant>) -> Option<usize> {
        let mut come = self.come.lock();
        while come.is_empty() {
            match deadline {
                None => self.changed.wait(&mut come),
                Some(deadline) => {
                    if self.changed.wait_until(&mut come, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        come.pop_front()
    }
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.to.come.lock().push_back(self.index);
        self.to.changed.notify_all();
    }
}

/// A callback and the handle whose outcome it is to get, until that is there.
struct Callback<R, F>(Mutex<Option<(TaskHandle<R>, F)>>);

impl<R: Send + 'static, F: FnOnce(Result<R, Failure>) + Send + 'static> Wake for Callback<R, F> {
    fn wake(self: Arc<Self>) {
        if let Some((handle, callback)) = self.0.lock().take() {
            run_later(Box::new(move || callback(handle.get())));
        }
    }
}

impl<R: Send + 'static> TaskHandle<R> {
    /// Hands the outcome to `callback` when it is there. Python: `callback` and `error_callback` of `apply_async`,
    /// `Future.add_done_callback`.
    ///
    /// Callbacks run one after the other, in a thread of their own, and may submit and wait for tasks; one that waits for
    /// another callback waits for ever. A panic in one is logged and harms nobody.
    pub fn on_done(self, callback: impl FnOnce(Result<R, Failure>) + Send + 'static) {
        let kept = Arc::new(Callback(Mutex::new(None)));
        let waker = Waker::from(Arc::clone(&kept));
        let mut place = kept.0.lock();
        let ready = self.tell(&waker);
        *place = Some((self, callback));
        drop(place);
        if ready {
            waker.wake();
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// There are never more of them than there were handles.
fn run_later(job: Job) {
    static CALLBACKS: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let callbacks = CALLBACKS.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Job>();
        let body = move || receiver.into_iter().for_each(run);
        if let Err(error) = std::thread::Builder::new().name("mp-callbacks".to_owned()).spawn(body) {
            crate::log::error!(%error, "no thread could be made for callbacks: they are not run");
        }
        sender
    });
    if callbacks.send(job).is_err() {
        crate::log::error!("a callback was not run: its thread is not there");
    }
}

fn run(job: Job) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
        crate::log::error!("a callback has panicked");
        // A payload whose drop panics would end the thread.
        std::mem::forget(payload);
    }
}
