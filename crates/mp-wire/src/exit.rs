//! How a worker ended.
//!
//! Does **not** know how that was found out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a worker process ended, as `wait(2)` tells it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WorkerExit {
    /// It called `exit`, or returned from `main`, with this code.
    Exited(i32),
    /// A signal ended it.
    #[non_exhaustive]
    Signaled {
        /// The signal's number: 9 is SIGKILL, 11 SIGSEGV.
        signal: i32,
        /// Whether a core file was written.
        core_dumped: bool,
        /// Whether the kernel's out-of-memory killer sent it; `None` where that is not known.
        out_of_memory: Option<bool>,
    },
    /// It is gone, and somebody else in this process took its wait status.
    Unknown,
}

impl WorkerExit {
    /// An exit by `signal`, with nothing known of the out-of-memory killer.
    #[must_use]
    pub fn signaled(signal: i32, core_dumped: bool) -> Self {
        Self::Signaled { signal, core_dumped, out_of_memory: None }
    }

    /// With what is known of the out-of-memory killer.
    #[must_use]
    pub fn by_out_of_memory(self, known: Option<bool>) -> Self {
        match self {
            Self::Signaled { signal, core_dumped, .. } => Self::Signaled { signal, core_dumped, out_of_memory: known },
            Self::Exited(_) | Self::Unknown => self,
        }
    }

    /// Python's `exitcode`: the code, or minus the signal; `None` where the status is not known.
    #[must_use]
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(code),
            Self::Signaled { signal, .. } => Some(-signal),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for WorkerExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Signaled { signal, core_dumped, out_of_memory } => {
                match signal_name(signal) {
                    Some(name) => write!(f, "killed by {name}")?,
                    None => write!(f, "killed by signal {signal}")?,
                }
                if core_dumped {
                    f.write_str(" (core dumped)")?;
                }
                if out_of_memory == Some(true) {
                    f.write_str(" (out of memory)")?;
                }
                Ok(())
            }
            Self::Unknown => f.write_str("ended in a way nobody saw"),
        }
    }
}

/// The names of Linux's signals on x86-64, aarch64 and riscv64, by `signal(7)`.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}
