//! Starting another program, with its three streams.
//!
//! Does **not** read or write them.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use mp_sys::child::{Child, Launch, Stream};
use mp_sys::poll::{Bell, Way, wait_one};
use mp_sys::{birth, outlet, socket};

use super::error::CommandError;
use super::pump::{Feed, Kept, Pump};
use super::{Command, Terms};
use crate::settings::Backend;
use crate::spawner;
use crate::streams::Stdio;
use crate::worker_io::calling;

/// A copy of this program becomes the other one within milliseconds, or the system is in trouble.
const BECOMING: Duration = Duration::from_secs(30);

/// Starts it; when this returns, the program has begun.
pub(super) fn start(command: &Command) -> Result<Pump, CommandError> {
    calling(Backend::Processes, "command", None).map_err(|error| CommandError::NotHere(Box::new(error)))?;
    try_start(command).map_err(|source| CommandError::NotStarted { program: command.name(), source })
}

pub(super) fn bell(command: &Command) -> Result<Arc<Bell>, CommandError> {
    Bell::new().map(Arc::new).map_err(|source| CommandError::NotStarted { program: command.name(), source })
}

fn try_start(command: &Command) -> io::Result<Pump> {
    let (feed, stdin) = input(command)?;
    let (kept_out, stdout) = output(command.stdout.as_ref(), command.terms)?;
    let (kept_err, stderr) = output(command.stderr.as_ref(), command.terms)?;
    let (report, theirs) = outlet::pipe()?;
    let mut env = command.env.clone();
    let adopts = if command.adopts { mp_worker::ADOPTS } else { "" };
    env.push((mp_worker::ENV.into(), format!("{}{}{adopts}", mp_worker::COMMAND, std::process::id()).into()));
    let args = [command.directory.clone().into_os_string(), command.program.clone()];
    let launch = Launch {
        args: args.into_iter().chain(command.args.iter().cloned()).collect(),
        env,
        hidden: command.hidden.clone(),
        bare: command.bare,
        fds: vec![birth::lifeline()?, socket::raise(&theirs)?],
        stdin,
        stdout,
        stderr,
    };
    drop(theirs);
    let child = Arc::new(spawn(launch)?);
    if let Err(error) = become_it(&report, &command.directory) {
        child.end();
        return Err(error);
    }
    let deadline = command.terms.timeout.and_then(|limit| Instant::now().checked_add(limit));
    Ok(Pump::new(child, (feed, [kept_out, kept_err]), (deadline, command.terms.grace), command.name()))
}

/// On the spawner's thread: the program ends with the thread that has started it.
fn spawn(launch: Launch) -> io::Result<Child> {
    let (sender, receiver) = channel();
    let start = move || drop(sender.send(launch.spawn()));
    spawner::hand(Box::new(start)).map_err(|_| io::Error::other("no thread could be made to start it"))?;
    receiver.recv().unwrap_or_else(|_| Err(io::Error::other("starting it panicked")))
}

/// The report ends without a word when the copy has become the program.
fn become_it(report: &OwnedFd, directory: &Path) -> io::Result<()> {
    if !wait_one(report, Way::Read, Some(BECOMING))? {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let mut number = [0; 4];
    match outlet::read_now(report, &mut number)? {
        0 => Ok(()),
        _ => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(number))).map_err(|error| placed(error, directory)),
    }
}

/// Which of the two is not there, the system does not say.
fn placed(error: io::Error, directory: &Path) -> io::Error {
    let is_missing = !directory.as_os_str().is_empty() && !directory.is_dir();
    if !is_missing {
        return error;
    }
    io::Error::new(error.kind(), format!("{} is no directory: {error}", directory.display()))
}

fn input(command: &Command) -> io::Result<(Option<Feed>, Option<OwnedFd>)> {
    if let Some(stdin) = &command.stdin {
        return Ok((None, stdin.open_for_reading()?));
    }
    let Some(bytes) = command.input.clone().filter(|bytes| !bytes.is_empty()) else { return Ok((None, None)) };
    // Its own end waits, as programs expect of theirs.
    let (reading, writing) = io::pipe()?;
    let theirs = socket::raise(&reading)?;
    Ok((Some(Feed::new(writing.into(), bytes)?), Some(theirs)))
}

fn output(to: Option<&Stdio>, terms: Terms) -> io::Result<(Option<Kept>, Stream)> {
    if let Some(to) = to {
        return Ok((None, to.open()?));
    }
    let (reading, writing) = outlet::pipe()?;
    Ok((Some(Kept::new(reading, terms.kept)?), Stream::To(socket::raise(&writing)?)))
}
