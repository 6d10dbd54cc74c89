//! The word of a worker on its items, one behind the other, as a frame of outcomes carries them.
//!
//! Does **not** know which items there are: ids count up from one to the next.
//!
//! ```text
//!  | item |                  the value of the next task, as `item` writes it
//!  | F1 | id: 8 |            the next task is this one
//!  | F2 | ns: 8 |            the functions of the values since the last such mark ran so long, together
//!  | F3 | len: 4 | report |  the next task has no value in this frame, but this [`Report`]
//!  | F4 | 4 times ns: 8 |    the [`Times`] of the task whose value came last
//! ```
//!
//! Nearly every record is a value of some bytes with one byte before it: what it costs to say it is what a small task costs.

use serde::{Deserialize, Serialize};

use crate::failure::Panic;
use crate::item::{Items, push_bytes};
use crate::{CodecError, CodecStage, TaskId, codec};

const NEXT: u8 = 0xF1;
const SPENT: u8 = 0xF2;
const REPORT: u8 = 0xF3;
const TIMES: u8 = 0xF4;

/// What became of an item that has no value in the frame.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// Its value has this many bytes, in a memory file handed over beside the line.
    Bulk(u64),
    /// Its value is in this window, and has so many bytes.
    Window(u32, u64),
    /// It panicked.
    Panicked(Panic),
    /// Its arguments could not be decoded, or its result not encoded.
    Codec(CodecStage, String),
}

/// When a task was where, in nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Its worker began it: its arguments are decoded.
    pub begun_ns: u64,
    /// The function began.
    pub ran_from_ns: u64,
    /// How long it ran. Then its result was encoded.
    pub ran_ns: u64,
    /// The result was ready to be sent.
    pub done_ns: u64,
}

/// Appends the times of the task whose value was appended last.
pub fn push_times(records: &mut Vec<u8>, times: &Times) {
    records.push(TIMES);
    let all = [times.begun_ns, times.ran_from_ns, times.ran_ns, times.done_ns];
    all.iter().for_each(|ns| records.extend_from_slice(&ns.to_le_bytes()));
}

/// How many bytes [`push_next`] appends.
pub const NEXT_LEN: usize = 9;

/// Appends: the next task is `task`.
pub fn push_next(records: &mut Vec<u8>, task: TaskId) {
    records.push(NEXT);
    records.extend_from_slice(&task.0.to_le_bytes());
}

/// Appends the value of the next task.
#[inline]
pub fn push_value(records: &mut Vec<u8>, value: &[u8]) {
    push_bytes(records, value);
}

/// Appends: the functions of the values since the last such mark ran `ns` nanoseconds, together.
pub fn push_spent(records: &mut Vec<u8>, ns: u64) {
    records.push(SPENT);
    records.extend_from_slice(&ns.to_le_bytes());
}

/// Appends what became of the next task.
///
/// # Errors
/// Never, in fact: a report is numbers and texts.
pub fn push_report(records: &mut Vec<u8>, report: &Report) -> Result<(), CodecError> {
    let bytes = codec::encode(report)?;
    let len = u32::try_from(bytes.len()).map_err(|error| CodecError(error.to_string()))?;
    records.push(REPORT);
    records.extend_from_slice(&len.to_le_bytes());
    records.extend_from_slice(&bytes);
    Ok(())
}

/// A part of the records.
#[derive(Debug, PartialEq)]
pub enum Word<'a> {
    /// The values of tasks whose ids count up from this one.
    Values(TaskId, Items<'a>),
    /// What became of this task.
    Report(TaskId, Report),
    /// How many nanoseconds the functions of the values since the last such word ran.
    Spent(u64),
    /// When the task whose value came last was where.
    Times(Times),
}

/// Takes records apart, from their start.
#[derive(Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    next: TaskId,
}

impl<'a> Records<'a> {
    /// Of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, next: TaskId(0) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let cut = || CodecError("a record that is cut short".to_owned());
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or_else(cut)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// The ids of what follows; none that would count over the end.
    fn advance(&mut self, count: u32) -> Result<TaskId, CodecError> {
        let first = self.next;
        let next = first.0.checked_add(u64::from(count));
        self.next = TaskId(next.ok_or_else(|| CodecError("a task id beyond the last".to_owned()))?);
        Ok(first)
    }

    fn word(&mut self) -> Result<Option<Word<'a>>, CodecError> {
        loop {
            let (values, rest) = Items::split_off(self.rest);
            if !values.is_empty() {
                self.rest = rest;
                return Ok(Some(Word::Values(self.advance(values.len())?, values)));
            }
            let Some((&tag, rest)) = rest.split_first() else { return Ok(None) };
            self.rest = rest;
            match tag {
                NEXT => self.next = TaskId(u64::from_le_bytes(self.take()?)),
                SPENT => return Ok(Some(Word::Spent(u64::from_le_bytes(self.take()?)))),
                TIMES => return Ok(Some(Word::Times(self.times()?))),
                REPORT => return self.report().map(Some),
                tag => return Err(CodecError(format!("a record of an unknown kind, {tag}, or one that is cut short"))),
            }
        }
    }

    fn times(&mut self) -> Result<Times, CodecError> {
        let mut next = || self.take().map(u64::from_le_bytes);
        Ok(Times { begun_ns: next()?, ran_from_ns: next()?, ran_ns: next()?, done_ns: next()? })
    }

    fn report(&mut self) -> Result<Word<'a>, CodecError> {
        let len = u32::from_le_bytes(self.take()?) as usize;
        let cut = || CodecError("a report that is cut short".to_owned());
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or_else(cut)?;
        self.rest = rest;
        Ok(Word::Report(self.advance(1)?, codec::decode(bytes)?))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Word<'a>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        let word = self.word();
        if word.is_err() {
            self.rest = &[];
        }
        word.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_apart_as_they_were_put_together() {
        let mut bytes = Vec::new();
        push_next(&mut bytes, TaskId(7));
        push_value(&mut bytes, b"seven");
        push_value(&mut bytes, &[8; 1000]);
        push_spent(&mut bytes, 33);
        let times = Times { begun_ns: 1, ran_from_ns: 2, ran_ns: u64::MAX, done_ns: 4 };
        push_times(&mut bytes, &times);
        push_report(&mut bytes, &Report::Bulk(4)).expect("encodes");
        push_next(&mut bytes, TaskId(20));
        push_value(&mut bytes, b"");
        let words: Result<Vec<_>, _> = Records::new(&bytes).collect();
        let words = words.expect("records");
        let Word::Values(TaskId(7), values) = &words[0] else { panic!("{words:?}") };
        assert_eq!(values.collect::<Vec<_>>(), [&b"seven"[..], &[8; 1000]]);
        assert_eq!(words[1..4], [Word::Spent(33), Word::Times(times), Word::Report(TaskId(9), Report::Bulk(4))]);
        assert!(matches!(&words[4], Word::Values(TaskId(20), values) if values.len() == 1));
        assert_eq!(words.len(), 5);
    }

    #[test]
    fn what_is_cut_short_is_an_error_and_the_end() {
        let mut bytes = Vec::new();
        push_next(&mut bytes, TaskId(7));
        push_value(&mut bytes, b"seven");
        push_report(&mut bytes, &Report::Codec(CodecStage::DecodeArgs, "no".to_owned())).expect("encodes");
        for len in 1..bytes.len() {
            let words: Vec<_> = Records::new(&bytes[..len]).collect();
            let whole = [9, 15].contains(&len);
            assert_eq!(words.iter().filter(|word| word.is_err()).count(), usize::from(!whole), "{len}: {words:?}");
        }
        let beyond = [&[NEXT][..], &u64::MAX.to_le_bytes(), &[0]].concat();
        assert!(Records::new(&beyond).any(|word| word.is_err()));
    }
}
