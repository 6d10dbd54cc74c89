//! What a task says of itself while it runs: the latest, in shared memory beside the status words.
//!
//! Does **not** know what it means. Nobody waits: the worker writes over what it said before, whether or not somebody has
//! read it; who reads while it is written reads again.
//!
//! ```text
//!  | turn | task | tag | length | bytes ..                     turn: odd while it is written, and another one for each note
//! ```

use std::sync::atomic::{Ordering, fence};

use mp_sys::shared::NOTE;
use mp_wire::TaskId;

use crate::Status;

const TURN: usize = 0;
const TASK: usize = 1;
const TAG: usize = 2;
const LENGTH: usize = 3;
const BYTES: usize = 4;

/// The most bytes of a note.
pub const NOTE_MAX: usize = (NOTE - BYTES) * 8;

/// So often a note that changes is read again.
const TRIES: u32 = 64;

/// What a task said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Differs from that of the note before.
    pub turn: u64,
    /// Which task.
    pub task: TaskId,
    /// What kind of value it is, as both sides agree.
    pub tag: u64,
    /// The value.
    pub bytes: Vec<u8>,
}

impl Status {
    /// Worker: `task` says this. `false`, with nothing written, where it is longer than [`NOTE_MAX`].
    #[must_use]
    pub fn say(&self, task: TaskId, tag: u64, bytes: &[u8]) -> bool {
        if bytes.len() > NOTE_MAX {
            return false;
        }
        // One thread writes. One that was killed in between has left it odd, and nobody comes after it.
        let turn = self.0.note(TURN).load(Ordering::Relaxed) | 1;
        self.0.note(TURN).store(turn, Ordering::Relaxed);
        // Who reads a word that is written from here on will read the odd turn as well.
        fence(Ordering::Release);
        let head = [(TASK, task.0), (TAG, tag), (LENGTH, bytes.len() as u64)];
        head.into_iter().for_each(|(at, word)| self.0.note(at).store(word, Ordering::Relaxed));
        for (at, chunk) in (BYTES..).zip(bytes.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0.note(at).store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        self.0.note(TURN).store(turn.wrapping_add(1), Ordering::Release);
        true
    }

    /// Supervisor: what was said last, by whichever task. The worker wrote it: not to be trusted.
    #[must_use]
    pub fn said(&self) -> Option<Note> {
        (0..TRIES).find_map(|_| {
            let turn = self.0.note(TURN).load(Ordering::Acquire);
            if turn == 0 || turn % 2 == 1 {
                std::hint::spin_loop();
                return None;
            }
            let note = self.read_note(turn);
            fence(Ordering::Acquire);
            (self.0.note(TURN).load(Ordering::Relaxed) == turn).then_some(note)
        })
    }

    fn read_note(&self, turn: u64) -> Note {
        let word = |at: usize| self.0.note(at).load(Ordering::Relaxed);
        let len = usize::try_from(word(LENGTH)).map_or(NOTE_MAX, |len| len.min(NOTE_MAX));
        let mut bytes: Vec<u8> = (BYTES..BYTES + len.div_ceil(8)).flat_map(|at| word(at).to_le_bytes()).collect();
        bytes.truncate(len);
        Note { turn, task: TaskId(word(TASK)), tag: word(TAG), bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_is_read_whole() {
        let status = Status::local().expect("memory");
        assert_eq!(status.said(), None);
        assert!(status.say(TaskId(7), 1, b"hello") && status.say(TaskId(8), 2, &[9; NOTE_MAX]));
        assert!(!status.say(TaskId(9), 3, &[0; NOTE_MAX + 1]), "too long");
        let note = status.said().expect("said");
        assert_eq!((note.task, note.tag, note.bytes), (TaskId(8), 2, vec![9; NOTE_MAX]));
    }

    #[test]
    fn what_is_read_while_it_is_written_belongs_together() {
        // Each note repeats one byte, and has it as its task: a reader must never see two of them.
        let status = Status::local().expect("memory");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for turn in 0..50_000_u32 {
                    let byte = turn as u8;
                    assert!(status.say(TaskId(u64::from(byte)), 0, &vec![byte; 1 + turn as usize % NOTE_MAX]));
                }
            });
            while !writer.is_finished() {
                let Some(note) = status.said() else { continue };
                assert!(note.bytes.iter().all(|byte| u64::from(*byte) == note.task.0), "{note:?}");
            }
        });
        assert_eq!(status.said().map(|note| note.turn), Some(100_000));
    }

    #[test]
    fn a_worker_that_lies_in_it_or_dies_over_it_holds_up_nobody() {
        let status = Status::local().expect("memory");
        assert!(status.say(TaskId(1), 0, b"x"));
        status.0.note(LENGTH).store(u64::MAX, Ordering::Relaxed);
        assert_eq!(status.said().map(|note| note.bytes.len()), Some(NOTE_MAX));
        status.0.note(TURN).store(3, Ordering::Relaxed);
        assert_eq!(status.said(), None);
    }
}
