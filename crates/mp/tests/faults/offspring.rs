//! What a worker had started when it dies by itself: its process group ends with it. For a worker that is ended, see `limits.rs`.
//!
//! Who has left the group is not found: when the death is seen, the kernel has already given the children to init, and
//! nothing that is left says whose they were.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use mp::{Backend, Failure, Queue};
use nix::sys::signal::{Signal, raise};

use crate::common::{bench, eventually, found, works};
use crate::tasks::{LONG, lost_by, queue, signal, state_of};

#[expect(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a task's own child, which is to be left behind"
)]
fn start_and_die(command: &mut Command, how: u32, started: &Queue<u32>) {
    let child = command.arg("1000").spawn().expect("started");
    started.put(child.id()).expect("said");
    match how {
        0 => raise(Signal::SIGKILL).expect("raised"),
        1 => std::process::abort(),
        _ => std::process::exit(0),
    }
}

#[expect(clippy::disallowed_methods, reason = "a task's own child, which is to be left behind")]
fn with_a_child(how: u32, started: Queue<u32>) {
    start_and_die(&mut Command::new("sleep"), how, &started);
}

#[expect(clippy::disallowed_methods, reason = "a task's own child, which is to be left behind")]
fn with_a_stranger(how: u32, started: Queue<u32>) {
    start_and_die(Command::new("sleep").process_group(0), how, &started);
}

#[test]
fn the_children_of_a_worker_that_dies_end_as_well() {
    bench("offspring", Backend::Processes, |bench| {
        for (workers, how) in [1, 2, 5, 13].into_iter().flat_map(|workers| [0, 1, 2].map(|how| (workers, how))) {
            let (pool, started) = (bench.pool(workers), queue());
            let outcome = pool.apply(with_a_child, (how, started.clone()));
            assert!(matches!(outcome, Err(Failure::Lost { .. })), "{outcome:?}");
            let child = started.get_timeout(LONG).expect("it was started");
            eventually("the grandchild is gone", || matches!(state_of(child), None | Some('Z' | 'X')));
            works(&pool);
        }
    });
}

#[test]
fn who_left_the_group_of_a_worker_that_died_holds_up_nothing() {
    bench("stranger", Backend::Processes, |bench| {
        let (pool, started) = (bench.pool(2), queue());
        let outcome = pool.apply(with_a_stranger, (0, started.clone()));
        assert!(lost_by(&outcome, Signal::SIGKILL), "{outcome:?}");
        let stranger = started.get_timeout(LONG).expect("it was started");
        works(&pool);
        let before = Instant::now();
        pool.join().expect("a clean end");
        drop(pool);
        assert!(before.elapsed() < Duration::from_secs(100), "{:?}", before.elapsed());
        let state = found("it runs something", || state_of(stranger));
        assert!(!matches!(state, 'Z' | 'X'), "it is nobody's of the pool: {state}");
        signal(stranger, Signal::SIGKILL);
    });
}
