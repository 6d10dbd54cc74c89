//! The caller's claim on the outcome of one task.
//!
//! Does **not** know workers. A value is decoded here, in the thread that asks for it.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use mp_link::Spin;
use mp_scheduler::Event;
use mp_wire::{CodecError, CodecStage, Failure, TaskId, TaskLabel};

use crate::engine::Engine;
use crate::job::Name;
use crate::one::{One, Raw, Value};
use crate::overhear::Listening;
use crate::trace::{Deed, PoolTrace};

/// Who has less time than this sleeps at once, so that he is not late.
const PATIENCE: Duration = Duration::from_millis(1);

/// How a result is read from its bytes.
pub(crate) type Decode<R> = fn(&[u8]) -> Result<R, CodecError>;

/// What it takes to make a typed outcome of a raw one.
#[derive(Clone, Debug)]
pub(crate) struct Reader<R> {
    pub(crate) name: Name,
    pub(crate) first: TaskId,
    pub(crate) decode: Decode<R>,
    /// Where its time is recorded, if anywhere.
    pub(crate) trace: Option<PoolTrace>,
}

impl<R> Reader<R> {
    /// As [`Reader::read`], for a value that may be elsewhere.
    pub(crate) fn read_value(&self, task: TaskId, value: &Value) -> Result<R, Failure> {
        let no_memory = || Err(self.unreadable(task, CodecError("there is no memory for it".to_owned())));
        value.read(|bytes| self.read(task, bytes)).unwrap_or_else(no_memory)
    }

    /// The value of `task`. A `Deserialize` that panics harms nobody.
    pub(crate) fn read(&self, task: TaskId, bytes: &[u8]) -> Result<R, Failure> {
        let decode = || guarded(|| (self.decode)(bytes));
        PoolTrace::time(self.trace.as_ref(), (Deed::Decode, &self.name, 1), decode)
            .map_err(|error| self.unreadable(task, error))
    }

    pub(crate) fn unreadable(&self, task: TaskId, error: CodecError) -> Failure {
        let label = TaskLabel { id: task, name: self.name.as_str().into() };
        Failure::codec(label, CodecStage::DecodeResult, error.0)
    }
}

/// What decodes calls code of the caller's.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> Result<T, CodecError>) -> Result<T, CodecError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(CodecError("its Deserialize panicked".to_owned())))
}

/// The claim on the outcome of one task. Python: `multiprocessing.pool.AsyncResult`, `concurrent.futures.Future`.
///
/// It is a [`Future`] on any executor. Dropped, its task goes on; a failure is then logged once.
#[must_use = "a task's outcome is in its handle; drop it explicitly if it is not wanted"]
pub struct TaskHandle<R> {
    one: Arc<One>,
    reader: Reader<R>,
    engine: Weak<Engine>,
}

impl<R> TaskHandle<R> {
    pub(crate) fn new(one: Arc<One>, reader: Reader<R>, engine: Weak<Engine>) -> Self {
        Self { one, reader, engine }
    }

    /// Where its outcome will be, and who runs it.
    pub(crate) fn parts(&self) -> (&Arc<One>, &Weak<Engine>) {
        (&self.one, &self.engine)
    }

    /// The task's number in its pool.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.reader.first
    }

    /// Waits for the outcome. It always comes: a task whose worker dies, or whose pool ends, has one as well.
    ///
    /// # Errors
    /// The task's failure.
    pub fn get(self) -> Result<R, Failure> {
        self.wait_soon(None);
        self.take()
    }

    /// Waits for the outcome, at most for `limit`. Python: `AsyncResult.get(timeout)`.
    ///
    /// # Errors
    /// The handle itself, if there is no outcome yet.
    pub fn get_timeout(self, limit: Duration) -> Result<Result<R, Failure>, Self> {
        if self.wait(limit) { Ok(self.take()) } else { Err(self) }
    }

    /// Waits for the outcome, at most for `limit`, and leaves it where it is. Gives whether it is there.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> bool {
        // A limit beyond the clock's end is none.
        self.wait_soon(Instant::now().checked_add(limit))
    }

    /// Whether there is an outcome. Python: `AsyncResult.ready()`.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.one.is_ready()
    }

    /// Whether the outcome is a value; `None` while there is none. Python: `AsyncResult.successful()`, which raises then.
    #[must_use]
    pub fn is_successful(&self) -> Option<bool> {
        self.one.is_value()
    }

    /// Asks that the task be not run, or be ended if it runs: its worker is then ended and replaced. A thread cannot be
    /// ended; it is left behind. A task that has called `mp::is_cancelled` is told first, and given the pool's grace to return:
    /// its value counts then, and its worker goes on. Gives whether the task had no outcome yet; the outcome says what became of it, which is
    /// [`Failure::Cancelled`] unless it was quicker.
    pub fn cancel(&self) -> bool {
        let open = !self.is_ready();
        if open && let Some(engine) = self.engine.upgrade() {
            engine.event(Event::Cancel(self.id()));
        }
        open
    }

    /// Wakes `waker` when the outcome is there; gives whether it is there already, and then does not.
    pub(crate) fn tell(&self, waker: &Waker) -> bool {
        self.one.poll(waker).is_ready()
    }

    /// Waits, awake for a moment, where answers have come quickly, and there is so much time.
    fn wait_soon(&self, deadline: Option<Instant>) -> bool {
        thread_local! {
            static SPIN: Cell<Spin> = const { Cell::new(Spin::new()) };
        }
        if self.one.is_ready() {
            return true;
        }
        if deadline.is_some_and(|deadline| deadline < Instant::now() + PATIENCE) {
            return self.one.wait(deadline);
        }
        let mut listening = Listening::new(&self.engine);
        let mut spin = SPIN.get();
        let found = spin.awake(|| listening.look(|| self.one.is_ready()).then_some(true));
        listening.end();
        let found = found.unwrap_or_else(|| spin.asleep(|| self.one.wait(deadline)));
        SPIN.set(spin);
        found
    }

    fn take(&self) -> Result<R, Failure> {
        let why = if self.is_ready() { "outcome was taken already" } else { "a waker must not wait for an outcome" };
        self.finish(self.one.take().unwrap_or_else(|| Err(Box::new(Failure::stopped(why)))))
    }

    fn finish(&self, raw: Raw) -> Result<R, Failure> {
        match raw {
            Ok(value) => self.reader.read_value(self.reader.first, &value),
            Err(failure) => Err(*failure),
        }
    }
}

impl<R> Future for TaskHandle<R> {
    type Output = Result<R, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.one.poll(context.waker()).map(|()| self.take())
    }
}

impl<R> Drop for TaskHandle<R> {
    fn drop(&mut self) {
        self.one.abandon();
    }
}

impl<R> std::fmt::Debug for TaskHandle<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskHandle").field("id", &self.id()).field("ready", &self.is_ready()).finish()
    }
}
