//! What is wrong, in a line, and what to do about it, in another.
//!
//! Does **not** know where it is printed.

use crate::exit::Exit;

/// An error of a whole command: nothing was started, or nothing more can be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong: a lowercase fragment.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// What the command ends with.
    pub(crate) exit: Exit,
}

impl Problem {
    /// The user asked for what can't be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Usage }
    }

    /// The machine could not.
    pub(crate) fn failed(error: &dyn std::error::Error) -> Self {
        Self { message: with_causes(error), hint: None, exit: Exit::TaskFailed }
    }

    /// The runtime could not, or was asked for what makes no sense.
    pub(crate) fn from_runtime(error: &mp::Error) -> Self {
        match error {
            mp::Error::Invalid(reason) => {
                Self::usage(reason.clone()).hint(format!("{} --help explains the options", program()))
            }
            mp::Error::Spawn(_) => Self::failed(error).hint("fewer --workers may do, or higher limits (ulimit -u, -n)"),
            other => Self::failed(other),
        }
    }

    /// The same with a hint.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Standard output takes no more.
pub(crate) fn unwritable(error: &std::io::Error) -> Problem {
    let problem = Problem { message: format!("cannot write results: {error}"), ..Problem::failed(error) };
    problem.hint("what was written is not all of it")
}

/// The text of `error` and of all that caused it.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The name this program was called by: `mpctl`, or that of a program with mpctl's commands.
pub(crate) fn program() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = path.as_deref().and_then(|path| path.file_name()).and_then(|name| name.to_str());
    name.unwrap_or("mpctl").to_owned()
}
