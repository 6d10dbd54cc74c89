//! The report as one page: no network, no scripts; light or dark as its reader has it; for a desk and for a phone.
//!
//! Does **not** draw: `plots` does.

use crate::plan::{Mode, Rhythm};
use crate::plots;
use crate::report::{Layers, Measured, Report};
use crate::svg::escape;
use crate::table;
use crate::units::{show_bytes, show_round_time};
use crate::verdict::BreakEven;
use crate::words::about;
use crate::{Call, Crossing};

const STYLE: &str = include_str!("page.css");

impl Report {
    /// One self-contained page.
    #[must_use]
    pub fn html(&self) -> String {
        let body = self.head() + &self.tiles() + &self.cards() + &self.tables();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>What a task costs on workers</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
        )
    }

    fn head(&self) -> String {
        let facts = self.machine.facts().into_iter();
        let facts: String = facts.map(|(name, value)| format!("<li>{name} <b>{}</b></li>", escape(&value))).collect();
        let incomplete = self.incomplete();
        let warnings = self.warnings.iter().chain(&incomplete);
        let warnings = warnings.map(|text| format!("<p class=\"warn\">{}</p>\n", escape(text)));
        format!(
            "<h1>What a task costs on workers</h1>\n<p class=\"dim\">The same work as a direct call, on threads, over \
             ipc-channel and on worker processes, in turns; medians of {}, {:.0} s in all.</p>\n\
             <ul class=\"facts\">{facts}</ul>\n{}",
            self.rounds_run(),
            self.seconds,
            warnings.collect::<String>(),
        )
    }

    /// `3 rounds`, `1 to 2 rounds (3 were planned)`.
    fn rounds_run(&self) -> String {
        let run = || self.cells.iter().flat_map(|cell| cell.modes.iter().map(|figures| figures.rounds_ns.len()));
        let (least, most) = (run().min().unwrap_or(0), run().max().unwrap_or(0));
        let plural = if most == 1 { "" } else { "s" };
        let count = if least == most { format!("{most}") } else { format!("{least} to {most}") };
        let short = least < self.plan.rounds as usize;
        let planned = if short { format!(" ({} planned)", self.plan.rounds) } else { String::new() };
        format!("{count} round{plural}{planned}")
    }

    /// The break-even of most workers, a tile for each size of argument.
    fn tiles(&self) -> String {
        let workers = plots::most_workers(self);
        let shown = self.break_even.iter().filter(|one| one.mode == Mode::Spawn && Some(one.workers) == workers);
        let tiles: String = shown.map(tile).collect();
        if tiles.is_empty() { String::new() } else { format!("<div class=\"tiles\">{tiles}</div>\n") }
    }

    fn cards(&self) -> String {
        let workers = plots::most_workers(self).unwrap_or(1);
        let least = show_round_time(self.plan.task_ns.iter().copied().min().unwrap_or(0) as f64);
        let size = show_bytes(self.plan.payloads.iter().copied().min().unwrap_or(0));
        let said: String = self.conclusions.iter().map(|text| format!("<li>{}</li>", escape(text))).collect();
        let (least_bytes, most_bytes) = (self.plan.payloads.iter().min(), self.plan.payloads.iter().max());
        let largest = most_bytes.copied().filter(|most| Some(most) != least_bytes);
        let cards = [
            card(
                &when(workers),
                "Batches, by size of the argument. A ring is where the workers draw level.",
                plots::speed_up(self),
            ),
            card(
                "Where does a single call's time go?",
                &format!(
                    "On a spawned worker, tasks of {least}, by size of the argument. Each task notes when it begins and ends; \
                     a part is a median, and the number is their sum."
                ),
                plots::ways(self),
            ),
            self.layers_card(self.plan.payloads.iter().copied().min(), ""),
            self.layers_card(largest, ", with a large argument"),
            card("In words", "", Some(format!("<ul class=\"said\">{said}</ul>"))),
            card(
                "How long does a single call take?",
                &format!(
                    "Tasks of {least} with {size}, one after the other. Dot: median; thick: to p90; thin: to p99."
                ),
                plots::spread(self, Rhythm::Hot),
            ),
            card(
                "And after a pause?",
                "The same, 2 ms apart: everybody has fallen asleep and must be woken.",
                plots::spread(self, Rhythm::Paced),
            ),
        ];
        format!("<div class=\"grid\">\n{}</div>\n", cards.into_iter().collect::<String>())
    }

    fn layers_card(&self, bytes: Option<u64>, how: &str) -> String {
        let Some(bytes) = bytes else { return String::new() };
        let least = show_round_time(self.plan.task_ns.iter().copied().min().unwrap_or(0) as f64);
        let note = format!(
            "Single calls on a spawned worker: tasks of {least} with {}. A layer is the difference of the medians of two \
             modes: from direct to threads, encoded, over ipc-channel, on workers. One saves where the mode that has it \
             is the faster one.",
            show_bytes(bytes)
        );
        card(&format!("What does each layer add{how}?"), &note, plots::layers(self, bytes))
    }

    fn tables(&self) -> String {
        let figures: String = self.cells.iter().map(figures_table).collect();
        let layers = layers_table(self);
        format!(
            "<details class=\"card\"><summary>All layers</summary><div class=\"scroll\">{layers}</div></details>\n\
             <details class=\"card\"><summary>All figures</summary><div class=\"scroll\">{figures}</div></details>\n"
        )
    }
}

fn when(workers: usize) -> String {
    if workers == 1 {
        "Does 1 worker beat one thread?".to_owned()
    } else {
        format!("When do {workers} workers beat one thread?")
    }
}

fn tile(one: &BreakEven) -> String {
    let (how, figure) = match one.crossing {
        Crossing::At { work_ns } => (" from", about(work_ns)),
        Crossing::Beyond { work_ns } => (" from (extrapolated)", format!("≈ {}", about(work_ns))),
        Crossing::Below { work_ns } => (" from", format!("≤ {}", about(work_ns))),
        Crossing::Never => ("", "never".to_owned()),
        Crossing::Unknown => (" from", "unknown".to_owned()),
    };
    let who = if one.workers == 1 { "1 worker pays".to_owned() } else { format!("{} workers pay", one.workers) };
    let size = show_bytes(one.payload_bytes);
    format!("<div class=\"tile\"><span>with {size}, {who}{how}</span><b>{figure}</b></div>")
}

/// A plot that has nothing to show leaves no card.
fn card(title: &str, note: &str, body: Option<String>) -> String {
    let note = if note.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>", escape(note)) };
    body.map_or_else(String::new, |body| {
        format!("<section class=\"card\"><h2>{}</h2>{note}\n{body}</section>\n", escape(title))
    })
}

fn table(caption: &str, headings: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let headings: String = headings.iter().map(|heading| format!("<th>{heading}</th>")).collect();
    let line = |row: Vec<String>| {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.map(line).collect();
    format!(
        "<table><caption>{}</caption><thead><tr>{headings}</tr></thead><tbody>\n{rows}</tbody></table>\n",
        escape(caption)
    )
}

fn figures_table(cell: &Measured) -> String {
    table(&table::title(cell), &table::FIGURE_HEADINGS, cell.modes.iter().map(table::row))
}

fn layers_table(report: &Report) -> String {
    let of = |call, name: &str| {
        let cells = report.cells.iter().filter(|cell| cell.is(call, Rhythm::Hot));
        let rows = cells.flat_map(|cell| cell.layers.iter().map(|layers| layer_row(cell, layers)));
        table(name, &table::LAYER_HEADINGS, rows)
    };
    of(Call::Single, "Single calls") + &of(Call::Batch, "Batches; the work is shared by the workers")
}

fn layer_row(cell: &Measured, layers: &Layers) -> Vec<String> {
    let mut row = table::layer_row(cell, layers);
    row[0] += &format!(" ({})", layers.mode.name());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Cost;
    use crate::block::Block;
    use crate::machine::Machine;
    use crate::plan::Plan;

    #[test]
    fn tiles_are_sentences() {
        let tile = |workers, crossing| {
            let (mode, payload_bytes) = (Mode::Spawn, 8);
            tile(&BreakEven { mode, workers, payload_bytes, crossing, range_ns: None, fit: None })
        };
        assert!(tile(1, Crossing::Never).contains("with 8 B, 1 worker pays</span><b>never<"));
        assert!(tile(2, Crossing::At { work_ns: 14e3 }).contains("with 8 B, 2 workers pay from</span><b>14 µs<"));
        assert!(tile(2, Crossing::Beyond { work_ns: 14e3 }).contains("(extrapolated)</span><b>≈ 14 µs<"));
        assert_eq!([when(1), when(2)], ["Does 1 worker beat one thread?", "When do 2 workers beat one thread?"]);
    }

    #[test]
    fn the_head_tells_the_rounds_that_were_run() {
        let plan = Plan { payloads: vec![8], task_ns: vec![1_000], workers: vec![2], ..Plan::quick() };
        let block = || Block { times: vec![1.0], tasks: 1, wall_ns: 1.0, way: None, cost: Cost::default() };
        let of = |rounds: [usize; 2]| {
            let blocks = rounds
                .into_iter()
                .enumerate()
                .map(|(index, rounds)| ((index, Mode::Direct), (0..rounds).map(|_| block()).collect()));
            Report::new((plan.clone(), Machine::look()), &plan.cells(), &blocks.collect()).rounds_run()
        };
        assert_eq!(
            [of([3, 3]), of([2, 1]), of([1, 1])],
            ["3 rounds", "1 to 2 rounds (3 planned)", "1 round (3 planned)"]
        );
    }

    #[test]
    fn a_card_without_a_plot_is_not_there() {
        assert_eq!(card("title", "note", None), "");
        assert!(card("a < b", "", Some(String::new())).contains("a &lt; b"));
    }
}
