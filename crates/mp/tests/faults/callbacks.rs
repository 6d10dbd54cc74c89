//! Callers' code that runs when something has come, and does to its pool what it likes: drops it, ends it, waits for it.
//!
//! The grace is longer than any of it may take: who waited for something that only he could bring would wait that long.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use mp::{Backend, Failure, Pool, Queue, SubmitError, TaskHandle};

use crate::common::{Bench, bench, bench_by, works};
use crate::tasks::{LONG, queue, spin, square, wait_at};

/// What anything here takes, and much less than the grace.
const SOON: Duration = Duration::from_secs(100);
const GRACE: Duration = Duration::from_secs(600);

fn on_processes_and_threads(name: &str, body: impl Fn(&Bench)) {
    bench(name, Backend::Processes, &body);
    bench(name, Backend::Threads, body);
}

fn pool(bench: &Bench) -> Arc<Pool> {
    let grace = if bench.backend == Backend::Threads { Duration::from_millis(100) } else { GRACE };
    bench.build(bench.builder().workers(2).grace(grace))
}

#[test]
fn a_callback_drops_its_pool() {
    on_processes_and_threads("callback_drops", |bench| {
        let (mine, other) = (pool(bench), pool(bench));
        let gate: Queue<u64> = queue();
        let started = queue();
        let held = mine.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
        started.get_timeout(LONG).expect("it runs");
        let waits = mine.apply_async(square, (2,)).expect("accepted");
        let (done, heard) = channel();
        // The callback has the last of it.
        waits.on_done(move |outcome| {
            let before = Instant::now();
            drop(mine);
            done.send((outcome, before.elapsed())).expect("heard");
        });
        let (outcome, took) = heard.recv_timeout(LONG).expect("called");
        assert_eq!(outcome, Ok(4));
        assert!(took < SOON, "{took:?}");
        assert!(matches!(held.get(), Err(Failure::Stopped { .. })));
        works(&other);
        // A thread that was left behind can end.
        gate.put(0).expect("put");
    });
}

#[test]
fn a_callback_submits_joins_and_terminates() {
    on_processes_and_threads("callback_ends", |bench| {
        let (mine, other) = (pool(bench), pool(bench));
        let (done, heard) = channel();
        let theirs = Arc::clone(&mine);
        mine.apply_async(square, (2,)).expect("accepted").on_done(move |four| {
            let sixteen = theirs.apply(square, (four.expect("a value"),));
            let joined = theirs.join();
            theirs.terminate();
            let late = theirs.apply_async(square, (1,));
            done.send((sixteen, joined.is_ok(), matches!(late, Err(SubmitError::Closed(_))))).expect("heard");
        });
        assert_eq!(heard.recv_timeout(LONG).expect("called"), (Ok(16), true, true));
        works(&other);
    });
}

#[test]
fn a_callback_terminates_while_another_task_spins() {
    bench("callback_terminates", Backend::Processes, |bench| {
        let (mine, other) = (pool(bench), pool(bench));
        let spinning = mine.apply_async(spin, ()).expect("accepted");
        let theirs = Arc::clone(&mine);
        let (done, heard) = channel();
        mine.apply_async(square, (2,)).expect("accepted").on_done(move |_| {
            theirs.terminate();
            done.send(theirs.join().is_ok()).expect("heard");
        });
        assert!(heard.recv_timeout(LONG).expect("called"));
        assert!(matches!(spinning.get(), Err(Failure::Stopped { .. })));
        works(&other);
    });
}

/// Does something once, in the thread that has the outcome.
struct Once<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send + 'static> Wake for Once<F> {
    fn wake(self: Arc<Self>) {
        if let Some(act) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            act();
        }
    }
}

fn when_done(handle: &mut TaskHandle<u64>, act: impl FnOnce() + Send + 'static) {
    let waker = Waker::from(Arc::new(Once(Mutex::new(Some(act)))));
    assert!(Pin::new(handle).poll(&mut Context::from_waker(&waker)).is_pending(), "it is held");
}

/// A task that is held in `pool`, and how to let it go.
fn held(pool: &Pool) -> (TaskHandle<u64>, Queue<u64>) {
    let (gate, started) = (queue(), queue());
    let handle = pool.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
    started.get_timeout(LONG).expect("it runs");
    (handle, gate)
}

/// A future that holds its pool, dropped by its executor while it is woken: the thread that hears all workers waited for
/// workers of whose end only it could hear, for as long as the grace was.
#[test]
fn a_waker_that_drops_a_pool_stalls_nobody() {
    on_processes_and_threads("waker_drops", |bench| {
        let (mine, other) = (pool(bench), pool(bench));
        let (mut first, gate) = held(&mine);
        let (second, second_gate) = held(&mine);
        let (done, heard) = channel();
        when_done(&mut first, move || {
            drop(mine);
            done.send(Instant::now()).expect("heard");
        });
        let before = Instant::now();
        gate.put(7).expect("put");
        heard.recv_timeout(LONG).expect("woken");
        assert!(matches!(second.get(), Err(Failure::Stopped { .. })));
        works(&other);
        assert!(before.elapsed() < SOON, "{:?}", before.elapsed());
        assert_eq!(first.get(), Ok(7));
        second_gate.put(0).expect("put");
    });
}

fn waits_for(other: TaskHandle<u64>, pool: Arc<Pool>, done: Sender<(Result<u64, Failure>, bool)>) {
    let outcome = other.get();
    done.send((outcome, pool.join().is_ok())).expect("heard");
}

/// It would wait for what only its own thread can bring.
#[test]
fn a_waker_that_waits_is_refused() {
    on_processes_and_threads("waker_waits", |bench| {
        let (mine, other) = (pool(bench), pool(bench));
        let (mut first, gate) = held(&mine);
        let (second, second_gate) = held(&mine);
        let (done, heard) = channel();
        let theirs = Arc::clone(&mine);
        when_done(&mut first, move || waits_for(second, theirs, done));
        gate.put(7).expect("put");
        let (outcome, joined) = heard.recv_timeout(LONG).expect("woken");
        assert!(matches!(&outcome, Err(Failure::Stopped { reason, .. }) if reason.contains("waker")), "{outcome:?}");
        assert!(!joined);
        works(&other);
        assert_eq!(first.get(), Ok(7));
        second_gate.put(0).expect("put");
        mine.join().expect("a clean end");
    });
}

#[test]
fn a_callback_for_output_drops_its_pool() {
    bench("output_drops", Backend::Processes, |bench| {
        let place: Arc<Mutex<Option<Arc<Pool>>>> = Arc::default();
        let (theirs, (done, heard)) = (Arc::clone(&place), channel());
        let done = Mutex::new(done);
        let callback = move |_| {
            let before = Instant::now();
            drop(theirs.lock().expect("no panic under it").take());
            done.lock().expect("no panic under it").send(before.elapsed()).expect("heard");
        };
        let mine = bench.build(bench.builder().workers(2).grace(GRACE).on_output(callback));
        let (held, _gate) = held(&mine);
        // The callback waits until there is something to drop.
        let mut own = place.lock().expect("no panic under it");
        let speaks = mine.apply_async(|| eprintln!("the end"), ()).expect("accepted");
        *own = Some(mine);
        drop(own);
        let took = heard.recv_timeout(LONG).expect("called");
        assert!(took < SOON, "{took:?}");
        assert!(matches!(held.get(), Err(Failure::Stopped { .. })));
        // It may have had its value before.
        assert!(matches!(speaks.get(), Ok(()) | Err(Failure::Stopped { .. })));
    });
}

static OWN: Mutex<Option<Arc<Pool>>> = Mutex::new(None);

fn drop_own_pool() -> u64 {
    let own = OWN.lock().expect("no panic under it").take();
    drop(own);
    7
}

/// A thread of a pool that ends its own pool.
#[test]
fn a_task_drops_its_own_pool() {
    bench_by(mp::StartMethod::Spawn, "task_drops", Backend::Threads, |bench| {
        let mine = pool(bench);
        let before = Instant::now();
        let mut own = OWN.lock().expect("no panic under it");
        let handle = mine.apply_async(drop_own_pool, ()).expect("accepted");
        *own = Some(mine);
        drop(own);
        assert!(matches!(handle.get(), Ok(7) | Err(Failure::Stopped { .. })));
        assert!(before.elapsed() < SOON, "{:?}", before.elapsed());
    });
}
