//! A worker's output and events, where its supervisor wants to have them.
//!
//! Does **not** know what is written, and holds up no task: a mark that finds no room is left out.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use mp_sys::outlet;
use mp_wire::TaskId;
use mp_wire::frame::Welcome;
use mp_wire::outlets::{Streams, mark};

use crate::forward;

/// Where a stream is marked when a task begins.
struct Marked {
    token: u64,
    pipes: [File; 2],
}

static MARKED: OnceLock<Marked> = OnceLock::new();

/// Does what the first frame says of them, with the first of the descriptors that came along.
pub(crate) fn open(descriptors: &mut VecDeque<OwnedFd>, welcome: &Welcome) -> io::Result<()> {
    let told = welcome.outlets;
    if told.descriptors() == 0 {
        return Ok(());
    }
    if descriptors.len() < told.descriptors() {
        return Err(io::Error::other("announced descriptors did not come"));
    }
    let mut came = descriptors.drain(..told.descriptors());
    if told.streams != Streams::Inherited
        && let (Some(stdout), Some(stderr)) = (came.next(), came.next())
    {
        outlet::redirect_output(&stdout, &stderr)?;
        if told.streams == Streams::Marked {
            let pipes = [outlet::reopen_without_waiting(&stdout)?, outlet::reopen_without_waiting(&stderr)?];
            // Set once: a process is welcomed once.
            let _ = MARKED.set(Marked { token: welcome.identity.token, pipes });
        }
    }
    if let (Some(level), Some(socket)) = (told.tracing, came.next()) {
        forward::to_supervisor(level, socket);
        tracing::debug!(pool = welcome.pool, "its events are heard");
    }
    Ok(())
}

/// Whether tasks are marked in what is written.
pub(crate) fn are_marked() -> bool {
    MARKED.get().is_some()
}

/// What is written from now on is `task`'s, what was printed before and has no end of a line is not.
pub(crate) fn begin(task: TaskId) {
    let Some(marked) = MARKED.get() else { return };
    end();
    let mark = mark(marked.token, task);
    for mut pipe in marked.pipes.iter() {
        // A mark is written whole or not at all. Without it, the lines are taken for those of the task before.
        let _ = pipe.write(&mark);
    }
}

/// What was printed and has no end of a line is on its way.
pub(crate) fn end() {
    if MARKED.get().is_some() {
        // It fails only where nobody reads any more.
        let _ = io::stdout().flush();
    }
}
