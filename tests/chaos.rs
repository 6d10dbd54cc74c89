//! Small runs of `mpctl chaos`: thousands of random kills, and every task is accounted for.
//!
//! One test, one run after the other: each looks at what its whole process has left.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mp_cli::chaos::{Plan, Report, run};

mp::test_support!();

/// Of what comes no later than this on a machine that is busy.
const LONG: Duration = Duration::from_secs(100);

fn good(what: &str, plan: &Plan) -> Report {
    let report = run(plan, &Arc::new(AtomicBool::new(false))).expect("a pool");
    assert!(report.is_good(), "{what}: {:#?}\n{report:#?}", report.rows());
    assert_eq!(report.submitted, u64::from(plan.tasks), "{what}");
    assert_eq!(report.values + report.failures.values().sum::<u64>(), report.submitted, "{what}");
    assert!(report.kills > 0, "{what}: nobody was killed");
    report
}

#[test]
fn every_task_is_accounted_for_whoever_is_killed() {
    let plan = Plan { tasks: 3000, kill_every: Duration::from_millis(8), patience: LONG, ..Plan::default() };
    for workers in [1, 2, 5, 13] {
        let report = good("killed", &Plan { workers, seed: workers as u64, ..plan.clone() });
        assert_eq!(report.run_again, 0, "what had begun is not run again unasked");
        let kinds: Vec<_> = report.failures.keys().collect();
        assert!(kinds.iter().all(|kind| **kind == "lost"), "{kinds:?}");
    }
    // The fork server is among those who are killed.
    let forked = Plan { workers: 4, start_method: mp::StartMethod::ForkServer, tasks: 6000, ..plan.clone() };
    assert_eq!(good("forked", &forked).run_again, 0);
    // With enough retries everything has its value: a task would have to be struck twenty times.
    let retried = good("retried", &Plan { workers: 4, retries: 20, seed: 99, ..plan.clone() });
    assert_eq!(retried.values, 3000, "{retried:#?}");
    let stopped = run(&plan, &Arc::new(AtomicBool::new(true))).expect("a pool");
    assert_eq!((stopped.submitted, stopped.is_good()), (0, true), "{stopped:#?}");
}
