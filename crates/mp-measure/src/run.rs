//! Runs a plan: rounds over all cells, and in each cell all modes in turn, so that what else the machine does hits all alike.
//!
//! Does **not** draw conclusions.
//!
//! ```text
//!  round 1:  cell A: direct, threads, .., forked   cell B: direct, ..    ..
//!  round 2:  cell A: direct, ..                                              the time is up: what was measured counts
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::block::{Block, Order};
use crate::control::{Control, Ended};
use crate::error::Error;
use crate::machine::Machine;
use crate::plan::{Cell, Mode, Plan};
use crate::probe::{Pace, Payload};
use crate::report::Report;
use crate::rig::Rig;
use crate::units::show_bytes;

/// A block has at least so long, if only a few calls fit.
const LEAST_SLOT: Duration = Duration::from_millis(2);

/// And at most so long: a time budget is a bound, not a wish. Who wants more, has more rounds.
const MOST_SLOT: Duration = Duration::from_millis(100);

/// Of the time, so much is for blocks; the rest is for what lies between them.
const SHARE: f64 = 0.6;

/// The most memory that payloads may take in this process and all workers together, as a share of what there is.
const MEMORY_SHARE: f64 = 0.25;

/// The blocks of a cell in one mode, a round each.
pub(crate) type Blocks = BTreeMap<(usize, Mode), Vec<Block>>;

struct Run<'a> {
    cells: Vec<Cell>,
    payloads: BTreeMap<u64, Payload>,
    rigs: BTreeMap<(usize, Mode), Rig>,
    pace: Pace,
    slot: Duration,
    rounds: u32,
    control: Control<'a>,
    blocks: Blocks,
}

impl Plan {
    /// Measures.
    ///
    /// # Errors
    /// When workers cannot be started, or one is killed from outside; when the plan asks for nothing.
    pub fn run(&self, control: &Control) -> Result<Report, Error> {
        let machine = Machine::look();
        self.fits(machine.memory_bytes)?;
        let begun = Instant::now();
        let mut run = self.prepare(control.within(self.time_budget))?;
        let ended = run.all()?;
        let Run { cells, blocks, .. } = run;
        let report = Report::new((self.clone(), machine), &cells, &blocks);
        Ok(report.after(begun.elapsed(), ended))
    }

    /// Whether it can be measured, on this machine.
    ///
    /// # Errors
    /// When it asks for nothing, or for more memory than there should be in use.
    pub fn check(&self) -> Result<(), Error> {
        self.fits(Machine::look().memory_bytes)
    }

    fn fits(&self, memory: Option<u64>) -> Result<(), Error> {
        if self.cells().is_empty() || self.rounds == 0 || self.workers.contains(&0) {
            return Err(Error::Plan("a plan needs a payload, a task time, a number of workers and a round".to_owned()));
        }
        let workers = self.workers.iter().copied().max().unwrap_or(1);
        if memory.is_some_and(|memory| self.bytes(workers) > MEMORY_SHARE * memory as f64) {
            let largest = show_bytes(self.payloads.iter().copied().max().unwrap_or(0));
            let all = match self.payloads.len() {
                1 => format!("a payload of {largest}"),
                count => format!("{count} payloads, the largest of {largest},"),
            };
            return Err(Error::Plan(format!("{all} for {} would take too much memory", of_workers(workers))));
        }
        Ok(())
    }

    /// All payloads are there all the time; the largest is also on its way, to as many workers as there are.
    fn bytes(&self, workers: usize) -> f64 {
        let largest = self.payloads.iter().copied().max().unwrap_or(0) as f64;
        let all: f64 = self.payloads.iter().map(|bytes| *bytes as f64).sum();
        all - largest + largest * 3.0 * (1.0 + workers as f64)
    }

    fn prepare<'a>(&self, control: Control<'a>) -> Result<Run<'a>, Error> {
        let cells = self.cells();
        let blocks = cells.len() as f64 * Mode::GRID.len() as f64 * f64::from(self.rounds);
        let payloads = self.payloads.iter().map(|&bytes| (bytes, Payload::new(bytes))).collect();
        let pairs = self.workers.iter().flat_map(|&workers| Mode::GRID.map(|mode| (workers, mode)));
        let rigs = pairs.map(|key| Ok((key, Rig::new(key.1, key.0)?))).collect::<Result<_, Error>>()?;
        Ok(Run {
            cells,
            payloads,
            rigs,
            pace: Pace::find(),
            slot: self.time_budget.mul_f64(SHARE / blocks).clamp(LEAST_SLOT, MOST_SLOT),
            rounds: self.rounds,
            control,
            blocks: Blocks::new(),
        })
    }
}

fn of_workers(workers: usize) -> String {
    if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") }
}

impl Run<'_> {
    fn all(&mut self) -> Result<Ended, Error> {
        let total = u64::from(self.rounds) * self.cells.len() as u64;
        for round in 0..self.rounds {
            for index in 0..self.cells.len() {
                self.control.step(u64::from(round) * self.cells.len() as u64 + index as u64, total);
                if let Some(ended) = self.cell(index)? {
                    return Ok(ended);
                }
            }
        }
        Ok(Ended::Complete)
    }

    fn cell(&mut self, index: usize) -> Result<Option<Ended>, Error> {
        let cell = self.cells[index];
        for mode in Mode::GRID {
            if let Some(ended) = self.control.ended() {
                return Ok(Some(ended));
            }
            let payload = self.payloads.get(&cell.payload_bytes);
            let (Some(payload), Some(rig)) = (payload, self.rigs.get_mut(&(cell.workers, mode))) else { continue };
            let order = Order { cell, turns: self.pace.turns(cell.task_ns), payload, slot: self.slot };
            let block = order.run(rig, &self.control)?;
            self.blocks.entry((index, mode)).or_default().push(block);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_count_all_together() {
        let plan = |payloads: &[u64]| Plan { payloads: payloads.to_vec(), workers: vec![1], ..Plan::quick() };
        let memory = Some(40 << 20);
        assert!(plan(&[1 << 20]).fits(memory).is_ok());
        let many: Vec<u64> = (0..9).map(|less| (1 << 20) - less).collect();
        let error = plan(&many).fits(memory).expect_err("15 MiB of 10");
        assert_eq!(error.to_string(), "9 payloads, the largest of 1 MiB, for 1 worker would take too much memory");
        assert!(plan(&many).fits(None).is_ok(), "nobody knows");
    }
}
