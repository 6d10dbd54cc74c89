//! Where a pool's time went: what each worker did with it, and which tasks ran longest.

use std::time::{Duration, Instant};

use mp::{Backend, Failure, Insights, Queue, WorkerInsights};
use nix::sys::signal::{Signal, raise};

use crate::common::{Bench, bench, works};

const MS: Duration = Duration::from_millis(1);

fn sleeps(ms: u64) -> u64 {
    // sleep: so that there is a time to be measured.
    std::thread::sleep(MS * ms as u32);
    ms
}

fn rests(ms: u64) {
    sleeps(ms);
}

fn each_backend(name: &str, body: impl Fn(&Bench)) {
    for backend in [Backend::Processes, Backend::Threads, Backend::Serial] {
        bench(name, backend, &body);
    }
}

fn sum<T: std::iter::Sum>(insights: &Insights, of: impl Fn(&WorkerInsights) -> T) -> T {
    insights.workers.iter().map(of).sum()
}

#[test]
fn nobody_keeps_books_unless_that_was_wanted() {
    each_backend("insights-off", |bench| {
        let pool = bench.pool(1);
        works(&pool);
        assert!(pool.insights().is_none());
    });
}

#[test]
fn every_time_of_a_worker_is_told_and_which_tasks_were_slow() {
    each_backend("insights", |bench| {
        let began = Instant::now();
        let builder = bench.builder().workers(2).insights(true);
        let pool = bench.build(builder.initializer(rests, (30,)).finalizer(rests, (20,)));
        // Each worker has one of these, however late it comes.
        let of_all = pool.broadcast(sleeps, (1,)).expect("accepted").get().expect("values").len();
        let items: Vec<_> = (1..=20).map(|n| n * 7 % 20 + 1).collect();
        pool.mapping(sleeps).chunk_size(1).map(items).expect("values");
        assert_eq!(pool.task(sleeps, (900,)).name("long").submit().expect("accepted").get(), Ok(900));
        let meanwhile = pool.insights().expect("books");
        assert_eq!(sum(&meanwhile, |worker| worker.tasks), 21 + of_all as u64);
        pool.join().expect("all was well");
        let all = pool.insights().expect("books");
        let serial = bench.backend == Backend::Serial;
        assert_eq!((all.workers.len(), all.workers[0].started), (if serial { 1 } else { 2 }, 1));
        for worker in &all.workers {
            // On a machine that is busy its first word may be heard late.
            let ready = worker.start_up + worker.init;
            assert!(
                ready >= 30 * MS && worker.init > Duration::ZERO && (serial || worker.exit >= 20 * MS),
                "{worker:?}"
            );
            assert!(worker.run <= worker.work && worker.tasks > 0, "{worker:?}");
            assert!(serial || worker.start_up > Duration::ZERO, "{worker:?}");
            let whole = worker.start_up + worker.init + worker.wait + worker.work + worker.exit;
            assert!(whole <= began.elapsed(), "{worker:?}");
        }
        assert!(sum(&all, |worker| worker.run) >= 1110 * MS, "{all}");
        // The long one is the first of them, unless the machine had another one take as long.
        let (long, others): (Vec<_>, Vec<_>) = all.slowest.iter().partition(|slow| slow.name == "long");
        assert!(all.slowest.is_sorted_by(|one, next| one.run >= next.run), "{all}");
        assert!(matches!(&long[..], [one] if one.args.as_deref() == Some("(900)") && one.run >= 900 * MS), "{all}");
        assert!(others.len() == 9 && others.iter().all(|slow| slow.name.ends_with("::sleeps")), "{all}");
        assert!(all.slowest.iter().all(|slow| slow.args.is_some() && slow.args_bytes > 0), "{all}");
        assert!(all.slowest.iter().all(|slow| slow.run >= 8 * MS), "{all}");
        assert_eq!(all.to_string().lines().count(), if serial { 13 } else { 15 });
    });
}

#[test]
fn a_slot_has_the_times_of_all_who_worked_in_it() {
    bench("insights-deaths", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).insights(true));
        for _ in 0..3 {
            assert_eq!(pool.apply(sleeps, (5,)), Ok(5));
            let lost = pool.apply(|| raise(Signal::SIGKILL).is_ok(), ());
            assert!(matches!(lost, Err(Failure::Lost { .. })), "{lost:?}");
        }
        works(&pool);
        let all = pool.insights().expect("books");
        let [one] = &all.workers[..] else { panic!("{all}") };
        assert_eq!((one.started, one.tasks, one.pid), (4, 4, pool.worker_pids().first().copied()));
        assert!(one.run >= 15 * MS && one.start_up > Duration::ZERO, "{all}");
        assert_eq!(all.slowest.len(), 4);
    });
}

#[test]
fn arguments_that_cannot_be_shown_are_told_by_their_size() {
    each_backend("insights-args", |bench| {
        let pool = bench.build(bench.builder().workers(1).insights(true));
        let queue = Queue::<u32>::new().expect("a queue");
        pool.apply(|_: Queue<u32>| (), (queue,)).expect("a value");
        pool.apply(|bytes: Vec<u8>| bytes.len(), (vec![1; 100_000],)).expect("a value");
        pool.apply(|text: String| text.len(), ("x".repeat(1000),)).expect("a value");
        pool.broadcast(|a: u8, b: String| (a, b), (1, "two".to_owned())).expect("accepted").get().expect("values");
        let mut all = pool.insights().expect("books").slowest;
        all.sort_by_key(|slow| slow.task);
        let [queue, large, long, told] = &all[..] else { panic!("{all:?}") };
        assert_eq!((&queue.args, queue.args_bytes > 0), (&None, true), "{queue}");
        assert_eq!((&large.args, large.args_bytes >= 100_000), (&None, true), "{large}");
        assert!(long.args.as_deref().is_some_and(|args| args.starts_with("(\"xxx") && args.ends_with('…')), "{long}");
        assert_eq!(told.args.as_deref(), Some("(1,\"two\")"));
    });
}

#[test]
fn many_small_tasks_are_all_in_the_books() {
    each_backend("insights-many", |bench| {
        let pool = bench.build(bench.builder().workers(2).insights(true));
        let handles: Vec<_> = (0..500).map(|n: u64| pool.apply_async(|n: u64| n, (n,)).expect("accepted")).collect();
        pool.map(|n: u64| n, 0..5000).expect("values");
        assert!(handles.into_iter().all(|handle| handle.get().is_ok()));
        let all = pool.insights().expect("books");
        assert_eq!((sum(&all, |worker| worker.tasks), all.slowest.len()), (5500, 10));
        assert!(all.slowest.is_sorted_by(|one, next| one.run >= next.run));
    });
}
