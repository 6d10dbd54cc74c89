//! The fork in the road at the start of `main`: this process is the program, or a worker of it.
//!
//! Does **not** know why a worker was started.
//!
//! ```text
//!  supervisor: posix_spawn(/proc/self/exe), MP_WORKER=<its pid>, descriptors 3 frames, 4 descriptors, 5 lifeline, 6 status
//!  worker:     main ─▶ mp::init() ─▶ MP_WORKER? ─▶ serve, exit
//!                                        └ no ───▶ return: go on as the program
//!  fork server: the same, and MP_WORKER says that it is one: see `fork_server`
//!  another program: the same, before it is one: see `foreign`
//! ```

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use mp_link::{Line, Status};
use mp_sys::{birth, child, image};
use mp_wire::frame::{Identity, PROTOCOL};

use crate::{foreign, fork_server, registry, serve};

/// The variable that tells a copy of the program that it is a worker, and whose: its supervisor's pid. A fork server has
/// [`crate::FORK_SERVER`] before it.
pub const ENV: &str = "MP_WORKER";

/// What a worker is called.
pub(crate) const WORKER: &str = "mp-worker";

/// The exit code of a worker that could not be set up: `EX_OSERR` of sysexits(3).
const SETUP_FAILED: i32 = 71;

static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// Whether this process is a worker that serves.
static SERVING: AtomicBool = AtomicBool::new(false);

/// Must be the first statement of `main`. In a worker copy of the program it serves its supervisor and never returns; in
/// the program itself it returns at once. Python's spawn start method does the same by importing `__main__` anew, which
/// is why its programs need `if __name__ == "__main__"`.
///
/// Called later, what `main` did before it is done once more in every worker.
pub fn init() {
    INITIALIZED.store(true, Ordering::Release);
    if let Ok(parent) = std::env::var(ENV) {
        let role = |prefix| parent.strip_prefix(prefix);
        let code = match (role(fork_server::FORK_SERVER), role(foreign::COMMAND)) {
            (Some(parent), _) => fork_server::run(parent),
            (None, Some(parent)) => foreign::run(parent),
            (None, None) => born(&parent).map(|(line, status, own)| serve(&ManuallyDrop::new(line), &status, own)),
        };
        exit(code.unwrap_or_else(|error| explain(&error)));
    }
}

/// Whether [`init`] has been called in this process.
#[must_use]
pub fn initialized() -> bool {
    INITIALIZED.load(Ordering::Acquire)
}

/// Whether this process was started as a worker, and [`init`] has not been called: it runs a `main` that it must not run.
#[must_use]
pub fn is_worker() -> bool {
    std::env::var_os(ENV).is_some()
}

/// Whether this process is a worker, and serves its supervisor: `false` where workers are threads of it.
#[must_use]
pub fn is_serving() -> bool {
    SERVING.load(Ordering::Acquire)
}

/// What this program says of itself to a peer, but for the token.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn own_identity() -> io::Result<Identity> {
    Ok(Identity { protocol: PROTOCOL, build: image::build_id()?, registry: registry::hash(), token: 0 })
}

/// What a worker is born with.
#[derive(Debug)]
pub struct Sockets {
    /// For frames.
    pub frames: OwnedFd,
    /// For descriptors.
    pub descriptors: OwnedFd,
    /// Ends when the supervisor does.
    pub lifeline: OwnedFd,
    /// The status memory.
    pub status: OwnedFd,
}

fn born(parent: &str) -> io::Result<(Line, Status, Identity)> {
    let parent = parent.parse().map_err(|_| io::Error::other(format!("{ENV} is not a process id")))?;
    let [frames, descriptors, lifeline, status] = birth::inherited_fds(child::FIRST_FD)?;
    birth::forget_variable(ENV);
    let (line, status) = set_up(parent, Sockets { frames, descriptors, lifeline, status })?;
    Ok((line, status, own_identity()?))
}

pub(crate) fn set_up(parent: u32, sockets: Sockets) -> io::Result<(Line, Status)> {
    birth::bind_to_parent(parent, &sockets.lifeline)?;
    birth::set_name(WORKER);
    SERVING.store(true, Ordering::Release);
    // It stays open for as long as the process lives: that is what it is for.
    std::mem::forget(sockets.lifeline);
    let status = Status::open(&sockets.status)?;
    // Where the system refuses it, a crash is told without its place.
    let _ = status.record_crashes();
    let line = Line::over_sockets(sockets.frames, sockets.descriptors)?;
    Ok((line, status))
}

/// Serves in a process that was forked instead of started; never returns.
pub fn serve_forked(parent: u32, sockets: Sockets) -> ! {
    birth::drop_inherited_lifeline();
    crate::depth::note_fork();
    let ready = set_up(parent, sockets).and_then(|(line, status)| Ok((line, status, own_identity()?)));
    exit(match ready {
        Ok((line, status, own)) => {
            crate::after_fork::renew();
            serve(&line, &status, own)
        }
        Err(error) => explain(&error),
    })
}

fn explain(error: &io::Error) -> i32 {
    let hint = format!("{ENV} is set, but this process was not started as a worker; unset it");
    eprintln!("mp: worker {} could not be set up: {error} (if you ran it by hand: {hint})", std::process::id());
    SETUP_FAILED
}

#[expect(clippy::disallowed_methods, reason = "a worker has no main to return to")]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}
