//! The verdict as sentences.
//!
//! Does **not** decide anything: `verdict` does, and what it says of a [`Crossing`] is said here in other words.

use crate::fit::Crossing;
use crate::plan::{Call, Mode, Rhythm};
use crate::report::Measured;
use crate::units::show_bytes;
use crate::verdict::{BreakEven, hopeless};

/// A share of overhead that few would mind.
const SMALL_SHARE: f64 = 0.1;

/// The end of the report.
pub(crate) fn sentences(all: &[BreakEven], cells: &[Measured], usable: usize) -> Vec<String> {
    let mut said = Vec::new();
    let mut groups: Vec<_> = all.iter().map(|one| (one.workers, one.mode)).collect();
    groups.dedup();
    groups.sort_unstable();
    groups.dedup();
    for (workers, mode) in groups {
        let group: Vec<_> = all.iter().filter(|one| (one.workers, one.mode) == (workers, mode)).collect();
        said.push(sentence(&group, (workers, mode), usable));
    }
    said.extend(single_sentence(cells));
    said
}

fn sentence(group: &[&BreakEven], (workers, mode): (usize, Mode), usable: usize) -> String {
    if let Some(why) = hopeless(workers, usable) {
        return never_sentence((workers, mode), why);
    }
    let who = who(workers, mode);
    let sizes = || group.iter().map(|one| show_bytes(one.payload_bytes)).collect::<Vec<_>>().join(", ");
    if group.iter().all(|one| one.crossing == Crossing::Never) {
        return format!(
            "On this machine {who} did not beat one thread, in batches with {}, whatever the task.",
            sizes()
        );
    }
    if group.iter().all(|one| one.crossing == Crossing::Unknown) {
        return format!(
            "Whether {who} beat one thread in batches with {} is not known: too few task times were measured.",
            sizes()
        );
    }
    let told: Vec<_> = group.iter().map(|one| clause(one)).collect();
    format!("On this machine {who} beat one thread, in batches, {}.", told.join("; "))
}

/// Of [`hopeless`] ones. Threads share a process, so they buy no isolation either.
pub(crate) fn never_sentence((workers, mode): (usize, Mode), why: &str) -> String {
    let (beats, they, buy) = if workers == 1 { ("beats", "it", "buys") } else { ("beat", "they", "buy") };
    let bought = if mode.is_workers() { format!(" What {they} {buy} is isolation.") } else { String::new() };
    format!("On this machine {} never {beats} one thread: {why}.{bought}", who(workers, mode))
}

fn who(workers: usize, mode: Mode) -> String {
    let plural = if workers == 1 { "" } else { "s" };
    match mode {
        Mode::Spawn => format!("{workers} worker{plural} (spawned)"),
        Mode::ForkServer => format!("{workers} worker{plural} (forked)"),
        Mode::Direct | Mode::Threads | Mode::ThreadsEncoded | Mode::Ipc | Mode::PoolThreads => {
            format!("{workers} thread{plural} of a plain pool")
        }
    }
}

fn clause(one: &BreakEven) -> String {
    let size = show_bytes(one.payload_bytes);
    match one.crossing {
        Crossing::At { work_ns } => format!("from tasks of {} on with {size}", about(work_ns)),
        Crossing::Beyond { work_ns } => {
            format!("from about {} on with {size} (extrapolated: no task that long was measured)", about(work_ns))
        }
        Crossing::Below { work_ns } => {
            format!("already with tasks of {}, the shortest measured, with {size}", about(work_ns))
        }
        Crossing::Never => format!("never with {size}"),
        Crossing::Unknown => format!("with {size} it is not known from when on (too few task times were measured)"),
    }
}

/// From which task on workers pay, for one size of argument.
pub(crate) fn from_when(crossing: Crossing) -> String {
    match crossing {
        Crossing::At { work_ns } => format!("workers pay from tasks of {} on", about(work_ns)),
        Crossing::Beyond { work_ns } => {
            format!("workers would pay from about {} on (extrapolated: no task that long was measured)", about(work_ns))
        }
        Crossing::Below { work_ns } => {
            format!("workers pay already with tasks of {}, the shortest that was measured", about(work_ns))
        }
        Crossing::Never => "workers paid with no task time".to_owned(),
        Crossing::Unknown => "it is not known from which task time on workers pay".to_owned(),
    }
}

/// Two digits: more would be a claim.
pub(crate) fn about(ns: f64) -> String {
    let step = 10_f64.powf(ns.max(1.0).log10().floor() - 1.0);
    crate::units::show_round_time((ns / step).round() * step)
}

/// What a call that is waited for costs, with the smallest payload.
fn single_sentence(cells: &[Measured]) -> Option<String> {
    let hot = cells.iter().filter(|cell| cell.is(Call::Single, Rhythm::Hot));
    let cell = hot.min_by_key(|cell| (cell.cell.payload_bytes, cell.cell.task_ns, cell.cell.workers))?;
    let (direct, worker) = (cell.mode(Mode::Direct)?, cell.mode(Mode::Spawn)?);
    let cost = worker.median_ns - direct.median_ns;
    let enough = cost * (1.0 - SMALL_SHARE) / SMALL_SHARE;
    Some(format!(
        "A single call that is waited for (apply) costs {} beside its work with {}, and never beats a direct call: that is the price of isolation, under {:.0} % of it from tasks of {} on.",
        about(cost),
        show_bytes(cell.cell.payload_bytes),
        SMALL_SHARE * 100.0,
        about(enough),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(payload_bytes: u64, crossing: Crossing) -> BreakEven {
        BreakEven { mode: Mode::Spawn, workers: 2, payload_bytes, crossing, range_ns: None, fit: None }
    }

    #[test]
    fn the_sentence_says_from_when_on() {
        let small = one(8, Crossing::At { work_ns: 14_321.0 });
        let large = one(1 << 20, Crossing::Never);
        let said = sentence(&[&small, &large], (2, Mode::Spawn), 2);
        assert_eq!(
            said,
            "On this machine 2 workers (spawned) beat one thread, in batches, from tasks of 14 µs on with 8 B; \
             never with 1 MiB."
        );
    }

    #[test]
    fn one_core_never_pays() {
        let said = sentence(&[&one(8, Crossing::Below { work_ns: 1.0 })], (2, Mode::Spawn), 1);
        assert!(said.contains("never beat one thread: there is 1 core"), "{said}");
        let said = sentence(&[&one(8, Crossing::Never)], (1, Mode::Spawn), 4);
        assert!(said.contains("1 worker (spawned) never beats"), "{said}");
    }

    #[test]
    fn threads_buy_no_isolation_and_one_worker_is_no_they() {
        let said = [Mode::Threads, Mode::Spawn].map(|mode| sentence(&[&one(8, Crossing::Never)], (1, mode), 2));
        assert_eq!(
            said[0],
            "On this machine 1 thread of a plain pool never beats one thread: one does one thing at a time."
        );
        assert!(said[1].ends_with("at a time. What it buys is isolation."), "{}", said[1]);
    }

    #[test]
    fn what_is_not_known_is_a_sentence() {
        let unknown = one(8, Crossing::Unknown);
        let said = sentence(&[&unknown], (2, Mode::Spawn), 2);
        assert!(
            said.starts_with("Whether 2 workers (spawned) beat one thread in batches with 8 B is not known"),
            "{said}"
        );
        let said = sentence(&[&one(0, Crossing::At { work_ns: 1e3 }), &unknown], (2, Mode::Spawn), 2);
        assert!(said.contains("from tasks of 1 µs on with 0 B; with 8 B it is not known from when on"), "{said}");
    }

    #[test]
    fn what_was_not_measured_is_called_so() {
        let said = [Crossing::At { work_ns: 1e3 }, Crossing::Below { work_ns: 1e3 }, Crossing::Beyond { work_ns: 1e3 }]
            .map(|crossing| [from_when(crossing), clause(&one(8, crossing))].concat());
        assert_eq!(said.clone().map(|said| said.matches("shortest").count()), [0, 2, 0], "{said:?}");
        assert_eq!(said.clone().map(|said| said.matches("extrapolated").count()), [0, 0, 2], "{said:?}");
    }

    #[test]
    fn two_digits_are_told() {
        assert_eq!([14_321.0, 987.0, 214_000.0, 1_049_000.0].map(about), ["14 µs", "990 ns", "210 µs", "1 ms"]);
    }
}
