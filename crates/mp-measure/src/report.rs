//! What was measured, in the shape that `--format json` prints. Documented in `docs/MEASURE.md`.
//!
//! Does **not** know how it is shown.

use std::time::Duration;

use serde::Serialize;

use crate::block::{Block, Way};
use crate::control::Ended;
use crate::machine::Machine;
use crate::plan::{Call, Cell, Mode, Plan, Rhythm};
use crate::run::Blocks;
use crate::stats::{Spread, median};
use crate::verdict::{self, BreakEven};
use crate::words;

/// The name and version of the shape: fields may be added to it, none changes its meaning.
pub const SCHEMA: &str = "mp-measure/1";

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// On what.
    pub machine: Machine,
    /// What was asked for.
    pub plan: Plan,
    /// Whether all of it was measured.
    pub ended: Ended,
    /// How long it took.
    pub seconds: f64,
    /// The figures; cells that had no turn are missing.
    pub cells: Vec<Measured>,
    /// From which task on workers pay.
    pub break_even: Vec<BreakEven>,
    /// The same in plain words, and what else a reader should know.
    pub conclusions: Vec<String>,
    /// What speaks against the figures.
    pub warnings: Vec<String>,
}

/// A cell of the grid.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Which.
    #[serde(flatten)]
    pub cell: Cell,
    /// Each way of running its tasks.
    pub modes: Vec<Figures>,
    /// Where the time of each kind of workers goes.
    pub layers: Vec<Layers>,
}

/// What a mode came to in a cell.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Which.
    pub mode: Mode,
    /// The time of a task, in nanoseconds. Single: from the call to its value. Batch: of the whole batch, divided by its tasks.
    pub median_ns: f64,
    /// The median of each round; `median_ns` is the median of these.
    pub rounds_ns: Vec<f64>,
    /// How single calls (or batches) are spread, in nanoseconds, over all rounds.
    pub spread_ns: Spread,
    /// How many calls (or batches) that is.
    pub samples: usize,
    /// How many tasks.
    pub tasks: u64,
    /// Tasks in a second, the median of the rounds.
    pub throughput: f64,
    /// Context switches of all processes for a task.
    pub switches: f64,
    /// The most memory that this process and its workers had, together; `None` where the system does not tell.
    pub peak_bytes: Option<u64>,
    /// Single only: where the time went, by stamps that the task took itself.
    pub way: Option<Way>,
}

/// Where a task's time on workers goes, in nanoseconds: differences of medians, which add up to `total`. A negative one says
/// that the layer saves more than it costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Layers {
    /// Of which workers.
    pub mode: Mode,
    /// Direct call; of a batch, divided among the workers, as far as there are processors.
    pub work: f64,
    /// Threads, above that.
    pub hand_off: f64,
    /// Threads with encoded arguments, above threads.
    pub serialization: f64,
    /// ipc-channel within one process, above those.
    pub transport: f64,
    /// The workers, above that: scheduling, failures and time limits, and that it is another process.
    pub scheduling: f64,
    /// All of it.
    pub total: f64,
}

impl Layers {
    /// Names and values, from the work outwards.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, f64); 5] {
        [
            ("work", self.work),
            ("hand-off", self.hand_off),
            ("serialization", self.serialization),
            ("transport", self.transport),
            ("scheduling", self.scheduling),
        ]
    }

    /// The share of the time that is not the work.
    #[must_use]
    pub fn overhead(&self) -> f64 {
        (1.0 - self.work / self.total).clamp(0.0, 1.0)
    }
}

impl Report {
    pub(crate) fn new((plan, machine): (Plan, Machine), cells: &[Cell], blocks: &Blocks) -> Self {
        let usable = machine.usable;
        let measured = cells.iter().enumerate().map(|(index, cell)| Measured::new(*cell, index, blocks));
        let cells: Vec<_> = measured.filter(|cell| !cell.modes.is_empty()).map(|cell| cell.layered(usable)).collect();
        let break_even = verdict::break_even(&plan, &cells, usable);
        let mut warnings = machine.warnings();
        warnings.extend(verdict::warnings(&cells, usable));
        let conclusions = words::sentences(&break_even, &cells, usable);
        let (ended, seconds) = (Ended::Complete, 0.0);
        Self { schema: SCHEMA, machine, plan, ended, seconds, cells, break_even, conclusions, warnings }
    }

    pub(crate) fn after(self, time: Duration, ended: Ended) -> Self {
        Self { seconds: time.as_secs_f64(), ended, ..self }
    }

    /// As JSON, in lines for people.
    #[must_use]
    pub fn json(&self) -> String {
        // It is made of numbers, texts and lists: it can be JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl Measured {
    fn new(cell: Cell, index: usize, blocks: &Blocks) -> Self {
        let figures = Mode::GRID.into_iter().filter_map(|mode| Figures::of(mode, blocks.get(&(index, mode))?));
        Self { cell, modes: figures.collect(), layers: Vec::new() }
    }

    /// The figures of a mode, if it had its turn.
    #[must_use]
    pub fn mode(&self, mode: Mode) -> Option<&Figures> {
        self.modes.iter().find(|figures| figures.mode == mode)
    }

    /// Whether it is of this kind.
    #[must_use]
    pub fn is(&self, call: Call, rhythm: Rhythm) -> bool {
        (self.cell.call, self.cell.rhythm) == (call, rhythm)
    }

    fn layered(self, usable: usize) -> Self {
        let layers = [Mode::Spawn, Mode::ForkServer].into_iter().filter_map(|mode| self.layers_of(mode, usable));
        Self { layers: layers.collect(), ..self }
    }

    fn layers_of(&self, mode: Mode, usable: usize) -> Option<Layers> {
        let median = |mode| self.mode(mode).map(|figures| figures.median_ns);
        let shared = if self.cell.call == Call::Batch { self.cell.workers.min(usable).max(1) } else { 1 };
        let work = median(Mode::Direct)? / shared as f64;
        let (threads, encoded, ipc) = (median(Mode::Threads)?, median(Mode::ThreadsEncoded)?, median(Mode::Ipc)?);
        let total = median(mode)?;
        Some(Layers {
            mode,
            work,
            hand_off: threads - work,
            serialization: encoded - threads,
            transport: ipc - encoded,
            scheduling: total - ipc,
            total,
        })
    }
}

impl Figures {
    pub(crate) fn of(mode: Mode, blocks: &[Block]) -> Option<Self> {
        let rounds_ns: Vec<_> = blocks.iter().filter_map(|block| median(block.times.clone())).collect();
        let tasks: u64 = blocks.iter().map(|block| block.tasks).sum();
        let rates = blocks.iter().map(|block| block.tasks as f64 / (block.wall_ns.max(1.0) / 1e9));
        let switches: u64 = blocks.iter().map(|block| block.cost.switches).sum();
        Some(Self {
            mode,
            median_ns: median(rounds_ns.clone())?,
            rounds_ns,
            spread_ns: Spread::of(blocks.iter().flat_map(|block| block.times.iter().copied()).collect())?,
            samples: blocks.iter().map(|block| block.times.len()).sum(),
            tasks,
            throughput: median(rates.collect())?,
            switches: switches as f64 / tasks.max(1) as f64,
            peak_bytes: blocks.iter().filter_map(|block| block.cost.peak_bytes).max(),
            way: middle(blocks),
        })
    }
}

/// The median of the rounds, part by part.
fn middle(blocks: &[Block]) -> Option<Way> {
    let of = |part: fn(&Way) -> f64| median(blocks.iter().filter_map(|block| block.way.as_ref().map(part)).collect());
    Some(Way { there_ns: of(|way| way.there_ns)?, run_ns: of(|way| way.run_ns)?, back_ns: of(|way| way.back_ns)? })
}
