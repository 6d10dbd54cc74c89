//! A worker as the supervisor meets it: a line with frames, claim words, outcomes on their way.
//!
//! Does **not** know the scheduler. The claim words are those of `mp-link`'s `status`, without the atomics.

use std::collections::VecDeque;
use std::time::Instant;

use mp_scheduler::{Inspection, Span};
use mp_wire::TaskId;
use mp_wire::frame::{CREDITS, claim_word};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    #[default]
    Unborn,
    Silent,
    Serving,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claim {
    number: u32,
    limit: u16,
    begun: u16,
}

/// An item, and the frame it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) frame: u32,
    pub(crate) task: TaskId,
}

/// What a worker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It has finished this.
    Done(Piece),
    /// This has panicked.
    Panicked(Piece),
    /// The rest of this frame was taken back, and it is past it.
    Walked(u32),
}

impl Said {
    pub(crate) fn frame(self) -> u32 {
        match self {
            Self::Done(piece) | Self::Panicked(piece) => piece.frame,
            Self::Walked(frame) => frame,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) stage: Stage,
    pub(crate) words: [Claim; CREDITS],
    line: VecDeque<Piece>,
    pub(crate) running: Option<Piece>,
    pub(crate) started: Instant,
    /// The supervisor has not heard it yet.
    pub(crate) unheard: VecDeque<Said>,
    /// Which task has asked whether it is cancelled.
    pub(crate) asked: Option<TaskId>,
    /// Which was told that it is.
    pub(crate) hinted: Option<TaskId>,
    /// How much memory it has.
    pub(crate) bytes: u64,
    pub(crate) stopped: bool,
    pub(crate) terminated: bool,
    pub(crate) killed: bool,
}

impl Process {
    pub(crate) fn new(now: Instant, stage: Stage) -> Self {
        Self {
            stage,
            words: Default::default(),
            line: VecDeque::new(),
            running: None,
            started: now,
            unheard: VecDeque::new(),
            asked: None,
            hinted: None,
            bytes: 0,
            stopped: false,
            terminated: false,
            killed: false,
        }
    }

    /// Supervisor: sends a frame. Its claim word must be free: one that is in use would be lost with all its items.
    pub(crate) fn receive(&mut self, number: u32, spans: &[Span]) {
        let word = &mut self.words[claim_word(number)];
        let old = word.number;
        assert_eq!(
            word.limit, word.begun,
            "the word of frame {old} is taken for {number}, with items that never began"
        );
        let unread = self.line.iter().chain(&self.running).map(|piece| piece.frame);
        let open = unread.chain(self.unheard.iter().map(|said| said.frame())).any(|frame| frame == old);
        assert!(!open, "the word of frame {old} is taken for {number}, which the worker is not past");
        let items: Vec<_> = spans.iter().flat_map(|span| (0..span.len()).map(|i| span.first.plus(i))).collect();
        *word = Claim { number, limit: items.len() as u16, begun: 0 };
        self.line.extend(items.into_iter().map(|task| Piece { frame: number, task }));
    }

    /// Worker: begins the next item that it can claim.
    pub(crate) fn begin(&mut self, now: Instant) -> Option<TaskId> {
        if self.running.is_some() || self.stage != Stage::Serving {
            return None;
        }
        while let Some(piece) = self.line.pop_front() {
            let word = &mut self.words[claim_word(piece.frame)];
            if word.number == piece.frame && word.begun < word.limit {
                word.begun += 1;
                (self.running, self.started) = (Some(piece), now);
                return Some(piece.task);
            }
            self.line.retain(|other| other.frame != piece.frame);
            self.unheard.push_back(Said::Walked(piece.frame));
        }
        None
    }

    /// Worker: has finished what it runs.
    pub(crate) fn finish(&mut self) {
        self.unheard.extend(self.running.take().map(Said::Done));
    }

    /// Worker: what it runs asks whether it is cancelled.
    pub(crate) fn ask(&mut self) -> bool {
        self.asked = self.running.map(|piece| piece.task).or(self.asked);
        self.hinted.is_some() && self.hinted == self.asked
    }

    /// Worker: what it runs panics.
    pub(crate) fn panic(&mut self) {
        self.unheard.extend(self.running.take().map(Said::Panicked));
    }

    /// Supervisor: takes back up to `most` items from the end of frame `number`.
    pub(crate) fn revoke(&mut self, number: u32, most: u16) -> u16 {
        let word = &mut self.words[claim_word(number)];
        let taken = if word.number == number { most.min(word.limit - word.begun) } else { 0 };
        word.limit -= taken;
        taken
    }

    pub(crate) fn begun(&self) -> [(u32, u16); CREDITS] {
        self.words.map(|word| (word.number, word.begun))
    }

    pub(crate) fn inspect(&mut self) -> Inspection {
        let taken = self.words.map(|word| (word.number, self.revoke(word.number, u16::MAX)));
        Inspection { taken, begun: self.begun(), started: self.started, asked: self.asked }
    }
}
