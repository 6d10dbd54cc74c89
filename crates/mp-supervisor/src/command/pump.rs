//! The life of another program, from its start to its end: input in, output out, and the clock.
//!
//! Does **not** start it. Whoever calls [`Pump::run`] waits until the program has ended; every wait of that has an end by the
//! program's limit, if it has one, or by the bell.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_sys::child::{Child, Signal};
use mp_sys::pidfd::Pidfd;
use mp_sys::poll::{Bell, Way, wait_many};
use mp_sys::{descent, outlet, socket};
use mp_wire::WorkerExit;

use super::{CommandError, CommandOutput, Terms};
use crate::evidence::exit_of;

/// Read at once.
const CHUNK: usize = 64 << 10;

/// After its end no more is read than a pipe holds: others may go on to write.
const AFTERMATH: usize = 1 << 20;

/// Written to standard input.
#[derive(Debug)]
pub(super) struct Feed {
    to: std::fs::File,
    bytes: Vec<u8>,
    written: usize,
}

/// Read from standard output or standard error.
#[derive(Debug)]
pub(super) struct Kept {
    from: OwnedFd,
    bytes: Vec<u8>,
    limit: usize,
    dropped: u64,
}

/// How far its end has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Running { until: Option<Instant> },
    Asked { until: Option<Instant>, why: Why },
    Killed { why: Why },
}

/// Why it was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Late,
    Wanted,
}

/// A program that runs.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) child: Arc<Child>,
    feed: Option<Feed>,
    /// `None` where the stream goes elsewhere, or has ended: then what was read is in `done`.
    streams: [Option<Kept>; 2],
    done: [(Vec<u8>, u64); 2],
    stage: Stage,
    grace: Duration,
    descendants: Vec<Pidfd>,
    pub(super) program: String,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    output: CommandOutput,
    was_late: bool,
}

impl Ended {
    pub(super) fn exit(&self) -> WorkerExit {
        self.output.exit
    }

    pub(super) fn into_result(self, terms: Terms) -> Result<CommandOutput, CommandError> {
        match (self.was_late, terms.timeout) {
            (true, Some(after)) => Err(CommandError::TimedOut { after, output: Box::new(self.output) }),
            _ => Ok(self.output),
        }
    }
}

impl Pump {
    pub(super) fn new(
        child: Arc<Child>,
        (feed, streams): (Option<Feed>, [Option<Kept>; 2]),
        (until, grace): (Option<Instant>, Duration),
        program: String,
    ) -> Self {
        let (stage, descendants) = (Stage::Running { until }, Vec::new());
        Self { child, feed, streams, done: Default::default(), stage, grace, descendants, program }
    }

    /// Until it has ended. Once `stop` rings, it is asked to end.
    pub(super) fn run(mut self, stop: &Bell) -> Ended {
        while !self.child.has_ended() {
            let left = self.stage.until().map(|until| until.saturating_duration_since(Instant::now()));
            let rung = self.wait(stop, left);
            if let (true, Stage::Running { .. }) = (rung, self.stage) {
                self.ask(Why::Wanted);
            }
            if self.stage.until().is_some_and(|until| until <= Instant::now()) {
                self.go_on();
            }
        }
        self.end()
    }

    /// Waits for whatever comes first, and moves what can be moved. Whether the bell has rung.
    fn wait(&mut self, stop: &Bell, left: Option<Duration>) -> bool {
        let mut fds: Vec<(BorrowedFd<'_>, Way)> = vec![(self.child.as_fd(), Way::Read)];
        let can_stop = matches!(self.stage, Stage::Running { .. });
        fds.extend(can_stop.then(|| (stop.as_fd(), Way::Read)));
        fds.extend(self.streams.iter().flatten().map(|kept| (kept.from.as_fd(), Way::Read)));
        fds.extend(self.feed.iter().map(|feed| (feed.to.as_fd(), Way::Write)));
        let Ok(ready) = wait_many(&fds, left) else {
            // Without memory in the kernel nothing can be waited for.
            std::thread::sleep(Duration::from_millis(10));
            return false;
        };
        self.feed = self.feed.take().and_then(Feed::step);
        for (index, stream) in self.streams.iter_mut().enumerate() {
            if let Some(over) = stream.as_mut().and_then(|kept| kept.step().then(|| kept.take())) {
                (*stream, self.done[index]) = (None, over);
            }
        }
        can_stop && ready[1]
    }

    /// The next step towards its end.
    fn go_on(&mut self) {
        match self.stage {
            Stage::Running { .. } => self.ask(Why::Late),
            Stage::Asked { why, .. } => self.kill(why),
            Stage::Killed { .. } => {}
        }
    }

    fn ask(&mut self, why: Why) {
        self.descendants = descent::of(self.child.pid());
        self.child.signal_group(Signal::SIGTERM);
        self.stage = Stage::Asked { until: Instant::now().checked_add(self.grace), why };
    }

    fn kill(&mut self, why: Why) {
        self.descendants.extend(descent::of(self.child.pid()));
        self.child.signal(Signal::SIGKILL);
        self.child.kill_group();
        self.stage = Stage::Killed { why };
    }

    fn end(mut self) -> Ended {
        // C2: until its status is taken, the number of its group is its own.
        self.child.kill_group();
        let ended = self.child.reap();
        // Those of one that was ended: they have ended, or left its group.
        self.descendants.iter().for_each(|one| drop(one.signal(Signal::SIGKILL)));
        for (stream, done) in self.streams.iter_mut().zip(&mut self.done) {
            if let Some(kept) = stream {
                kept.read_rest();
                *done = kept.take();
            }
        }
        let [(stdout, stdout_dropped), (stderr, stderr_dropped)] = self.done;
        let exit = ended.map_or(WorkerExit::Unknown, |(ended, _)| exit_of(ended));
        let was_late = matches!(self.stage.why(), Some(Why::Late));
        let program = self.program;
        Ended { output: CommandOutput { exit, stdout, stderr, stdout_dropped, stderr_dropped, program }, was_late }
    }
}

impl Stage {
    fn until(self) -> Option<Instant> {
        match self {
            Self::Running { until } | Self::Asked { until, .. } => until,
            Self::Killed { .. } => None,
        }
    }

    fn why(self) -> Option<Why> {
        match self {
            Self::Running { .. } => None,
            Self::Asked { why, .. } | Self::Killed { why } => Some(why),
        }
    }
}

impl Feed {
    pub(super) fn new(to: OwnedFd, bytes: Vec<u8>) -> io::Result<Self> {
        socket::never_wait(&to)?;
        Ok(Self { to: to.into(), bytes, written: 0 })
    }

    /// Writes what there is room for; `None` when that was all, or nobody reads any more.
    fn step(mut self) -> Option<Self> {
        loop {
            match self.to.write(&self.bytes[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(self),
                Err(_) => return None,
            }
            if self.written == self.bytes.len() {
                return None;
            }
        }
    }
}

impl Kept {
    pub(super) fn new(from: OwnedFd, limit: usize) -> io::Result<Self> {
        socket::never_wait(&from)?;
        Ok(Self { from, bytes: Vec::new(), limit, dropped: 0 })
    }

    /// Reads once, if there is something. Whether it has ended.
    fn step(&mut self) -> bool {
        let mut chunk = [0; CHUNK];
        match outlet::read_now(&self.from, &mut chunk) {
            Ok(0) => true,
            Ok(read) => {
                let kept = read.min(self.limit - self.bytes.len());
                self.bytes.extend_from_slice(&chunk[..kept]);
                self.dropped += (read - kept) as u64;
                false
            }
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// What is there now, and no more than a pipe holds (C3).
    fn read_rest(&mut self) {
        let before = self.count();
        loop {
            let count = self.count();
            if self.step() || self.count() == count || self.count() - before > AFTERMATH as u64 {
                return;
            }
        }
    }

    fn count(&self) -> u64 {
        self.bytes.len() as u64 + self.dropped
    }

    fn take(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.bytes), self.dropped)
    }
}
