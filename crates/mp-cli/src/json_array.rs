//! The elements of one long JSON array, one after another: an array of any length in the memory of one element.
//!
//! Does **not** know JSON beyond where an element ends (brackets, strings, commas): serde_json reads the element.

use std::io::{self, BufRead};

use crate::arguments::Raw;
use crate::items::{Item, Items, Place, until_error};
use crate::problem::Problem;

const HINT: &str = "the input is one array, [1, 2, 3]; without --json, each line is an item";

/// The elements of the array that `input` is.
pub(crate) fn from_json_array(input: impl BufRead + Send + 'static, name: &str) -> Items {
    let mut elements = Elements { bytes: input.bytes(), state: State::Before };
    let name: std::sync::Arc<str> = name.into();
    let mut number = 0;
    let items = std::iter::from_fn(move || {
        number += 1;
        let place = Place { unit: "element", number, of: Some(name.clone()) };
        match elements.next_element() {
            Ok(None) => None,
            Ok(Some(text)) => Some(read(&text, place)),
            Err(error) => Some(Err(Problem::usage(format!("cannot read {place}: {error}")).hint(HINT))),
        }
    });
    Box::new(until_error(items))
}

fn read(text: &[u8], place: Place) -> Result<Item, Problem> {
    match serde_json::from_slice(text) {
        Ok(value) => Ok(Item { raw: Raw::from_json(value), place }),
        Err(error) => Err(Problem::usage(format!("{place} is not JSON: {error}")).hint(HINT)),
    }
}

struct Elements<I> {
    bytes: I,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// `[` has not come yet.
    Before,
    /// No element yet: `]` may come at once.
    First,
    /// After a comma.
    More,
    /// `]` has come.
    After,
}

impl<I: Iterator<Item = io::Result<u8>>> Elements<I> {
    fn next_element(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.state == State::Before {
            self.open()?;
        }
        if self.state == State::After {
            return Ok(None);
        }
        let (text, end) = self.element()?;
        let blank = text.trim_ascii().is_empty();
        let first = self.state == State::First;
        self.state = if end == b']' { State::After } else { State::More };
        match (blank, first, end) {
            (true, true, b']') => self.close().map(|()| None),
            (true, _, _) => Err(bad("an element is missing before a comma or the closing bracket")),
            (false, _, b']') => self.close().map(|()| Some(text)),
            (false, ..) => Ok(Some(text)),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        match self.first_visible()? {
            Some(b'[') => self.state = State::First,
            Some(_) | None => return Err(bad("the input is no JSON array: it does not begin with [")),
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        match self.first_visible()? {
            Some(_) => Err(bad("something follows the closing bracket")),
            None => Ok(()),
        }
    }

    fn first_visible(&mut self) -> io::Result<Option<u8>> {
        self.bytes.by_ref().find(|byte| byte.as_ref().map_or(true, |byte| !byte.is_ascii_whitespace())).transpose()
    }

    /// The bytes up to the comma or bracket that ends the element, and which of them it is.
    fn element(&mut self) -> io::Result<(Vec<u8>, u8)> {
        let (mut text, mut depth, mut quote) = (Vec::new(), 0_u32, Quote::Outside);
        for byte in self.bytes.by_ref() {
            let byte = byte?;
            quote = quote.after(byte);
            if quote == Quote::Outside {
                match byte {
                    b',' | b']' if depth == 0 => return Ok((text, byte)),
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            text.push(byte);
        }
        Err(bad("the array is not closed"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Outside,
    Inside,
    Escaped,
}

impl Quote {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Outside, b'"') => Self::Inside,
            (Self::Inside, b'"') => Self::Outside,
            (Self::Inside, b'\\') => Self::Escaped,
            (Self::Escaped, _) => Self::Inside,
            (same, _) => same,
        }
    }
}

fn bad(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &'static str) -> Result<Vec<Raw>, String> {
        let items = from_json_array(text.as_bytes(), "x");
        items.map(|item| item.map(|item| item.raw).map_err(|problem| problem.message)).collect()
    }

    #[test]
    fn elements_are_those_that_serde_json_finds() {
        for text in [
            "[]",
            " [ ] \n",
            "[1]",
            "[1, -2.5e3 ,null,true]\n",
            r#"["a,b", "]", "\"],[", "\\"]"#,
            r#"[[1,[2,3]], {"a": [1, 2], "b": "}"}, []]"#,
        ] {
            let whole: Vec<serde_json::Value> = serde_json::from_str(text).expect("is JSON");
            assert_eq!(read_all(text), Ok(whole.into_iter().map(Raw::from_json).collect()), "{text}");
        }
    }

    #[test]
    fn what_is_no_array_is_refused_in_words() {
        for (text, wanted) in [
            ("", "does not begin with ["),
            ("1", "does not begin with ["),
            ("[1", "is not closed"),
            ("[1,]", "an element is missing"),
            ("[,1]", "an element is missing"),
            ("[1] 2", "something follows"),
            ("[1, x]", "element 2 of x is not JSON"),
        ] {
            let error = read_all(text).expect_err("is refused");
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
