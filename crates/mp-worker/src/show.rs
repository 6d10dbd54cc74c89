//! Encoded arguments as a text for people: short, whatever they are.
//!
//! Does **not** need `Debug`: what can cross can be written as JSON, nearly always.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use mp_wire::CodecError;
use serde::Serialize;

use crate::task::{Arguments, Task};

/// How the encoded arguments of a task are shown. `None` where they cannot be: a queue among them, whose descriptor is not
/// there any more, or what JSON has no words for.
pub type Show = fn(&[u8]) -> Option<String>;

/// A text has so many bytes at most, and the sign that it was cut.
pub const SHOWN_MOST: usize = 160;

/// [`Show`] for the arguments of a task. Code of the caller's runs in it: `Deserialize` and `Serialize`.
#[must_use]
pub fn show_task<F: Task<Args>, Args: Serialize>(bytes: &[u8]) -> Option<String> {
    show(|| F::decode(bytes))
}

/// [`Show`] for the arguments `Args`, a tuple.
#[must_use]
pub fn show_args<Args: Arguments + Serialize>(bytes: &[u8]) -> Option<String> {
    show(|| Args::decode(bytes))
}

/// Whatever goes wrong in it harms nobody.
fn show<Args: Serialize>(decode: impl FnOnce() -> Result<Args, CodecError>) -> Option<String> {
    let text = || decode().ok().and_then(|args| text_of(&args));
    catch_unwind(AssertUnwindSafe(text)).ok().flatten()
}

/// A tuple as Rust writes it, its elements as JSON has them.
fn text_of<Args: Serialize>(args: &Args) -> Option<String> {
    let mut cut = Cut(Vec::new());
    let written = serde_json::to_writer(&mut cut, args);
    if written.is_err_and(|error| !error.is_io()) {
        return None;
    }
    let whole = cut.0.len() <= SHOWN_MOST;
    let text = String::from_utf8_lossy(&cut.0[..cut.0.len().min(SHOWN_MOST)]).into_owned();
    let elements = text.strip_prefix('[').unwrap_or(if text == "null" { "" } else { &text });
    Some(match whole {
        true => format!("({})", elements.strip_suffix(']').unwrap_or(elements)),
        false => format!("({}…", elements.trim_end_matches(char::REPLACEMENT_CHARACTER)),
    })
}

/// Takes no more than can be shown, and then ends the writing: an argument may be large.
struct Cut(Vec<u8>);

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() > SHOWN_MOST {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let taken = bytes.len().min(SHOWN_MOST + 1 - self.0.len());
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn shown<Args: Arguments + Serialize>(args: &Args) -> Option<String> {
        let mut bytes = Vec::new();
        args.encode(&mut bytes).expect("encoded");
        show_args::<Args>(&bytes)
    }

    #[test]
    fn arguments_are_shown_as_a_tuple() {
        assert_eq!(shown(&()).as_deref(), Some("()"));
        assert_eq!(shown(&(7_u8,)).as_deref(), Some("(7)"));
        assert_eq!(shown(&(7_u8, "a]".to_owned(), vec![1_u64, 2])).as_deref(), Some(r#"(7,"a]",[1,2])"#));
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        for shift in 0..4 {
            let text = format!("{}{}", "x".repeat(shift), "é".repeat(1000));
            let shown = shown(&(text,)).expect("shown");
            assert!(shown.starts_with("(\"") && shown.ends_with("é…"), "{shown}");
            assert!((SHOWN_MOST - 4..=SHOWN_MOST + 4).contains(&shown.len()), "{shown}");
        }
        assert!(
            shown(&(vec![1_u8; 1 << 20],)).is_some_and(|shown| shown.starts_with("(1,1") || shown.starts_with("([1,1"))
        );
    }

    #[test]
    fn what_cannot_be_shown_is_not() {
        assert_eq!(shown(&(BTreeMap::from([((1_u8, 2_u8), 3_u8)]),)), None, "JSON has no such keys");
        assert_eq!(show_args::<(String,)>(&[200]), None, "these are no arguments");
    }
}
