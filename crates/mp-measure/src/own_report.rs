//! What a task of one's own came to, in numbers and in words.
//!
//! Does **not** measure.

use std::time::Duration;

use serde::Serialize;

use crate::control::Ended;
use crate::machine::Machine;
use crate::own::{Own, OwnBlocks};
use crate::plan::Mode;
use crate::report::{Figures, Report};
use crate::table::{FIGURE_HEADINGS, Table, facts_text, row};
use crate::units::{show_bytes, show_round_time, show_time};
use crate::verdict::{BreakEven, hopeless, too_many};
use crate::words::{about, from_when, never_sentence};

/// A worker pays clearly, or clearly does not, beyond this factor.
const CLEAR: f64 = 1.1;

/// What was taken of the task itself.
pub(crate) struct Taken {
    pub(crate) blocks: OwnBlocks,
    /// What the first call on a worker took, in nanoseconds.
    pub(crate) first_ns: f64,
    /// The time budget in which each way would have had a turn, if one had none.
    pub(crate) needed: Option<Duration>,
}

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
    /// In how many rounds each mode was to have its turn.
    pub rounds: u32,
    /// Whether all of it was measured.
    pub ended: Ended,
    /// Where the time was too short for a way of running it: the time budget that would do, in seconds, with some to spare.
    pub needed_seconds: Option<f64>,
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
        own: &Own,
        taken: &Taken,
        (grid, ended): (Option<Report>, Ended),
    ) -> Self {
        let machine = grid.as_ref().map_or_else(Machine::look, |grid| grid.machine.clone());
        let shared = own.workers.min(machine.usable).max(1) as f64;
        let mut warnings = machine.warnings();
        warnings.extend(too_many(own.workers, machine.usable));
        let report = Self {
            schema: "mp-measure-task/1",
            task,
            args_bytes,
            workers: own.workers,
            rounds: own.rounds,
            ended,
            needed_seconds: taken.needed.map(rounded_up).filter(|_| ended != Ended::Interrupted),
            modes: own_figures(&taken.blocks, shared),
            break_even: grid.map(|grid| grid.break_even).unwrap_or_default(),
            conclusions: Vec::new(),
            warnings,
            machine,
        };
        Self { conclusions: report.words(own.least_items(), taken.first_ns), ..report }
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
        format!(
            "{}\n{head}\n\nSingle calls\n{}\nIn batches, for each task\n{}\n{last}{}",
            facts_text(&self.machine),
            singles.text(),
            batches.text(),
            self.incomplete(),
        )
    }

    fn incomplete(&self) -> String {
        let ways =
            || self.modes.iter().flat_map(|mode| [Some(&mode.single), mode.batch.as_ref()].into_iter().flatten());
        let begun = ways().map(|figures| figures.rounds_ns.len()).max().unwrap_or(0);
        let why = match self.ended {
            Ended::Complete => return String::new(),
            Ended::TimeBudget => "the time was up",
            Ended::Interrupted => "it was interrupted",
        };
        let missing = if self.needed_seconds.is_some() { ", some ways had no turn" } else { "" };
        format!("note: not all rounds were run ({begun} of {} begun{missing}): {why}\n", self.rounds)
    }

    fn words(&self, least_items: usize, first_ns: f64) -> Vec<String> {
        let Some(direct) = self.mode(Mode::Direct) else {
            let nothing = format!("The first call of {} took {} on a worker", self.task, show_time(first_ns));
            return vec![format!("{nothing}; for more there was no time{}.", self.would_do())];
        };
        let work = direct.single.median_ns;
        let mut said = vec![format!("{} works for {}.", self.task, show_time(work))];
        let Some(worker) = self.mode(Mode::Spawn) else {
            said.extend(
                self.needed_seconds.map(|_| format!("For calls on workers there was no time{}.", self.would_do())),
            );
            return said;
        };
        said.push(self.cost(worker, work));
        said.extend(self.advice((worker, work), least_items));
        said
    }

    fn would_do(&self) -> String {
        self.needed_seconds
            .map(|seconds| format!(": a time budget of {} would do", show_round_time(seconds * 1e9)))
            .unwrap_or_default()
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

    fn advice(&self, (worker, work): (&OwnFigures, f64), least_items: usize) -> Option<String> {
        if let Some(why) = hopeless(self.workers, self.machine.usable) {
            return Some(never_sentence((self.workers, Mode::Spawn), why));
        }
        let spawned = self.break_even.iter().find(|one| one.mode == Mode::Spawn);
        let from = spawned.map_or_else(
            || "it was not measured from which task time on workers pay".to_owned(),
            |one| from_when(one.crossing),
        );
        let Some(batch) = &worker.batch else {
            let short =
                format!("whether this one is faster on them is not known, for a batch of {least_items} had no time");
            return Some(format!("With arguments of this size, in batches, {from}; {short}{}.", self.would_do()));
        };
        let advice = match work / batch.median_ns {
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

/// To two digits: more would be a claim.
fn rounded_up(time: Duration) -> f64 {
    let digits = 1 - time.as_secs_f64().max(1e-3).log10().floor() as i32;
    // By whole powers of ten, for a tenth is none of the numbers that there are.
    match digits {
        0.. => (time.as_secs_f64() * 10_f64.powi(digits)).ceil() / 10_f64.powi(digits),
        ..0 => (time.as_secs_f64() / 10_f64.powi(-digits)).ceil() * 10_f64.powi(-digits),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Crossing;
    use crate::account::Cost;
    use crate::block::Block;
    use crate::verdict::BreakEven;

    const SECOND: f64 = 1e9;

    fn taken(figures: &[(Mode, bool, f64)], needed: Option<Duration>) -> Taken {
        let block = |ns| Block { times: vec![ns], tasks: 1, wall_ns: ns, way: None, cost: Cost::default() };
        let blocks = figures.iter().map(|(mode, batch, ns)| ((*mode, *batch), vec![block(*ns)])).collect();
        Taken { blocks, first_ns: SECOND, needed }
    }

    fn report(workers: usize, taken: &Taken) -> OwnReport {
        let own = Own { workers, ..Own::default() };
        let report = OwnReport::new(("nap".to_owned(), 8), &own, taken, (None, Ended::TimeBudget));
        let crossing = Crossing::At { work_ns: 14_000.0 };
        let one = BreakEven { mode: Mode::Spawn, workers, payload_bytes: 8, crossing, range_ns: None, fit: None };
        let report = OwnReport { break_even: vec![one], machine: Machine { usable: 4, ..report.machine }, ..report };
        OwnReport { conclusions: report.words(own.least_items(), taken.first_ns), ..report }
    }

    #[test]
    fn without_a_batch_nothing_is_claimed_and_the_time_that_would_do_is_told() {
        let singles = [(Mode::Direct, false, SECOND), (Mode::Spawn, false, SECOND)];
        let report = report(2, &taken(&singles, Some(Duration::from_millis(23_401))));
        let advice = report.conclusions.last().expect("advice");
        assert!(advice.ends_with("for a batch of 4 had no time: a time budget of 24 s would do."), "{advice}");
        assert!(!advice.contains("either way"), "{advice}");
        assert!(
            report.table().contains("not all rounds were run (1 of 3 begun, some ways had no turn): the time was up")
        );
    }

    #[test]
    fn nothing_at_all_is_said_too() {
        let report = report(2, &taken(&[], Some(Duration::from_secs(240))));
        let wanted = "The first call of nap took 1.00 s on a worker; for more there was no time: a time budget of 240 s would do.";
        assert_eq!(report.conclusions, [wanted]);
    }

    #[test]
    fn a_time_budget_has_two_digits() {
        let rounded = [0.0421, 5.21, 23.4, 240.1, 1201.0].map(|seconds| rounded_up(Duration::from_secs_f64(seconds)));
        assert_eq!(rounded.map(|seconds| seconds.to_string()), ["0.043", "5.3", "24", "250", "1300"]);
    }

    #[test]
    fn one_worker_gets_no_promise() {
        let all = [(Mode::Direct, false, SECOND), (Mode::Spawn, false, SECOND), (Mode::Spawn, true, 0.5 * SECOND)];
        let advice = |workers| report(workers, &taken(&all, None)).conclusions.pop().expect("advice");
        assert!(advice(1).contains("1 worker (spawned) never beats one thread"), "{}", advice(1));
        assert!(advice(2).contains("pay from tasks of 14 µs on; this one is 2.0 times as fast"), "{}", advice(2));
    }
}
