//! What a chaos run came to.
//!
//! Does **not** know how it is shown.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Left;

/// The books after a run. All that must be 0 is in [`Report::faults`].
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What sizes, times and victims followed from.
    pub seed: u64,
    /// How long it took.
    pub seconds: f64,
    /// Tasks that the pool has accepted.
    pub submitted: u64,
    /// Those that have their value.
    pub values: u64,
    /// Of these, those whose value is not the right one.
    pub wrong: u64,
    /// The failures by kind.
    pub failures: BTreeMap<&'static str, u64>,
    /// Tasks whose worker was killed between taking them and their first statement.
    pub killed_before_first_statement: u64,
    /// Workers that were killed.
    pub kills: u64,
    /// Tasks that were begun more than once.
    pub run_again: u64,
    /// Tasks of which nothing was heard.
    pub lost: u64,
    /// What callers were told and workers have not done, or the reverse: see `notes`.
    pub unaccounted: u64,
    /// The longest time in which no outcome came.
    pub longest_silence: Duration,
    /// What there was before.
    pub before: Left,
    /// What there is more or less of now.
    pub after: Left,
    /// What is wrong, in words: the first of each.
    pub notes: Vec<String>,
}

impl Report {
    /// What must be 0, with its name.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        let [children, descriptors, shared] = self.before.more_in(self.after).map(|more| more as u64);
        vec![
            ("wrong values", self.wrong),
            ("lost", self.lost),
            ("unaccounted", self.unaccounted),
            ("leaked children", children),
            ("leaked descriptors", descriptors),
            ("leaked shared memory", shared),
        ]
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.faults().iter().all(|(_, count)| *count == 0)
    }

    /// Another thing that is wrong.
    pub(super) fn note(&mut self, what: String) {
        self.unaccounted += 1;
        if self.notes.len() < 20 {
            self.notes.push(what);
        }
    }

    /// Its rows: a name and what is to be said.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let kinds: Vec<_> = self.failures.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let none = || "none".to_owned();
        let mut rows = vec![
            ("seed", self.seed.to_string()),
            ("time", format!("{:.2} s", self.seconds)),
            ("workers killed", self.kills.to_string()),
            ("submitted", self.submitted.to_string()),
            ("values", self.values.to_string()),
            ("failures", if kinds.is_empty() { none() } else { kinds.join(", ") }),
            ("killed before first statement", self.killed_before_first_statement.to_string()),
            ("run more than once", self.run_again.to_string()),
            ("longest silence", format!("{} ms", self.longest_silence.as_millis())),
            ("resident memory", format!("{} KiB before, {} KiB after", self.before.rss_kib, self.after.rss_kib)),
        ];
        rows.extend(self.faults().into_iter().map(|(name, count)| (name, count.to_string())));
        rows
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let [children, descriptors, shared] = self.before.more_in(self.after);
        json!({
            "seed": self.seed,
            "seconds": self.seconds,
            "kills": self.kills,
            "submitted": self.submitted,
            "values": self.values,
            "wrong_values": self.wrong,
            "failures": self.failures,
            "killed_before_first_statement": self.killed_before_first_statement,
            "run_more_than_once": self.run_again,
            "lost": self.lost,
            "unaccounted": self.unaccounted,
            "longest_silence_seconds": self.longest_silence.as_secs_f64(),
            "leaked": {"children": children, "descriptors": descriptors, "shared_memory": shared},
            "before": self.before,
            "after": self.after,
            "notes": self.notes,
            "good": self.is_good(),
        })
    }
}
