//! Queues between real processes: traffic, deaths, hostile memory.
//!
//! The test is its own helper: started again with a role's name, it has a queue as its stdin and one as its stdout.
//! Every process has a watchdog, so that what hangs is a failure with a name.
//!
//! ```text
//!  main ── Helper::start("produce", &[..], work, report) ──▶ the same program ── role ──▶ roles::run
//! ```
#![expect(clippy::print_stdout, reason = "a test without the test harness reports by printing")]

mod deaths;
mod harness;
mod hostile;
mod roles;
mod steps;
mod traffic;

use std::io::Write;
use std::panic::catch_unwind;
use std::time::Duration;

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    ("every_item_arrives_once_and_in_its_producers_order", traffic::every_item_arrives_once_and_in_order),
    ("a_gigabyte_put_by_a_process_that_exits_is_read_later", traffic::a_gigabyte_is_read_after_its_producer_exited),
    ("a_bounded_queue_never_holds_more", traffic::a_bounded_queue_never_holds_more),
    ("timeouts_end_waits_and_not_before", traffic::timeouts_end_waits_and_not_before),
    ("a_blocked_get_does_not_wake_up", traffic::a_blocked_get_does_not_wake_up),
    ("handles_of_one_queue_share_one_descriptor", traffic::handles_share_one_descriptor),
    ("an_item_that_cannot_be_decoded_costs_only_itself", traffic::a_bad_item_costs_only_itself),
    ("a_queue_is_no_item", traffic::a_queue_is_no_item),
    ("killed_at_random_moments_the_queue_stays_whole", deaths::killed_at_random_moments),
    ("killed_consumers_wedge_no_survivor", deaths::killed_consumers_wedge_no_survivor),
    ("killed_while_holding_the_lock", deaths::killed_while_holding_the_lock),
    ("killed_while_waiting", deaths::killed_while_waiting),
    ("put_killed_at_each_instruction", steps::put_killed_at_each_instruction),
    ("get_killed_at_each_instruction", steps::get_killed_at_each_instruction),
    ("scribbled_states_are_errors", hostile::scribbled_states_are_errors),
    ("random_scribbles_neither_panic_nor_hang", hostile::random_scribbles),
    ("a_claimed_exabyte_is_not_allocated", hostile::a_claimed_exabyte_is_not_allocated),
    ("what_is_no_queue_is_refused", hostile::what_is_no_queue_is_refused),
];

fn main() {
    let _alive = harness::watchdog(Duration::from_secs(1800));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(role) = arguments.first().and_then(|first| first.strip_prefix("role:")) {
        return roles::run(role, &arguments[1..]);
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let failed = TESTS.iter().filter(|(name, _)| filter.is_none_or(|part| name.contains(part.as_str())));
    let outcomes: Vec<bool> = failed.map(run).collect();
    let passed = outcomes.iter().filter(|passed| **passed).count();
    println!("{passed} passed, {} failed", outcomes.len() - passed);
    assert_eq!(passed, outcomes.len(), "see above");
}

/// One test; true if it passed, and left no descriptor and no child.
fn run((name, test): &Test) -> bool {
    print!("test {name} ... ");
    let _ = std::io::stdout().flush();
    let (before, start) = (harness::descriptors(), std::time::Instant::now());
    let passed = catch_unwind(test).is_ok();
    let clean = harness::descriptors() == before && !harness::has_children();
    let verdict = match (passed, clean) {
        (true, true) => "ok",
        (true, false) => "FAILED: left descriptors or children",
        (false, _) => "FAILED",
    };
    println!("{verdict} ({:.2} s)", start.elapsed().as_secs_f64());
    passed && clean
}
