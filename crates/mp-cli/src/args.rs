//! The command line as clap reads it: commands, options, help.
//!
//! Does **not** know which tasks there are, nor run anything.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::chaos_cmd::Chaos;
use crate::measure_cmd::Measure;
use crate::numbers::{retries, whole, workers};
use crate::{duration, exit};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// For `--help` and the manual page.
const ENVIRONMENT: &str = "\
Environment:
  MP_CPU_COUNT    how many processors there are, for what is as many by default
  MP_MAX_DEPTH    how deep workers of workers may be, 8 by default
  RUST_LOG        which events from inside are said, instead of -v: `mp_supervisor=debug`
  RUST_BACKTRACE  1 shows where a worker crashed, or a task panicked
  NO_COLOR        anything in it, and nothing is coloured";

/// Run tasks on worker processes
///
/// A task is a function of this program with a name. Workers are copies of the program itself: each runs
/// tasks that are sent to it, and if one crashes, that costs one task and nothing else.
#[derive(Debug, Parser)]
#[command(version, styles = STYLES, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = exit::HELP, after_long_help = format!("{}\n\n{ENVIRONMENT}", exit::HELP))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) talk: Talk,
}

/// How much is said on standard error.
#[derive(Debug, Args)]
pub(crate) struct Talk {
    /// Say what happens inside, on standard error; -vv for every frame
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Messages")]
    pub(crate) verbose: u8,
    /// No summary, no progress: failures only
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    pub(crate) quiet: bool,
    /// The form of what is said on standard error
    #[arg(long, global = true, value_name = "FORM", default_value = "text", help_heading = "Messages")]
    pub(crate) log_format: LogFormat,
}

/// See `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Tasks(Tasks),
    Spawn(Spawn),
    Apply(Apply),
    Map(Map),
    Chaos(Chaos),
    Measure(Measure),
    Completions(Completions),
    Man(Man),
}

/// List the tasks, with their arguments
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mpctl tasks\n  mpctl tasks crash --format json")]
pub(crate) struct Tasks {
    /// Only those with this in their name or description
    pub(crate) filter: Option<String>,
    /// `table` and `lines` for people, `json` for programs: one object per task
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub(crate) format: Format,
}

/// Start N processes that each run the task once; collect the results from one shared queue
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mpctl spawn --workers 8 rand_string\n  mpctl spawn --workers 4 rand_string 12\n  mpctl spawn --workers 2 crash.hang --timeout 500ms"
)]
pub(crate) struct Spawn {
    #[command(flatten)]
    pub(crate) call: Call,
    #[command(flatten)]
    pub(crate) birth: Birth,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Run a task once on a pool of workers
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpctl apply power 2 10
  mpctl apply parallel_sort '[3, 1, 2]'
  mpctl apply crash.hang --timeout 500ms --retries 1")]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) call: Call,
    /// Hand the task over first (apply_async), then wait for its handle
    #[arg(long = "async")]
    pub(crate) asynchronous: bool,
    #[command(flatten)]
    pub(crate) pool: Pool,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Run a task on each item, on a pool of workers
///
/// Items are arguments, ranges (1..=6 or 1..7), the lines of a file or of standard input; each is JSON where it
/// parses as JSON, else a string. They are read as the workers need them. For a task of several arguments an item
/// is a JSON array of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpctl map square 1..=6
  seq 1000000 | mpctl map square --workers 2 --unordered
  mpctl map power '[2, 10]' '[3, 4]'
  mpctl map cube --from numbers.json --json --format json")]
pub(crate) struct Map {
    /// The task: its name, or any ending of it that is unique (crash.segfault)
    #[arg(value_name = "TASK")]
    pub(crate) task: String,
    /// The items; none: the lines of standard input
    #[arg(value_name = "ITEMS", allow_negative_numbers = true)]
    pub(crate) items: Vec<String>,
    /// Read the items from this file, one per line; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "items", value_hint = ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,
    /// The input is one JSON array, each element an item
    #[arg(long)]
    pub(crate) json: bool,
    /// Submit each item as a task of its own (map_async), then collect their handles
    #[arg(long = "async")]
    pub(crate) asynchronous: bool,
    /// Show results as they come, not in the order of the input
    #[arg(long)]
    pub(crate) unordered: bool,
    #[command(flatten)]
    pub(crate) pool: Pool,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// A task and its arguments.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The task: its name, or any ending of it that is unique (crash.segfault)
    #[arg(value_name = "TASK")]
    pub(crate) task: String,
    /// Its arguments: JSON where they parse as JSON, else strings; those with a default may be left out
    #[arg(value_name = "ARGS", allow_negative_numbers = true)]
    pub(crate) args: Vec<String>,
}

/// How many workers, how they are born, and when they are ended.
#[derive(Debug, Args)]
#[command(next_help_heading = "Workers")]
pub(crate) struct Birth {
    /// How many workers [default: the processors this program may use]
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = workers)]
    pub(crate) workers: Option<usize>,
    /// How a worker process starts
    #[arg(long, value_name = "METHOD", default_value = "spawn")]
    pub(crate) start_method: StartMethod,
    /// How long a task may run: 5, 500ms, 2m; then its worker is ended
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) timeout: Option<Duration>,
    /// Record when each task waited, crossed and ran, for ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trace: Option<PathBuf>,
    /// Where what worker processes print goes
    #[arg(long, value_name = "WHERE", default_value = "inherit")]
    pub(crate) output: Output,
}

/// See `--output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Where this program's own goes
    Inherit,
    /// Nowhere
    Null,
    /// There too, but line by line, each with its worker, process and task in front
    Capture,
}

/// The pool.
#[derive(Debug, Args)]
#[command(next_help_heading = "Workers")]
pub(crate) struct Pool {
    #[command(flatten)]
    pub(crate) birth: Birth,
    /// What the workers are
    #[arg(long, value_name = "KIND", default_value = "processes")]
    pub(crate) backend: Backend,
    /// How often a task that was lost with its worker, or timed out, is tried again
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = retries)]
    pub(crate) retries: u32,
    /// After how many tasks a worker is replaced by a fresh one
    #[arg(long = "max-tasks", value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(1..=u32::MAX, "a number of tasks, 1 or more"))]
    pub(crate) max_tasks_per_worker: Option<u32>,
    /// Make the workers so much nicer than this program, up to 19: they run when others do not want to
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<i32>(-39..=39, "a number from -39 to 39"))]
    pub(crate) nice: i32,
    /// Have each worker run on one processor only
    #[arg(long)]
    pub(crate) pin: bool,
    /// Say at the end, on standard error, what the workers' time was spent on, and which tasks were slowest
    #[arg(long)]
    pub(crate) insights: bool,
}

/// How results are shown.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// `lines`: the bare results; `table`: with their index; `json`: an object per result, the last one a summary
    #[arg(long, value_name = "FORM", default_value = "lines")]
    pub(crate) format: Format,
}

/// See `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object per line
    Json,
    /// One result per line, strings bare
    Lines,
    /// Columns with a header
    Table,
}

/// See `--backend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// Copies of this program
    Processes,
    /// Threads of this process: a task that crashes takes all with it
    Threads,
    /// No workers: one task after another, here
    Serial,
}

/// See `--start-method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StartMethod {
    /// Execute this program anew
    Spawn,
    /// Copy a copy that does nothing else: faster, and small
    ForkServer,
    /// Copy this process (only while it has one thread)
    Fork,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mpctl completions bash > ~/.local/share/bash-completion/completions/mpctl")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Print a manual page, or write all of them to a directory
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mpctl man map | man -l -\n  mpctl man --dir /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// The command; none: the page of the whole
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(crate) command: Option<String>,
    /// Write every page here
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_finds_nothing_wrong() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_follow_items_and_numbers_may_be_negative() {
        let cli = Cli::parse_from(["mpctl", "map", "square", "-3", "1..=6", "--workers", "2", "--unordered"]);
        let Command::Map(map) = cli.command else { panic!("it is map") };
        assert_eq!((map.items, map.pool.birth.workers), (vec!["-3".to_owned(), "1..=6".to_owned()], Some(2)));
    }
}
