//! A program that runs beside its caller.
//!
//! Does **not** pump: its own thread does, until the program has ended.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_sys::child::{Child, Signal};
use mp_sys::descent;
use mp_sys::poll::Bell;
use mp_wire::WorkerExit;
use parking_lot::{Condvar, Mutex};

use super::pump::{Ended, Pump};
use super::{CommandError, CommandOutput, Terms};

/// Beyond the grace, who drops it waits so long.
const SLACK: Duration = Duration::from_secs(1);

/// A program that was started by [`super::Command::spawn`].
///
/// Dropped, it is ended: SIGTERM to its group, and SIGKILL after the grace.
#[must_use = "dropped, it is ended at once; output() lets it finish"]
pub struct RunningCommand {
    child: Arc<Child>,
    stop: Arc<Bell>,
    end: Arc<End>,
    terms: Terms,
}

#[derive(Default)]
struct End {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Running,
    Ended(Ended),
    /// Somebody has its output.
    Taken(WorkerExit),
}

impl State {
    fn exit(&self) -> Option<WorkerExit> {
        match self {
            Self::Running => None,
            Self::Ended(ended) => Some(ended.exit()),
            Self::Taken(exit) => Some(*exit),
        }
    }
}

impl RunningCommand {
    pub(super) fn over(pump: Pump, stop: Arc<Bell>, terms: Terms) -> Result<Self, CommandError> {
        let (child, end) = (Arc::clone(&pump.child), Arc::<End>::default());
        let (bell, told, program) = (Arc::clone(&stop), Arc::clone(&end), pump.program.clone());
        let body = move || {
            let ended = pump.run(&bell);
            *told.state.lock() = State::Ended(ended);
            told.told.notify_all();
        };
        let thread = std::thread::Builder::new().name("mp-command".to_owned()).spawn(body);
        thread.map_err(|source| {
            child.end();
            CommandError::NotStarted { program, source }
        })?;
        Ok(Self { child, stop, end, terms })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.end.state.lock().exit().is_none()
    }

    /// Waits for its end.
    pub fn wait(&self) -> WorkerExit {
        let mut state = self.end.state.lock();
        loop {
            match state.exit() {
                Some(exit) => return exit,
                None => self.end.told.wait(&mut state),
            }
        }
    }

    /// Waits for its end, at most for `limit`. `None` when it has not ended.
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> Option<WorkerExit> {
        let deadline = Instant::now().checked_add(limit);
        let mut state = self.end.state.lock();
        while state.exit().is_none() && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            match deadline {
                Some(deadline) => drop(self.end.told.wait_until(&mut state, deadline)),
                None => self.end.told.wait(&mut state),
            }
        }
        state.exit()
    }

    /// Waits for its end, and gives what it wrote. Python's `communicate`.
    ///
    /// # Errors
    /// [`CommandError::TimedOut`], if it had a time.
    pub fn output(self) -> Result<CommandOutput, CommandError> {
        let exit = self.wait();
        let state = std::mem::replace(&mut *self.end.state.lock(), State::Taken(exit));
        match state {
            State::Ended(ended) => ended.into_result(self.terms),
            State::Running | State::Taken(_) => unreachable!("it has been waited for, and is taken here alone"),
        }
    }

    /// Asks it to end: SIGTERM to it alone.
    pub fn terminate(&self) {
        self.child.signal(Signal::SIGTERM);
    }

    /// Ends it: SIGKILL. Its group ends with it, and who has left that and descends from it.
    pub fn kill(&self) {
        let descendants = descent::of(self.child.pid());
        // One that has ended may have given its number to another, and with it these.
        let are_its = !self.child.has_ended();
        self.child.signal(Signal::SIGKILL);
        descendants.iter().filter(|_| are_its).for_each(|one| drop(one.signal(Signal::SIGKILL)));
    }
}

/// Readable once it has ended.
impl AsFd for RunningCommand {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.as_fd()
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        self.stop.ring();
        let _ = self.wait_timeout(self.terms.grace.saturating_add(SLACK));
    }
}

impl std::fmt::Debug for RunningCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let exit = self.end.state.lock().exit();
        f.debug_struct("RunningCommand").field("pid", &self.pid()).field("exit", &exit).finish()
    }
}
