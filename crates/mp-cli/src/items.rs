//! Items: words of the command line, ranges, lines. One after another, read as they are asked for.
//!
//! Does **not** know tasks, nor open files.

use std::fmt;
use std::io::BufRead;
use std::ops::RangeInclusive;

use serde_json::{Number, Value};

use crate::arguments::Raw;
use crate::problem::Problem;

/// One item, and where it was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) raw: Raw,
    pub(crate) place: Place,
}

/// Where an item was found, counted from 1. Printed as `line 7 of numbers.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) unit: &'static str,
    pub(crate) number: u64,
    pub(crate) of: Option<std::sync::Arc<str>>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.unit, self.number)?;
        self.of.as_ref().map_or(Ok(()), |of| write!(f, " of {of}"))
    }
}

/// Items as they come; an error is the last thing that comes.
pub(crate) type Items = Box<dyn Iterator<Item = Result<Item, Problem>> + Send>;

/// A word of the command line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    One(Raw),
    Range(RangeInclusive<i128>),
}

impl Word {
    /// Reads one: `1..=6`, `1..7` are ranges.
    pub(crate) fn read(text: &str) -> Result<Self, Problem> {
        let Some(range) = range(text) else { return Ok(Self::One(Raw::from_text(text.to_owned()))) };
        if range.is_empty() {
            return Err(Problem::usage(format!("the range {text} is empty"))
                .hint("a range counts up; where the text itself is meant, quote it as JSON: '\"2..1\"'"));
        }
        Ok(Self::Range(range))
    }

    /// How many items it is.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Range(range) => u64::try_from(range.end() - range.start()).unwrap_or(u64::MAX).saturating_add(1),
        }
    }

    /// Enough of its items to know that all will do: a range's first and last.
    pub(crate) fn samples(&self) -> Vec<Raw> {
        match self {
            Self::One(raw) => vec![raw.clone()],
            Self::Range(range) => vec![number(*range.start()), number(*range.end())],
        }
    }

    fn raws(self) -> Box<dyn Iterator<Item = Raw> + Send> {
        match self {
            Self::One(raw) => Box::new(std::iter::once(raw)),
            Self::Range(range) => Box::new(range.map(number)),
        }
    }
}

fn range(text: &str) -> Option<RangeInclusive<i128>> {
    let (start, end) = text.split_once("..")?;
    let bound = |text: &str| text.parse::<i128>().ok().filter(|n| (i64::MIN.into()..=u64::MAX.into()).contains(n));
    match end.strip_prefix('=') {
        Some(end) => Some(bound(start)?..=bound(end)?),
        None => Some(bound(start)?..=bound(end)? - 1),
    }
}

fn number(n: i128) -> Raw {
    Raw::from_json(Number::from_i128(n).map_or(Value::Null, Value::Number))
}

/// The items that `words` stand for.
pub(crate) fn from_words(words: Vec<Word>) -> Items {
    let raws = words.into_iter().flat_map(Word::raws);
    Box::new((1..).zip(raws).map(|(number, raw)| Ok(Item { raw, place: Place { unit: "item", number, of: None } })))
}

/// The lines of `input`, which is called `name` in messages.
pub(crate) fn from_lines(input: impl BufRead + Send + 'static, name: &str) -> Items {
    let name: std::sync::Arc<str> = name.into();
    let place = move |number| Place { unit: "line", number, of: Some(name.clone()) };
    let lines = (1..).zip(input.lines()).map(move |(number, line)| {
        let place = place(number);
        match line {
            Ok(line) => Ok(Item { raw: Raw::from_text(line), place }),
            Err(error) => Err(Problem::usage(format!("cannot read {place}: {error}"))
                .hint("items are the lines of a UTF-8 text; what came before this line was read")),
        }
    });
    Box::new(until_error(lines))
}

/// Ends after the first error: what can't be read now will not be readable at the next try.
pub(crate) fn until_error<I>(items: I) -> impl Iterator<Item = Result<Item, Problem>> + Send
where
    I: Iterator<Item = Result<Item, Problem>> + Send,
{
    let mut broken = false;
    items.take_while(move |item| !std::mem::replace(&mut broken, item.is_err()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(words: &[&str]) -> Vec<String> {
        let words = words.iter().map(|word| Word::read(word).expect("is fine")).collect();
        from_words(words).map(|item| format!("{:?}", item.expect("is fine").raw)).collect()
    }

    fn raws(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| format!("{:?}", Raw::from_json(text.parse().expect("is JSON")))).collect()
    }

    #[test]
    fn ranges_are_those_of_rust() {
        assert_eq!(all(&["1..=3"]), raws(&["1", "2", "3"]));
        assert_eq!(all(&["1..3"]), raws(&["1", "2"]));
        assert_eq!(all(&["-1..=1", "5..6"]), raws(&["-1", "0", "1", "5"]));
        assert_eq!(Word::read("1..=1000000").map(|word| word.count()), Ok(1_000_000));
        assert_eq!(Word::read("0..=18446744073709551615").map(|word| word.count()), Ok(u64::MAX));
    }

    #[test]
    fn an_empty_range_is_a_mistake() {
        for text in ["3..3", "3..=2", "6..1"] {
            assert!(Word::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_range_is_text() {
        for text in ["a..b", "..", "1..", "..3", "1...3", "1..=", "'1..3'"] {
            assert_eq!(Word::read(text), Ok(Word::One(Raw::from_text(text.to_owned()))), "{text}");
        }
    }

    #[test]
    fn lines_are_json_or_text_and_know_their_place() {
        let mut items = from_lines(&b"1\r\nword\n\n[1,2]"[..], "numbers.txt");
        let mut next = || items.next().expect("one more").expect("is fine");
        assert_eq!(next().raw, Raw::from_text("1".to_owned()));
        let second = next();
        assert_eq!(
            (second.raw, second.place.to_string().as_str()),
            (Raw::from_text("word".to_owned()), "line 2 of numbers.txt")
        );
        assert_eq!(next().raw, Raw::from_text(String::new()));
        assert_eq!(next().raw, Raw::from_text("[1,2]".to_owned()));
    }

    #[test]
    fn bytes_that_are_no_text_end_the_items() {
        let items: Vec<_> = from_lines(&b"1\n\xff\n3\n"[..], "x").collect();
        assert_eq!(items.len(), 2);
        assert!(items[1].as_ref().is_err_and(|problem| problem.message.starts_with("cannot read line 2 of x")));
    }
}
