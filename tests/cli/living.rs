//! A running `mpctl` as whoever started it sees it: its signals, its workers, its last words.
//!
//! Does **not** know what it runs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// An `mpctl` that runs. Its standard input stays open until it has ended.
pub(super) struct Living(Child);

/// A process, told from a later one with the same pid by when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) pid: i32,
    begun: u64,
}

/// What a busy machine may take for anything that is waited for here. Who comes later never would.
pub(super) const LONG: Duration = Duration::from_secs(100);

impl Living {
    /// Signals are to do to it what they do to a program that a person starts: whoever is started in the background of a script
    /// ignores SIGINT, and all that it starts does.
    #[expect(clippy::disallowed_methods, reason = "a shell starts mpctl, and this test is the shell")]
    pub(super) fn start(args: &[&str]) -> Self {
        let mut command = Command::new("env");
        command.args(["--default-signal=INT,TERM,TSTP", env!("CARGO_BIN_EXE_mpctl")]);
        command.args(args).env_remove("RUST_LOG").env("MP_CPU_COUNT", "2");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let living = Self(command.spawn().expect("starts"));
        let image = format!("/proc/{}/exe", living.pid());
        // No test is about a signal that comes before.
        until("env has become mpctl", LONG, || {
            fs::read_link(&image).is_ok_and(|path| path.file_name().is_some_and(|name| name == "mpctl"))
        });
        living
    }

    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("a pid fits")
    }

    pub(super) fn write(&mut self, input: &str) {
        self.0.stdin.as_mut().expect("is piped").write_all(input.as_bytes()).expect("is read");
    }

    /// The next lines of its standard output, of which there are so many.
    pub(super) fn lines(&mut self, count: usize) -> Vec<String> {
        let output = BufReader::new(self.0.stdout.as_mut().expect("is piped"));
        output.lines().take(count).map(|line| line.expect("is text")).collect()
    }

    /// The most memory it had, of what was seen at every thousandth line until `last` came.
    pub(super) fn peak_before(&mut self, last: &str) -> u64 {
        let output = BufReader::new(self.0.stdout.take().expect("is piped"));
        let mut peak = 0;
        for (number, line) in output.lines().enumerate() {
            if number % 1000 == 0 {
                peak = peak.max(self.peak_kib().unwrap_or(0));
            }
            if line.expect("is text") == last {
                return peak;
            }
        }
        panic!("{last} did not come");
    }

    /// Has enough of its standard output.
    pub(super) fn leave(&mut self) {
        self.0.stdout = None;
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("it lives");
    }

    /// The most memory it has had so far, without its workers'.
    fn peak_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        peak.trim().trim_end_matches(" kB").parse().ok()
    }

    /// Waits until it has a handler for `signal`.
    pub(super) fn hears(&self, signal: Signal) {
        let caught = || {
            let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it lives");
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("is there");
            u64::from_str_radix(mask.trim(), 16).expect("is a number") & (1 << (signal as u64 - 1)) != 0
        };
        until("there is a handler", LONG, caught);
    }

    /// Its workers, when there are `count`.
    pub(super) fn workers(&self, count: usize) -> Vec<Worker> {
        let mut found = Vec::new();
        until("all workers are there", LONG, || {
            found = children(self.pid());
            found.len() == count
        });
        found
    }

    /// Whether SIGTSTP or SIGSTOP has come to it.
    pub(super) fn is_stopped(&self) -> bool {
        stat(self.pid()).is_some_and(|fields| fields[0] == "T")
    }

    /// Whether it has a handler for `signal`.
    pub(super) fn catches(&self, signal: Signal) -> bool {
        has_signal(self.pid(), "SigCgt:", signal)
    }

    /// Its exit code and what it said. Whatever it still prints is read, so that it can end. If it does not, it is killed, and the
    /// test fails.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let (input, mut errors) = (self.0.stdin.take(), self.0.stderr.take().expect("is piped"));
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut said = String::new();
            errors.read_to_string(&mut said).expect("is text");
            tell.send(said)
        });
        // Its workers have the same stream: who stays keeps it from ending.
        let said = told.recv_timeout(LONG);
        if said.is_err() {
            self.0.kill().expect("is killed");
        }
        let code = self.0.wait().expect("ends").code();
        drop(input);
        (code, said.unwrap_or_else(|_| panic!("no end after {LONG:?}, then {code:?}")))
    }
}

impl Worker {
    fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, begun: stat(pid)?.get(19)?.parse().ok()? })
    }

    /// Whether its process is there, be it as a zombie that nobody has waited for.
    pub(super) fn is_there(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Whether it can still do something.
    pub(super) fn runs(self) -> bool {
        self.is_there() && stat(self.pid).is_some_and(|fields| fields[0] != "Z" && fields[0] != "X")
    }

    /// Whether SIGSTOP has come to it.
    pub(super) fn is_stopped(self) -> bool {
        stat(self.pid).is_some_and(|fields| fields[0] == "T")
    }

    /// Whether `signal` has come to it, and it has not heard it.
    pub(super) fn has_pending(self, signal: Signal) -> bool {
        has_signal(self.pid, "ShdPnd:", signal)
    }

    /// Processor time it has used, in ticks of 10 ms.
    pub(super) fn ticks(self) -> u64 {
        stat(self.pid).and_then(|fields| fields.get(11)?.parse().ok()).unwrap_or(0)
    }
}

/// Waits for `condition`; fails when it takes longer than `limit`.
pub(super) fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        // sleep: the kernel tells nobody when a number in /proc changes.
        thread::sleep(Duration::from_millis(2));
    }
}

pub(super) fn children(pid: i32) -> Vec<Worker> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let pids: Vec<_> =
        lists.flat_map(|list| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect();
    pids.into_iter().filter_map(Worker::of).collect()
}

/// The fields of `/proc/PID/stat` after the name: the state is the first.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

/// Whether `signal` is in this set of `/proc/PID/status`.
fn has_signal(pid: i32, set: &str, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix(set)).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & (1 << (signal as u64 - 1)) != 0)
}
