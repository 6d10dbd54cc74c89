//! Runs and their exit codes: all well, a failed task, a dead worker, a task out of time.

use std::collections::HashSet;

use insta::assert_snapshot;

use super::{WATCHDOG, mpctl, seen, stdout};

#[test]
fn eight_processes_make_eight_strings() {
    let output = stdout(&["spawn", "--workers", "8", "rand_string"]);
    let strings: HashSet<_> = output.lines().collect();
    assert_eq!(strings.len(), 8, "{output}");
    assert!(strings.iter().all(|string| string.len() == 5), "{output}");
}

#[test]
fn every_command_that_runs_tasks_takes_each_start_method() {
    for method in ["spawn", "fork-server"] {
        let spawned = stdout(&["spawn", "--workers", "8", "--start-method", method, "rand_string"]);
        assert_eq!(spawned.lines().collect::<HashSet<_>>().len(), 8, "{method}: {spawned}");
        let applied = stdout(&["apply", "--start-method", method, "square", "3"]);
        assert_eq!(applied, "9\n", "{method}");
        let mapped = stdout(&["map", "--workers", "3", "--start-method", method, "square", "1..=4"]);
        assert_eq!(mapped, "1\n4\n9\n16\n", "{method}");
    }
}

/// A line to a worker in the place of a stream that is closed would be written to by whoever prints.
#[test]
fn closed_standard_streams_confuse_nobody() {
    let program = mpctl(&[]).get_program().to_owned();
    for method in ["spawn", "fork-server"] {
        for (streams, shown) in [("<&-", "1\n4\n9\n"), ("<&- 2>&-", "1\n4\n9\n"), ("<&- >&-", ""), ("<&- >&- 2>&-", "")]
        {
            let script = format!("exec \"$0\" map --workers 2 --start-method {method} square 1..=3 {streams}");
            let run = assert_cmd::Command::new("sh").arg("-c").arg(script).arg(&program).timeout(WATCHDOG).ok();
            let output = run.unwrap_or_else(|error| panic!("{method} {streams}: {error}"));
            assert_eq!(String::from_utf8_lossy(&output.stdout), shown, "{method} {streams}");
        }
    }
}

#[test]
fn spawn_says_what_it_did() {
    assert_snapshot!(seen(&["spawn", "--workers", "3", "power", "2", "10"]), @r"
    1024
    1024
    1024
    --- stderr
    mpctl: 3 tasks on 3 workers in TIME, SHARE of the workers' time was starting and IPC
    --- exit 0
    ");
}

#[test]
fn results_for_programs_end_in_a_summary() {
    assert_snapshot!(seen(&["spawn", "--workers", "1", "power", "2", "10", "--format", "json"]), @r#"
    {"index":0,"value":1024}
    {"summary":{"ended":"complete","exit":0,"failed":0,"overhead_share":SHARE,"rejected":0,"run_seconds":TIME,"seconds":TIME,"tasks":1,"workers":1}}
    --- stderr
    --- exit 0
    "#);
    assert_snapshot!(seen(&["apply", "square", "3", "--format", "json"]), @r#"
    {"index":0,"value":9}
    {"summary":{"ended":"complete","exit":0,"failed":0,"overhead_share":SHARE,"rejected":0,"run_seconds":TIME,"seconds":TIME,"tasks":1,"workers":1}}
    --- stderr
    --- exit 0
    "#);
}

#[test]
fn apply_prints_one_result() {
    assert_snapshot!(seen(&["apply", "square", "-3"]), @r"
    9
    --- stderr
    mpctl: 1 task on 1 worker in TIME, SHARE of the workers' time was IPC
    --- exit 0
    ");
    assert_snapshot!(seen(&["apply", "power", "2", "10", "--async", "-q"]), @r"
    1024
    --- stderr
    --- exit 0
    ");
}

#[test]
fn strings_are_bare_in_lines_and_quoted_in_json() {
    assert_eq!(stdout(&["apply", "rand_string", "0", "-q"]), "\n");
    assert_snapshot!(seen(&["map", "rand_string", "0", "0", "--format", "json"]), @r#"
    {"index":0,"value":""}
    {"index":1,"value":""}
    {"summary":{"ended":"complete","exit":0,"failed":0,"overhead_share":SHARE,"rejected":0,"run_seconds":TIME,"seconds":TIME,"tasks":2,"workers":2}}
    --- stderr
    --- exit 0
    "#);
}

#[test]
fn exit_1_for_a_panic() {
    assert_snapshot!(seen(&["apply", "crash.panic", "12"]), @r#"
    --- stderr
    mpctl: task 1 "mpctl::crash::panic" panicked at bin/mpctl/crash.rs:28:5: 12
    hint: a panic costs no worker; with RUST_BACKTRACE=1, --format json shows how the task came to it
    mpctl: 1 task (1 failed) on 1 worker in TIME
    --- exit 1
    "#);
    assert_snapshot!(seen(&["map", "power", "[2, 3]", "[10, 100]", "[3, 2]"]), @r#"
    8
    9
    --- stderr
    mpctl: task 2 "mpctl::tasks::power" panicked at bin/mpctl/tasks.rs:38:50: 10 to the power of 100 is beyond 64 bits
    hint: a panic costs no worker; with RUST_BACKTRACE=1, --format json shows how the task came to it
    mpctl: 3 tasks (1 failed) on 2 workers in TIME
    --- exit 1
    "#);
}

/// Without processes nothing is between a crash and the program: so it is said, and so it must be.
#[test]
fn a_crash_takes_the_program_with_it_where_workers_are_no_processes() {
    use std::os::unix::process::ExitStatusExt as _;
    for backend in ["threads", "serial"] {
        let ended = mpctl(&["apply", "crash.segfault", "--backend", backend]).output().expect("started");
        assert_eq!((ended.status.signal(), ended.stdout.is_empty()), (Some(11), true), "{backend}: {ended:?}");
    }
}

#[test]
fn exit_3_for_a_dead_worker() {
    assert_snapshot!(seen(&["apply", "crash.segfault"]), @r#"
    --- stderr
    mpctl: worker 0.1 (pid PID) killed by SIGSEGV while running task 1 "mpctl::crash::segfault"
    hint: only this task's process has ended, others go on; --retries N tries again, RUST_BACKTRACE=1 shows where it crashed
    mpctl: 1 task (1 failed) on 1 worker in TIME
    --- exit 3
    "#);
    assert_snapshot!(seen(&["apply", "crash.abort", "--format", "json"]), @r#"
    {"index":0,"error":{"attempts":1,"crash":null,"exit":-6,"kind":"lost","message":"worker 0.1 (pid PID) killed by SIGABRT while running task 1 \"mpctl::crash::abort\"","peak_rss":BYTES,"pid":PID,"stderr_tail":"","worker":"0.1"}}
    {"summary":{"ended":"complete","exit":3,"failed":1,"overhead_share":SHARE,"rejected":0,"run_seconds":TIME,"seconds":TIME,"tasks":1,"workers":1}}
    --- stderr
    mpctl: worker 0.1 (pid PID) killed by SIGABRT while running task 1 "mpctl::crash::abort"
    hint: only this task's process has ended, others go on; --retries N tries again, RUST_BACKTRACE=1 shows where it crashed
    --- exit 3
    "#);
    assert_snapshot!(seen(&["apply", "crash.exit"]), @r#"
    --- stderr
    mpctl: worker 0.1 (pid PID) exited with code 3 while running task 1 "mpctl::crash::exit"
    hint: only this task's process has ended, others go on; --retries N tries again
    mpctl: 1 task (1 failed) on 1 worker in TIME
    --- exit 3
    "#);
    assert_snapshot!(seen(&["apply", "crash.stack_overflow", "-q"]), @r#"
    --- stderr

    thread 'main' (PID) has overflowed its stack
    fatal runtime error: stack overflow, aborting
    mpctl: worker 0.1 (pid PID) killed by SIGABRT while running task 1 "mpctl::crash::stack_overflow"
    hint: only this task's process has ended, others go on; --retries N tries again, RUST_BACKTRACE=1 shows where it crashed
    --- exit 3
    "#);
}

#[test]
fn exit_3_for_a_dead_process() {
    assert_snapshot!(seen(&["spawn", "--workers", "1", "crash.segfault"]), @r#"
    --- stderr
    mpctl: worker 0.1 (pid PID) killed by SIGSEGV while running task 1 "mpctl::crash::segfault"
    hint: only the process of this task has ended, the others go on; RUST_BACKTRACE=1 shows where it crashed
    mpctl: 1 task (1 failed) on 1 worker in TIME
    --- exit 3
    "#);
}

#[test]
fn a_backtrace_of_a_crash_if_it_is_asked_for() {
    let output = mpctl(&["apply", "crash.stack_overflow"]).env("RUST_BACKTRACE", "1").output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr);
    let calls = text.lines().filter(|line| line.ends_with(": mpctl::crash::descend")).count();
    assert!(calls > 3 && text.contains("bin/mpctl/crash.rs:"), "{text}");
    assert!(!text.contains("mp_worker") && !text.contains("shows where"), "{text}");

    let output =
        mpctl(&["apply", "crash.abort", "--format", "json"]).env("RUST_BACKTRACE", "1").output().expect("runs");
    let line = String::from_utf8_lossy(&output.stdout).lines().next().expect("a line").to_owned();
    let json: serde_json::Value = serde_json::from_str(&line).expect("json");
    let frames = json["error"]["crash"]["frames"].as_array().expect("frames");
    let own = frames.iter().find(|frame| frame["function"] == "mpctl::crash::abort").expect(&line);
    assert!(own["location"].as_str().is_some_and(|place| place.contains("bin/mpctl/crash.rs:")), "{line}");
}

#[test]
fn exit_124_for_a_task_out_of_time() {
    assert_snapshot!(seen(&["apply", "crash.hang", "--timeout", "100ms"]), @r#"
    --- stderr
    mpctl: task 1 "mpctl::crash::hang" timed out after 100ms
    hint: --timeout sets the limit, --retries N tries again
    mpctl: 1 task (1 failed) on 1 worker in TIME
    --- exit 124
    "#);
    assert_snapshot!(seen(&["apply", "crash.hang", "--timeout", "50ms", "--retries", "1", "-q"]), @r#"
    --- stderr
    mpctl: task 1 "mpctl::crash::hang" timed out after 50ms
    hint: --timeout sets the limit, --retries N tries again
    --- exit 124
    "#);
}

#[test]
fn exit_124_for_a_process_out_of_time() {
    assert_snapshot!(seen(&["spawn", "--workers", "2", "crash.spin", "--timeout", "100ms"]), @r#"
    --- stderr
    mpctl: task 1 "mpctl::crash::spin" timed out after 100ms
    hint: --timeout sets the limit
    mpctl: task 1 "mpctl::crash::spin" timed out after 100ms
    mpctl: 2 tasks (2 failed) on 2 workers in TIME
    --- exit 124
    "#);
    assert_snapshot!(seen(&["spawn", "--workers", "2", "sleep_ms", "1", "--timeout", "1m", "-q"]), @r"
    1
    1
    --- stderr
    --- exit 0
    ");
}

#[test]
fn the_graver_code_wins() {
    // The short sleep ends well, the long one is out of time: 124, and the result is there.
    let output =
        mpctl(&["map", "sleep_ms", "1", "600000", "--timeout", "3s", "-q"]).assert().code(124).get_output().clone();
    assert_eq!(output.stdout, b"1\n");
}
