//! What this process is called, among those of the same program.
//!
//! Does **not** choose the names of others: who starts them does.

use mp_wire::frame::Welcome;
use std::sync::RwLock;

use crate::init::is_serving;

/// What the first process of a program is called, as in Python.
const MAIN: &str = "MainProcess";

/// Whose name it is: a forked copy has another. And who started that process.
static NAME: RwLock<Option<(u32, String)>> = RwLock::new(None);

/// A process of this program: see [`current_process`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentProcess {
    /// `MainProcess`; of a process, its name; of a pool's worker, the pool's name and the worker's id: `squares-0.1`.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// The process id of the supervisor that started it; `None` in a program that was started by others.
    pub parent: Option<u32>,
}

/// This process, whoever asks: a task, a thread of it, or the program itself. Python: `multiprocessing.current_process()`
/// and `parent_process()`.
///
/// What asks for the *task* is [`crate::current_worker`].
///
/// ```
/// let own = mp_worker::current_process();
/// assert_eq!((own.name.as_str(), own.pid, own.parent), ("MainProcess", std::process::id(), None));
/// ```
#[must_use]
pub fn current_process() -> CurrentProcess {
    let pid = std::process::id();
    let parent = is_serving().then(std::os::unix::process::parent_id);
    CurrentProcess { name: own().unwrap_or_else(|| MAIN.to_owned()), pid, parent }
}

/// The name of the `number`-th process that this one starts: `Process-2`, and of its own third one `Process-2:3`.
#[must_use]
pub fn child_name(number: u64) -> String {
    own().map_or_else(|| format!("Process-{number}"), |own| format!("{own}:{number}"))
}

/// What it was told at its start. Threads of this process that serve as workers are told of their own pool.
pub(crate) fn note(welcome: &Welcome) {
    let pid = std::process::id();
    if let Ok(mut name) = NAME.write()
        && is_serving()
        && name.as_ref().is_none_or(|(owner, _)| *owner != pid)
    {
        *name = Some((pid, welcome.name.clone()));
    }
}

fn own() -> Option<String> {
    let name = NAME.read().ok()?;
    name.as_ref().filter(|(owner, _)| *owner == std::process::id()).map(|(_, name)| name.clone())
}
