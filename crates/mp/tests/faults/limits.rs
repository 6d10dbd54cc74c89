//! Time limits and cancelling: only who is late is ended, and it is ended.

use std::future::Future;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::time::{Duration, Instant};

use mp::{Backend, Failure, Queue};
use nix::sys::signal::{SigSet, Signal};

use crate::common::{bench, eventually, found, works};
use crate::tasks::{LONG, hang, lost_by, queue, signal, spin, spin_for_ever, square, state_of, wait_at};

/// Long enough for a plain task, on a busy machine as well.
const LIMIT: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_millis(300);

type LateTask = fn(&mp::Pool) -> Result<(), Failure>;

fn blocked_in_a_system_call() {
    let (reading, _writing) = nix::unistd::pipe().expect("a pipe");
    let _ = nix::unistd::read(&reading, &mut [0]);
}

fn deaf_to_sigterm() {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.thread_block().expect("blocked");
    spin_for_ever()
}

fn asleep() {
    std::thread::park();
    spin_for_ever()
}

#[test]
fn whatever_a_task_does_it_ends_in_time() {
    bench("late", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(2).timeout(LIMIT).grace(GRACE));
        let tasks: [(&str, LateTask); 4] = [
            ("spins", |pool| pool.apply(spin, ())),
            ("sleeps", |pool| pool.apply(asleep, ())),
            ("is blocked in a system call", |pool| pool.apply(blocked_in_a_system_call, ())),
            ("ignores SIGTERM", |pool| pool.apply(deaf_to_sigterm, ())),
        ];
        for (what, task) in tasks {
            let start = Instant::now();
            let outcome = task(&pool);
            assert!(matches!(outcome, Err(Failure::TimedOut { after, .. }) if after == LIMIT), "{what}: {outcome:?}");
            let took = start.elapsed();
            // How soon exactly, is looked at below. Otherwise it takes for ever.
            assert!(took >= LIMIT && took < LONG / 10, "{what}: {took:?}");
            works(&pool);
        }
        assert_eq!(pool.stats().failed, 4);
    });
}

/// How late a thread that does nothing else is woken here, at worst, while `body` runs.
fn lateness<T>(body: impl FnOnce() -> T) -> (T, Duration) {
    let (running, over) = channel::<()>();
    std::thread::scope(|scope| {
        let metronome = scope.spawn(move || {
            let (beat, mut worst) = (Duration::from_millis(1), Duration::ZERO);
            let mut start = Instant::now();
            while over.recv_timeout(beat) == Err(RecvTimeoutError::Timeout) {
                worst = worst.max(start.elapsed().saturating_sub(beat));
                start = Instant::now();
            }
            worst
        });
        let value = body();
        drop(running);
        (value, metronome.join().expect("no panic"))
    })
}

/// What is promised: the limit, the grace, and 50 ms. The machine may be busy with others: of some tries the best counts, and
/// what anybody has to wait for a processor meanwhile is no fault of the pool. (The time itself: `cargo bench --bench deaths`.)
#[test]
fn a_spinning_task_that_ignores_sigterm_ends_50_ms_after_its_grace() {
    bench("50_ms", Backend::Processes, |bench| {
        fn deaf_for_10_s() {
            let mut set = SigSet::empty();
            set.add(Signal::SIGTERM);
            set.thread_block().expect("blocked");
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(10) {
                std::hint::spin_loop();
            }
        }
        let limit = Duration::from_millis(100);
        for workers in [1, 2, 5, 13] {
            let pool = bench.build(bench.builder().workers(workers).grace(GRACE));
            let deaf = || pool.task(deaf_for_10_s, ()).timeout(limit).submit().expect("accepted").get();
            let attempt = || {
                // Its clock runs from when it begins, so the worker is to be there.
                works(&pool);
                let start = Instant::now();
                let (outcome, late) = lateness(deaf);
                let took = start.elapsed();
                assert!(matches!(outcome, Err(Failure::TimedOut { after, .. }) if after == limit), "{outcome:?}");
                assert!(took >= limit + GRACE, "{took:?}");
                // Woken for the limit, for the grace, for the death.
                took.saturating_sub(3 * late)
            };
            let in_time = |took: &Duration| *took < limit + GRACE + Duration::from_millis(50);
            let tries: Vec<_> = (0..5).map(|_| attempt()).take_while(|took| !in_time(took)).collect();
            assert!(tries.len() < 5, "{tries:?}");
        }
    });
}

#[test]
fn of_a_hundred_only_the_late_ones_are_ended() {
    bench("some_late", Backend::Processes, |bench| {
        fn hang_at_tens(n: u64) -> u64 {
            if n % 20 == 7 { hang() } else { square(n) }
        }
        for workers in [1, 2, 5, 13] {
            let pool = bench.build(bench.builder().workers(workers).timeout(LIMIT).grace(GRACE));
            for (n, outcome) in (0..).zip(pool.map_outcomes(hang_at_tens, 0..100)) {
                let late = matches!(outcome, Err(Failure::TimedOut { .. }));
                assert!(if n % 20 == 7 { late } else { outcome == Ok(square(n)) }, "item {n}: {outcome:?}");
            }
            works(&pool);
        }
    });
}

/// Six tasks of a fifth of the limit on one worker: the last waits for as long as its limit, and is not late.
#[test]
fn the_clock_does_not_run_while_a_task_waits() {
    bench("queued", Backend::Processes, |bench| {
        fn a_fifth() {
            // sleep: for a task that takes a while, and leaves the processor to others.
            std::thread::sleep(Duration::from_millis(800));
        }
        let pool = bench.build(bench.builder().workers(1).timeout(Duration::from_secs(4)));
        let handles: Vec<_> = (0..6).map(|_| pool.apply_async(a_fifth, ()).expect("accepted")).collect();
        for handle in handles {
            assert_eq!(handle.get(), Ok(()));
        }
        assert_eq!(pool.map(|_: u8| a_fifth(), 0..6), Ok(vec![(); 6]), "in one batch");
    });
}

/// The worker begins late, so the first look at its clock is too early. What was behind the late task is taken back at
/// that look, and sent anew: once that overwrote the claim of the late task, which then ran for ever.
#[test]
fn a_look_that_comes_too_early_is_not_the_last() {
    bench("early_look", Backend::Processes, |bench| {
        fn hang_at_zero(n: u64) -> u64 {
            if n == 0 { hang() } else { square(n) }
        }
        for workers in [1, 2] {
            let pool = bench.build(bench.builder().workers(workers).timeout(3 * LIMIT).grace(GRACE));
            works(&pool);
            let pids = pool.worker_pids();
            pids.iter().for_each(|pid| signal(*pid, Signal::SIGSTOP));
            eventually("they are stopped", || pids.iter().all(|pid| state_of(*pid) == Some('T')));
            let handle = pool.map_async(hang_at_zero, 0..200).expect("accepted");
            let stopped_at = Instant::now();
            eventually("a part of the limit has passed", || stopped_at.elapsed() > LIMIT);
            pids.iter().for_each(|pid| signal(*pid, Signal::SIGCONT));
            for (n, outcome) in (0..).zip(handle.outcomes()) {
                let late = matches!(outcome, Err(Failure::TimedOut { .. }));
                assert!(if n == 0 { late } else { outcome == Ok(square(n)) }, "item {n}: {outcome:?}");
            }
            works(&pool);
        }
    });
}

/// An idle worker takes back what waits behind a long task, again and again; what is sent to the busy one in its place
/// must neither be forgotten nor fill its line, where a send would wait for it with the pool locked.
#[test]
fn work_stolen_from_behind_a_long_task_is_not_lost() {
    bench("stolen", Backend::Processes, |bench| {
        fn weigh(bytes: serde_bytes::ByteBuf) -> usize {
            bytes.len()
        }
        for workers in [2, 5] {
            let pool = bench.pool(workers);
            let (gate, started) = (queue(), queue());
            let long = pool.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
            started.get_timeout(LONG).expect("it runs");
            for round in 0..40 {
                let items = (0..20).map(|n| serde_bytes::ByteBuf::from(vec![0; 30_000 + n]));
                let sizes = pool.map(weigh, items);
                assert_eq!(sizes, Ok((30_000..30_020).collect::<Vec<_>>()), "round {round}");
            }
            assert!(!long.is_ready());
            gate.put(5).expect("put");
            assert_eq!(long.get(), Ok(5));
            works(&pool);
        }
    });
}

/// The running one of a batch is cancelled: what was behind it runs elsewhere, and the worker is replaced.
#[test]
fn cancel_queued_running_and_finished() {
    bench("cancel", Backend::Processes, |bench| {
        for workers in [1, 2, 5, 13] {
            let pool = bench.pool(workers);
            let (gate, started): (Queue<u64>, Queue<u32>) = (queue(), queue());
            let submit = |_| pool.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
            let running: Vec<_> = (0..workers).map(submit).collect();
            let pids: Vec<_> = (0..workers).map(|_| started.get_timeout(LONG).expect("it runs")).collect();
            let queued: Vec<_> = (0..50).map(|n| pool.apply_async(square, (n,)).expect("accepted")).collect();
            queued.iter().step_by(2).for_each(|handle| assert!(handle.cancel(), "queued"));
            queued.iter().step_by(2).for_each(|handle| assert!(!handle.cancel(), "twice"));
            running
                .iter()
                .for_each(|handle| assert!(handle.cancel() && (handle.cancel() || handle.is_ready()), "running"));
            for handle in running {
                assert_eq!(handle.get(), Err(Failure::Cancelled));
            }
            for (n, handle) in (0..).zip(queued) {
                let expected = if n % 2 == 0 { Err(Failure::Cancelled) } else { Ok(square(n)) };
                assert_eq!(handle.get(), expected, "item {n}");
            }
            works(&pool);
            assert!(pool.worker_pids().iter().all(|pid| !pids.contains(pid)), "each was replaced");
            assert_eq!(pool.stats().deaths, 0, "and none of it is called a crash");
        }
    });
}

/// What a late task had started ends with it, also who has left its process group, or its session.
#[test]
fn the_children_of_a_late_task_end_as_well() {
    bench("grandchildren", Backend::Processes, |bench| {
        #[expect(clippy::disallowed_methods, reason = "a task's own child, which is to be left behind")]
        fn with_a_child(how: u32, started: Queue<u32>) {
            let mut command = std::process::Command::new(if how == 2 { "setsid" } else { "sleep" });
            match how {
                0 => &mut command,
                1 => std::os::unix::process::CommandExt::process_group(&mut command, 0),
                _ => command.arg("sleep"),
            };
            let mut child = command.arg("1000").spawn().expect("sleep");
            started.put(child.id()).expect("said");
            child.wait().expect("it does not end");
        }
        for (workers, how) in [1, 2, 5, 13].into_iter().flat_map(|workers| [0, 1, 2].map(|how| (workers, how))) {
            let pool = bench.build(bench.builder().workers(workers).timeout(LIMIT).grace(GRACE));
            let started = queue();
            // On a busy machine a task may be late before it has started anybody.
            let child = found("a late task with a child", || {
                let outcome = pool.apply(with_a_child, (how, started.clone()));
                assert!(matches!(outcome, Err(Failure::TimedOut { .. })), "{outcome:?}");
                started.try_get().ok()
            });
            eventually("the grandchild is gone", || matches!(state_of(child), None | Some('Z' | 'X')));
            works(&pool);
        }
    });
}

/// Holds up whoever wakes it, which is the thread that hears all workers, until it is let go.
struct Holdup(Mutex<Receiver<()>>);

impl Wake for Holdup {
    fn wake(self: Arc<Self>) {
        let held = self.0.lock().expect("no panic under it");
        let _ = held.recv_timeout(LONG);
    }
}

/// Hearing was behind by more than a limit: who had died in time, or finished in time, was called late.
#[test]
fn who_was_heard_late_is_not_late() {
    bench("heard_late", Backend::Processes, |bench| {
        fn at_the_gate(gate: Queue<bool>, started: Queue<u32>) -> u64 {
            started.put(std::process::id()).expect("said");
            if gate.get_timeout(LONG).expect("let through") { std::process::abort() } else { 7 }
        }
        for dies in [true, false] {
            // Another pool of this process is to keep the thread that hears, by the death of its worker.
            let other = bench.pool(1);
            let (let_go, held) = std::sync::mpsc::channel();
            let waker = Arc::new(Holdup(Mutex::new(held))).into();
            let (gate, started) = (queue(), queue());
            let mut holdup = Box::pin(other.apply_async(wait_at, (queue(), started.clone())).expect("accepted"));
            assert!(holdup.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            let victim = started.get_timeout(LONG).expect("it runs");
            let limited = bench.build(bench.builder().workers(1).timeout(3 * LIMIT).grace(GRACE));
            works(&limited);
            let task = limited.apply_async(at_the_gate, (gate.clone(), started.clone())).expect("accepted");
            let (pid, began) = (started.get_timeout(LONG).expect("it runs"), Instant::now());
            signal(victim, Signal::SIGKILL);
            eventually("it is held up", || Arc::strong_count(&other) == 1 && other.stats().failed == 1);
            gate.put(dies).expect("put");
            let over = if dies { 'Z' } else { 'S' };
            eventually("it is over", || state_of(pid) == Some(over) && gate.is_empty());
            eventually("its limit has passed", || began.elapsed() > 3 * LIMIT);
            let_go.send(()).expect("it is held up");
            let outcome = task.get();
            assert!(if dies { lost_by(&outcome, Signal::SIGABRT) } else { outcome == Ok(7) }, "{outcome:?}");
        }
    });
}
