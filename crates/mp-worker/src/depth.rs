//! How deep this process is: a worker of a program is 1 deep, a worker of that worker's own pool 2.
//!
//! Does **not** know pools. The number is in the environment, so that it is handed on also where a task starts the program
//! by its name.

use std::ffi::OsString;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the number is.
pub const ENV: &str = "MP_DEPTH";

/// Where a user can put another limit.
pub const ENV_MOST: &str = "MP_MAX_DEPTH";

/// Deeper than this no worker starts workers, unless [`ENV_MOST`] says otherwise: 2 workers each are 512 processes then.
const MOST: u32 = 8;

/// How often this process's ancestors have been forked without a change of the environment.
static FORKED: AtomicU32 = AtomicU32::new(0);

/// How deep this process is; 0 where it is no worker.
#[must_use]
pub fn depth() -> u32 {
    number(ENV).unwrap_or(0).saturating_add(FORKED.load(Ordering::Relaxed))
}

/// How deep a process may be that starts none.
#[must_use]
pub fn most() -> u32 {
    number(ENV_MOST).unwrap_or(MOST)
}

/// What a worker of this process is told.
#[must_use]
pub fn for_worker() -> (OsString, OsString) {
    (ENV.into(), (depth() + 1).to_string().into())
}

/// This process was forked as a worker.
pub(crate) fn note_fork() {
    FORKED.fetch_add(1, Ordering::Relaxed);
}

fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}
