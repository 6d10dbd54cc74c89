//! The report as a table for a terminal.
//!
//! Does **not** colour anything, nor know how wide the terminal is: no line is longer than 100 characters, but for sentences.

use crate::control::Ended;
use crate::machine::Machine;
use crate::plan::{Call, Rhythm};
use crate::report::{Figures, Layers, Measured, Report};
use crate::units::{show_bytes, show_rate, show_round_time, show_time};

/// A table: headings, then rows; the first column is text, the others end where their heading does.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(ToString::to_string).collect()] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at: usize| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
        let widths: Vec<_> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(at, cell)| match at {
                0 => format!("  {cell:<width$}", width = widths[at]),
                _ => format!("  {cell:>width$}", width = widths[at]),
            });
            format!("{}\n", cells.collect::<String>().trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

impl Report {
    /// For a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = facts_text(&self.machine);
        for cell in &self.cells {
            text += &format!("\n{}\n{}", title(cell), figures(cell));
        }
        text += &self.layer_tables();
        text += "\n";
        for sentence in &self.conclusions {
            text += &format!("{sentence}\n");
        }
        for warning in self.warnings.iter().chain(&self.incomplete()) {
            text += &format!("note: {warning}\n");
        }
        text
    }

    /// That not all was measured, if so.
    pub(crate) fn incomplete(&self) -> Option<String> {
        let cells = self.plan.cells().len();
        let why = match self.ended {
            Ended::Complete => return None,
            Ended::TimeBudget => "the time was up",
            Ended::Interrupted => "it was interrupted",
        };
        Some(format!("not all rounds were run ({} of {cells} cells have figures): {why}", self.cells.len()))
    }

    fn layer_tables(&self) -> String {
        let of = |call, name: &str| {
            let mut table = Table::new(&LAYER_HEADINGS);
            let cells = self.cells.iter().filter(|cell| cell.is(call, Rhythm::Hot));
            let rows = cells.filter_map(|cell| Some(layer_row(cell, cell.layers.first()?)));
            rows.for_each(|row| table.row(row));
            if table.rows.len() > 1 { format!("\n{name}\n{}", table.text()) } else { String::new() }
        };
        of(Call::Single, "Layers of a single call on a worker (spawned)")
            + &of(Call::Batch, "Layers of a task in a batch on workers (spawned); the work is shared by them")
    }
}

/// The facts about the machine, one in a line.
pub(crate) fn facts_text(machine: &Machine) -> String {
    machine.facts().iter().map(|(name, value)| format!("{name:<14} {value}\n")).collect()
}

/// Of [`row`].
pub(crate) const FIGURE_HEADINGS: [&str; 8] = ["", "p50", "p90", "p99", "max", "throughput", "switches", "peak memory"];

pub(crate) const LAYER_HEADINGS: [&str; 8] =
    ["task", "work", "hand-off", "serialization", "transport", "scheduling", "total", "overhead"];

pub(crate) fn layer_row(cell: &Measured, layers: &Layers) -> Vec<String> {
    let cell = &cell.cell;
    let task =
        format!("{}, {}, {}w", show_round_time(cell.task_ns as f64), show_bytes(cell.payload_bytes), cell.workers);
    let parts = layers.parts().map(|(_, ns)| show_time(ns));
    let ends = [show_time(layers.total), format!("{:.0} %", layers.overhead() * 100.0)];
    std::iter::once(task).chain(parts).chain(ends).collect()
}

/// `Single calls, one after the other: tasks of 1 µs with 8 B, 2 workers`.
pub(crate) fn title(cell: &Measured) -> String {
    let cell = &cell.cell;
    let how = match (cell.call, cell.rhythm) {
        (Call::Single, Rhythm::Hot) => "Single calls, one after the other",
        (Call::Single, Rhythm::Paced) => "Single calls, 2 ms apart",
        (Call::Batch, _) => "A batch, time for each task",
    };
    let plural = if cell.workers == 1 { "" } else { "s" };
    let (time, size) = (show_round_time(cell.task_ns as f64), show_bytes(cell.payload_bytes));
    format!("{how}: tasks of {time} with {size}, {} worker{plural}", cell.workers)
}

fn figures(cell: &Measured) -> String {
    let mut table = Table::new(&FIGURE_HEADINGS);
    cell.modes.iter().for_each(|figures| table.row(row(figures)));
    table.text()
}

pub(crate) fn row(figures: &Figures) -> Vec<String> {
    let spread = figures.spread_ns;
    let times = [spread.p50, spread.p90, spread.p99, spread.max].map(show_time);
    let memory = figures.peak_bytes.map_or("–".to_owned(), show_memory);
    let rest = [show_rate(figures.throughput), format!("{:.2}", figures.switches), memory];
    std::iter::once(figures.mode.name().to_owned()).chain(times).chain(rest).collect()
}

fn show_memory(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / (1 << 20) as f64)
}
