//! The exit codes, all of them, and which one wins.
//!
//! Does **not** know what a task is beyond the [`Failure`] that it may end in.

use std::process::ExitCode;

use mp::Failure;

/// How a command ended. The graver one wins where several hold: `a.max(b)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Every task has its value. Also where the reader of standard output left early (`| head`).
    #[default]
    Done,
    /// A task panicked, or its value could not cross; or the work could not be begun.
    TaskFailed,
    /// A task ran longer than `--timeout`.
    TimedOut,
    /// A worker died while it ran a task.
    WorkerDied,
    /// The command line, or a line of the input, says nothing that can be run.
    Usage,
    /// Ctrl-C, or SIGTERM.
    Interrupted,
}

/// For `--help`: the codes, in the order of their numbers.
pub(crate) const HELP: &str = "\
Exit codes:
  0    every task has its result (also when the reader left early: `| head`)
  1    some task failed: it panicked, or a value could not cross
  2    usage: unknown command, option or task; wrong arguments; unreadable input
  3    a worker died while it ran a task
  124  a task timed out
  130  interrupted by Ctrl-C or SIGTERM
  Where several hold, the first of 130, 2, 3, 124, 1 is given.";

impl Exit {
    /// The number a shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::TaskFailed => 1,
            Self::TimedOut => 124,
            Self::WorkerDied => 3,
            Self::Usage => 2,
            Self::Interrupted => 130,
        }
    }

    /// What a failed task makes of the whole.
    pub(crate) fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Lost { .. } => Self::WorkerDied,
            Failure::TimedOut { .. } => Self::TimedOut,
            // `Failure` may get more variants: whatever they are, some task failed.
            _ => Self::TaskFailed,
        }
    }

    /// Notes a graver end, keeps a milder one.
    pub(crate) fn worsen(&mut self, other: Self) {
        *self = (*self).max(other);
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAVEST_FIRST: [Exit; 6] =
        [Exit::Interrupted, Exit::Usage, Exit::WorkerDied, Exit::TimedOut, Exit::TaskFailed, Exit::Done];

    #[test]
    fn the_graver_end_wins_whichever_came_first() {
        for (i, graver) in GRAVEST_FIRST.into_iter().enumerate() {
            for milder in GRAVEST_FIRST.into_iter().skip(i) {
                let (mut a, mut b) = (graver, milder);
                a.worsen(milder);
                b.worsen(graver);
                assert_eq!((a, b), (graver, graver));
            }
        }
    }

    #[test]
    fn the_help_lists_every_code_and_the_order() {
        for exit in GRAVEST_FIRST {
            assert!(HELP.lines().any(|line| line.trim_start().starts_with(&format!("{} ", exit.code()))), "{exit:?}");
        }
        let order = GRAVEST_FIRST.map(|exit| exit.code().to_string())[..5].join(", ");
        assert!(HELP.ends_with(&format!("the first of {order} is given.")), "{order}");
    }

    #[test]
    fn failures_map_to_codes() {
        assert_eq!(Exit::of(&Failure::Cancelled).code(), 1);
        assert_eq!(Exit::of(&Failure::stopped("it was closed")).code(), 1);
    }
}
