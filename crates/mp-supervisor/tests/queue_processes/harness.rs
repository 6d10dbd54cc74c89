//! Starting helpers with queues, and looking at what they leave.
//!
//! Does **not** know what the helpers do.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use mp_link::baggage::{pack_with, unpack_with};
use mp_supervisor::Queue;
use mp_sys::memfile::{MemFile, Page};
use mp_wire::codec;

/// Where the lock is in a queue's first page: what a saboteur knows.
pub(crate) const LOCK_AT: usize = 24;

/// The descriptor of a queue, as it travels.
pub(crate) fn descriptor<T>(queue: &Queue<T>) -> OwnedFd {
    let (bytes, mut fds) = pack_with(|| codec::encode(queue));
    assert_eq!(bytes, Ok(vec![0]), "the number of the descriptor, and nothing else");
    fds.pop().expect("one descriptor")
}

/// The queue that arrives with a descriptor.
pub(crate) fn arrive<T>(fd: OwnedFd) -> Result<Queue<T>, codec::CodecError> {
    unpack_with(vec![fd], || codec::decode(&[0]))
}

/// A queue's file, as a saboteur sees it.
pub(crate) fn file<T>(queue: &Queue<T>) -> MemFile {
    MemFile::adopt(descriptor(queue)).expect("a queue's file")
}

/// A queue's first page, as a saboteur sees it.
pub(crate) fn page<T>(queue: &Queue<T>) -> Page {
    Page::map(&file(queue)).expect("a page")
}

/// A process with two queues, killed and reaped when dropped.
pub(crate) struct Helper(Child);

impl Helper {
    pub(crate) fn start<A, B>(role: &str, arguments: &[u64], first: &Queue<A>, second: &Queue<B>) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a queue is tested without the pool that would start its processes"
        )]
        let mut command = Command::new("/proc/self/exe");
        command.arg(format!("role:{role}")).args(arguments.iter().map(u64::to_string));
        command.stdin(Stdio::from(descriptor(first))).stdout(Stdio::from(descriptor(second)));
        Self(command.spawn().expect("starts"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn join(&mut self) -> ExitStatus {
        self.0.wait().expect("a status")
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        self.join();
    }

    /// Returns once the helper sleeps in a futex.
    pub(crate) fn wait_until_asleep(&self) {
        while !self.sleeps_now() {
            std::thread::yield_now();
        }
    }

    /// Whether its main thread sleeps in a futex.
    pub(crate) fn sleeps_now(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/wchan", self.pid())).expect("alive").contains("futex")
    }

    /// How often it has gone to sleep so far.
    pub(crate) fn sleeps(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("alive");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse().ok()).expect("a count")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// In a helper: the queues it was started with.
pub(crate) fn queues<A, B>() -> (Queue<A>, Queue<B>) {
    let first = std::io::stdin().as_fd().try_clone_to_owned().expect("a descriptor");
    let second = std::io::stdout().as_fd().try_clone_to_owned().expect("a descriptor");
    (arrive(first).expect("a queue"), arrive(second).expect("a queue"))
}

pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("lists").count()
}

pub(crate) fn has_children() -> bool {
    let children = std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id()));
    children.is_ok_and(|pids| !pids.trim().is_empty())
}

/// Ends this process, and says so, unless what it gives is dropped in time.
#[must_use = "dropped, it watches no more"]
pub(crate) fn watchdog(limit: Duration) -> Sender<()> {
    let (alive, ended) = channel();
    std::thread::spawn(move || {
        if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            eprintln!("\npid {} hung: no end after {limit:?}", std::process::id());
            std::process::abort();
        }
    });
    alive
}

/// Keeps the processor busy for a while shorter than any sleep.
pub(crate) fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Random numbers that come again: a failure names its round.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Changes the size of a queue's file, as a saboteur can.
pub(crate) fn set_size<T>(queue: &Queue<T>, size: u64) -> std::io::Result<()> {
    File::from(descriptor(queue)).set_len(size)
}
