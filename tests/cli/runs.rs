//! Runs and their exit codes: all well, a failed task, a dead worker, a task out of time.

use std::collections::HashSet;

use insta::assert_snapshot;

use super::{mpctl, seen, stdout};

#[test]
fn eight_processes_make_eight_strings() {
    let output = stdout(&["spawn", "--workers", "8", "rand_string"]);
    let strings: HashSet<_> = output.lines().collect();
    assert_eq!(strings.len(), 8, "{output}");
    assert!(strings.iter().all(|string| string.len() == 5), "{output}");
}

#[test]
fn spawn_says_what_it_did() {
    assert_snapshot!(seen(&["spawn", "--workers", "3", "power", "2", "10"]), @"");
}

#[test]
fn results_for_programs_end_in_a_summary() {
    assert_snapshot!(seen(&["spawn", "--workers", "1", "power", "2", "10", "--format", "json"]), @"");
    assert_snapshot!(seen(&["apply", "square", "3", "--format", "json"]), @"");
}

#[test]
fn apply_prints_one_result() {
    assert_snapshot!(seen(&["apply", "square", "-3"]), @"");
    assert_snapshot!(seen(&["apply", "power", "2", "10", "--async", "-q"]), @"");
}

#[test]
fn strings_are_bare_in_lines_and_quoted_in_json() {
    assert_eq!(stdout(&["apply", "rand_string", "0", "-q"]), "\n");
    assert_snapshot!(seen(&["map", "rand_string", "0", "0", "--format", "json"]), @"");
}

#[test]
fn exit_1_for_a_panic() {
    assert_snapshot!(seen(&["apply", "crash.panic", "12"]), @"");
    assert_snapshot!(seen(&["map", "power", "[2, 3]", "[10, 100]", "[3, 2]"]), @"");
}

#[test]
fn exit_3_for_a_dead_worker() {
    assert_snapshot!(seen(&["apply", "crash.segfault"]), @"");
    assert_snapshot!(seen(&["apply", "crash.abort", "--format", "json"]), @"");
    assert_snapshot!(seen(&["apply", "crash.exit"]), @"");
    assert_snapshot!(seen(&["apply", "crash.stack_overflow", "-q"]), @"");
}

#[test]
fn exit_3_for_a_dead_process() {
    assert_snapshot!(seen(&["spawn", "--workers", "1", "crash.segfault"]), @"");
}

#[test]
fn exit_124_for_a_task_out_of_time() {
    assert_snapshot!(seen(&["apply", "crash.hang", "--timeout", "100ms"]), @"");
    assert_snapshot!(seen(&["apply", "crash.hang", "--timeout", "50ms", "--retries", "1", "-q"]), @"");
}

#[test]
fn the_graver_code_wins() {
    // The short sleep ends well, the long one is out of time: 124, and the result is there.
    let output =
        mpctl(&["map", "sleep_ms", "1", "60000", "--timeout", "200ms", "-q"]).assert().code(124).get_output().clone();
    assert_eq!(output.stdout, b"1\n");
}
