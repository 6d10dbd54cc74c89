//! Where workers run, and before whom: asked of the system, in the workers themselves.

use std::time::Duration;

use mp::{Backend, Failure};

use crate::common::{Bench, bench, works};

/// Of the calling thread: on which processors it may run, and how nice it is.
fn seat(_: u32) -> (Vec<u32>, i32) {
    let pid = nix::unistd::gettid();
    let stat = std::fs::read_to_string(format!("/proc/self/task/{pid}/stat")).unwrap_or_default();
    // Behind the name, which may hold spaces: the 19th field of proc(5) is the 17th of these.
    let nice = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(16)?.parse().ok());
    (mp_sys::seat::cpus().unwrap_or_default(), nice.unwrap_or(i32::MIN))
}

fn each_backend(name: &str, body: impl Fn(&Bench)) {
    for backend in [Backend::Processes, Backend::Threads] {
        bench(name, backend, &body);
    }
}

#[test]
fn workers_run_where_they_are_told_and_are_as_nice() {
    each_backend("seats", |bench| {
        let (all, nice) = seat(0);
        let pool = bench.build(bench.builder().workers(1).nice(4).pin_workers_to([vec![all[0]]]));
        assert_eq!(pool.map(seat, 0..9), Ok(vec![(vec![all[0]], (nice + 4).min(19)); 9]));
        // What the task starts is where it is.
        let started = pool.apply(|| std::thread::spawn(|| seat(0)).join().ok(), ());
        assert_eq!(started, Ok(Some((vec![all[0]], (nice + 4).min(19)))));
        assert_eq!(seat(0), (all, nice), "this thread is as it was");
    });
}

#[test]
fn pinned_workers_take_turns_and_those_that_replace_others_sit_where_they_sat() {
    bench("seats-turns", Backend::Processes, |bench| {
        let (all, _) = seat(0);
        let pool = bench.build(bench.builder().workers(3).max_tasks_per_worker(2).pin_workers(true));
        let ask = |n: u32| (mp::current_worker().map(|worker| worker.id), seat(n).0);
        for (slot, cpus) in pool.mapping(ask).chunk_size(1).map(0..30).expect("values") {
            let turn = slot.expect("a worker") as usize % all.len();
            assert_eq!(cpus, [all[turn]]);
        }
    });
}

#[test]
fn without_a_word_they_run_as_this_process_does() {
    each_backend("seats-none", |bench| {
        assert_eq!(bench.pool(2).map(seat, 0..4), Ok(vec![seat(0); 4]));
    });
}

#[test]
fn threads_within_workers_are_limited_where_nothing_else_was_said() {
    bench("seats-inner", Backend::Processes, |bench| {
        let read = |name: String| std::env::var(name).ok();
        let ask = |pool: &mp::Pool| pool.map(read, ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"].map(str::to_owned));
        let some = |threads: usize| Some(threads.to_string());
        let own = |name: &str| std::env::var(name).ok();
        let expected = |threads: Option<String>| {
            Ok(["RAYON_NUM_THREADS", "OMP_NUM_THREADS"].map(|name| own(name).or(threads.clone())).to_vec())
        };
        assert_eq!(ask(&bench.build(bench.builder().workers(1).inner_threads(3))), expected(some(3)));
        let share = (mp::cpu_count() / 2).max(1);
        assert_eq!(ask(&bench.build(bench.builder().workers(2))), expected(some(share)));
        assert_eq!(ask(&bench.build(bench.builder().workers(2).inner_threads(None))), expected(None));
        assert_eq!(ask(&bench.build(bench.builder().workers(1))), expected(None));
        let error = bench.builder().inner_threads(0).build().expect_err("none");
        assert!(error.to_string().contains("at least 1 thread"), "{error}");
    });
}

#[test]
fn a_processor_that_is_not_there_is_refused() {
    for backend in [Backend::Processes, Backend::Threads] {
        bench("seats-refused", backend, |bench| {
            let refused = |sets: Vec<Vec<u32>>| bench.builder().pin_workers_to(sets).build().expect_err("refused");
            assert!(refused(vec![vec![0], vec![99_999]]).to_string().contains("processor 99999"));
            assert!(refused(vec![]).to_string().contains("at least 1"));
            assert!(refused(vec![vec![]]).to_string().contains("at least 1"));
        });
    }
}

#[test]
fn who_may_not_be_less_nice_stops_the_pool_with_the_reason() {
    bench("seats-greedy", Backend::Processes, |bench| {
        let builder = bench.builder().workers(1).nice(-3).restart_limit(1, Duration::from_secs(600));
        let pool = bench.build(builder);
        match pool.apply(seat, (0,)) {
            // With the privilege it is as was asked for.
            Ok((_, nice)) => assert_eq!(nice, (seat(0).1 - 3).max(-20)),
            Err(Failure::Stopped { reason, .. }) => assert!(reason.contains("nicer by -3"), "{reason}"),
            Err(other) => panic!("{other}"),
        }
    });
}

#[test]
fn the_calling_thread_stays_as_it_is() {
    bench("seats-serial", Backend::Serial, |bench| {
        let before = seat(0);
        let pool = bench.build(bench.builder().nice(5).pin_workers(true));
        assert_eq!(pool.apply(seat, (0,)), Ok(before));
        works(&pool);
    });
}
