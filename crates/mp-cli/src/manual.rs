//! `man`: what clap knows of the command line, as manual pages.
//!
//! Does **not** know the commands themselves.

use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::{Cli, Man};
use crate::exit::Exit;
use crate::inventory::exit_of;
use crate::problem::{Problem, program};

/// The command line under the name that this program was called by.
pub(crate) fn command() -> Command {
    let program = program();
    let named = |sub: Command| {
        let examples = sub.get_after_help().map(|help| help.to_string().replace("mpctl ", &format!("{program} ")));
        sub.after_help(examples.unwrap_or_default())
    };
    Cli::command().mut_subcommands(named).name(program.clone())
}

/// `man [COMMAND]`
pub(crate) fn man(options: &Man) -> Result<Exit, Problem> {
    let pages = pages();
    if let Some(dir) = &options.dir {
        return write_all(&pages, dir).map(|()| Exit::Done);
    }
    let wanted = options.command.as_ref().map_or_else(program, |name| format!("{}-{name}", program()));
    let Some(page) = pages.iter().find(|page| page.get_name() == wanted) else {
        let name = options.command.as_deref().unwrap_or_default();
        return Err(Problem::usage(format!("no command \"{name}\"")).hint(format!("{} --help lists them", program())));
    };
    exit_of(render(page).and_then(|text| io::stdout().lock().write_all(&text)))
}

/// The page of the whole, and one for each command as `mpctl-map`.
fn pages() -> Vec<Command> {
    let mut whole = command().disable_help_subcommand(true);
    whole.build();
    let names = whole.get_subcommands().map(|sub| sub.clone().name(format!("{}-{}", program(), sub.get_name())));
    let parts: Vec<_> = names.collect();
    std::iter::once(whole).chain(parts).collect()
}

fn render(page: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(page.clone()).render(&mut text)?;
    Ok(text)
}

fn write_all(pages: &[Command], dir: &Path) -> Result<(), Problem> {
    let write = |page: &Command| {
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join(format!("{}.1", page.get_name())), render(page)?)
    };
    let written = pages.iter().try_for_each(write);
    written.map_err(|error| {
        Problem::usage(format!("cannot write to {}: {error}", dir.display()))
            .hint("--dir takes a directory, which is made if it is not there")
    })
}
