//! Names for memory: an abstract socket, on which a thread of the owner hands out the descriptor.
//!
//! Does **not** leave anything behind: an abstract name is no file, and is gone with the process that has it.
//!
//! ```text
//!  owner:  bind "mp-shm-<uid>-<name>" ── accept ── same user? ── descriptor ──▶ opener: same user? a plate?
//! ```

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::thread::JoinHandle;
use std::time::Duration;

use mp_sys::peer::{is_same_user, user};
use mp_sys::{dial, parcel};

use crate::Result;
use crate::block::Block;
use crate::error::SyncError;
use crate::shared_memory::KIND;

/// Without descriptors nobody can be let in: it is tried again so much later.
const PAUSE: Duration = Duration::from_millis(20);

/// Who asks for the descriptor is answered at once, or not at all.
const ANSWER: Duration = Duration::from_secs(1);

/// Who has given a name, until it is dropped.
pub(crate) struct Owner {
    name: String,
    thread: Option<JoinHandle<()>>,
    stop: Option<UnixStream>,
}

impl Owner {
    pub(crate) fn serve(name: &str, block: &Block) -> Result<Self> {
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => SyncError::NameTaken(name.to_owned()),
            _ => SyncError::Os { doing: "naming shared memory", source: error },
        };
        let listener = UnixListener::bind_addr(&address(name)?).map_err(refused)?;
        let fd = block.plate().as_fd().try_clone_to_owned().map_err(refused)?;
        let (stop, stopped) = UnixStream::pair().map_err(refused)?;
        let thread = std::thread::Builder::new().name("mp-shared-memory".to_owned());
        let thread = thread.spawn(move || hand_out(&listener, &fd, &stopped)).map_err(refused)?;
        Ok(Self { name: name.to_owned(), thread: Some(thread), stop: Some(stop) })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// The name is free again when this returns.
impl Drop for Owner {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Until `stopped` says so. Never waits for who connects.
fn hand_out(listener: &UnixListener, fd: &OwnedFd, stopped: &UnixStream) {
    while let Ok(true) = mp_sys::peer::readable_before(listener, stopped) {
        let Ok((stream, _)) = listener.accept() else {
            // Descriptors have run out, and come back. Who knocks stays at the door.
            std::thread::sleep(PAUSE);
            continue;
        };
        if is_same_user(&stream) {
            // Who has gone away gets nothing.
            let _ = parcel::send(&stream, &[0], &[fd.as_fd()]);
        }
    }
}

pub(crate) fn open(name: &str, limit: Duration) -> Result<Block> {
    let late = SyncError::TimedOut { what: "shared memory", after: limit };
    address(name)?;
    let stream = match dial::local(&full(name), limit.max(ANSWER)) {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(late),
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => {
            return Err(SyncError::NotFound(name.to_owned()));
        }
        Err(source) => return Err(SyncError::Os { doing: "opening shared memory", source }),
    };
    if !is_same_user(&stream) {
        return Err(SyncError::NotFound(name.to_owned()));
    }
    let received = parcel::recv_within(&stream, limit.max(ANSWER)).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => late,
        _ => SyncError::Os { doing: "opening shared memory", source: error },
    })?;
    let fd = received.and_then(|(_, fds)| fds.into_iter().next());
    Block::adopt(fd.ok_or_else(|| SyncError::NotFound(name.to_owned()))?, KIND, 1, 1)
}

fn full(name: &str) -> String {
    format!("mp-shm-{}-{name}", user())
}

fn address(name: &str) -> Result<SocketAddr> {
    SocketAddr::from_abstract_name(full(name)).map_err(|_| SyncError::Invalid("name of shared memory is too long"))
}
