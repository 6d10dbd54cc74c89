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
        self.check(&machine)?;
        let begun = Instant::now();
        let mut run = self.prepare(control.within(self.time_budget))?;
        let ended = run.all()?;
        let Run { cells, blocks, .. } = run;
        let report = Report::new((self.clone(), machine), &cells, &blocks);
        Ok(report.after(begun.elapsed(), ended))
    }

    fn check(&self, machine: &Machine) -> Result<(), Error> {
        if self.cells().is_empty() || self.rounds == 0 || self.workers.contains(&0) {
            return Err(Error::Plan("a plan needs a payload, a task time, a number of workers and a round".to_owned()));
        }
        let most = |values: &[u64]| values.iter().copied().max().unwrap_or(0) as f64;
        let workers = self.workers.iter().copied().max().unwrap_or(1) as f64;
        let (bytes, memory) = (most(&self.payloads) * 3.0 * (1.0 + workers), machine.memory_bytes);
        if memory.is_some_and(|memory| bytes > MEMORY_SHARE * memory as f64) {
            let largest = crate::show_bytes(most(&self.payloads) as u64);
            return Err(Error::Plan(format!(
                "a payload of {largest} for {workers} workers would take too much memory"
            )));
        }
        Ok(())
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
