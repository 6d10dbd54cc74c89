//! The thread that starts all worker processes.
//!
//! Does **not** know pools: it runs what it is handed.
//!
//! A worker asks the kernel to end it with its parent (`PR_SET_PDEATHSIG`), and by parent the kernel means the
//! *thread* that spawned. So there is one thread for it, which lives as long as the process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

type Start = Box<dyn FnOnce() + Send>;

/// Runs `start` on the spawner's thread. It is handed back where there is no such thread and none can be made.
pub(crate) fn hand(start: Start) -> Result<(), Start> {
    static SPAWNER: OnceLock<Option<Sender<Start>>> = OnceLock::new();
    match SPAWNER.get_or_init(launch) {
        Some(spawner) => spawner.send(start).map_err(|refused| refused.0),
        None => Err(start),
    }
}

fn launch() -> Option<Sender<Start>> {
    let (sender, receiver) = channel::<Start>();
    let body = move || {
        for start in receiver {
            // If this thread ended, all workers that it has started would end with it.
            if catch_unwind(AssertUnwindSafe(start)).is_err() {
                crate::log::error!("starting a worker panicked");
            }
        }
    };
    std::thread::Builder::new().name("mp-spawner".to_owned()).spawn(body).ok()?;
    Some(sender)
}
