//! Results on standard output, in one of three forms.
//!
//! Does **not** know standard error, nor what an outcome means for the exit code.
//!
//! `lines`: the bare result (a string without quotes, all else as compact JSON); failures leave no line here.
//! `table`: index and result. `json`: `{"index":0,"value":1}` or `{"index":1,"error":{"kind":..,"message":..}}`,
//! and at the end `{"summary":{..}}`, by which a reader knows that nothing is missing.

use std::io::{self, BufWriter, Write};

use serde_json::Value;

use crate::args::Format;

/// Where results go.
pub(crate) struct Output<W: Write> {
    format: Format,
    to: BufWriter<W>,
    begun: bool,
}

impl<W: Write> Output<W> {
    /// Writes to `to`, with few system calls.
    pub(crate) fn new(format: Format, to: W) -> Self {
        Self { format, to: BufWriter::with_capacity(1 << 16, to), begun: false }
    }

    /// The value of item `index`.
    pub(crate) fn value(&mut self, index: u64, value: &Value) -> io::Result<()> {
        match self.format {
            Format::Json => self.json(index, "value", value),
            Format::Lines => self.bare(value),
            Format::Table => {
                self.row(index)?;
                self.bare(value)
            }
        }
    }

    /// Item `index` has no value, but this error.
    pub(crate) fn error(&mut self, index: u64, error: &Value) -> io::Result<()> {
        match self.format {
            Format::Json => self.json(index, "error", error),
            Format::Lines => Ok(()),
            Format::Table => {
                self.row(index)?;
                writeln!(self.to, "({})", error["kind"].as_str().unwrap_or("failed"))
            }
        }
    }

    /// The last line, where the form has one.
    pub(crate) fn summary(&mut self, summary: &Value) -> io::Result<()> {
        match self.format {
            Format::Json => writeln!(self.to, "{{\"summary\":{summary}}}"),
            Format::Lines | Format::Table => Ok(()),
        }
    }

    /// Lets the reader see all of it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    /// Whether a flush would write anything.
    pub(crate) fn is_flushed(&self) -> bool {
        self.to.buffer().is_empty()
    }

    /// By hand, so that the index comes first and the value is not copied.
    fn json(&mut self, index: u64, key: &str, value: &Value) -> io::Result<()> {
        write!(self.to, "{{\"index\":{index},\"{key}\":")?;
        serde_json::to_writer(&mut self.to, value)?;
        self.to.write_all(b"}\n")
    }

    fn bare(&mut self, value: &Value) -> io::Result<()> {
        match value {
            Value::String(text) => self.to.write_all(text.as_bytes())?,
            other => serde_json::to_writer(&mut self.to, other)?,
        }
        self.to.write_all(b"\n")
    }

    fn row(&mut self, index: u64) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            writeln!(self.to, "  INDEX  RESULT")?;
        }
        write!(self.to, "{index:>7}  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(format: Format) -> String {
        let mut output = Output::new(format, Vec::new());
        let write = |output: &mut Output<Vec<u8>>| {
            output.value(0, &json!("a b"))?;
            output.value(1, &json!([1, "x", null]))?;
            output.error(2, &json!({"kind": "lost", "message": "worker died"}))?;
            output.summary(&json!({"tasks": 3}))?;
            output.flush()
        };
        write(&mut output).expect("memory takes all");
        String::from_utf8(output.to.into_inner().expect("memory takes all")).expect("is text")
    }

    #[test]
    fn lines_are_bare() {
        assert_eq!(written(Format::Lines), "a b\n[1,\"x\",null]\n");
    }

    #[test]
    fn tables_have_a_header_and_every_index() {
        let wanted = "  INDEX  RESULT\n      0  a b\n      1  [1,\"x\",null]\n      2  (lost)\n";
        assert_eq!(written(Format::Table), wanted);
    }

    #[test]
    fn json_is_an_object_per_line_and_a_summary() {
        let wanted = concat!(
            "{\"index\":0,\"value\":\"a b\"}\n",
            "{\"index\":1,\"value\":[1,\"x\",null]}\n",
            "{\"index\":2,\"error\":{\"kind\":\"lost\",\"message\":\"worker died\"}}\n",
            "{\"summary\":{\"tasks\":3}}\n",
        );
        assert_eq!(written(Format::Json), wanted);
    }
}
