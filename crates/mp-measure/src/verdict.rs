//! What the figures mean: from which task on workers pay.
//!
//! Does **not** measure, nor fit (`fit` does), nor find words for it (`words` does).

use serde::Serialize;

use crate::fit::{Crossing, Line, Point, crossing, lines};
use crate::plan::{Call, Mode, Plan};
use crate::report::Measured;
use crate::units::show_time;

/// From which task on N workers beat one thread, for tasks in batches with one size of argument.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BreakEven {
    /// Of which workers, or threads.
    pub mode: Mode,
    /// How many of them.
    pub workers: usize,
    /// How many bytes the argument has.
    pub payload_bytes: u64,
    /// From the medians of all rounds.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The least and the most that single rounds gave, in nanoseconds, where each gave one.
    pub range_ns: Option<(f64, f64)>,
    /// What a task takes on these workers, by the work in it: a line through all points.
    pub fit: Option<Line>,
}

/// How far a task's own time may be from what was asked for.
const TOLERANCE: f64 = 0.2;

/// Why these workers never beat one thread, where that is so whatever was measured: nothing runs beside anything.
pub(crate) fn hopeless(workers: usize, usable: usize) -> Option<&'static str> {
    match (workers, usable) {
        (_, 1) => Some("there is 1 core: nothing can run beside anything"),
        (1, _) => Some("one does one thing at a time"),
        _ => None,
    }
}

/// The one place that decides from which task on workers pay; all else repeats it.
pub(crate) fn break_even(plan: &Plan, cells: &[Measured], usable: usize) -> Vec<BreakEven> {
    let mut all = Vec::new();
    for &workers in &plan.workers {
        for &payload_bytes in &plan.payloads {
            let is_of = |cell: &&Measured| {
                (cell.cell.workers, cell.cell.payload_bytes, cell.cell.call) == (workers, payload_bytes, Call::Batch)
            };
            let cells: Vec<_> = cells.iter().filter(is_of).collect();
            for mode in [Mode::Threads, Mode::Spawn, Mode::ForkServer] {
                let measured = one(mode, (workers, payload_bytes), &cells);
                all.extend(measured.map(|one| if hopeless(workers, usable).is_some() { one.never() } else { one }));
            }
        }
    }
    all
}

impl BreakEven {
    fn never(self) -> Self {
        Self { crossing: Crossing::Never, range_ns: None, ..self }
    }
}

fn one(mode: Mode, (workers, payload_bytes): (usize, u64), cells: &[&Measured]) -> Option<BreakEven> {
    let points = points(mode, cells, None);
    if points.is_empty() {
        return None;
    }
    let rounds = cells.iter().filter_map(|cell| Some(cell.mode(mode)?.rounds_ns.len())).min().unwrap_or(0);
    let each = (0..rounds).map(|round| place(crossing(&self::points(mode, cells, Some(round)))));
    let each: Option<Vec<_>> = each.collect();
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    Some(BreakEven {
        mode,
        workers,
        payload_bytes,
        crossing: crossing(&points),
        range_ns: each.filter(|each| !each.is_empty()).map(|each| (least(&each), most(&each))),
        fit: lines(&points).map(|(_, workers)| workers),
    })
}

fn points(mode: Mode, cells: &[&Measured], round: Option<usize>) -> Vec<Point> {
    let time = |cell: &Measured, mode| {
        let figures = cell.mode(mode)?;
        round.map_or(Some(figures.median_ns), |round| figures.rounds_ns.get(round).copied())
    };
    let point = |cell: &&Measured| {
        Some(Point { work: cell.cell.task_ns as f64, alone: time(cell, Mode::Direct)?, workers: time(cell, mode)? })
    };
    cells.iter().filter_map(point).collect()
}

/// The task time of a crossing that has one.
pub(crate) fn place(crossing: Crossing) -> Option<f64> {
    match crossing {
        Crossing::At { work_ns } | Crossing::Beyond { work_ns } | Crossing::Below { work_ns } => Some(work_ns),
        Crossing::Never | Crossing::Unknown => None,
    }
}

pub(crate) fn warnings(cells: &[Measured], usable: usize) -> Vec<String> {
    let off = |cell: &Measured| {
        let run = cell.mode(Mode::Direct)?.way?.run_ns;
        Some((run / cell.cell.task_ns as f64 - 1.0).abs()).filter(|off| *off > TOLERANCE)
    };
    let worst = cells.iter().filter_map(|cell| Some((off(cell)?, cell))).max_by(|a, b| a.0.total_cmp(&b.0));
    let drifted = worst.and_then(|(_, cell)| {
        let run = cell.mode(Mode::Direct)?.way?.run_ns;
        let asked = show_time(cell.cell.task_ns as f64);
        Some(format!("tasks of {asked} took {}: the processor's pace changed meanwhile", show_time(run)))
    });
    let most = cells.iter().map(|cell| cell.cell.workers).max();
    drifted.into_iter().chain(most.and_then(|most| too_many(most, usable))).collect()
}

/// What is to be known of more workers than processors.
pub(crate) fn too_many(workers: usize, usable: usize) -> Option<String> {
    let plural = if usable == 1 { "" } else { "s" };
    (workers > usable)
        .then(|| format!("{workers} workers share {usable} processor{plural}: they can't all run at once"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Cost;
    use crate::block::Block;
    use crate::machine::Machine;
    use crate::report::Report;
    use crate::run::Blocks;

    /// Two cells, in which noise makes workers look twice as fast as one thread.
    #[test]
    fn one_worker_never_pays_whatever_noise_says() {
        let plan = Plan { payloads: vec![8], task_ns: vec![1_000, 10_000], workers: vec![1, 2], ..Plan::quick() };
        let block = |ns| Block { times: vec![ns], tasks: 1, wall_ns: ns, way: None, cost: Cost::default() };
        let mut blocks = Blocks::new();
        for (index, cell) in plan.cells().iter().enumerate() {
            blocks.insert((index, Mode::Direct), vec![block(2.0 * cell.task_ns as f64)]);
            blocks.insert((index, Mode::Spawn), vec![block(cell.task_ns as f64)]);
        }
        let crossings = |usable| {
            let machine = Machine { usable, ..Machine::look() };
            let report = Report::new((plan.clone(), machine), &plan.cells(), &blocks);
            report.break_even.iter().map(|one| (one.workers, one.crossing)).collect::<Vec<_>>()
        };
        let below = Crossing::Below { work_ns: 1_000.0 };
        assert_eq!(crossings(4), [(1, Crossing::Never), (2, below)]);
        assert_eq!(crossings(1), [(1, Crossing::Never), (2, Crossing::Never)]);
    }
}
