//! A stream of a worker, cut into lines, each with the task that wrote it.
//!
//! Does **not** know pipes, and believes nothing: a worker that writes no end of a line, or marks of its own, gets pieces and wrong
//! names, in bounded memory.

use crate::TaskId;
use crate::outlets::{MARK, mark_prefix};

/// A line with more bytes than this comes in pieces.
pub const LONGEST: usize = 8 * 1024;

/// So many bytes of the last lines are kept.
pub const TAIL: usize = 4 * 1024;

/// What was found: a line, or the first piece of one.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The last that was marked before it.
    pub task: Option<TaskId>,
    /// Without its end; what is no UTF-8 is replaced.
    pub text: String,
    /// The line goes on in the next one.
    pub goes_on: bool,
}

/// What is known of a stream so far.
#[derive(Debug)]
pub struct Lines {
    prefix: [u8; 8],
    /// What has no end yet.
    open: Vec<u8>,
    /// So much of it has been looked at: who writes byte by byte does not make all of it be looked at again.
    looked_at: usize,
    task: Option<TaskId>,
    tail: Vec<u8>,
}

/// Whether more may come behind what is known.
#[derive(Clone, Copy)]
enum Rest {
    Comes,
    None,
}

/// What comes next in a stream.
enum Next {
    Mark(TaskId),
    /// It looks as a mark begins, but there is no more of it yet.
    Unclear,
    Byte,
}

impl Lines {
    /// Of a worker that marks with this token.
    #[must_use]
    pub fn new(token: u64) -> Self {
        Self { prefix: mark_prefix(token), open: Vec::new(), looked_at: 0, task: None, tail: Vec::new() }
    }

    /// Takes `bytes`; gives the lines that have ended with them.
    pub fn feed(&mut self, bytes: &[u8], found: &mut Vec<Found>) {
        self.scan(bytes, Rest::Comes, found);
    }

    /// The stream has ended, and its last line with it.
    pub fn end(&mut self, found: &mut Vec<Found>) {
        self.scan(&[], Rest::None, found);
        let open = std::mem::take(&mut self.open);
        found.extend((!open.is_empty()).then(|| self.cut(&open, false)));
    }

    fn scan(&mut self, bytes: &[u8], rest: Rest, found: &mut Vec<Found>) {
        let mut open = std::mem::take(&mut self.open);
        open.extend_from_slice(bytes);
        let (mut start, mut at) = (0, self.looked_at);
        while at < open.len() {
            match self.next(&open[at..], rest) {
                Next::Mark(task) => {
                    found.extend((at > start).then(|| self.cut(&open[start..at], false)));
                    self.task = Some(task);
                    at += MARK;
                    start = at;
                }
                Next::Unclear => break,
                Next::Byte if open[at] == b'\n' => {
                    found.push(self.cut(&open[start..at], false));
                    at += 1;
                    start = at;
                }
                Next::Byte if at - start == LONGEST => {
                    found.push(self.cut(&open[start..at], true));
                    start = at;
                }
                Next::Byte => at += 1,
            }
        }
        open.drain(..start);
        (self.open, self.looked_at) = (open, at - start);
    }

    /// The last lines, without the beginning of one that is cut.
    #[must_use]
    pub fn tail(&self) -> String {
        let from = self.tail.len().saturating_sub(TAIL);
        let tail = &self.tail[from..];
        let whole = if from > 0 { tail.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1) } else { 0 };
        let tail = if whole < tail.len() { &tail[whole..] } else { tail };
        String::from_utf8_lossy(tail).into_owned()
    }

    fn next(&self, bytes: &[u8], rest: Rest) -> Next {
        let known = bytes.len().min(self.prefix.len());
        if bytes[..known] != self.prefix[..known] {
            return Next::Byte;
        }
        match (bytes.get(self.prefix.len()..MARK).and_then(|id| id.try_into().ok()), rest) {
            (Some(id), _) => Next::Mark(TaskId(u64::from_le_bytes(id))),
            (None, Rest::Comes) => Next::Unclear,
            (None, Rest::None) => Next::Byte,
        }
    }

    fn cut(&mut self, text: &[u8], goes_on: bool) -> Found {
        self.tail.extend_from_slice(text);
        if !goes_on {
            self.tail.push(b'\n');
        }
        // Moved seldom: when it is twice as long as it must be.
        if self.tail.len() > TAIL * 2 + LONGEST {
            self.tail.drain(..self.tail.len() - TAIL - 1);
        }
        Found { task: self.task, text: String::from_utf8_lossy(text).into_owned(), goes_on }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlets::mark;

    /// Its marks hold a byte that ends a line elsewhere.
    const TOKEN: u64 = 0x0a0b_0c0a_6d6d_0a6d;

    fn line(task: Option<u64>, text: &str) -> Found {
        Found { task: task.map(TaskId), text: text.to_owned(), goes_on: false }
    }

    /// What comes of `stream`, given in pieces of `size` bytes.
    fn cut(stream: &[u8], size: usize) -> (Vec<Found>, String) {
        let (mut lines, mut found) = (Lines::new(TOKEN), Vec::new());
        stream.chunks(size).for_each(|piece| lines.feed(piece, &mut found));
        lines.end(&mut found);
        (found, lines.tail())
    }

    #[test]
    fn lines_have_the_task_that_wrote_them_however_they_come() {
        let parts: [&[u8]; 6] =
            [b"before\n", &mark(TOKEN, TaskId(10)), b"a\n\nb", &mark(TOKEN, TaskId(11)), b"c\n", b"open"];
        let stream = parts.concat();
        let ten = Some(10);
        let right = [line(None, "before"), line(ten, "a"), line(ten, ""), line(ten, "b")];
        let right = right.into_iter().chain([line(Some(11), "c"), line(Some(11), "open")]).collect::<Vec<_>>();
        for size in 1..=stream.len() {
            let (found, tail) = cut(&stream, size);
            assert_eq!(found, right, "by {size}");
            assert_eq!(tail, "before\na\n\nb\nc\nopen\n");
        }
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_memory_than_one() {
        let (mut lines, mut found) = (Lines::new(TOKEN), Vec::new());
        for _ in 0..100 {
            lines.feed(&[b'x'; 5000], &mut found);
            assert!(lines.open.len() <= LONGEST && lines.tail.len() <= TAIL * 2 + LONGEST);
        }
        assert!(found.iter().all(|found| found.goes_on && found.text.len() == LONGEST));
        assert_eq!(found.len(), 500_000 / LONGEST);
    }

    #[test]
    fn the_tail_is_the_last_whole_lines() {
        let stream: Vec<u8> = (0..5000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let (_, tail) = cut(&stream, 777);
        assert!(tail.len() <= TAIL && tail.len() > TAIL - 20, "{}", tail.len());
        assert!(tail.starts_with("line 4") && tail.ends_with("line 4999\n"), "{tail}");
    }

    #[test]
    fn what_looks_as_a_mark_and_is_cut_short_is_text() {
        let stream = [b"text".as_slice(), &mark_prefix(TOKEN)].concat();
        let (found, _) = cut(&stream, 5);
        let text: String = found.iter().map(|found| found.text.as_str()).collect();
        assert!(text.starts_with("text\0") && found.iter().all(|found| found.task.is_none()), "{found:?}");
    }
}
