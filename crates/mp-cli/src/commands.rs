//! From the command line to the command, and from its problem to a message.
//!
//! Does **not** know what the commands do.

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::report::Report;
use crate::{chaos_cmd, completions, inventory, logging, manual, measure_cmd, pool_cmds, refusal, spawn};

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
        Command::Chaos(options) => chaos_cmd::chaos(&options, &cli.talk),
        Command::Measure(options) => measure_cmd::measure(&options, &cli.talk),
        Command::Completions(options) => completions::completions(&options),
        Command::Man(options) => manual::man(&options),
    }
}

/// Help and version are in clap's own words, and no errors; so is the help that is shown where there is no command.
fn refuse(error: &clap::Error) -> Result<Exit, Problem> {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    if !matches!(error.kind(), DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand) {
        return Err(refusal::problem(error));
    }
    // Where the reader has left there is nobody to tell.
    error.print().ok();
    Ok(if error.use_stderr() { Exit::Usage } else { Exit::Done })
}
