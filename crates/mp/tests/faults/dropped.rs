//! Handles that nobody waits for: what becomes of their tasks is counted, and a failure is said once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use mp::Backend;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::common::{bench, eventually, works};

/// The failures of this test are told from those of others by the function's name.
fn dies_unwanted(early: bool) -> u64 {
    if early {
        std::process::abort();
    }
    panic!("unwanted")
}

static SAID: AtomicU64 = AtomicU64::new(0);

/// Counts what is said of `dies_unwanted`.
struct Count;

impl Subscriber for Count {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Look);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Look;

impl Visit for Look {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "failure" && format!("{value:?}").contains("dies_unwanted") {
            SAID.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn the_failure_of_a_dropped_handle_is_counted_and_said_once() {
    tracing::subscriber::set_global_default(Count).expect("the only one");
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
