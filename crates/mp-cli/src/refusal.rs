//! A command line that clap refuses, in our words: what is wrong, and what to do about it.
//!
//! Does **not** know help and version, which are no errors, nor the values that are wrong only for a task.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::manual::command;
use crate::problem::{Problem, program};
use crate::resolve::nearest;

/// What clap found, as a problem.
pub(crate) fn problem(error: &clap::Error) -> Problem {
    let said = |kind| text(error, kind);
    let arg = said(ContextKind::InvalidArg).unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidSubcommand => no_command(&said(ContextKind::InvalidSubcommand).unwrap_or_default()),
        ErrorKind::UnknownArgument => unknown(error, &arg),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => wrong_value(error, &arg),
        ErrorKind::MissingRequiredArgument => refused(format!("{arg} is missing")).hint(usage(error)),
        ErrorKind::ArgumentConflict => match said(ContextKind::PriorArg) {
            Some(prior) if prior != arg => refused(format!("{arg} and {prior} exclude each other")).hint(see_help()),
            _ => refused(format!("{arg} is given more than once")).hint("once is enough: leave one out"),
        },
        _ => refused(first_line(error)).hint(see_help()),
    }
}

fn refused(message: String) -> Problem {
    Problem::usage(message)
}

fn unknown(error: &clap::Error, arg: &str) -> Problem {
    let problem = refused(format!("unexpected argument \"{arg}\""));
    problem.hint(match text(error, ContextKind::SuggestedArg) {
        Some(near) => format!("did you mean {near}?"),
        None if !takers(arg).is_empty() => format!("it is an option of {}", takers(arg).join(", ")),
        None if error.get(ContextKind::Suggested).is_some() => {
            format!("no option is called so; if it is an argument, write -- before it: -- {arg}")
        }
        None => see_help(),
    })
}

/// The commands that have such an option.
fn takers(option: &str) -> Vec<String> {
    let commands = command();
    let has = |command: &clap::Command| {
        command.get_arguments().any(|arg| arg.get_long().is_some_and(|name| option.strip_prefix("--") == Some(name)))
    };
    commands.get_subcommands().filter(|command| has(command)).map(|command| command.get_name().to_owned()).collect()
}

fn wrong_value(error: &clap::Error, arg: &str) -> Problem {
    let given = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let values = text(error, ContextKind::ValidValue).filter(|values| !values.is_empty());
    let one_of = values.map(|values| format!("it is one of {values}"));
    if given.is_empty() {
        return refused(format!("{arg} needs a value")).hint(one_of.unwrap_or_else(see_help));
    }
    let reason = std::error::Error::source(error).map(|reason| format!(": {reason}")).unwrap_or_default();
    let problem = refused(format!("{arg} cannot be \"{given}\"{reason}"));
    problem.hint(one_of.unwrap_or_else(see_help))
}

fn no_command(name: &str) -> Problem {
    let program = program();
    let problem = refused(format!("no command \"{name}\""));
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
    let commands = command();
    let names = commands.get_subcommands().map(|command| command.get_name().to_owned());
    names
        .min_by_key(|near| strsim::damerau_levenshtein(near, name))
        .filter(|near| strsim::damerau_levenshtein(near, name) <= 2)
}

fn see_help() -> String {
    let commands = command();
    let mut words = std::env::args().skip(1);
    let given = words.find(|word| commands.find_subcommand(word).is_some());
    let path = given.map(|name| format!(" {name}")).unwrap_or_default();
    format!("{}{path} --help tells what can be given", program())
}

/// `write it as mpctl apply <TASK> [ARGS]...`
fn usage(error: &clap::Error) -> String {
    let usage = text(error, ContextKind::Usage).unwrap_or_default();
    usage.trim().strip_prefix("Usage: ").map_or_else(see_help, |usage| format!("write it as {usage}"))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// A part of what clap knows, without colours.
fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}
