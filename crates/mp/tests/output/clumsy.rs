//! A subscriber that panics at each event: it costs the event, and no worker, no outcome, no thread of ours.

use mp::{Backend, Pool, Process, StartMethod};

use crate::common::bench;
use crate::subscriber::{Hands, install};

fn die() {
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).expect("is sent");
}

/// In a process of its own, since a process has one subscriber.
fn supervise_among_panics(forked: bool) -> u64 {
    // As a panic that nobody prints: there are hundreds.
    install(Hands { wants: |_| true, on: |_| std::panic::resume_unwind(Box::new("cannot write")) });
    let method = if forked { StartMethod::ForkServer } else { StartMethod::Spawn };
    let pool =
        Pool::builder().workers(2).start_method(method).forward_tracing(mp::Level::TRACE).build().expect("a pool");
    let sum = pool.map(|n: u64| n * 2, 0..1000).expect("values").iter().sum();
    pool.apply(die, ()).expect_err("it was killed");
    // What comes after a death is run by its successor.
    assert_eq!(pool.apply(|n: u64| n + 1, (41,)), Ok(42));
    sum
}

#[test]
fn an_event_that_panics_costs_the_event() {
    bench("clumsy", Backend::Processes, |bench| {
        let forked = bench.start_method == StartMethod::ForkServer;
        assert_eq!(Process::spawn(supervise_among_panics, (forked,)).expect("a process").join(), Ok(999_000));
    });
}
