//! What a task of one's own came to, in numbers and in words.
//!
//! Does **not** measure.

use serde::Serialize;

use crate::control::Ended;
use crate::machine::Machine;
use crate::own::OwnBlocks;
use crate::plan::Mode;
use crate::report::{Figures, Report};
use crate::table::{FIGURE_HEADINGS, Table, row};
use crate::units::{show_bytes, show_time};
use crate::verdict::{BreakEven, about, place};

/// A worker pays clearly, or clearly does not, beyond this factor.
const CLEAR: f64 = 1.1;

/// All of it, in the shape that `--format json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct OwnReport {
    /// `mp-measure-task/1`.
    pub schema: &'static str,
    /// On what.
    pub machine: Machine,
    /// Its name.
    pub task: String,
    /// How many bytes its encoded arguments have.
    pub args_bytes: u64,
    /// How many workers, or threads.
    pub workers: usize,
    /// Whether all of it was measured.
    pub ended: Ended,
    /// Each way of running it.
    pub modes: Vec<OwnFigures>,
    /// From which task time on workers pay, with arguments of this size, in batches.
    pub break_even: Vec<BreakEven>,
    /// The same in plain words.
    pub conclusions: Vec<String>,
    /// What speaks against the figures.
    pub warnings: Vec<String>,
}

/// A way of running it.
#[derive(Clone, Debug, Serialize)]
pub struct OwnFigures {
    /// Which.
    pub mode: Mode,
    /// One call, waited for.
    pub single: Figures,
    /// For each task of a batch.
    pub batch: Option<Figures>,
    /// The share of a single call that is not the function.
    pub overhead_single: f64,
    /// The share of the workers' time in a batch that is not the function.
    pub overhead_batch: Option<f64>,
}

impl OwnReport {
    pub(crate) fn new(
        (task, args_bytes): (String, u64),
        workers: usize,
        blocks: &OwnBlocks,
        (grid, ended): (Option<Report>, Ended),
    ) -> Self {
        let machine = grid.as_ref().map_or_else(Machine::look, |grid| grid.machine.clone());
        let shared = workers.min(machine.usable).max(1) as f64;
        let modes = own_figures(blocks, shared);
        let break_even = grid.map(|grid| grid.break_even).unwrap_or_default();
        let warnings = machine.warnings();
        let report = Self {
            schema: "mp-measure-task/1",
            machine,
            task,
            args_bytes,
            workers,
            ended,
            modes,
            break_even,
            conclusions: Vec::new(),
            warnings,
        };
        Self { conclusions: report.words(), ..report }
    }

    /// The figures of a mode, if it had its turn.
    #[must_use]
    pub fn mode(&self, mode: Mode) -> Option<&OwnFigures> {
        self.modes.iter().find(|figures| figures.mode == mode)
    }

    /// As JSON, in lines for people.
    #[must_use]
    pub fn json(&self) -> String {
        // It is made of numbers, texts and lists: it can be JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// For a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let (mut singles, mut batches) = (Table::new(&FIGURE_HEADINGS), Table::new(&FIGURE_HEADINGS));
        for figures in &self.modes {
            singles.row(row(&figures.single));
            figures.batch.iter().for_each(|batch| batches.row(row(batch)));
        }
        let plural = if self.workers == 1 { "" } else { "s" };
        let head =
            format!("{}, {} of arguments, {} worker{plural}", self.task, show_bytes(self.args_bytes), self.workers);
        let said = self.conclusions.iter().map(|text| format!("{text}\n"));
        let notes = self.warnings.iter().map(|text| format!("note: {text}\n"));
        let last: String = said.chain(notes).collect();
        let ended = if self.ended == Ended::Complete { "" } else { "note: not all rounds were run\n" };
        format!(
            "{head}\n\nSingle calls\n{}\nIn batches, for each task\n{}\n{last}{ended}",
            singles.text(),
            batches.text()
        )
    }

    fn words(&self) -> Vec<String> {
        let Some(direct) = self.mode(Mode::Direct) else { return Vec::new() };
        let work = direct.single.median_ns;
        let mut said = vec![format!("{} works for {}.", self.task, show_time(work))];
        let Some(worker) = self.mode(Mode::Spawn) else { return said };
        said.push(self.cost(worker, work));
        said.extend(self.advice(worker, work));
        said
    }

    fn cost(&self, worker: &OwnFigures, work: f64) -> String {
        let single = about((worker.single.median_ns - work).max(1.0));
        let share = worker.overhead_single * 100.0;
        let batch = worker.batch.as_ref().zip(worker.overhead_batch).map(|(batch, share)| {
            format!(
                "; in batches on {} a task takes {}, {:.0} % of it overhead",
                self.workers,
                show_time(batch.median_ns),
                share * 100.0
            )
        });
        format!(
            "A single call on a worker costs {single} more, {share:.0} % of it overhead{}.",
            batch.unwrap_or_default()
        )
    }

    fn advice(&self, worker: &OwnFigures, work: f64) -> Option<String> {
        let spawned = self.break_even.iter().find(|one| one.mode == Mode::Spawn);
        let from = spawned.and_then(|one| place(one.crossing)).map(|ns| format!("workers pay from {} on", about(ns)));
        let from = from.unwrap_or_else(|| "no task time was found from which workers pay".to_owned());
        let gain = work / worker.batch.as_ref()?.median_ns;
        let advice = match gain {
            gain if gain > CLEAR => {
                format!("this one is {gain:.1} times as fast in batches on workers: send it in batches")
            }
            gain if gain > 1.0 / CLEAR => "this one is as fast either way: workers buy isolation, not time".to_owned(),
            gain => format!(
                "this one takes {:.1} times as long on workers: call it directly, or put more work into a task",
                1.0 / gain
            ),
        };
        Some(format!("With arguments of this size, in batches, {from}; {advice}."))
    }
}

fn own_figures(blocks: &OwnBlocks, shared: f64) -> Vec<OwnFigures> {
    let figures = |mode, batch| Figures::of(mode, blocks.get(&(mode, batch))?);
    let Some(work) = figures(Mode::Direct, false).map(|figures| figures.median_ns) else { return Vec::new() };
    let share = |work: f64, total: f64| (1.0 - work / total).clamp(0.0, 1.0);
    let of = |mode| {
        let (single, batch) = (figures(mode, false)?, figures(mode, true));
        let overhead_batch = batch.as_ref().map(|batch| share(work / shared, batch.median_ns));
        Some(OwnFigures { mode, overhead_single: share(work, single.median_ns), overhead_batch, single, batch })
    };
    Mode::OWN.into_iter().filter_map(of).collect()
}
