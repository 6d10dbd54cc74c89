//! `--trace FILE`: a lane for each worker, under its real pid, the times of each task between them, and how attempts failed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::living::{LONG, Living, until};
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

impl Scratch {
    /// What was written there, which can be drawn.
    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.0).expect("it was written");
        let page: Value = serde_json::from_str(&text).expect("JSON");
        let events = page["traceEvents"].as_array().expect("a list of events").clone();
        assert_can_be_drawn(&events);
        events
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
    file.events()
}

/// Slices of a lane lie one behind the other or one in the other, each lane has a name, and what begins ends, once.
fn assert_can_be_drawn(events: &[Value]) {
    let ns = |us: &Value| (us.as_f64().expect("a time") * 1e3).round() as i64;
    let lane = |event: &Value| (event["pid"].as_u64(), event["tid"].as_u64());
    let named: BTreeSet<_> = named(events, "thread_name").into_iter().map(lane).collect();
    let mut lanes = BTreeMap::<_, Vec<_>>::new();
    for slice in events.iter().filter(|event| event["ph"] == "X") {
        let (from, took) = (ns(&slice["ts"]), ns(&slice["dur"]));
        assert!(from >= 0 && took >= 0 && named.contains(&lane(slice)), "{slice}");
        lanes.entry(lane(slice)).or_default().push((from, -(from + took)));
    }
    for slices in lanes.values_mut() {
        slices.sort_unstable();
        let mut around = Vec::new();
        for (from, to) in slices.iter().map(|(from, to)| (*from, -to)) {
            while around.pop_if(|end| *end <= from).is_some() {}
            assert!(around.last().is_none_or(|end| to <= *end), "one ends within another that it is not in");
            around.push(to);
        }
    }
    let mut open = BTreeMap::new();
    for event in events.iter().filter(|event| event["ph"] == "b" || event["ph"] == "e") {
        let times: &mut Vec<_> = open.entry((event["id"].to_string(), event["name"].to_string())).or_default();
        times.push((event["ph"] == "e", ns(&event["ts"])));
    }
    for (id, times) in open {
        assert!(matches!(times[..], [(false, from), (true, to)] if from <= to), "{id:?}: {times:?}");
    }
}

/// The names of the lanes that have a slice of this name.
fn lanes_of(events: &[Value], slice: &str) -> Vec<String> {
    let lane = |event: &Value| (event["pid"].as_u64(), event["tid"].as_u64());
    let names: BTreeMap<_, _> =
        named(events, "thread_name").into_iter().map(|name| (lane(name), name["args"]["name"].to_string())).collect();
    named(events, slice).into_iter().map(|slice| names[&lane(slice)].clone()).collect()
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
        for part in ["queue", "return"] {
            assert_eq!(named(&events, part).len(), 80, "{part} begins and ends for each");
        }
        let gone = ["wire", "waits"].into_iter().flat_map(|part| named(&events, part));
        let gone: BTreeSet<_> = gone.map(|event| event["id"].to_string()).collect();
        assert_eq!(gone.len(), 40, "each was on its way, or waited in its worker");
        assert!(!named(&events, "wire").is_empty());
        assert_eq!(items_encoded_by_the_caller(&events), 40);
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

/// Those of workers say no number of items.
fn items_encoded_by_the_caller(events: &[Value]) -> u64 {
    named(events, "encode").into_iter().filter_map(|deed| deed["args"]["items"].as_u64()).sum()
}

#[test]
fn threads_have_lanes_of_their_own() {
    // All were in one, in which the slices of two workers overlapped.
    let events = traced(&["map", "sleep_ms", "300", "300", "--workers", "2", "--backend", "threads"]);
    let lanes = lanes_of(&events, "mpctl::tasks::sleep_ms");
    assert!(lanes[0] != lanes[1] && lanes.iter().all(|lane| lane.contains("worker ")), "{lanes:?}");
}

#[test]
fn the_calling_thread_as_worker_has_its_lane() {
    let events = traced(&["map", "square", "1..=3", "--backend", "serial"]);
    assert_eq!(named(&events, "mpctl::tasks::square").len(), 3);
    assert_eq!(items_encoded_by_the_caller(&events), 3);
}

#[test]
fn the_callers_part_of_a_lazy_map_and_of_processes_is_shown() {
    for args in [&["map", "square", "1..=5", "--unordered"][..], &["spawn", "rand_string", "--workers", "5"]] {
        assert_eq!(items_encoded_by_the_caller(&traced(args)), 5, "{args:?}");
    }
}

/// The attempts that failed: by task and attempt, in the order of their ends, the word for it and the lane's name.
fn failed(events: &[Value]) -> Vec<(u64, u64, String)> {
    let number = |slice: &Value, key: &str| slice["args"][key].as_u64().expect("a number");
    let slices = events.iter().filter(|event| event["ph"] == "X" && event["args"]["end"].is_string());
    let mut all: Vec<_> = slices
        .map(|slice| {
            let end = slice["args"]["end"].as_str().expect("text");
            assert!(slice["name"].as_str().is_some_and(|name| name.ends_with(&format!(" ({end})"))), "{slice}");
            assert!(slice["pid"] != events[0]["pid"] || slice["tid"] != events[0]["pid"], "in its worker's lane");
            (number(slice, "task"), number(slice, "attempt"), end.to_owned())
        })
        .collect();
    all.sort_unstable();
    all
}

fn expected(all: &[(u64, u64, &str)]) -> Vec<(u64, u64, String)> {
    all.iter().map(|(task, attempt, end)| (*task, *attempt, (*end).to_owned())).collect()
}

#[test]
fn each_attempt_that_failed_is_shown_in_its_workers_lane() {
    // One wants the timeline just there, and it was empty.
    let events = traced(&["map", "panic", "a", "b", "--workers", "2"]);
    assert_eq!(failed(&events), expected(&[(1, 1, "panicked"), (2, 1, "panicked")]));
    let events = traced(&["map", "crash.exit", "1", "2", "3", "--workers", "2"]);
    assert_eq!(failed(&events), expected(&[(1, 1, "lost"), (2, 1, "lost"), (3, 1, "lost")]));
    let dead: BTreeSet<_> = lanes_of(&events, "mpctl::crash::exit (lost)").into_iter().collect();
    assert_eq!(dead.len(), 3, "a worker each: {dead:?}");
    let events = traced(&["map", "crash.exit", "1", "2", "--workers", "2", "--retries", "2"]);
    let all: Vec<_> = (1..=2).flat_map(|task| (1..=3).map(move |attempt| (task, attempt, "lost"))).collect();
    assert_eq!(failed(&events), expected(&all));
    for kind in ["processes", "threads"] {
        let limits = ["--workers", "2", "--timeout", "200ms", "--backend", kind];
        let events = traced(&[&["map", "sleep_ms", "3000", "1"], &limits[..]].concat());
        assert_eq!(failed(&events), expected(&[(1, 1, "timed out")]), "{kind}");
        let late = named(&events, "mpctl::tasks::sleep_ms (timed out)")[0]["dur"].as_f64().expect("a time");
        assert!((200e3..3000e3).contains(&late), "from when it was begun: {late}");
    }
    let events = traced(&["map", "panic", "a", "--backend", "serial"]);
    assert_eq!(named(&events, "mpctl::crash::panic (panicked)").len(), 1);
}

#[test]
fn what_ran_when_ctrl_c_came_is_shown() {
    let file = Scratch::new();
    let path = file.0.to_str().expect("text");
    let mpctl = Living::start(&["map", "crash.spin", "60000", "60000", "60000", "--workers", "2", "--trace", path]);
    mpctl.hears(Signal::SIGINT);
    let workers = mpctl.workers(2);
    until("both workers run a task", LONG, || workers.iter().all(|worker| worker.ticks() > 30));
    mpctl.signal(Signal::SIGINT);
    let (code, said) = mpctl.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("timeline of 3 tasks"), "{said}");
    let events = file.events();
    let ran: Vec<_> = failed(&events).into_iter().map(|(_, _, end)| end).collect();
    assert_eq!(ran, ["stopped"; 2], "those that ran are drawn");
    assert_eq!(named(&events, "stopped").len(), 3, "each that has no value is marked");
}

#[test]
fn a_timeline_that_cannot_be_written_does_not_hide_how_the_run_ended() {
    for (args, code) in [(["map", "crash.exit", "1", "2"], 3), (["map", "square", "1", "2"], 1)] {
        let output = mpctl(&args).args(["--trace", "/dev/full", "-q"]).output().expect("runs");
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        let errors = String::from_utf8(output.stderr).expect("text");
        assert!(errors.contains("--trace /dev/full: No space left on device"), "{errors}");
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
