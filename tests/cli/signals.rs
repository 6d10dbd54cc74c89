//! Ctrl-C, and a reader that leaves early.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[expect(clippy::disallowed_methods, reason = "a shell starts mpctl, and this test is the shell")]
fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mpctl"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("starts")
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).expect("a pid fits");
    kill(Pid::from_raw(pid), signal).expect("it lives");
}

/// Its exit code and what it said.
fn end(mut child: Child) -> (Option<i32>, String) {
    let mut said = String::new();
    child.stderr.take().expect("is piped").read_to_string(&mut said).expect("is text");
    (child.wait().expect("ends").code(), said)
}

#[test]
fn the_first_ctrl_c_stops_the_pool_and_says_so() {
    for name in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = start(&["map", "sleep_ms", "1", "60000", "60000", "--workers", "2"]);
        // The first result shows that the work is under way, and the handler in its place.
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().expect("is piped")).read_line(&mut first).expect("comes");
        let begun = Instant::now();
        signal(&child, name);
        let (code, said) = end(child);
        assert_eq!((first.as_str(), code), ("1\n", Some(130)), "{said}");
        assert!(said.starts_with(&format!("mpctl: interrupted by {name} after 1 task and ")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[test]
fn ctrl_c_is_heard_while_the_input_is_silent() {
    let mut child = start(&["map", "square", "--async"]);
    let input = child.stdin.take().expect("is piped");
    std::io::Write::write_all(&mut &input, b"3\n").expect("is read");
    let mut first = String::new();
    BufReader::new(child.stdout.as_mut().expect("is piped"))
        .read_line(&mut first)
        .expect("comes before the input ends");
    signal(&child, Signal::SIGINT);
    let (code, said) = end(child);
    assert_eq!((first.as_str(), code), ("9\n", Some(130)), "{said}");
    drop(input);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let mut child = start(&["map", "square", "1..=1000000", "--workers", "2"]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("is piped")).read_line(&mut first).expect("comes");
    let begun = Instant::now();
    let (code, said) = end(child);
    assert_eq!((first.as_str(), code, said.as_str()), ("1\n", Some(0), ""));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("is there");
    #[expect(clippy::disallowed_methods, reason = "a shell starts mpctl, and this test is the shell")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_mpctl"));
    let output = command.args(["apply", "square", "3"]).stdout(full).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("mpctl: cannot write results: No space left"), "{said}");
}
