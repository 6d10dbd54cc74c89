//! What can go wrong with another program.
//!
//! Does **not** know how it is run.

use std::io;
use std::time::Duration;

use super::CommandOutput;

/// Why a program did not do what it was run for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// It was not started: it is not there, or may not be run.
    #[error("program `{program}` could not be started")]
    NotStarted {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// No program can be started here: see [`crate::Error::NotInitialized`].
    #[error(transparent)]
    NotHere(Box<crate::Error>),
    /// It ran for too long, and was ended.
    #[error("program `{}` ran for longer than {after:?}, and was ended ({})", output.program, output.exit)]
    TimedOut {
        /// How long it might run.
        after: Duration,
        /// What it had written.
        output: Box<CommandOutput>,
    },
    /// It ended in another way than by exiting with 0.
    #[error("program `{}` {}{}", output.program, output.exit, last_words(&output.stderr))]
    Failed {
        /// How it ended, and what it wrote.
        output: Box<CommandOutput>,
    },
}

/// The end of standard error that goes into an error's text, in bytes.
const LAST_WORDS: usize = 400;

fn last_words(stderr: &[u8]) -> String {
    let end = &stderr[stderr.len().saturating_sub(LAST_WORDS)..];
    match String::from_utf8_lossy(end).trim() {
        "" => String::new(),
        text => format!("; its standard error ends in: {text}"),
    }
}

impl From<CommandError> for crate::Error {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotHere(error) => *error,
            other => Self::Other(Box::new(other)),
        }
    }
}
