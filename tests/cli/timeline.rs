//! `--trace FILE`: a lane for each worker, under its real pid, and the times of each task between them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::mpctl;

/// A file that nothing else has.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (pid, number) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(format!("mpctl-trace-{pid}-{number}.json")))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The events of a command's timeline.
fn traced(args: &[&str]) -> Vec<Value> {
    let file = Scratch::new();
    let path = file.0.to_str().expect("text");
    let output = mpctl(args).args(["--trace", path]).output().expect("runs");
    let errors = String::from_utf8(output.stderr).expect("text");
    assert!(errors.contains("timeline of ") && errors.contains(path), "{errors}");
    let text = std::fs::read_to_string(&file.0).expect("it was written");
    let page: Value = serde_json::from_str(&text).expect("JSON");
    page["traceEvents"].as_array().expect("a list of events").clone()
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["name"] == name).collect()
}

#[test]
fn each_task_has_its_times_in_its_workers_lane() {
    for kind in [&["--start-method", "spawn"][..], &["--start-method", "fork-server"], &["--backend", "threads"]] {
        let events = traced(&[&["map", "square", "1..=40", "--workers", "2"], kind].concat());
        let runs = named(&events, "mpctl::tasks::square");
        let ids: BTreeSet<_> = runs.iter().map(|run| run["args"]["task"].as_u64().expect("an id")).collect();
        assert_eq!((runs.len(), ids.len()), (40, 40), "{kind:?}");
        for part in ["queue", "wire", "return"] {
            assert_eq!(named(&events, part).len(), 80, "{part} begins and ends for each");
        }
        let lanes: BTreeSet<_> = runs.iter().map(|run| run["pid"].as_u64().expect("a pid")).collect();
        let known: BTreeSet<_> =
            named(&events, "process_name").iter().map(|lane| lane["pid"].as_u64().expect("a pid")).collect();
        assert!(lanes.is_subset(&known), "{lanes:?} {known:?}");
        for run in runs {
            let (from, took) = (run["ts"].as_f64().expect("a time"), run["dur"].as_f64().expect("a time"));
            assert!(from >= 0.0 && (0.0..60e6).contains(&took), "{run}");
        }
    }
}

#[test]
fn processes_have_a_lane_each_and_what_crashed_is_marked() {
    let events = traced(&["spawn", "--workers", "3", "rand_string"]);
    let lanes: BTreeSet<_> =
        named(&events, "mpctl::tasks::rand_string").iter().map(|run| run["pid"].as_u64()).collect();
    assert_eq!(lanes.len(), 3);
    let events = traced(&["apply", "crash.segfault"]);
    assert_eq!(named(&events, "lost").len(), 1);
}

#[test]
fn chaos_shows_whom_it_killed() {
    // Those who are killed between two tasks are not shown: then once more, with more tasks and more kills.
    let shows = |tasks: u32| {
        let events = traced(&["chaos", "--tasks", &tasks.to_string(), "--kill-every", "30", "--workers", "2"]);
        let workers: BTreeSet<_> = events.iter().filter_map(|event| event["pid"].as_u64()).collect();
        !named(&events, "lost").is_empty() && workers.len() > 3
    };
    assert!([400, 1000, 4000, 10_000].into_iter().any(shows), "nobody's death is shown");
}

#[test]
fn a_file_that_cannot_be_written_is_said_before_anything_runs() {
    let output = mpctl(&["map", "square", "1..=3", "--trace", "/nonexistent/timeline.json"]).output().expect("runs");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(errors.contains("/nonexistent/timeline.json"), "{errors}");
}
