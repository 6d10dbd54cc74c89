//! A stream of a worker, with marks in it: cut into lines, however it comes.
//!
//! Does **not** trust the splitter's idea of a line: it is compared with one that has all of the stream before it.

use mp_wire::TaskId;
use mp_wire::lines::{Found, LONGEST, Lines, TAIL};
use mp_wire::outlets::{MARK, mark_prefix};

use crate::Trail;

/// Its marks hold a byte that ends a line elsewhere.
const TOKEN: u64 = 0x0a0b_0c0a_6d6d_0a6d;

/// The first byte says in which pieces the rest comes.
pub(super) fn output(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let Some((size, stream)) = data.split_first() else { return trail };
    let size = 1 + usize::from(*size) * usize::from(*size) / 8;
    let (mut lines, mut found) = (Lines::new(TOKEN), Vec::new());
    stream.chunks(size).for_each(|piece| lines.feed(piece, &mut found));
    lines.end(&mut found);
    assert_eq!(found, all_at_once(stream), "in pieces of {size}");
    let (tail, said) = (lines.tail(), said(&found));
    // A cut may be within a character, of which no more than a replacement is left.
    assert!(tail.len() <= TAIL * 3 && (tail.contains('\u{fffd}') || said.ends_with(&tail)), "{tail:?}");
    assert!(found.is_empty() || !tail.is_empty(), "the last words are lost");
    for line in &found {
        trail.step(u8::from(line.goes_on) | u8::from(line.task.is_some()) << 1);
        trail.size(line.text.len() as u64);
    }
    trail
}

fn said(found: &[Found]) -> String {
    found.iter().flat_map(|line| [line.text.as_str(), if line.goes_on { "" } else { "\n" }]).collect()
}

fn all_at_once(mut stream: &[u8]) -> Vec<Found> {
    let (mut found, mut task, mut open) = (Vec::new(), None, Vec::new());
    let mut cut = |task: Option<TaskId>, open: &mut Vec<u8>, goes_on| {
        let text = String::from_utf8_lossy(&std::mem::take(open)).into_owned();
        found.push(Found { task, text, goes_on });
    };
    while let Some((byte, rest)) = stream.split_first() {
        if stream.starts_with(&mark_prefix(TOKEN)) && stream.len() >= MARK {
            if !open.is_empty() {
                cut(task, &mut open, false);
            }
            task = stream[MARK - 8..].first_chunk().map(|id| TaskId(u64::from_le_bytes(*id)));
            stream = &stream[MARK..];
            continue;
        }
        stream = rest;
        match byte {
            b'\n' => cut(task, &mut open, false),
            _ => {
                if open.len() == LONGEST {
                    cut(task, &mut open, true);
                }
                open.push(*byte);
            }
        }
    }
    if !open.is_empty() {
        cut(task, &mut open, false);
    }
    found
}
