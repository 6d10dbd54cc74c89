//! What running tasks say of themselves (`mp::progress`): asked for, or brought to a callback.
//!
//! Does **not** hear of it by itself: it looks where the workers write it. A look costs a worker nothing, so who asks often
//! slows nobody; and a task that says much wakes nobody.
//!
//! ```text
//!  worker ─ say ─▶ note in its shared memory ◀── progress(): once
//!                                            ◀── on_progress: one thread for all of them, 20 times a second, while there are any
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once, Weak};
use std::time::Duration;

use mp_link::Note;
use mp_wire::{TaskId, codec};
use mp_worker::tag_of;
use parking_lot::{Condvar, Mutex};
use serde::de::DeserializeOwned;

use crate::engine::Engine;
use crate::handle::{TaskHandle, guarded};
use crate::one::One;
use crate::pool::Pool;

/// People do not see more.
const TICK: Duration = Duration::from_millis(50);

impl Pool {
    /// How far the tasks that run now have come: what each has said last by `mp::progress`, for those that have said a `P`. In the
    /// order of the workers. For one task see [`TaskHandle::progress`].
    ///
    /// ```no_run
    /// # fn sum(numbers: Vec<u64>) -> u64 { numbers.iter().sum() }
    /// # let pool = mp_supervisor::Pool::new(2)?;
    /// let handle = pool.map_async(sum, vec![vec![1, 2, 3]; 100])?;
    /// for (task, (done, total)) in pool.progress::<(u64, u64)>() {
    ///     eprintln!("task {task}: {done} of {total}");
    /// }
    /// # handle.get()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn progress<P: DeserializeOwned>(&self) -> Vec<(TaskId, P)> {
        self.notes().iter().filter_map(|note| Some((note.task, read(note)?))).collect()
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        self.host().engine().upgrade().map_or_else(Vec::new, |engine| engine.notes(None))
    }
}

impl<R> TaskHandle<R> {
    /// How far the task has come: what it has said last by `mp::progress`. `None` before it has said anything, once it has its
    /// outcome, and where it says something else than a `P`: mind that `3` is an `i32` (the first time, there is a warning).
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// fn sum(numbers: Vec<u64>) -> u64 {
    ///     let total = numbers.len() as u64;
    ///     (1..).zip(numbers).map(|(done, n)| { mp_worker::progress((done, total)); n }).sum()
    /// }
    ///
    /// # let pool = mp_supervisor::Pool::new(2)?;
    /// let handle = pool.apply_async(sum, (vec![1, 2, 3],))?;
    /// while !handle.wait(Duration::from_millis(100)) {
    ///     if let Some((done, total)) = handle.progress::<(u64, u64)>() {
    ///         eprintln!("{done} of {total}");
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn progress<P: DeserializeOwned>(&self) -> Option<P> {
        let (one, engine) = self.parts();
        if one.is_ready() {
            return None;
        }
        let note = engine.upgrade()?.notes(Some(self.id())).pop()?;
        read(&note)
    }

    /// Has `callback` called with what the task says by `mp::progress`, until it has its outcome or the handle is dropped: about 20
    /// times a second, with the latest, where that is new. What is said in between, or just before the end, may not be seen.
    ///
    /// All such callbacks run one after the other in a thread of their own. One that panics is not called again.
    ///
    /// ```no_run
    /// # fn sum(numbers: Vec<u64>) -> u64 { numbers.iter().sum() }
    /// # let pool = mp_supervisor::Pool::new(2)?;
    /// let handle = pool.apply_async(sum, (vec![1, 2, 3],))?;
    /// handle.on_progress(|(done, total): (u64, u64)| eprintln!("{done} of {total}"));
    /// assert_eq!(handle.get()?, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_progress<P: DeserializeOwned + 'static>(&self, mut callback: impl FnMut(P) + Send + 'static) {
        let (one, engine) = self.parts();
        let tell = move |note: &Note| {
            if let Some(said) = read(note) {
                callback(said);
            }
        };
        let (one, engine) = (Arc::downgrade(one), engine.clone());
        Ticker::get().add(Listener { one, engine, task: self.id(), turn: 0, tell: Box::new(tell) });
    }
}

/// Nothing that a worker wrote is believed: it is a `P`, or nothing.
fn read<P: DeserializeOwned>(note: &Note) -> Option<P> {
    if note.tag != tag_of::<P>() {
        static SAID: Once = Once::new();
        let asked = std::any::type_name::<P>();
        // Once: who asks in a loop asks often.
        SAID.call_once(|| {
            crate::log::warning!(task = note.task.0, asked, "a task says another type of progress than was asked for")
        });
        return None;
    }
    guarded(|| codec::decode(&note.bytes)).ok()
}

impl Engine {
    /// What was said last by each of the tasks that have no outcome yet, or by this one of them.
    fn notes(&self, task: Option<TaskId>) -> Vec<Note> {
        let state = self.state.lock();
        let workers = state.workers.iter().flatten().map(|(worker, _)| worker);
        let said = workers.filter_map(|worker| Some((worker.id, worker.status.said()?)));
        said.filter(|(worker, note)| {
            task.is_none_or(|task| task == note.task) && state.scheduler.holds(*worker, note.task)
        })
        .map(|(_, note)| note)
        .collect()
    }
}

/// Who is to be told what a task says.
struct Listener {
    one: Weak<One>,
    engine: Weak<Engine>,
    task: TaskId,
    /// Of the note that was told last.
    turn: u64,
    tell: Box<dyn FnMut(&Note) + Send>,
}

/// The thread that looks.
#[derive(Default)]
struct Ticker {
    listeners: Mutex<Vec<Listener>>,
    came: Condvar,
}

static TICKER: Ticker = Ticker { listeners: Mutex::new(Vec::new()), came: Condvar::new() };

impl Ticker {
    fn get() -> &'static Self {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            let started = std::thread::Builder::new().name("mp-progress".to_owned()).spawn(|| TICKER.run());
            if let Err(error) = started {
                crate::log::error!(%error, "no thread could be made for progress: its callbacks are not called");
            }
        });
        &TICKER
    }

    fn add(&self, listener: Listener) {
        self.listeners.lock().push(listener);
        self.came.notify_all();
    }

    fn run(&self) {
        loop {
            let mut listeners = self.listeners.lock();
            while listeners.is_empty() {
                self.came.wait(&mut listeners);
            }
            let mut mine = std::mem::take(&mut *listeners);
            drop(listeners);
            mine.retain_mut(Listener::look);
            let mut listeners = self.listeners.lock();
            listeners.append(&mut mine);
            // Nothing else wakes it: that is how seldom it looks.
            self.came.wait_for(&mut listeners, TICK);
        }
    }
}

impl Listener {
    /// `false` when there is nothing more to come.
    fn look(&mut self) -> bool {
        let goes_on = self.one.upgrade().is_some_and(|one| !one.is_ready());
        let Some(engine) = self.engine.upgrade() else { return false };
        let note = engine.notes(Some(self.task)).pop().filter(|note| note.turn != self.turn);
        drop(engine);
        let Some(note) = note.filter(|_| goes_on) else { return goes_on };
        self.turn = note.turn;
        let told = catch_unwind(AssertUnwindSafe(|| (self.tell)(&note)));
        if told.is_err() {
            crate::log::error!(task = self.task.0, "a callback for progress panicked");
        }
        // A payload whose drop panics would end the thread.
        told.map_err(std::mem::forget).is_ok()
    }
}
