//! `completions`: what clap knows of the command line, for shells, and the names of tasks, which the program is asked for.
//!
//! Does **not** know the tasks: a script asks for them when they are wanted, so it need not be made anew for new ones.

use std::io::{self, Write};

use clap::Arg;
use clap_complete::Shell;

use crate::args::Completions;
use crate::exit::Exit;
use crate::inventory::exit_of;
use crate::manual::command;
use crate::problem::{Problem, program};

/// What the argument is called that is a task.
const TASK: &str = "task";

const BASH: &str = include_str!("completions/tasks.bash");
const FISH: &str = include_str!("completions/tasks.fish");
const ZSH: &str = include_str!("completions/tasks.zsh");

/// `completions SHELL`
pub(crate) fn completions(options: &Completions) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command(), program(), &mut script);
    let script = with_tasks(options.shell, String::from_utf8_lossy(&script).into_owned());
    exit_of(io::stdout().lock().write_all(script.as_bytes()))
}

fn with_tasks(shell: Shell, script: String) -> String {
    match shell {
        Shell::Bash => script + &filled(BASH, "|", "|"),
        Shell::Fish => script + &filled(FISH, " ", " "),
        // Each argument has its completing function there: the task's gets another, defined before the last lines run it.
        Shell::Zsh => {
            let (before, last) = script.rsplit_once("\nif [").unwrap_or((&script, ""));
            let named = before.lines().map(|line| match line.strip_prefix("':task -- ") {
                Some(_) => line.replace(":_default'", &format!(":_{}_task'", program())),
                None => line.to_owned(),
            });
            format!("{}\n\n{}if [{last}", named.collect::<Vec<_>>().join("\n"), filled(ZSH, "", ""))
        }
        // Options and commands only.
        _ => script,
    }
}

/// With the words that stand for the command line in their places.
fn filled(template: &str, between_options: &str, between_commands: &str) -> String {
    let whole = command();
    let takers: Vec<_> = whole.get_subcommands().filter(|sub| sub.get_arguments().any(is_task)).collect();
    let names = takers.iter().map(|sub| sub.get_name().to_owned()).collect::<Vec<_>>();
    let mut valued: Vec<_> = takers.iter().flat_map(|sub| sub.get_arguments()).chain(whole.get_arguments()).collect();
    valued.retain(|arg| arg.get_action().takes_values() && !arg.is_positional());
    let mut options: Vec<_> = valued.into_iter().flat_map(spellings).collect();
    options.sort();
    options.dedup();
    template
        .replace("VALUED", &options.join(between_options))
        .replace("COMMANDS", &names.join(between_commands))
        .replace("PROGRAM", &program())
}

fn is_task(arg: &Arg) -> bool {
    arg.get_id() == TASK
}

fn spellings(option: &Arg) -> Vec<String> {
    let short = option.get_short().map(|short| format!("-{short}"));
    let long = option.get_long().map(|long| format!("--{long}"));
    short.into_iter().chain(long).collect()
}
