//! `-v`, `-vv`, `--log-format json`: what is said goes to standard error, results stay alone on standard output.

use std::process::Stdio;

use serde_json::Value;

use super::mpctl;

/// What went to standard output and to standard error.
fn said(args: &[&str]) -> (String, String) {
    let output = mpctl(args).output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("is text");
    (text(output.stdout), text(output.stderr))
}

/// The messages of an error output that is JSON, line by line.
fn messages(args: &[&str]) -> Vec<(String, String, Value)> {
    let (_, errors) = said(args);
    let parsed = errors
        .lines()
        .map(|line| -> Value { serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")) });
    let field = |event: &Value, name: &str| event[name].as_str().expect("is there").to_owned();
    parsed
        .map(|event| {
            assert!(field(&event, "timestamp").ends_with('Z'), "{event}");
            field(&event, "target");
            let message = event["fields"]["message"].as_str().expect("every event has one").to_owned();
            (field(&event, "level"), message, event["fields"].clone())
        })
        .collect()
}

#[test]
fn once_for_workers_and_twice_for_frames() {
    let (out, errors) = said(&["apply", "square", "3", "-v"]);
    assert_eq!(out, "9\n");
    for event in ["worker started worker=0.1 pid=", "worker ready worker=0.1", "worker ended worker=0.1"] {
        assert!(errors.contains(event), "{event}: {errors}");
    }
    assert!(!errors.contains("frame") && !errors.contains('\u{1b}'), "{errors}");
    let (out, errors) = said(&["apply", "square", "3", "-vv"]);
    assert_eq!(out, "9\n");
    for event in ["frame sent worker=0.1 items=1 bytes=", "frame received worker=0.1 bytes="] {
        assert!(errors.contains(event), "{event}: {errors}");
    }
}

/// What is captured may come after the failure, so this looks for it anywhere.
#[test]
fn captured_output_is_tagged_and_shown_again_after_a_death() {
    let (_, errors) = said(&["apply", "crash.stack_overflow", "--output", "capture", "-q"]);
    assert!(errors.contains(" task 1] fatal runtime error: stack overflow"), "{errors}");
    assert!(errors.contains("\n  | fatal runtime error: stack overflow"), "{errors}");
    let (out, _) = said(&["apply", "crash.stack_overflow", "--output", "capture", "-q", "--format", "json"]);
    let failure: Value = serde_json::from_str(out.lines().next().expect("a line")).expect("is JSON");
    let tail = failure["error"]["stderr_tail"].as_str().expect("is there");
    assert!(tail.contains("has overflowed its stack"), "{tail}");
}

#[test]
fn events_of_workers_are_among_the_others() {
    for args in [&["apply", "square", "3", "-v"][..], &["spawn", "--workers", "1", "rand_string", "-v"]] {
        let (_, errors) = said(args);
        assert!(errors.contains("mp::worker: its events are heard worker=0.1 pid="), "{errors}");
    }
}

#[test]
fn without_v_nothing_is_said_of_the_inside() {
    let (out, errors) = said(&["apply", "square", "3"]);
    assert_eq!((out.as_str(), errors.lines().count()), ("9\n", 1), "{errors}");
}

#[expect(clippy::disallowed_methods, reason = "a shell starts mpctl, and this test is the shell")]
fn values_with_stderr(stderr: Stdio, args: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mpctl"));
    command.args(args).env_remove("RUST_LOG").env("MP_CPU_COUNT", "2").stdin(Stdio::null());
    let output = command.stderr(stderr).output().expect("runs");
    assert!(output.status.success(), "{:?}", output.status);
    String::from_utf8(output.stdout).expect("is text")
}

/// Nobody has read it (`2>&1 >/dev/null | head -1`), or there is no room (`2>/dev/full`).
#[test]
fn a_log_that_cannot_be_written_costs_no_value() {
    for args in [&["map", "square", "1..=3", "-vv"][..], &["map", "square", "1..=3", "-v", "--log-format", "json"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("is there");
        assert_eq!(values_with_stderr(full.into(), args), "1\n4\n9\n");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        assert_eq!(values_with_stderr(writer.into(), args), "1\n4\n9\n");
    }
}

#[test]
fn every_line_of_a_json_log_parses() {
    let events = messages(&["map", "square", "1..=100", "-vv", "--log-format", "json"]);
    let seen = |wanted: &str| events.iter().any(|(_, message, _)| message == wanted);
    assert!(seen("worker started") && seen("frame sent") && seen("worker ended"), "{events:?}");
    let (level, last, _) = events.last().expect("the summary");
    assert!(level == "INFO" && last.starts_with("100 tasks on 2 workers in "), "{level} {last}");
}

#[test]
fn failures_and_mistakes_are_events_too() {
    let events = messages(&["map", "crash.segfault", "x", "--log-format", "json"]);
    let (level, message, fields) = &events[0];
    assert_eq!((events.len(), level.as_str()), (1, "ERROR"), "{message} {fields}");
    let events = messages(&["apply", "crash.segfault", "--log-format", "json", "-q"]);
    let (level, message, fields) = &events[0];
    assert!(level == "ERROR" && message.contains("killed by SIGSEGV"), "{message}");
    assert!(fields["hint"].as_str().is_some_and(|hint| hint.contains("--retries")), "{fields}");
}

#[test]
fn results_and_log_can_both_be_json() {
    let (out, errors) = said(&["map", "square", "1..=3", "-v", "--format", "json", "--log-format", "json"]);
    let parses = |text: &str| text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok());
    assert!(parses(&out) && parses(&errors), "{out}\n{errors}");
    assert_eq!(out.lines().count(), 4, "{out}");
}
