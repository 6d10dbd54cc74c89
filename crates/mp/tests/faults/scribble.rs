//! Workers that write over the words they share with their supervisor (`mp-link/src/status.rs`), found by their mapping.
//!
//! ```text
//!  0 claims of the odd or even frame, 1 of the other: number 32 | limit 16 | begun 16
//!  2 when the last item began    3 how often the outbox was emptied 32 | its length 32    8.. the outbox
//! ```

use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use mp::{Backend, Failure, Pool, Queue, StartMethod};
use nix::sys::signal::{Signal, raise};

use crate::common::{bench, bench_by, works};
use crate::tasks::{lost_by, queue, spin_for_ever, square, wait_at};

fn scribble(word: u64, value: u64) {
    write(word, &value.to_ne_bytes());
}

fn write(word: u64, bytes: &[u8]) {
    let maps = read_to_string("/proc/self/maps").expect("readable");
    let line = maps.lines().find(|line| line.contains("mp-status")).expect("it is mapped");
    let start = line.split('-').next().expect("an address");
    let start = u64::from_str_radix(start, 16).expect("a number");
    let memory = File::options().write(true).open("/proc/self/mem").expect("opened");
    memory.write_all_at(bytes, start + 8 * word).expect("written");
}

fn dies() -> ! {
    raise(Signal::SIGKILL).expect("sent");
    unreachable!("it is dead")
}

/// Item 0 does as it says, each other one squares.
fn or_square(n: u64, act: impl FnOnce()) -> u64 {
    if n == 0 {
        act();
        dies();
    }
    square(n)
}

/// Each item has its own value or was lost with the liar, which had it; nobody else's item is.
fn costs_what_it_had(name: &str, run: fn(&Pool) -> Vec<Result<u64, Failure>>) {
    bench(name, Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let (gate, started) = (queue(), queue());
        let honest = pool.apply_async(wait_at, (gate.clone(), started.clone())).expect("accepted");
        started.get().expect("it runs");
        let outcomes = run(&pool);
        assert!(lost_by(&outcomes[0], Signal::SIGKILL), "{:?}", outcomes[0]);
        for (n, outcome) in (0..).zip(&outcomes) {
            assert!(*outcome == Ok(square(n)) || lost_by(outcome, Signal::SIGKILL), "{n}: {outcome:?}");
        }
        gate.put(77).expect("put");
        assert_eq!(honest.get(), Ok(77));
        works(&pool);
    });
}

#[test]
fn claims_beyond_the_limit_cost_the_liars_items_only() {
    fn claims(n: u64) -> u64 {
        or_square(n, || (1..3).for_each(|frame| scribble(frame % 2, frame << 32 | 0xFFFF)))
    }
    costs_what_it_had("claims", |pool| pool.map_outcomes(claims, 0..100));
}

/// Whatever it says of other frames, its own one is known by its number.
#[test]
fn claims_of_everything_cost_the_liars_items_only() {
    fn claims(n: u64) -> u64 {
        or_square(n, || (1..3).for_each(|frame| scribble(frame % 2, frame << 32 | 0xFFFF_FFFF)))
    }
    costs_what_it_had("claims_all", |pool| pool.map_outcomes(claims, 0..100));
}

#[test]
fn an_outbox_that_claims_more_than_there_is_holds_nothing() {
    fn claims(n: u64) -> u64 {
        or_square(n, || scribble(3, u64::from(u32::MAX)))
    }
    costs_what_it_had("outbox", |pool| pool.map_outcomes(claims, 0..100));
}

/// Records of a task that it never had, and then of none at all.
#[test]
fn an_outbox_of_rubbish_holds_nothing() {
    fn forges() {
        let forged = [&[2], &[0; 8][..], &[0xF1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0xF4, 0xF5]].concat();
        write(8, &forged);
        scribble(3, forged.len() as u64);
    }
    costs_what_it_had("outbox_rubbish", |pool| pool.map_outcomes(|n| or_square(n, forges), 0..100));
}

/// A worker that hides that it had begun has its task run again, by another: that much a liar can do, to its own task.
#[test]
fn a_task_whose_worker_hides_that_it_began_runs_again() {
    fn hides(ran: Queue<u32>) -> u32 {
        ran.put(std::process::id()).expect("said");
        if ran.len() == 1 {
            (0..2).for_each(|word| scribble(word, 0));
            dies();
        }
        ran.len() as u32
    }
    bench("hidden", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        let ran = queue();
        assert_eq!(pool.apply(hides, (ran.clone(),)), Ok(2));
        assert_ne!(ran.get().expect("the first"), ran.get().expect("the second"));
        works(&pool);
    });
}

fn late_all_the_same(name: &str, run: fn(&Pool) -> Result<u64, Failure>) {
    // One start method: what is waited for is the supervisor's patience of ten seconds.
    bench_by(StartMethod::Spawn, name, Backend::Processes, |bench| {
        // Long enough for a plain task, on a busy machine as well.
        let limit = Duration::from_secs(2);
        let pool = bench.build(bench.builder().workers(1).timeout(limit).grace(Duration::from_millis(100)));
        let begun = Instant::now();
        let outcome = run(&pool);
        assert!(matches!(outcome, Err(Failure::TimedOut { after, .. }) if after == limit), "{outcome:?}");
        assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
        works(&pool);
    });
}

#[test]
fn a_task_that_began_in_the_future_is_late_all_the_same() {
    fn lies() -> u64 {
        scribble(2, 1 << 63);
        spin_for_ever()
    }
    late_all_the_same("future", |pool| pool.apply(lies, ()));
}
