//! A copy of the program that does nothing but make workers: one thread, which waits for orders.
//!
//! Does **not** know pools, nor what becomes of the workers: they are the supervisor's children, not its own.
//!
//! ```text
//!  supervisor: posix_spawn(/proc/self/exe), MP_WORKER=fork-server:<its pid>, descriptors 3 orders, 4 lifeline, 5 and 6 taken
//!     Prepare ──▶  run the preload ── Ready ──▶
//!     Fork ─────▶  clone3(CLONE_PARENT) ─┐           3 to 6 in the worker: what each worker is born with (PROTOCOL.md)
//!                                        └ worker ── Born(pid) ──▶ leaves the group, sets itself up, waits
//!     Bear ──────────────────────────────▶ worker:   is who it is told; the rest as a spawned one, but no Hello
//! ```
//!
//! The worker itself answers, and leaves the fork server's process group afterwards. So where a fork server dies with an
//! order on hand, either the answer comes, or the worker that might be there is in that group: the supervisor ends the
//! group and takes the status of all in it, and nobody is left whom nobody knows.
//!
//! The preload runs in a thread that has ended when the first worker is made. So nothing that lives in thread-locals is
//! copied to the workers: `rand::rng()` and the keys of `HashMap` are made by each worker for itself, from the system.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use mp_link::births;
use mp_sys::image::SameImage;
use mp_sys::title::Title;
use mp_sys::twin::{Twins, Which, threads};
use mp_sys::{birth, child};
use mp_wire::birth::{Answer, Bear, Order, Prepare};
use mp_wire::frame::Identity;

use crate::init::{ENV, Sockets, WORKER, own_identity, set_up};
use crate::panic::watch;
use crate::rehearsal::rehearse;
use crate::serve::serve;
use crate::task::{Call, Entry};

/// Before the supervisor's pid in [`ENV`].
pub const FORK_SERVER: &str = "fork-server:";

/// What a worker is called that does not know who it is.
const SPARE: &str = "mp-spare";

/// A preload's thread has the stack of a main one.
const STACK: usize = 8 << 20;

/// After its end a thread may still be counted for a moment.
const LINGERS: Duration = Duration::from_millis(500);

/// What a worker renews may take so long: nobody else has an eye on it, since its supervisor takes it for ready.
const RENEWAL: Duration = Duration::from_secs(30);

struct Server {
    parent: u32,
    own: Identity,
    orders: OwnedFd,
    lifeline: OwnedFd,
    /// They keep the numbers free at which a worker has its descriptors.
    taken: [OwnedFd; 2],
    twins: Twins,
    title: Option<Title>,
}

/// Serves until the supervisor hangs up. It returns the code to exit with; in each worker that it makes as well.
pub(crate) fn run(parent: &str) -> io::Result<i32> {
    let mut server = Server::new(parent)?;
    while let Some((order, fds)) = births::receive(&server.orders)? {
        match order {
            Order::Prepare(prepare) => {
                let answer = server.prepare(&prepare).map_or_else(Answer::Refused, |()| Answer::Ready);
                births::answer(&server.orders, &answer)?;
            }
            Order::Fork => match server.twins.make() {
                Ok(Which::First) => drop(fds),
                Ok(Which::Copy) => return server.into_worker(fds),
                Err(error) => births::answer(&server.orders, &Answer::Refused(error.to_string()))?,
            },
            Order::Bear(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(0)
}

impl Server {
    fn new(parent: &str) -> io::Result<Self> {
        let parent = parent.parse().map_err(|_| io::Error::other(format!("{ENV} is not a process id")))?;
        let [orders, lifeline, third, fourth] = birth::inherited_fds(child::FIRST_FD)?;
        birth::forget_variable(ENV);
        birth::bind_to_parent(parent, &lifeline)?;
        birth::set_name("mp-fork-server");
        let (own, twins, title) = (own_identity()?, Twins::new()?, Title::find().ok());
        Ok(Self { parent, own, orders, lifeline, taken: [third, fourth], twins, title })
    }

    fn prepare(&mut self, prepare: &Prepare) -> Result<(), String> {
        let theirs = Identity { token: 0, ..prepare.identity };
        let same = SameImage::prove(self.own.build, theirs.build).filter(|_| self.own == theirs);
        let image = same.ok_or("fork server is another program than its supervisor")?;
        if let Some(preload) = prepare.preload {
            run_preload(image.function(preload), &prepare.args)?;
        }
        // A courtesy to the workers. It leaves a channel for the next line behind as well.
        let _ = rehearse(self.own);
        // What waits in a buffer would be written by every worker.
        io::Write::flush(&mut io::stdout()).map_err(|error| error.to_string())?;
        alone_again()
    }

    /// In the copy, which does all that it can before it knows who it is: it may have been made ahead of time.
    fn into_worker(self, fds: Vec<OwnedFd>) -> io::Result<i32> {
        births::answer(&self.orders, &Answer::Born(std::process::id()))?;
        birth::lead_group()?;
        let own: [OwnedFd; 4] = exactly(fds)?;
        // Their numbers are overwritten now.
        std::mem::forget((self.orders, self.lifeline, self.taken));
        let [frames, descriptors, lifeline, status] = birth::settle(own, child::FIRST_FD)?;
        let (line, status) = set_up(self.parent, Sockets { frames, descriptors, lifeline, status })?;
        let line = std::mem::ManuallyDrop::new(line);
        birth::set_name(SPARE);
        match births::receive(line.beside()?)? {
            Some((Order::Bear(bear), fds)) => become_one(&bear, fds, self.title)?,
            // Nobody needs it any more.
            None => return Ok(0),
            Some((Order::Prepare(_) | Order::Fork, _)) => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(serve(&line, &status, self.own))
    }
}

/// Its supervisor knows the program, and needs no `Hello`: what it has sent meanwhile lies in the line.
fn become_one(bear: &Bear, fds: Vec<OwnedFd>, title: Option<Title>) -> io::Result<()> {
    birth::set_name(WORKER);
    let [directory, stdout, stderr] = exactly(fds)?;
    birth::enter(&directory)?;
    birth::set_streams(&stdout, &stderr)?;
    for (name, value) in &bear.env {
        birth::set_variable(OsStr::from_bytes(name), value.as_deref().map(OsStr::from_bytes));
    }
    if let Some(title) = title {
        title.write(&["mp-worker", &bear.id, &bear.pool]);
    }
    birth::within(RENEWAL, crate::after_fork::renew);
    Ok(())
}

fn exactly<const N: usize>(fds: Vec<OwnedFd>) -> io::Result<[OwnedFd; N]> {
    fds.try_into().map_err(|fds: Vec<_>| io::Error::other(format!("{} descriptors came with an order", fds.len())))
}

/// Runs a preload to its end, in a thread of its own.
///
/// # Errors
/// Why it failed, in words.
pub fn run_preload(entry: Entry, args: &[u8]) -> Result<(), String> {
    let body = || match watch(|| entry(Call::One { args, out: &mut Vec::new(), timed: false })) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(refused)) => Err(format!("preload's arguments could not be decoded: {}", refused.reason)),
        Err(caught) => {
            let panic = caught.into_panic();
            let place = panic.location.map(|place| format!(" at {place}")).unwrap_or_default();
            Err(format!("preload panicked{place}: {}", panic.message))
        }
    };
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name(PRELOAD.to_owned()).stack_size(STACK);
        let thread =
            builder.spawn_scoped(scope, body).map_err(|error| format!("no thread for the preload: {error}"))?;
        thread.join().unwrap_or_else(|_| Err("preload panicked".to_owned()))
    })
}

/// The thread in which it runs.
const PRELOAD: &str = "mp-preload";

/// Whether the calling thread runs a preload.
#[must_use]
pub fn is_preloading() -> bool {
    std::thread::current().name() == Some(PRELOAD)
}

fn alone_again() -> Result<(), String> {
    let deadline = std::time::Instant::now() + LINGERS;
    loop {
        match threads() {
            Ok(1) => return Ok(()),
            Ok(_) if std::time::Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            Ok(many) => {
                let text = "of which a fork would copy only one: what it starts must have ended when it returns";
                return Err(format!("preload has left the fork server with {many} threads, {text}"));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}
