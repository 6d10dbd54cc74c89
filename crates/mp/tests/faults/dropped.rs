//! Handles that nobody waits for: what becomes of their tasks is counted, and a failure is said once.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use mp::Backend;
use tracing::field::{Field, Visit};

use crate::common::{bench, eventually, works};
use crate::subscriber::{Hands, install};
use crate::tasks::square;

/// The failures of this test are told from those of others by the function's name.
fn dies_unwanted(early: bool) -> u64 {
    if early {
        std::process::abort();
    }
    panic!("unwanted")
}

fn fails_unwanted(n: u64) -> u64 {
    assert!(n < 3, "unwanted");
    n
}

static SAID: AtomicU64 = AtomicU64::new(0);
static SAID_OF_MAPS: AtomicU64 = AtomicU64::new(0);

/// Counts what is said of the two above.
static COUNTING: LazyLock<()> =
    LazyLock::new(|| install(Hands { wants: |_| true, on: |event| event.record(&mut Look) }));

struct Look;

impl Visit for Look {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let said = if field.name() == "failure" { format!("{value:?}") } else { String::new() };
        for (name, count) in [("dies_unwanted", &SAID), ("fails_unwanted", &SAID_OF_MAPS)] {
            count.fetch_add(u64::from(said.contains(name)), Ordering::Relaxed);
        }
    }
}

#[test]
fn the_failure_of_a_dropped_handle_is_counted_and_said_once() {
    LazyLock::force(&COUNTING);
    bench("dropped", Backend::Processes, |bench| {
        for workers in [1, 2, 5, 13] {
            let pool = bench.pool(workers);
            let before = SAID.load(Ordering::Relaxed);
            for early in [true, false] {
                // Dropped while it runs or waits, and when its outcome is there.
                drop(pool.apply_async(dies_unwanted, (early,)).expect("accepted"));
                let handle = pool.apply_async(dies_unwanted, (early,)).expect("accepted");
                assert!(handle.wait(crate::tasks::LONG));
                drop(handle);
            }
            eventually("all are counted", || pool.stats().failed == 4);
            works(&pool);
            drop(pool);
            assert_eq!(SAID.load(Ordering::Relaxed) - before, 4, "each is said once");
        }
    });
}

#[test]
fn the_failures_of_a_dropped_map_are_counted_and_one_is_said() {
    LazyLock::force(&COUNTING);
    bench("dropped_map", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let before = SAID_OF_MAPS.load(Ordering::Relaxed);
        let said = || SAID_OF_MAPS.load(Ordering::Relaxed) - before;
        // Dropped while it runs; with all its outcomes there, not taken or taken and not looked at; half read.
        drop(pool.map_async(fails_unwanted, 0..100).expect("accepted"));
        eventually("all are counted", || pool.stats().failed == 97);
        assert_eq!(said(), 1);
        let handle = pool.map_async(fails_unwanted, 0..100).expect("accepted");
        eventually("all are counted", || pool.stats().failed == 2 * 97);
        drop(handle);
        assert_eq!(said(), 2);
        let mut handle = pool.map_async(fails_unwanted, 0..100).expect("accepted");
        eventually("all have come", || (pool.stats().failed, pool.stats().completed) == (3 * 97, 3 * 3));
        assert_eq!(handle.progress(), (100, 100));
        drop(handle);
        assert_eq!(said(), 3);
        let mut lazy = pool.imap(fails_unwanted, 0..100);
        assert_eq!((lazy.next(), lazy.next()), (Some(Ok(0)), Some(Ok(1))));
        eventually("all are counted", || pool.stats().failed == 4 * 97);
        drop(lazy);
        assert_eq!(said(), 4);
        // Who is told has heard it.
        assert!(pool.map(fails_unwanted, 0..100).is_err());
        assert_eq!(pool.map_outcomes(fails_unwanted, 0..100).len(), 100);
        assert_eq!(pool.imap(fails_unwanted, 0..100).filter(Result::is_err).count(), 97);
        drop(pool.map_async(square, 0..1000).expect("accepted"));
        works(&pool);
        drop(pool);
        assert_eq!(said(), 4);
    });
}
