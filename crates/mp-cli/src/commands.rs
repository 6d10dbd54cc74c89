//! From the command line to the command, and from its problem to a message.
//!
//! Does **not** know what the commands do.

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::problem::{Problem, program};
use crate::report::Report;
use crate::resolve::nearest;
use crate::{completions, inventory, logging, manual, pool_cmds, spawn};

/// Everything after `mp::init()`.
pub(crate) fn run() -> Exit {
    let parsed = manual::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let ended = match parsed {
        Ok(cli) => dispatch(cli),
        Err(error) => refuse(&error),
    };
    ended.unwrap_or_else(|problem| {
        Report::default().problem(&problem);
        problem.exit
    })
}

fn dispatch(cli: Cli) -> Result<Exit, Problem> {
    logging::install(&cli.talk);
    match cli.command {
        Command::Tasks(options) => inventory::tasks(&options),
        Command::Spawn(options) => spawn::spawn(options, &cli.talk),
        Command::Apply(options) => pool_cmds::apply(options, &cli.talk),
        Command::Map(options) => pool_cmds::map(&options, &cli.talk),
        Command::Completions(options) => completions::completions(&options),
        Command::Man(options) => manual::man(&options),
    }
}

/// clap's own words (also its help and version, which are no errors), but for a command that is none.
fn refuse(error: &clap::Error) -> Result<Exit, Problem> {
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand)
    {
        return Err(no_command(name));
    }
    // Where the reader has left there is nobody to tell.
    error.print().ok();
    Ok(if error.use_stderr() { Exit::Usage } else { Exit::Done })
}

fn no_command(name: &str) -> Problem {
    let program = program();
    let problem = Problem::usage(format!("no command \"{name}\""));
    if !mp::find_task(name).is_empty() {
        return problem.hint(format!("it is a task: {program} apply {name}"));
    }
    let near_task = nearest(name, &mp::tasks()).into_iter().next();
    problem.hint(match (near_command(name), near_task) {
        (Some(near), _) => format!("did you mean {program} {near}? {program} --help lists the commands"),
        (None, Some(near)) => format!("did you mean the task {near}? {program} apply {near}"),
        (None, None) => format!("{program} --help lists the commands, {program} tasks the tasks"),
    })
}

fn near_command(name: &str) -> Option<String> {
    let commands = manual::command();
    let names = commands.get_subcommands().map(|command| command.get_name().to_owned());
    names
        .min_by_key(|near| strsim::damerau_levenshtein(near, name))
        .filter(|near| strsim::damerau_levenshtein(near, name) <= 2)
}
