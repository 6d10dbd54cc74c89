//! A fork server that is there: what it is asked, and what it answers in time.
//!
//! Does **not** know when one is wanted, nor who comes after it.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use mp_link::{Line, Status, births};
use mp_sys::child::{Child, Launch};
use mp_sys::{birth, image, socket};
use mp_wire::birth::{Answer, Order, Prepare};
use mp_worker::{FORK_SERVER, Sockets};

use super::{ForkServer, Wanted};
use crate::ends::ends;
use crate::letter::Letter;
use crate::worker_io::WorkerIo;
use crate::{spare, spawner};

/// Room for what `ps` shows of a worker: its id, its pool's name.
const ROOM: [usize; 2] = [24, 64];

/// Longer than any fork takes, on a machine that has far too much to do.
const BIRTH: Duration = Duration::from_secs(10);

/// A fork server that is there.
#[derive(Debug)]
pub(super) struct Live {
    child: Child,
    orders: OwnedFd,
    /// Its environment.
    env: Vec<(OsString, OsString)>,
    /// A worker that was ordered ahead of time, and that nobody has asked after yet.
    pub(super) spare: Option<Blank>,
    /// Whether there is a thread that ends it when nobody wants it.
    pub(super) watched: bool,
    /// When a worker was made that others may follow, and whether that was soon after another one.
    pub(super) births: Option<Instant>,
    pub(super) expects: bool,
}

/// Our ends of a worker that does not know yet who it is.
pub(super) type Blank = (Line, Status);

/// Makes of our ends what the supervisor holds of a worker, and greets it.
pub(super) type Greet<'a> = &'a dyn Fn(Blank, Letter) -> io::Result<WorkerIo>;

impl Live {
    /// Starts one, and has it get ready as `to` has it.
    pub(super) fn launch(to: &ForkServer) -> io::Result<Self> {
        let (orders, theirs) = socket::packet_pair()?;
        let taken = || std::fs::File::open("/dev/null").map(OwnedFd::from);
        // As deep as its workers: so it need not be said to each.
        let depth = mp_worker::depth::for_worker();
        let mut env: Vec<_> = std::env::vars_os().filter(|(name, _)| *name != depth.0).collect();
        env.push(depth);
        let role = (mp_worker::ENV.into(), format!("{FORK_SERVER}{}", std::process::id()).into());
        let launch = Launch {
            args: arguments(),
            env: env.iter().cloned().chain([role]).collect(),
            fds: vec![theirs, birth::lifeline()?, taken()?, taken()?],
            ..Launch::default()
        };
        let server =
            Self { child: spawn(launch)?, orders, env, spare: None, watched: false, births: None, expects: false };
        crate::log::debug!(pid = server.child.pid(), "fork server started");
        match server.prepare(to) {
            Ok(Answer::Ready) => Ok(server),
            other => {
                server.end();
                Err(io::Error::other(match other {
                    Ok(Answer::Refused(reason)) => reason,
                    Ok(Answer::Ready | Answer::Born(_)) => "fork server answered out of turn".to_owned(),
                    Err(error) => format!("fork server did not get ready: {error}"),
                }))
            }
        }
    }

    fn prepare(&self, to: &ForkServer) -> io::Result<Answer> {
        let preload = to.preload.as_ref();
        let order = Order::Prepare(Prepare {
            identity: to.identity,
            preload: preload.map(|preload| image::offset_of(preload.entry as usize)),
            args: preload.map_or_else(Vec::new, |preload| preload.args.to_vec()),
        });
        births::send(&self.orders, &order, &[])?;
        births::heard(&self.orders, to.limit)
    }

    /// Makes a worker, of the spare one if there is one. What is an error here is the fork server's; the worker's is within.
    pub(super) fn make(&mut self, wanted: &Wanted<'_>, greet: Greet<'_>) -> io::Result<io::Result<(WorkerIo, Child)>> {
        let letter = match Letter::to(wanted, &self.env) {
            Ok(letter) => letter,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(spare) = self.spare.take() {
            births::still_there(&self.orders)?;
            match self.made()? {
                Ok(child) if !child.has_ended() => return Ok(greeted(greet(spare, letter), child)),
                // It may take its place once more.
                Ok(child) => child.end(),
                Err(error) => crate::log::debug!(%error, "no worker was made ahead"),
            }
        }
        let blank = self.order()?;
        let io = greet(blank, letter);
        Ok(self.made()?.and_then(|child| greeted(io, child)))
    }

    /// Orders a worker that does not know who it is.
    pub(super) fn order(&self) -> io::Result<Blank> {
        let (ours, theirs) = ends()?;
        let Sockets { frames, descriptors, lifeline, status } = &theirs;
        let fds = [frames, descriptors, lifeline, status].map(AsFd::as_fd);
        births::send(&self.orders, &Order::Fork, &fds)?;
        drop(theirs);
        ours.line()
    }

    /// The worker that was ordered.
    fn made(&self) -> io::Result<io::Result<Child>> {
        Ok(match births::heard(&self.orders, BIRTH)? {
            Answer::Born(pid) => Child::adopt(pid),
            Answer::Refused(reason) => Err(io::Error::other(format!("fork server could not fork: {reason}"))),
            Answer::Ready => Err(io::Error::other("fork server answered out of turn")),
        })
    }

    /// Ends the worker that was ordered.
    pub(super) fn bury(&self) -> io::Result<()> {
        // Where it could not be made there is nobody to end.
        self.made().map(|made| drop(made.map(|child| child.end())))
    }

    /// A worker was made that others may follow.
    pub(super) fn note_birth(&mut self) {
        let before = self.births.replace(Instant::now());
        self.expects = before.is_some_and(|before| before.elapsed() < spare::KEPT);
    }

    /// Ends it, and a worker that it has made and nobody heard of.
    pub(super) fn end(self) {
        self.child.end_all();
        // One that answered too late has left the group.
        while let Ok(Answer::Born(pid)) = births::heard(&self.orders, Duration::ZERO) {
            if let Ok(child) = Child::adopt(pid) {
                child.end();
            }
        }
    }
}

/// The worker that is this child. Where it cannot be held, it is ended.
fn greeted(io: io::Result<WorkerIo>, child: Child) -> io::Result<(WorkerIo, Child)> {
    match io {
        Ok(io) => Ok((io, child)),
        Err(error) => {
            child.end();
            Err(error)
        }
    }
}

/// By the spawner's thread, which lives as long as the process: the workers end with it, as those that it spawned.
fn spawn(launch: Launch) -> io::Result<Child> {
    let (sender, receiver) = channel();
    let start = Box::new(move || drop(sender.send(launch.spawn())));
    let no_thread = || io::Error::other("no thread could be made to start it");
    spawner::hand(start).map_err(|_| no_thread())?;
    // It waits for the system only.
    receiver.recv().map_err(|_| no_thread())?
}

fn arguments() -> Vec<OsString> {
    let [id, pool] = ROOM;
    vec!["mp-worker".into(), format!("{:id$}", "fork-server").into(), " ".repeat(pool).into()]
}
