//! `Command`: another program, run to its end under the same promises as a worker.
//!
//! Does **not** know pools, nor Rust functions: what runs is a program by its name.
//!
//! ```text
//!  Command ── spawner's thread: a copy of this program, bound to this one ── execvp ─▶ the program, leader of its group
//!     run:   the caller pumps ─┐   input ─▶ stdin;   stdout, stderr ─▶ kept, up to a limit;   pidfd, deadline
//!     spawn: a thread pumps  ──┘   late: SIGTERM to the group ─ grace ─▶ SIGKILL to the group and to who has left it
//! ```
//!
//! - C1 The program ends with this process, however that ends: it was bound before it began.
//! - C2 When it has ended, so has its process group: what it left behind is killed before its number is free.
//! - C3 Nothing here waits for the end of a pipe that somebody else may hold.

mod error;
mod pump;
mod running;
mod start;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use mp_wire::WorkerExit;

pub use error::CommandError;
pub use running::RunningCommand;

use crate::streams::Stdio;

/// What is kept of each stream, unless another limit is set: 16 MiB.
const KEPT: usize = 16 << 20;

/// Another program. Python: `subprocess.run` and `Popen`.
///
/// It ends with this process, also if that is killed, and its process group with it: nothing that it has started there is left
/// behind when it has ended. (What leaves the group and then loses its parent is the system's, as a daemon's; see [`Self::adopt_orphans`].) Its output is
/// kept up to a limit, so that a program that never stops to write costs no memory; its input is what is given, or nothing.
///
/// The program is looked for as a shell does. A copy of this program becomes it, so [`mp_worker::init`] has to be called first
/// of all in `main`, as for workers.
///
/// # Examples
/// ```
/// # mp_worker::before_main!(mp_worker::init);
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mp_supervisor::{Command, CommandError};
/// use std::time::Duration;
///
/// let sorted = Command::new("sort").input("pear\napple\n").run()?.check()?;
/// assert_eq!(sorted.stdout, b"apple\npear\n");
///
/// let late = Command::new("sleep").arg("60").timeout(Duration::from_millis(50)).run();
/// assert!(matches!(late, Err(CommandError::TimedOut { .. })));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a command does nothing until run() or spawn()"]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    hidden: Vec<OsString>,
    bare: bool,
    adopts: bool,
    directory: PathBuf,
    input: Option<Vec<u8>>,
    stdin: Option<Stdio>,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
    terms: Terms,
}

/// What holds while it runs.
#[derive(Clone, Copy, Debug)]
struct Terms {
    timeout: Option<Duration>,
    grace: Duration,
    kept: usize,
}

/// What became of a program, and what it wrote.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandOutput {
    /// How it ended.
    pub exit: WorkerExit,
    /// The beginning of what it wrote to standard output, up to the limit; nothing where that was sent elsewhere.
    pub stdout: Vec<u8>,
    /// The same of standard error.
    pub stderr: Vec<u8>,
    /// How many bytes of standard output came after those that were kept.
    pub stdout_dropped: u64,
    /// The same of standard error.
    pub stderr_dropped: u64,
    program: String,
}

impl Command {
    /// The program of that name, or at that path.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            hidden: Vec::new(),
            bare: false,
            adopts: false,
            directory: PathBuf::new(),
            input: None,
            stdin: None,
            stdout: None,
            stderr: None,
            terms: Terms { timeout: None, grace: Duration::from_secs(2), kept: KEPT },
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// More arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable of its environment, on top of this process's.
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// A variable of this process's environment that it is not to have.
    pub fn env_remove(mut self, key: impl Into<OsString>) -> Self {
        self.hidden.push(key.into());
        self
    }

    /// Nothing of this process's environment, but what [`Self::env`] says.
    pub fn env_clear(mut self) -> Self {
        self.bare = true;
        self
    }

    /// The directory in which it runs; by default this process's. A relative path of the program counts from there.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// What it can read from standard input; by default nothing. It need not read it. Python's `input`.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Where its standard input comes from, instead of [`Self::input`].
    pub fn stdin(mut self, from: impl Into<Stdio>) -> Self {
        self.stdin = Some(from.into());
        self
    }

    /// Where its standard output goes, instead of being kept.
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.stdout = Some(to.into());
        self
    }

    /// Where its standard error goes, instead of being kept.
    pub fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.stderr = Some(to.into());
        self
    }

    /// Makes the program the parent of those of its descendants that lose theirs (`PR_SET_CHILD_SUBREAPER`). So a descendant that
    /// has left its process group and whose parent has gone is found all the same when the program is killed or late, and ends
    /// with it. By default it is init's, as that of any program.
    ///
    /// To be asked for, because the program can see it: it has children that it did not start, and those that end stay zombies for as
    /// long as it lives, unless it waits for any child, as shells do. When it ends *by itself*, the system gives what it
    /// has left behind to init before anybody hears of it: that is not found. This process itself adopts nobody in either case.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// let script = "(setsid sleep 1000 &); sleep 1000";
    /// let late = mp_supervisor::Command::new("sh").arg("-c").arg(script);
    /// late.adopt_orphans(true).timeout(Duration::from_secs(1)).run().expect_err("both have ended");
    /// ```
    pub fn adopt_orphans(mut self, adopts: bool) -> Self {
        self.adopts = adopts;
        self
    }

    /// How long it may run, from when it has begun; then its group is asked to end (SIGTERM), and killed after the grace.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// How long it may take to end after SIGTERM; by default 2 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.terms.grace = grace;
        self
    }

    /// How many bytes of each stream are kept; by default 16 MiB. What comes after them is read and counted.
    pub fn keep(mut self, bytes: usize) -> Self {
        self.terms.kept = bytes;
        self
    }

    /// Runs it to its end. How it ended is part of the value: [`CommandOutput::check`] makes what is not success an error.
    ///
    /// # Errors
    /// [`CommandError::NotStarted`]; [`CommandError::TimedOut`] with what it had written.
    pub fn run(self) -> Result<CommandOutput, CommandError> {
        let stop = start::bell(&self)?;
        start::start(&self)?.run(&stop).into_result(self.terms)
    }

    /// Starts it. When this returns, the program has begun.
    ///
    /// # Errors
    /// [`CommandError::NotStarted`].
    pub fn spawn(self) -> Result<RunningCommand, CommandError> {
        // The bell first: without it nobody would end what was started.
        let stop = start::bell(&self)?;
        RunningCommand::over(start::start(&self)?, stop, self.terms)
    }

    fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }
}

impl CommandOutput {
    /// Whether it exited with 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.exit == WorkerExit::Exited(0)
    }

    /// Itself, if it exited with 0. Python's `check=True`.
    ///
    /// # Errors
    /// [`CommandError::Failed`], whose text has the end of standard error.
    pub fn check(self) -> Result<Self, CommandError> {
        if self.is_success() { Ok(self) } else { Err(CommandError::Failed { output: Box::new(self) }) }
    }
}

impl std::fmt::Debug for CommandOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandOutput")
            .field("exit", &self.exit)
            .field("stdout", &String::from_utf8_lossy(&self.stdout))
            .field("stderr", &String::from_utf8_lossy(&self.stderr))
            .finish_non_exhaustive()
    }
}
