//! The frames, records, items and values of `mp-wire`.
//!
//! Does **not** look at their meaning: what was understood must be sayable again, and nothing may be invented.

use std::collections::BTreeMap;

use mp_wire::frame::{Body, FromWorkerFrame, Hello, ToWorker, from_worker};
use mp_wire::item::{Items, only_item, push_bytes, split_item};
use mp_wire::record::{Records, Report, Word, push_next, push_report, push_spent, push_times, push_value};
use mp_wire::{CodecError, TaskId, codec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Trail;

/// What a supervisor does with a frame of a worker.
pub(super) fn worker_frame(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    match from_worker(data) {
        Ok(FromWorkerFrame::Hello(hello)) => {
            trail.step(1);
            assert_eq!(codec::decode(&codec::encode(&hello).expect("a hello")), Ok(hello));
        }
        Ok(FromWorkerFrame::Outcomes(first, bytes)) => {
            trail.step(2);
            trail.size(first);
            walk(bytes, &mut trail);
        }
        Ok(FromWorkerFrame::Walked(number)) => {
            trail.step(3);
            assert_eq!(mp_wire::frame::walked(number)[..], *data);
        }
        Ok(FromWorkerFrame::Failed(text)) => {
            trail.step(4);
            trail.text(&text);
        }
        Ok(FromWorkerFrame::Prepared) => trail.step(5),
        Err(error) => trail.text(&error.0),
    }
    trail
}

/// Records, taken apart and put together again.
pub(super) fn records(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    walk(data, &mut trail);
    trail
}

fn walk(data: &[u8], trail: &mut Trail) {
    let mut again = Vec::new();
    let mut said = Vec::new();
    let mut bytes = 0;
    for word in Records::new(data) {
        match word {
            Ok(word) => {
                trail.step(kind(&word));
                bytes += repeat(&word, &mut again);
                said.push(word);
            }
            Err(error) => {
                trail.text(&error.0);
                break;
            }
        }
    }
    assert!(bytes <= data.len(), "values of {bytes} bytes in {}", data.len());
    let repeated: Result<Vec<_>, CodecError> = Records::new(&again).collect();
    assert_eq!(meaning(&repeated.expect("what was understood")), meaning(&said));
}

fn kind(word: &Word<'_>) -> u8 {
    match word {
        Word::Values(_, values) => 0x40 | (values.len().min(32) as u8),
        Word::Report(_, Report::Bulk(_) | Report::Window(..)) => 1,
        Word::Report(_, Report::Panicked(_)) => 2,
        Word::Report(_, Report::Codec(..)) => 3,
        Word::Spent(_) => 4,
        Word::Times(_) => 5,
    }
}

/// Says `word` once more; gives how many bytes of values it has.
fn repeat(word: &Word<'_>, out: &mut Vec<u8>) -> usize {
    match word {
        Word::Values(first, values) => {
            assert!(first.0.checked_add(u64::from(values.len())).is_some(), "ids beyond the last");
            push_next(out, *first);
            values.inspect(|value| push_value(out, value)).map(<[u8]>::len).sum()
        }
        Word::Report(task, report) => {
            push_next(out, *task);
            push_report(out, report).expect("it was read");
            0
        }
        Word::Spent(ns) => {
            push_spent(out, *ns);
            0
        }
        Word::Times(times) => {
            push_times(out, times);
            0
        }
    }
}

/// Values one by one: how they were written does not count.
fn meaning<'a>(words: &'a [Word<'a>]) -> Vec<(u64, Vec<u8>, Option<&'a Report>)> {
    let mut all = Vec::new();
    for word in words {
        match word {
            Word::Values(TaskId(first), values) => {
                all.extend((0..).zip(*values).map(|(n, value)| (first + n, value.to_vec(), None)));
            }
            Word::Report(task, report) => all.push((task.0, Vec::new(), Some(report))),
            Word::Spent(ns) => all.push((*ns, b"spent".to_vec(), None)),
            Word::Times(times) => all.push((times.begun_ns, format!("{times:?}").into_bytes(), None)),
        }
    }
    all
}

/// Items, by each of the ways in which they are taken apart.
pub(super) fn items(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let (items, rest) = Items::split_off(data);
    assert_eq!([items.as_bytes(), rest].concat(), data);
    assert_eq!(items.count(), items.len() as usize);
    let (counted, after) = Items::of(data, items.len());
    assert_eq!((counted, after), (items, rest));
    let (more, _) = Items::of(data, items.len().saturating_add(1));
    assert_eq!(more.len(), items.len(), "there is no item more");
    let (mut back, half) = (items, items.len() / 2);
    let front = back.take_front(half);
    assert_eq!(front.chain(back).collect::<Vec<_>>(), items.collect::<Vec<_>>());
    let mut again = Vec::new();
    items.for_each(|item| push_bytes(&mut again, item));
    assert_eq!(Items::split_off(&again).0.collect::<Vec<_>>(), items.collect::<Vec<_>>());
    assert!(only_item(data).len() <= data.len() && split_item(data).is_none_or(|(item, _)| item.len() < data.len()));
    items.for_each(|item| trail.size(item.len() as u64));
    trail.step(rest.first().copied().unwrap_or_default());
    trail
}

/// A value of a caller, of many kinds; those whose work is not in their bytes are in `shapes.rs`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Value {
    Unit,
    Text(String, Option<char>),
    Numbers { dense: Vec<u128>, signed: Vec<i16>, fraction: f32 },
    Map(BTreeMap<String, Vec<Option<u64>>>),
    Nested(Vec<Vec<Vec<bool>>>),
    Pair(Box<(bool, [u8; 7])>),
}

/// Encoded values: those that workers send, and some of callers.
pub(super) fn codec(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let Some((which, data)) = data.split_first() else { return trail };
    trail.step(which % 9);
    match which % 9 {
        0 => value::<Hello>(data, &mut trail),
        1 => value::<Report>(data, &mut trail),
        2 => value::<Option<String>>(data, &mut trail),
        3 => value::<Value>(data, &mut trail),
        4 => value::<Vec<String>>(data, &mut trail),
        5 => value::<(u8, Vec<Vec<u8>>)>(data, &mut trail),
        6 => value::<mp_wire::birth::Order>(data, &mut trail),
        7 => value::<mp_wire::outlets::TraceRecord>(data, &mut trail),
        _ => value::<Result<Option<i64>, String>>(data, &mut trail),
    }
    trail
}

fn value<T: Serialize + DeserializeOwned>(data: &[u8], trail: &mut Trail) {
    match codec::decode::<T>(data) {
        Ok(value) => {
            trail.size(data.len() as u64);
            let bytes = codec::encode(&value).expect("it was decoded");
            let again: T = codec::decode(&bytes).expect("it was encoded");
            assert_eq!(codec::encode(&again), Ok(bytes));
        }
        Err(error) => trail.text(&error.0),
    }
    let prefix = codec::decode_prefix::<T>(data);
    assert!(prefix.is_ok_and(|(_, used)| used <= data.len()) || codec::decode::<T>(data).is_err());
}

/// What a worker does with a frame of its supervisor, up to the call of a function.
pub(super) fn to_worker(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let frame = match codec::decode_borrowed::<ToWorker<'_>>(data) {
        Ok(frame) => frame,
        Err(error) => {
            trail.text(&error.0);
            return trail;
        }
    };
    if let ToWorker::Tasks(tasks) = &frame {
        for segment in &tasks.segments {
            trail.size(segment.count.into());
            if let Body::Inline(bytes) = segment.args {
                let (items, rest) = Items::split_off(bytes);
                trail.step(u8::from(items.len() == segment.count && rest.is_empty()));
            }
        }
    }
    let bytes = codec::encode(&frame).expect("it was decoded");
    assert_eq!(codec::decode_borrowed(&bytes), Ok(frame));
    trail
}
