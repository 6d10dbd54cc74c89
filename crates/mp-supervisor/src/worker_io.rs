//! What the supervisor holds of one living worker.
//!
//! Does **not** know what the worker does or should do.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mp_link::{Heard, Line, LinkError, Status};
use mp_scheduler::Inspection;
use mp_sys::child::{self, Child, Launch, Signal};
use mp_sys::clock;
use mp_sys::pidfd::Pidfd;
use mp_wire::frame::{CREDITS, Identity, ToWorker, Welcome};
use mp_wire::{WorkerId, codec};
use mp_worker::Sockets;

use crate::cargo::Hold;
use crate::ends::{Ours, ends};
use crate::error::{Error, Result};
use crate::fork_server::{ForkServer, Wanted};
use crate::letter::Letter;
use crate::output::{Kept, Opened, Outputs};
use crate::sent::Sent;
use crate::settings::Backend;
use crate::setup::Setup;
use crate::streams::Streams;
use crate::suspend::Pauses;
use crate::trace::Half;
use crate::windows::Windows;

/// One living worker.
#[derive(Debug)]
pub(crate) struct WorkerIo {
    pub(crate) id: WorkerId,
    pub(crate) line: Arc<Line>,
    pub(crate) status: Status,
    /// `None` for a thread.
    pub(crate) child: Option<Arc<Child>>,
    /// The number of a thread, once it runs.
    thread: Arc<AtomicU32>,
    /// Those whom it has started, as far as they were there when it was signalled.
    pub(crate) descendants: Vec<Pidfd>,
    pub(crate) identity: Identity,
    /// Whether it was made by who knows what it is: it says no Hello, and is ready once it is there.
    pub(crate) known: bool,
    /// What it is still to be told before it begins.
    letter: Option<Letter>,
    /// The task whose value came last, if it is traced: its times come next.
    pub(crate) half: Option<Half>,
    /// Traced items that it was sent.
    pub(crate) sent: Sent,
    /// What it ran, if it is traced, when it was told to end or had ended.
    pub(crate) at_end: Option<Box<Half>>,
    /// How many frames were sent to it by the line.
    sent_by_line: u32,
    /// How much of its outbox was overheard.
    pub(crate) heard: Heard,
    /// How many records have been accepted.
    pub(crate) records: u64,
    /// How many tasks have values whose time is to be said next.
    pub(crate) fresh: u32,
    /// When it was sent work while it had none.
    pub(crate) busy_since: Option<Instant>,
    /// When it began what it runs, as far as that is known: when it was sent to it, or what was before it was over.
    pub(crate) at: Instant,
    /// Where it says what is no outcome.
    pub(crate) outlets: Kept,
    /// Where it may write large results.
    pub(crate) windows: Windows,
    /// The large arguments that it may be reading.
    pub(crate) hold: Hold,
}

/// Who a worker is told that it is.
#[derive(Clone, Debug)]
pub(crate) struct Calling {
    pub(crate) identity: Identity,
    pub(crate) pool: Arc<str>,
    /// Whether it is the only worker ever, and the name of the pool its own.
    pub(crate) alone: bool,
    pub(crate) directory: Option<String>,
    pub(crate) setup: Setup,
    /// What is wanted of what it says beside its outcomes, if anything is.
    pub(crate) outputs: Option<Arc<Outputs>>,
}

/// Who this program's workers are told that they are.
pub(crate) fn calling(backend: Backend, pool: &str, directory: Option<String>) -> Result<Calling> {
    if backend == Backend::Processes {
        let no_stream = |source| Error::Os { doing: "a closed standard stream could not be opened", source };
        mp_sys::descriptors::occupy_standard_streams().map_err(no_stream)?;
        crate::evidence::watch_memory();
        if mp_worker::is_worker() {
            return Err(Error::WorkerRunsMain);
        }
        if !mp_worker::initialized() {
            return Err(Error::NotInitialized);
        }
        if mp_worker::depth::depth() >= mp_worker::depth::most() {
            return Err(Error::TooDeep(mp_worker::depth::depth()));
        }
    }
    let identity = mp_worker::own_identity()
        .map_err(|source| Error::Os { doing: "this executable could not be identified", source })?;
    let (pool, setup) = (Arc::from(pool), Setup::default());
    Ok(Calling { identity, pool, alone: false, directory, setup, outputs: None })
}

impl WorkerIo {
    /// Starts a copy of this program. `launch` says with which streams and environment.
    pub(crate) fn spawn(id: WorkerId, calling: &Calling, launch: Launch) -> io::Result<Self> {
        let (ours, theirs) = ends()?;
        let Sockets { frames, descriptors, lifeline, status: status_fd } = theirs;
        let mut env = launch.env;
        env.push((mp_worker::ENV.into(), std::process::id().to_string().into()));
        env.push(mp_worker::depth::for_worker());
        let args = vec!["mp-worker".into(), id.to_string().into(), calling.pool.to_string().into()];
        let launch = Launch { args, env, fds: vec![frames, descriptors, lifeline, status_fd], ..launch };
        // Greeted before it is there: this thread may get no processor before the new process gives it back.
        let io = Self::of((id, calling), ours.line()?, None)?;
        Ok(io.born(launch.spawn()?))
    }

    /// Has a fork server make a copy of this program.
    pub(crate) fn forked_by(server: &ForkServer, id: WorkerId, who: (&Calling, &Streams)) -> io::Result<Self> {
        let (calling, streams) = who;
        let follows = calling.alone || id.generation > 1;
        let wanted = Wanted { id: id.to_string(), pool: &calling.pool, streams, follows };
        let (io, child) = server.bear(&wanted, &|ours, letter| Self::of((id, calling), ours, Some(letter)))?;
        Ok(Self { known: !calling.setup.prepares(), ..io.born(child) })
    }

    /// Forks this process, if it has one thread.
    pub(crate) fn fork(id: WorkerId, calling: &Calling) -> io::Result<Self> {
        let (ours, theirs) = ends()?;
        let parent = std::process::id();
        match child::fork_single_threaded()? {
            Some(child) => Self::of_child(id, calling, ours, child),
            None => {
                drop(ours);
                mp_worker::serve_forked(parent, theirs)
            }
        }
    }

    /// Starts a thread.
    pub(crate) fn thread(id: WorkerId, calling: &Calling) -> io::Result<Self> {
        let (line, theirs) = Line::between_threads()?;
        let status = Status::local()?;
        let (own, words) = (calling.identity, status.clone());
        let thread = Arc::<AtomicU32>::default();
        let number = Arc::clone(&thread);
        let body = move || {
            number.store(mp_sys::child::own_thread(), Ordering::Relaxed);
            // A thread has no exit code.
            let _ = mp_worker::serve(&theirs, &words, own);
        };
        std::thread::Builder::new().name(format!("mp-worker {id}")).spawn(body)?;
        Ok(Self { thread, ..Self::of((id, calling), (line, status), None)? })
    }

    /// A process without a line is ended: nobody would hear of it.
    fn of_child(id: WorkerId, calling: &Calling, ours: Ours, child: Child) -> io::Result<Self> {
        let made = ours.line().and_then(|ours| Self::of((id, calling), ours, None));
        if made.is_err() {
            child.end();
        }
        made.map(|io| io.born(child))
    }

    /// The first frame fits into any empty buffer, so this does not wait.
    fn of(
        (id, calling): (WorkerId, &Calling),
        (line, status): (Line, Status),
        mut letter: Option<Letter>,
    ) -> io::Result<Self> {
        let identity = Identity { token: random(), ..calling.identity };
        let opened = calling.outputs.as_ref().map(|outputs| outputs.open(id, identity.token));
        let Opened { told: outlets, mut given, kept } = opened.transpose()?.unwrap_or_default();
        let (setup, descriptors) = calling.setup.pack(id.slot)?;
        given.extend(descriptors);
        let (pool, directory) = (calling.pool.to_string(), calling.directory.clone());
        let name = if calling.alone { pool.clone() } else { format!("{pool}-{id}") };
        // Who is about to prepare something says when that begins.
        let hello = setup.prepares() || (letter.is_none() && !calling.alone);
        let welcome = Welcome { identity, hello, worker: id, pool, name, directory, setup, outlets };
        let frame = codec::encode(&ToWorker::Welcome(Box::new(welcome))).map_err(io::Error::other)?;
        if let Some(letter) = letter.take_if(|_| !given.is_empty()) {
            letter.send(&line)?;
        }
        // A worker that is gone already is noticed by its pidfd.
        let _ = line.send(&frame, given);
        Ok(Self {
            id,
            line: Arc::new(line),
            status,
            child: None,
            thread: Arc::default(),
            descendants: Vec::new(),
            identity,
            known: false,
            letter,
            half: None,
            sent: Sent::default(),
            at_end: None,
            sent_by_line: 0,
            heard: Heard::default(),
            records: 0,
            fresh: 0,
            busy_since: None,
            at: Instant::now(),
            outlets: kept,
            windows: Windows::default(),
            hold: Hold::default(),
        })
    }

    fn born(self, child: Child) -> Self {
        self.outlets.name(child.pid());
        Self { child: Some(Arc::new(child)), ..self }
    }

    /// How many bytes of memory it has now; 0 where that cannot be told, as of a thread.
    pub(crate) fn resident(&self) -> u64 {
        let child = self.child.as_ref().filter(|child| !child.has_ended());
        child.and_then(|child| mp_sys::memory::resident(child.pid())).unwrap_or(0)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map_or_else(std::process::id, |child| child.pid())
    }

    /// Its process, and the thread in it that runs tasks.
    pub(crate) fn lane(&self) -> (u32, u32) {
        let thread = if self.child.is_some() { self.pid() } else { self.thread.load(Ordering::Relaxed) };
        (self.pid(), thread)
    }

    /// Who has left its process group is found only while it lives itself.
    pub(crate) fn signal(&mut self, child: &Child, signal: Signal) {
        self.descendants.extend(mp_sys::descent::of(child.pid()));
        child.signal(signal);
    }

    /// It is dead; what it had started is to end as well.
    pub(crate) fn end_descendants(&self) {
        // It fails only where one has ended already.
        self.descendants.iter().for_each(|one| drop(one.signal(Signal::SIGKILL)));
    }

    /// To be called when it has died: what it said is read to the end. Gives the last lines of its standard error.
    pub(crate) fn last_words(&self) -> String {
        self.outlets.close()
    }

    /// It is sent work now.
    pub(crate) fn note_work(&mut self, now: Instant) {
        if self.busy_since.is_none() {
            (self.busy_since, self.at) = (Some(now), now);
        }
    }

    /// What it ran took so long. It says so itself: later than now it is not (I9).
    pub(crate) fn note_ran(&mut self, now: Instant, spent: Duration) {
        self.at = self.at.checked_add(spent).unwrap_or(now).min(now);
    }

    /// A small frame, which needs no credit.
    pub(crate) fn tell(&mut self, frame: &ToWorker<'_>) {
        // A worker that is gone already is noticed by its pidfd.
        let _ = codec::encode(frame).map(|frame| self.send(&frame, Vec::new()));
    }

    /// Hands over the windows that were made for it. Few and small: these frames need no credit.
    pub(crate) fn hand_over_windows(&mut self) {
        for (lent, fd) in self.windows.unsent() {
            // A worker that is gone already is noticed by its pidfd.
            let _ = codec::encode(&ToWorker::Lend(lent)).map(|frame| self.send(&frame, vec![fd]));
        }
    }

    /// Has it begin, if it has not yet: all that it gets at once lies in its line.
    pub(crate) fn let_go(&mut self) -> io::Result<()> {
        self.letter.take().map_or(Ok(()), |letter| letter.send(&self.line))
    }

    /// By the mailbox, if it is awake and has nothing to do, else by the line.
    pub(crate) fn send(&mut self, frame: &[u8], descriptors: Vec<OwnedFd>) -> Result<(), LinkError> {
        if descriptors.is_empty() && self.status.post(frame, self.sent_by_line) {
            return Ok(());
        }
        if !descriptors.is_empty() {
            self.let_go()?;
        }
        self.line.send(frame, descriptors)?;
        self.sent_by_line = self.sent_by_line.wrapping_add(1);
        self.status.sent_by_line(self.sent_by_line);
        Ok(())
    }

    pub(crate) fn begun(&self) -> [(u32, u16); CREDITS] {
        self.status.begun().map(|begun| (begun.number, begun.items))
    }

    /// Takes back what has not begun: of each frame in flight its number, and how many items.
    pub(crate) fn revoke_all(&self) -> [(u32, u16); CREDITS] {
        self.status.begun().map(|begun| (begun.number, self.status.revoke(begun.number, u16::MAX)))
    }

    /// Takes back what has not begun, then looks. In this order: afterwards nothing more can begin.
    pub(crate) fn inspect(&self, pauses: &Pauses) -> Inspection {
        let taken = self.revoke_all();
        let begun = self.begun();
        let started_ns = self.status.started_ns();
        let age = clock::monotonic_ns().saturating_sub(started_ns).saturating_sub(pauses.since_ns(started_ns));
        let now = Instant::now();
        // Who has died is late for nothing: it did not run until now, it only was not buried.
        let age = if self.child.as_ref().is_some_and(|child| child.has_ended()) { 0 } else { age };
        let started = now.checked_sub(std::time::Duration::from_nanos(age)).unwrap_or(now);
        Inspection { taken, begun, started, asked: self.status.asked() }
    }
}

/// 64 bits that a stranger does not guess: std's seed for its hash tables, which it takes from the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
