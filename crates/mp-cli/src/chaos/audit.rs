//! The books: what callers were told, beside what workers have done.
//!
//! Does **not** know how either was learned.
//!
//! A task must have a value and a worker that has done it to its end, or a failure and a worker that was killed at it:
//!
//! - A1 a value was computed: some worker marked the task as ended;
//! - A2 a failure is that of a worker that SIGKILL ended, and each such worker costs one task at most;
//! - A3 it was killed at that very task: its last mark is the task's, or it had just taken it and not begun it;
//! - A4 no attempt was made twice;
//! - A5 the pool's own counts say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use mp::{Failure, Stats, WorkerExit, WorkerId};

use super::marks::{Mark, What};
use super::report::Report;
use super::submit::Told;
use super::{Plan, work};

const SIGKILL: i32 = 9;

/// What is known when all is over: the pool's counts, how it ended if it did, and the marks if they could be read.
pub(super) type End = (Stats, Option<mp::Result<()>>, Option<Vec<Mark>>);

/// The one word on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Value,
    /// Its worker was killed.
    Killed(WorkerId),
    Other,
}

/// What has been heard so far.
pub(super) struct Books {
    seed: u64,
    words: BTreeMap<u32, Word>,
    report: Report,
    last: Instant,
}

impl Books {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { seed: plan.seed, words: BTreeMap::new(), report: Report::default(), last: Instant::now() }
    }

    /// Outcomes have come.
    pub(super) fn hear(&mut self, told: Told) {
        self.report.longest_silence = self.report.longest_silence.max(self.last.elapsed());
        self.last = Instant::now();
        for (index, outcome) in told {
            let word = self.word(index, outcome);
            if let Some(twice) = self.words.insert(index, word) {
                self.report.note(format!("task {index} has two outcomes: {twice:?}, {word:?}"));
            }
        }
    }

    /// Nothing has come for too long.
    pub(super) fn give_up(&mut self) {
        self.report.longest_silence = self.report.longest_silence.max(self.last.elapsed());
    }

    fn word(&mut self, index: u32, outcome: Result<work::Answer, Failure>) -> Word {
        match outcome {
            Ok(answer) => {
                self.report.values += 1;
                self.report.wrong += u64::from(!work::is_right(self.seed, index, &answer));
                Word::Value
            }
            Err(failure) => {
                *self.report.failures.entry(crate::report::kind(&failure)).or_default() += 1;
                match failure {
                    Failure::Lost { exit: WorkerExit::Signaled { signal: SIGKILL, .. }, worker, .. } => {
                        Word::Killed(worker)
                    }
                    other => {
                        self.report.note(format!("task {index}: no kill explains: {other}"));
                        Word::Other
                    }
                }
            }
        }
    }

    /// What the callers were told.
    pub(super) fn so_far(&self) -> Report {
        self.report.clone()
    }

    /// Compares. `report` has what is known already.
    pub(super) fn close(&self, mut report: Report, (stats, joined, marks): End) -> Report {
        let heard = self.words.len() as u64;
        report.lost = report.submitted.saturating_sub(heard);
        match joined {
            Some(Ok(())) => {}
            Some(Err(error)) => report.note(format!("the pool ended by itself: {error}")),
            None => report.note("the pool did not end".to_owned()),
        }
        let told = (report.submitted, report.values, report.failures.values().sum());
        let counted = (stats.submitted, stats.completed, stats.failed);
        if told != counted {
            report.note(format!("A5: submitted, values, failures: {told:?} told, {counted:?} counted by the pool"));
        }
        match marks {
            Some(marks) => Witness::of(&marks, &mut report).hear(&self.words, &mut report),
            None => report.note("the marks cannot be read".to_owned()),
        }
        report
    }
}

/// What the workers have done, in the order that the audit asks for.
struct Witness {
    ended: BTreeSet<u32>,
    /// Who has begun which task.
    begun: BTreeSet<(WorkerKey, u32)>,
    /// The last that each worker did.
    last: BTreeMap<WorkerKey, Mark>,
}

type WorkerKey = (u32, u32);

fn key(worker: WorkerId) -> WorkerKey {
    (worker.slot, worker.generation)
}

impl Witness {
    fn of(marks: &[Mark], report: &mut Report) -> Self {
        let mut witness = Self { ended: BTreeSet::new(), begun: BTreeSet::new(), last: BTreeMap::new() };
        let mut attempts = BTreeSet::new();
        let mut tasks = BTreeSet::new();
        for mark in marks {
            witness.last.insert(key(mark.worker), *mark);
            match mark.what {
                What::Ended => {
                    witness.ended.insert(mark.index);
                }
                What::Begun => {
                    witness.begun.insert((key(mark.worker), mark.index));
                    report.run_again += u64::from(!tasks.insert(mark.index));
                    if !attempts.insert((mark.index, mark.attempt)) {
                        report.note(format!("A4: attempt {} of task {} was made twice", mark.attempt, mark.index));
                    }
                }
            }
        }
        witness
    }

    fn hear(&self, words: &BTreeMap<u32, Word>, report: &mut Report) {
        let mut blamed = BTreeSet::new();
        for (&index, word) in words {
            match word {
                Word::Value if !self.ended.contains(&index) => {
                    report.note(format!("A1: task {index} has a value, and nobody has done it"));
                }
                Word::Killed(worker) => {
                    if !blamed.insert(key(*worker)) {
                        report.note(format!("A2: worker {worker} was killed once, and task {index} is not its first"));
                    }
                    self.killed_at(index, *worker, report);
                }
                Word::Value | Word::Other => {}
            }
        }
    }

    /// A3.
    fn killed_at(&self, index: u32, worker: WorkerId, report: &mut Report) {
        let begun = self.begun.contains(&(key(worker), index));
        match self.last.get(&key(worker)) {
            Some(last) if last.index == index => {}
            Some(Mark { what: What::Ended, .. }) | None if !begun => report.killed_before_first_statement += 1,
            last => report.note(format!("A3: worker {worker} is said to have died at task {index}, but: {last:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: WorkerId = WorkerId { slot: 0, generation: 1 };

    fn mark(index: u32, what: What) -> Mark {
        Mark { index, worker: W, attempt: 1, what }
    }

    /// How many faults the audit finds in tasks that ended so, beside these marks.
    fn faults(words: &[(u32, Word)], marks: &[Mark]) -> u64 {
        let mut report = Report::default();
        Witness::of(marks, &mut report).hear(&words.iter().copied().collect(), &mut report);
        report.unaccounted
    }

    #[test]
    fn what_was_done_and_told_alike_is_good() {
        let done = [mark(0, What::Begun), mark(0, What::Ended), mark(1, What::Begun)];
        let told = [(0, Word::Value), (1, Word::Killed(W))];
        assert_eq!(faults(&told, &done), 0);
        assert_eq!(faults(&told, &done[..2]), 0, "killed before the first mark");
    }

    #[test]
    fn each_rule_finds_its_fault() {
        let (begun, ended) = (mark(0, What::Begun), mark(0, What::Ended));
        let (value, killed) = ((0, Word::Value), (0, Word::Killed(W)));
        let other = (1, Word::Killed(W));
        assert_eq!(faults(&[value], &[begun]), 1, "A1");
        assert_eq!(faults(&[killed, other], &[begun, ended]), 1, "A2");
        assert_eq!(faults(&[other], &[begun]), 1, "A3: it was at another task");
        assert_eq!(faults(&[value], &[begun, ended, begun, ended]), 1, "A4");
    }
}
