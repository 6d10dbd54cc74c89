//! `tasks`: what can be run.
//!
//! Does **not** run it.

use std::io::{self, Write};

use mp::NamedTask;
use serde_json::{Value, json};

use crate::args::{Format, Tasks};
use crate::exit::Exit;
use crate::problem::{Problem, program, unwritable};
use crate::resolve::{short_name, signature};

/// A column of text is not made narrower than this.
const NARROWEST: usize = 24;

/// `tasks [FILTER]`
pub(crate) fn tasks(options: &Tasks) -> Result<Exit, Problem> {
    let filter = options.filter.as_deref().unwrap_or_default();
    let tasks: Vec<_> = mp::tasks().into_iter().filter(|task| matches(task, filter)).collect();
    if tasks.is_empty() && !filter.is_empty() {
        return Err(Problem::usage(format!("no task has \"{filter}\" in its name or description"))
            .hint(format!("{} tasks lists them all", program())));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = match options.format {
        Format::Json => tasks.iter().try_for_each(|task| writeln!(out, "{}", describe(task))),
        Format::Lines => tasks.iter().try_for_each(|task| writeln!(out, "{}", signature(task))),
        Format::Table => table(&tasks, terminal_width(), &mut out),
    };
    exit_of(written.and_then(|()| out.flush()))
}

/// A reader that left early had enough.
pub(crate) fn exit_of(written: io::Result<()>) -> Result<Exit, Problem> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritable(&error)),
        Ok(()) | Err(_) => Ok(Exit::Done),
    }
}

fn matches(task: &NamedTask, filter: &str) -> bool {
    let wanted = filter.replace('.', "::").to_lowercase();
    task.name.to_lowercase().contains(&wanted) || task.doc.to_lowercase().contains(&filter.to_lowercase())
}

/// The module's path, then its tasks with their first lines of documentation side by side.
fn table(tasks: &[&NamedTask], columns: usize, out: &mut impl Write) -> io::Result<()> {
    let width = tasks.iter().map(|task| signature(task).chars().count()).max().unwrap_or(0);
    let mut last = None;
    for task in tasks {
        let module = task.name.rsplit_once("::").map_or("", |(module, _)| module);
        if last != Some(module) {
            let gap = if last.is_some() { "\n" } else { "" };
            writeln!(out, "{gap}{module}")?;
            last = Some(module);
        }
        let mut first = signature(task);
        for part in wrapped(task.doc, columns.saturating_sub(width + 4).max(NARROWEST)) {
            writeln!(out, "{}", format!("  {first:width$}  {part}").trim_end())?;
            first.clear();
        }
    }
    Ok(())
}

/// Where standard output is no terminal, lines are as long as they are.
fn terminal_width() -> usize {
    let terminal = console::Term::stdout();
    if terminal.is_term() { terminal.size().1.into() } else { usize::MAX }
}

/// `text` in lines of at most `width` characters, as far as its words allow; one line if there is no text.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

fn describe(task: &NamedTask) -> Value {
    let args = task.args.iter().map(|arg| {
        let default = arg.default.map(|json| serde_json::from_str(json).unwrap_or(Value::Null));
        json!({"name": arg.name, "type": arg.ty, "default": default, "required": arg.default.is_none()})
    });
    json!({
        "name": task.name,
        "short": short_name(task),
        "args": args.collect::<Vec<_>>(),
        "output": task.output,
        "doc": task.doc,
    })
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn words_are_kept_whole() {
        assert_eq!(wrapped("the list in order", 8), ["the list", "in order"]);
        assert_eq!(wrapped("incomprehensible words", 8), ["incomprehensible", "words"]);
        assert_eq!(wrapped("", 8), [""]);
        assert_eq!(wrapped("all of it", usize::MAX), ["all of it"]);
    }
}
