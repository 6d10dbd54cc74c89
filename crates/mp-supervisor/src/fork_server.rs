//! The supervisor's side of a fork server: started when the first worker is wanted, asked for each, started again when it dies.
//!
//! Does **not** know pools or tasks; nor what a fork server does (`mp-worker` does).
//!
//! ```text
//!  engine: Start ─▶ forker's thread ─▶ Fork, descriptors ─▶ fork server ─ clone3 ─▶ worker
//!    ◀── born ─────────┘ ◀──────────────────── Born(pid) ──────────────────────────┘ ▲
//!    └─▶ what it is sent at once, then its letter: who it is ────────────────────────┘
//! ```
//!
//! All pools with the same preload share one, and the last to end ends it (I7). It is started by the spawner's thread:
//! `PR_SET_PDEATHSIG` of the workers follows the thread that spawned their maker, since they have the same parent. No wait for
//! it is without limit (I2): one that does not answer is killed, with all in its process group, and another one is asked once.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::channel;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mp_link::{Line, Status, births};
use mp_sys::child::{Child, Launch};
use mp_sys::{birth, image, socket};
use mp_wire::birth::{Answer, Order, Prepare};
use mp_wire::frame::Identity;
use mp_worker::{Entry, FORK_SERVER, Sockets};
use parking_lot::Mutex;

use crate::ends::ends;
use crate::letter::Letter;
use crate::spare::{self, Forker, Job};
use crate::spawner;
use crate::streams::Streams;
use crate::worker_io::WorkerIo;

/// Longer than any fork takes, on a machine that has far too much to do.
const BIRTH: Duration = Duration::from_secs(10);

/// Room for what `ps` shows of a worker: its id, its pool's name.
const ROOM: [usize; 2] = [24, 64];

/// What a fork server runs once, before it makes workers.
#[derive(Clone, Debug)]
pub(crate) struct Preload {
    pub(crate) entry: Entry,
    pub(crate) args: Arc<[u8]>,
}

impl Preload {
    fn is(&self, other: &Self) -> bool {
        self.entry as usize == other.entry as usize && self.args == other.args
    }
}

/// One fork server, or the one that comes after it.
#[derive(Debug)]
pub(crate) struct ForkServer {
    identity: Identity,
    preload: Option<Preload>,
    /// How long it may take until it is ready.
    limit: Duration,
    live: Mutex<Option<Live>>,
    forker: Forker,
    this: Weak<Self>,
}

/// A fork server that is there.
#[derive(Debug)]
struct Live {
    child: Child,
    orders: OwnedFd,
    /// Its environment.
    env: Vec<(OsString, OsString)>,
    /// A worker that was ordered ahead of time, and that nobody has asked after yet.
    spare: Option<Blank>,
    /// Whether there is a thread that ends it when nobody wants it.
    watched: bool,
    /// When a worker was made that others may follow, and whether that was soon after another one.
    births: Option<Instant>,
    expects: bool,
}

/// Our ends of a worker that does not know yet who it is.
type Blank = (Line, Status);

/// Makes of our ends what the supervisor holds of a worker, and greets it.
type Greet<'a> = &'a dyn Fn(Blank, Letter) -> io::Result<WorkerIo>;

/// A worker to be made.
pub(crate) struct Wanted<'a> {
    pub(crate) id: String,
    pub(crate) pool: &'a str,
    pub(crate) streams: &'a Streams,
    /// Whether another one like it may be wanted soon, and not only all at once with this one.
    pub(crate) follows: bool,
}

impl ForkServer {
    /// The one of this process with this preload. It is not started yet.
    pub(crate) fn shared(identity: Identity, preload: Option<Preload>, limit: Duration) -> io::Result<Arc<Self>> {
        static ALL: Mutex<Vec<Weak<ForkServer>>> = Mutex::new(Vec::new());
        let mut all = ALL.lock();
        all.retain(|server| server.strong_count() > 0);
        let same = |server: &Arc<Self>| match (&server.preload, &preload) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if let Some(server) = all.iter().filter_map(Weak::upgrade).find(same) {
            return Ok(server);
        }
        let forker = spare::forker()?;
        let new = |this: &Weak<Self>| {
            let this = Weak::clone(this);
            Self { identity, preload, limit, live: Mutex::new(None), forker, this }
        };
        let server = Arc::new_cyclic(new);
        all.push(Arc::downgrade(&server));
        Ok(server)
    }

    /// Runs `job` in the thread that may wait for the fork server. It is handed back where there is no such thread.
    pub(crate) fn hand(&self, job: Job) -> Result<(), Job> {
        self.forker.run(job)
    }

    /// Makes a worker, greeted. Waits for the fork server, in bounds.
    pub(crate) fn bear(&self, wanted: &Wanted<'_>, greet: Greet<'_>) -> io::Result<(WorkerIo, Child)> {
        let mut live = self.live.lock();
        let fresh = live.is_none();
        let made = match self.ask(&mut live, wanted, greet) {
            // It had died, or hung: nobody was there to notice.
            Err(error) if live.is_none() && !fresh => {
                crate::log::warning!(%error, "fork server is started anew");
                self.ask(&mut live, wanted, greet)
            }
            other => other,
        };
        if let Some(server) = live.as_mut().filter(|_| wanted.follows) {
            server.note_birth();
        }
        made
    }

    /// Asks the one that is there, or a new one. Afterwards it is there only if it is well.
    fn ask(&self, live: &mut Option<Live>, wanted: &Wanted<'_>, greet: Greet<'_>) -> io::Result<(WorkerIo, Child)> {
        let mut server = match live.take() {
            Some(server) => server,
            None => self.launch()?,
        };
        match server.make(wanted, greet) {
            Ok(made) => {
                *live = Some(server);
                made
            }
            Err(error) => {
                server.end();
                Err(error)
            }
        }
    }

    /// Has a worker made ahead of time, if there is none and one is to be expected to be wanted.
    pub(crate) fn replenish(&self) {
        let mut live = self.live.lock();
        let Some(server) = live.as_mut().filter(|server| server.expects && server.spare.is_none()) else { return };
        // Why it cannot be is said to who wants one.
        server.spare = server.order().ok();
        if server.spare.is_some() && !std::mem::replace(&mut server.watched, true) {
            self.forker.keep(&self.this);
        }
    }

    /// Ends the one that was made ahead of time, if nobody has wanted one for a while. Gives whether this is to be asked again.
    pub(crate) fn still_keeps(&self) -> bool {
        let mut live = self.live.lock();
        let Some(server) = live.as_mut() else { return false };
        if server.births.is_some_and(|last| last.elapsed() < spare::KEPT) {
            return true;
        }
        (server.expects, server.watched) = (false, false);
        if server.spare.take().is_some()
            && server.bury().is_err()
            && let Some(server) = live.take()
        {
            server.end();
        }
        false
    }

    fn launch(&self) -> io::Result<Live> {
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
            Live { child: spawn(launch)?, orders, env, spare: None, watched: false, births: None, expects: false };
        crate::log::debug!(pid = server.child.pid(), "fork server started");
        match server.prepare(self) {
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
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        if let Some(server) = self.live.get_mut().take() {
            server.end();
        }
    }
}

impl Live {
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
    fn make(&mut self, wanted: &Wanted<'_>, greet: Greet<'_>) -> io::Result<io::Result<(WorkerIo, Child)>> {
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
    fn order(&self) -> io::Result<Blank> {
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
    fn bury(&self) -> io::Result<()> {
        // Where it could not be made there is nobody to end.
        self.made().map(|made| drop(made.map(|child| child.end())))
    }

    /// A worker was made that others may follow.
    fn note_birth(&mut self) {
        let before = self.births.replace(Instant::now());
        self.expects = before.is_some_and(|before| before.elapsed() < spare::KEPT);
    }

    /// Ends it, and a worker that it has made and nobody heard of.
    fn end(self) {
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
