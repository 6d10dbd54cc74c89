//! The thread that hears all workers of this process: their frames, their deaths, and the passing of time.
//!
//! Does **not** know what a frame says; it tells who listens. It never waits on a worker (I2): it reads what is
//! there, and sleeps only in one place, where everything can wake it.

use std::cell::Cell;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use mp_sys::poll::{Alarm, Poller};
use mp_wire::WorkerId;
use parking_lot::Mutex;

use crate::ear::Ear;

/// The token of the alarm; others are greater.
const ALARM: u64 = 0;

/// The reactor by which outcomes and deaths come.
const HEARS_WORKERS: &str = "mp-reactor";

static REACTOR: OnceLock<&'static Reactor> = OnceLock::new();

thread_local! {
    static HEARING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread hears workers just now. Then it must not wait for an outcome, or for the end of a worker: nobody else
/// would hear of it. It gets here by a caller's waker, or by what is dropped with one.
pub(crate) fn is_hearing() -> bool {
    HEARING.get()
}

/// What became readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A line: frames, or its end.
    Line,
    /// A pidfd: the process has ended.
    Exit,
}

/// Who is told.
pub(crate) trait Listener: Send + Sync {
    /// The line of `worker` has something to say.
    fn readable(&self, worker: WorkerId);
    /// The process of `worker` has ended.
    fn exited(&self, worker: WorkerId);
    /// The time has come.
    fn tick(&self);
    /// One of these has panicked. What it was about is in a state that nobody knows: nobody is to wait for more of it.
    fn give_up(&self) {}
}

pub(crate) struct Reactor {
    name: &'static str,
    poller: Poller,
    /// When the first timer is due. To set it wakes nobody.
    alarm: Alarm,
    /// Held by who reads lines: a line's frames must be taken in their order.
    hearing: Mutex<()>,
    ear: Ear,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    sources: HashMap<u64, (Arc<dyn Listener>, WorkerId, Source)>,
    timers: BinaryHeap<Timer>,
    /// To what the alarm is set.
    set: Option<Instant>,
}

/// What to remove when a worker is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registration(u64);

impl Reactor {
    /// The one of this process, started at first use. What fails for want of descriptors is tried again the next time.
    pub(crate) fn get() -> io::Result<&'static Self> {
        static LAUNCH: Mutex<()> = Mutex::new(());
        if let Some(reactor) = REACTOR.get() {
            return Ok(reactor);
        }
        let _one_at_a_time = LAUNCH.lock();
        match REACTOR.get() {
            Some(reactor) => Ok(reactor),
            None => Self::launch(HEARS_WORKERS).map(|reactor| *REACTOR.get_or_init(|| reactor)),
        }
    }

    /// One more, with a thread of this name, which lasts as long as the process.
    pub(crate) fn launch(name: &'static str) -> io::Result<&'static Self> {
        let (poller, alarm) = (Poller::new()?, Alarm::new()?);
        poller.add(&alarm, ALARM)?;
        let (hearing, ear, state) = (Mutex::default(), Ear::default(), Mutex::default());
        let reactor: &'static Self = Box::leak(Box::new(Self { name, poller, alarm, hearing, ear, state }));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || reactor.run())?;
        Ok(reactor)
    }

    /// Tells the listener from now on when `fd` is readable.
    pub(crate) fn add(
        &self,
        fd: BorrowedFd<'_>,
        (listener, worker, source): (Arc<dyn Listener>, WorkerId, Source),
    ) -> io::Result<Registration> {
        let mut state = self.state.lock();
        state.next += 1;
        let token = state.next;
        state.sources.insert(token, (listener, worker, source));
        drop(state);
        if let Err(error) = self.poller.add(fd, token) {
            self.state.lock().sources.remove(&token);
            return Err(error);
        }
        Ok(Registration(token))
    }

    /// No longer. To be called before `fd` is closed.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>, registration: Registration) {
        self.poller.remove(fd);
        let removed = self.state.lock().sources.remove(&registration.0);
        // The listener may end here, not under the lock.
        drop(removed);
    }

    /// Tells `listener` when it is `at`.
    pub(crate) fn wake_at(&self, at: Instant, listener: Weak<dyn Listener>) {
        let mut state = self.state.lock();
        state.timers.push(Timer { at, listener });
        if state.set.is_none_or(|set| at < set) {
            self.set_alarm(&mut state, Some(at));
        }
    }

    fn set_alarm(&self, state: &mut State, at: Option<Instant>) {
        state.set = at;
        self.alarm.set(at);
    }

    /// Hears what there is to be heard now, in the calling thread, unless another one does. Who waits for an outcome and is
    /// awake anyway need not be told of it by the reactor's thread, which would have to be woken for that first.
    pub(crate) fn lend_an_ear(&self) {
        let Some(_hearing) = self.hearing.try_lock() else { return };
        self.ear.lend();
        let mut ready = Vec::new();
        if self.poller.wait(Some(Duration::ZERO), &mut ready).is_ok() {
            ready.into_iter().for_each(|token| self.hear(token));
        }
    }

    /// The calling thread is about to sleep until it is told of something.
    pub(crate) fn expect_news() {
        if let Some(reactor) = REACTOR.get() {
            reactor.ear.give_back();
        }
    }

    fn run(&self) {
        let mut ready = Vec::new();
        loop {
            let next = self.next_timer();
            // While a caller hears all that comes, only time passes here.
            if !self.ear.rest(next.map(|at| at.saturating_duration_since(Instant::now()))) {
                self.listen(&mut ready);
            }
            self.pass_time();
        }
    }

    fn listen(&self, ready: &mut Vec<u64>) {
        if let Err(error) = self.poller.wait(None, ready) {
            crate::log::error!(%error, "waiting for workers failed");
        }
        let _hearing = self.hearing.lock();
        for token in ready.drain(..) {
            self.hear(token);
        }
    }

    fn pass_time(&self) {
        let due = self.due();
        let _hearing = (!due.is_empty()).then(|| self.hearing.lock());
        for listener in due {
            self.guarded(&*listener, || listener.tick());
            self.survives(|| drop(listener));
        }
    }

    /// A panic here is a mistake of ours, in one pool: that one is given up, and the others do not fall silent for it.
    pub(crate) fn guarded(&self, listener: &dyn Listener, serve: impl FnOnce()) {
        if self.survives(serve) {
            return;
        }
        crate::log::error!("hearing a worker panicked: its pool is ended");
        self.survives(|| listener.give_up());
    }

    /// Whether `body`, in which workers are heard, or what hears them is dropped, came to its end.
    fn survives(&self, body: impl FnOnce()) -> bool {
        let before = HEARING.replace(self.name == HEARS_WORKERS);
        let ended = catch_unwind(AssertUnwindSafe(body)).map_err(std::mem::forget).is_ok();
        HEARING.set(before);
        ended
    }

    fn hear(&self, token: u64) {
        let Some((listener, worker, source)) = self.state.lock().sources.get(&token).cloned() else { return };
        self.guarded(&*listener, || match source {
            Source::Line => listener.readable(worker),
            Source::Exit => listener.exited(worker),
        });
        self.survives(|| drop(listener));
    }

    /// When to wake up, at the latest, to which the alarm is set. Those whose listener has gone are forgotten: a pool that has
    /// ended leaves the deadlines of its start behind, and nobody is to be woken for them.
    fn next_timer(&self) -> Option<Instant> {
        let mut state = self.state.lock();
        while state.timers.peek().is_some_and(|timer| timer.listener.strong_count() == 0) {
            state.timers.pop();
        }
        let next = state.timers.peek().map(|timer| timer.at);
        if state.set != next {
            self.set_alarm(&mut state, next);
        }
        next
    }

    fn due(&self) -> Vec<Arc<dyn Listener>> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let mut due = Vec::new();
        while state.timers.peek().is_some_and(|timer| timer.at <= now) {
            due.extend(state.timers.pop().and_then(|timer| timer.listener.upgrade()));
        }
        due
    }
}

/// Ordered so that the earliest is the greatest: a `BinaryHeap` gives the greatest first.
struct Timer {
    at: Instant,
    listener: Weak<dyn Listener>,
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Timer {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::sync::mpsc::{Sender, channel};

    /// Panics at all that it hears, and says that it was given up.
    struct Clumsy(Mutex<Sender<&'static str>>);

    impl Listener for Clumsy {
        fn readable(&self, _: WorkerId) {
            panic!("a mistake");
        }
        fn exited(&self, _: WorkerId) {}
        fn tick(&self) {
            self.0.lock().send("heard the time").expect("somebody waits");
        }
        fn give_up(&self) {
            self.0.lock().send("was given up").expect("somebody waits");
        }
    }

    #[test]
    fn who_panics_is_given_up_and_the_thread_goes_on() {
        const SOON: Duration = Duration::from_secs(100);
        let reactor = Reactor::launch("mp-clumsy").expect("a thread");
        let (sender, said) = channel();
        let clumsy: Arc<dyn Listener> = Arc::new(Clumsy(Mutex::new(sender)));
        let (here, there) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let worker = WorkerId { slot: 0, generation: 1 };
        let registration = reactor.add(here.as_fd(), (Arc::clone(&clumsy), worker, Source::Line)).expect("added");
        drop(there);
        assert_eq!(said.recv_timeout(SOON), Ok("was given up"));
        reactor.remove(here.as_fd(), registration);
        reactor.wake_at(Instant::now(), Arc::downgrade(&clumsy));
        while said.recv_timeout(SOON).expect("the thread is there") != "heard the time" {}
    }
}
