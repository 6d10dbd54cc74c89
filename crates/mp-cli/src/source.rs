//! Where the items of `map` come from, and a first look at them before anything is started.
//!
//! Does **not** know pools.

use std::fs::File;
use std::io::{BufReader, IsTerminal, stdin};
use std::iter::Peekable;
use std::path::Path;

use mp::NamedTask;

use crate::args::Map;
use crate::arguments::encode_item;
use crate::items::{Item, Items, Word, from_lines, from_words};
use crate::json_array::from_json_array;
use crate::problem::Problem;

/// Items that were looked at as far as can be without reading them all.
pub(crate) struct Source {
    pub(crate) items: Peekable<Items>,
    /// How many there are, where that is known.
    pub(crate) total: Option<u64>,
}

/// The source that the command line names.
pub(crate) fn open(map: &Map, task: &NamedTask) -> Result<Source, Problem> {
    match (map.items.as_slice(), &map.from) {
        ([], Some(path)) if path.as_os_str() != "-" => stream(task, Box::new(open_file(path)?), path, map.json),
        ([], Some(_)) => stream(task, standard_input(), Path::new("standard input"), map.json),
        ([], None) if stdin().is_terminal() => Err(Problem::usage("no items")
            .hint("give them as arguments, as a range (1..=6), with --from FILE, or on standard input")),
        ([], None) => stream(task, standard_input(), Path::new("standard input"), map.json),
        ([array], _) if map.json => {
            let array = std::io::Cursor::new(array.clone().into_bytes());
            stream(task, Box::new(array), Path::new("the argument"), true)
        }
        (_, _) if map.json => Err(Problem::usage("--json takes one JSON array, several arguments were given")
            .hint("write the array as one argument: '[1, 2, 3]'")),
        (items, _) => words(task, items),
    }
}

type Input = Box<dyn std::io::BufRead + Send>;

fn standard_input() -> Input {
    Box::new(BufReader::new(stdin()))
}

fn open_file(path: &Path) -> Result<BufReader<File>, Problem> {
    let file = File::open(path).map_err(|error| {
        Problem::usage(format!("cannot read {}: {error}", path.display()))
            .hint("--from takes a file of one item per line, or - for standard input")
    })?;
    Ok(BufReader::with_capacity(1 << 16, file))
}

fn words(task: &NamedTask, items: &[String]) -> Result<Source, Problem> {
    let words = items.iter().map(|item| Word::read(item)).collect::<Result<Vec<_>, _>>()?;
    for (word, text) in words.iter().zip(items) {
        for sample in word.samples() {
            encode_item(task, sample).map_err(|problem| placed(problem, &format!("item {text}")))?;
        }
    }
    let total = words.iter().map(Word::count).fold(0, u64::saturating_add);
    Ok(Source { items: from_words(words).peekable(), total: Some(total) })
}

fn stream(task: &NamedTask, input: Input, name: &Path, json: bool) -> Result<Source, Problem> {
    let name = name.to_string_lossy();
    let items = if json { from_json_array(input, &name) } else { from_lines(input, &name) };
    let mut items = items.peekable();
    if let Some(Err(problem)) = items.next_if(Result::is_err) {
        return Err(problem);
    }
    if let Some(Ok(first)) = items.peek() {
        encode(task, first.clone())?;
    }
    Ok(Source { items, total: None })
}

/// The encoded arguments for `item`; the error says where it was found.
pub(crate) fn encode(task: &NamedTask, item: Item) -> Result<Vec<u8>, Problem> {
    encode_item(task, item.raw).map_err(|problem| placed(problem, &item.place.to_string()))
}

fn placed(problem: Problem, place: &str) -> Problem {
    Problem { message: format!("{place}: {}", problem.message), ..problem }
}
