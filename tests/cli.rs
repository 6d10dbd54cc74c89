//! `mpctl` as a shell sees it: what it prints, where, and the code it ends with.
//!
//! Snapshots are inline; pids and times in them are replaced by `PID` and `TIME`.

#[path = "cli/chaos.rs"]
mod chaos;
#[path = "cli/completions.rs"]
mod completions;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/input.rs"]
mod input;
#[path = "cli/insights.rs"]
mod insights;
#[path = "cli/living.rs"]
mod living;
#[path = "cli/logs.rs"]
mod logs;
#[path = "cli/measure.rs"]
mod measure;
#[path = "cli/mistakes.rs"]
mod mistakes;
#[path = "cli/runs.rs"]
mod runs;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/timeline.rs"]
mod timeline;

use std::time::Duration;

use assert_cmd::Command;

/// A watchdog: no test of the command line takes longer, however busy the machine is.
const WATCHDOG: Duration = Duration::from_secs(300);

/// `mpctl` with these arguments, away from the terminal and environment of whoever runs the tests.
fn mpctl(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("mpctl").expect("is built with the tests");
    command.args(args).env_remove("RUST_BACKTRACE").env_remove("RUST_LOG").env("MP_CPU_COUNT", "2").timeout(WATCHDOG);
    command
}

/// Exit code, standard output and standard error in one text.
fn seen(args: &[&str]) -> String {
    seen_with(mpctl(args))
}

/// The same with `input` on standard input.
fn seen_given(args: &[&str], input: &str) -> String {
    let mut command = mpctl(args);
    command.write_stdin(input);
    seen_with(command)
}

fn seen_with(mut command: Command) -> String {
    let output = command.output().expect("runs");
    let code = output.status.code().map_or_else(|| format!("{}", output.status), |code| code.to_string());
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let text = format!("{out}--- stderr\n{err}--- exit {code}");
    assert!(!text.contains("stack backtrace") && !text.contains(") panicked at"), "a backtrace is no message:\n{text}");
    redact(&text)
}

/// What differs from run to run: `(pid 4711)`, `12 ms`, `97%`, `"seconds":0.1`.
fn redact(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = between(line, "(pid ", ")", "PID");
        let line = between(&line, "thread 'main' (", ")", "PID");
        let line = between(&line, "\"pid\":", ",", "PID");
        let line = between(&line, "seconds\":", ",", "TIME");
        let line = line.replace("peak_rss\":null", "peak_rss\":0");
        let line = between(&line, "peak_rss\":", ",", "BYTES");
        let line = between(&line, "overhead_share\":", ",", "SHARE");
        if line.starts_with("mpctl: ") { words(&line) } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Replaces what lies between each `open` and the next `close`, if it begins with a digit.
fn between(line: &str, open: &str, close: &str, name: &str) -> String {
    let mut parts = line.split(open);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(open);
        match part.find(close) {
            Some(end) if part.starts_with(|char: char| char.is_ascii_digit()) => {
                out.push_str(name);
                out.push_str(&part[end..]);
            }
            _ => out.push_str(part),
        }
    }
    out
}

/// Replaces `12 ms`, `1.5 s` by `TIME` and `97%` by `SHARE`.
fn words(line: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for word in line.split(' ') {
        let timed = out.last().is_some_and(|last| last.parse::<f64>().is_ok());
        match word.trim_end_matches(',') {
            "ms" | "s" if timed => {
                out.pop();
                out.push(if word.ends_with(',') { "TIME," } else { "TIME" });
            }
            share if share.ends_with('%') => out.push("SHARE"),
            _ => out.push(word),
        }
    }
    out.join(" ")
}

/// What went to standard output, of a run that ends well.
fn stdout(args: &[&str]) -> String {
    let output = mpctl(args).assert().success().get_output().stdout.clone();
    String::from_utf8(output).expect("is text")
}
