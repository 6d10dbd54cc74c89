//! A copy of this program that becomes another program: so that it too ends with its supervisor.
//!
//! Does **not** know what that program does, nor wait for it.
//!
//! ```text
//!  supervisor: posix_spawn(/proc/self/exe), MP_WORKER=command:<its pid>, arguments: directory, program, its arguments
//!  copy:       bound to its parent, by both mechanisms ─▶ execvp ─▶ the report ends
//!                                                            └ fails ─▶ the report says why
//! ```

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use mp_sys::{birth, child};

use crate::init::ENV;

/// Before the supervisor's pid in [`ENV`].
pub const COMMAND: &str = "command:";

/// Behind the pid, where the program is to be the parent of those that lose theirs.
pub const ADOPTS: &str = ":adopts";

/// What a shell says of a program that cannot be run.
const NOT_RUN: i32 = 127;

/// Never returns but where the program could not be started.
pub(crate) fn run(parent: &str) -> io::Result<i32> {
    let (parent, adopts) = parent.strip_suffix(ADOPTS).map_or((parent, false), |parent| (parent, true));
    let parent = parent.parse().map_err(|_| io::Error::other(format!("{ENV} is not a process id")))?;
    let [lifeline, report] = birth::inherited_fds(child::FIRST_FD)?;
    birth::forget_variable(ENV);
    let bound = birth::bind_to_parent(parent, &lifeline);
    let ready = bound.and_then(|()| if adopts { birth::adopt_orphans() } else { Ok(()) });
    let error = ready.map_or_else(|error| error, |()| transform(&lifeline));
    // Where the supervisor has gone, nobody wants to know.
    let _ = File::from(report).write_all(&error.raw_os_error().unwrap_or(0).to_ne_bytes());
    Ok(NOT_RUN)
}

fn transform(lifeline: &OwnedFd) -> io::Error {
    let mut arguments = std::env::args_os().skip(1);
    let directory = arguments.next().unwrap_or_default();
    birth::become_program(&arguments.collect::<Vec<_>>(), &directory, lifeline)
}
