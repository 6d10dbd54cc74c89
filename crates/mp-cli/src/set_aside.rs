//! Standard output, set aside for a report while tasks run in this process: what those print goes nowhere.
//!
//! Does **not** give it back. What a task left in a buffer is written when the program ends, and would stand behind the report.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use mp_sys::outlet::redirect_output;

use crate::exit::Exit;
use crate::inventory::exit_of;
use crate::problem::Problem;

/// What was standard output.
#[derive(Debug)]
pub(crate) struct SetAside(File);

impl SetAside {
    /// From now on standard output is `/dev/null`, also that of processes that are started.
    pub(crate) fn stdout() -> Result<Self, Problem> {
        Self::take().map_err(|error| Problem::failed(&error).hint("higher limits may do (ulimit -n)"))
    }

    fn take() -> io::Result<Self> {
        let kept = io::stdout().as_fd().try_clone_to_owned()?;
        redirect_output(File::options().write(true).open("/dev/null")?, io::stderr())?;
        Ok(Self(kept.into()))
    }

    /// Writes the report where it belongs.
    pub(crate) fn write(mut self, text: &str) -> Result<Exit, Problem> {
        exit_of(self.0.write_all(text.as_bytes()))
    }
}
