//! Every decoder of what another process wrote, by name.
//!
//! Does **not** know how inputs are made.

mod births;
mod comm;
mod crash;
mod large;
mod line;
mod memory;
mod output;
mod queue;
mod scheduler;
mod shapes;
mod status;
mod sync;
mod wire;

use crate::Trail;

/// One decoder, with what must hold of whatever it is given.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name; also that of its folder in the corpus.
    pub name: &'static str,
    /// Gives it these bytes. Panics where something does not hold.
    pub run: fn(&[u8]) -> Trail,
}

/// All of them.
pub const ALL: &[Target] = &[
    Target { name: "worker_frame", run: wire::worker_frame },
    Target { name: "records", run: wire::records },
    Target { name: "items", run: wire::items },
    Target { name: "codec", run: wire::codec },
    Target { name: "shapes", run: shapes::shapes },
    Target { name: "to_worker", run: wire::to_worker },
    Target { name: "births", run: births::births },
    Target { name: "line", run: line::line },
    Target { name: "large", run: large::large },
    Target { name: "memory_file", run: memory::memory_file },
    Target { name: "output", run: output::output },
    Target { name: "status", run: status::status },
    Target { name: "crash", run: crash::crash },
    Target { name: "queue", run: queue::queue },
    Target { name: "connection", run: comm::connection },
    Target { name: "handshake", run: comm::handshake },
    Target { name: "packet", run: comm::packet },
    Target { name: "manager", run: comm::manager },
    Target { name: "manager_words", run: comm::manager_words },
    Target { name: "sync", run: sync::sync },
    Target { name: "scheduler", run: scheduler::scheduler },
];
