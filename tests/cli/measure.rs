//! `mpctl measure` on grids so small that the figures mean nothing: what is there, not what it says.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::living::Living;
use super::{mpctl, seen, stdout};

const TINY: [&str; 9] = [
    "measure",
    "--payload=8,100K",
    "--task-time=2us,200us",
    "--workers",
    "1",
    "--rounds",
    "1",
    "--time-budget",
    "250s",
];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    TINY.iter().chain(more).copied().collect()
}

#[test]
fn the_table_ends_in_words() {
    let text = stdout(&TINY);
    for wanted in
        ["cores ", "direct call", "ipc in one process", "workers, forked", "Layers of a single call", "hand-off"]
    {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    assert!(text.contains("1 worker (spawned) never beats one thread"), "{text}");
    let of_threads = text.lines().find(|line| line.contains("1 thread of a plain pool never beats")).expect("a line");
    assert!(!of_threads.contains("isolation"), "threads buy none: {of_threads}");
}

#[test]
fn json_has_the_documented_shape() {
    let report: Value = serde_json::from_str(&stdout(&with(&["--format", "json"]))).expect("one object");
    assert_eq!((&report["schema"], &report["ended"]), (&"mp-measure/1".into(), &"complete".into()));
    let cells = report["cells"].as_array().expect("a list");
    assert_eq!(cells.len(), 2 * 2 * 2 + 1, "sizes, times, calls, and one with pauses");
    for cell in cells {
        let modes: Vec<_> = cell["modes"].as_array().expect("a list").iter().map(|mode| mode["mode"].clone()).collect();
        assert_eq!(modes, ["direct", "threads", "threads_encoded", "ipc", "spawn", "fork_server"]);
        for figures in cell["modes"].as_array().expect("a list") {
            assert!(
                figures["median_ns"].as_f64() > Some(0.0) && figures["throughput"].as_f64() > Some(0.0),
                "{figures}"
            );
            assert!(figures["spread_ns"]["max"].as_f64() >= figures["spread_ns"]["p90"].as_f64(), "{figures}");
            assert_eq!(figures["way"].is_object(), cell["call"] == "single", "{figures}");
        }
        for layers in cell["layers"].as_array().expect("a list") {
            let parts = ["work", "hand_off", "serialization", "transport", "scheduling"];
            let sum: f64 = parts.iter().filter_map(|part| layers[part].as_f64()).sum();
            let total = layers["total"].as_f64().expect("a number");
            assert!((sum - total).abs() < 1e-6 * total, "layers add up: {layers}");
        }
    }
    assert!(report["machine"]["kernel"].is_string() && report["machine"]["usable"].is_u64());
    let kinds: Vec<_> =
        report["break_even"].as_array().expect("a list").iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["never"; 2 * 3], "sizes, and threads, spawned, forked: one never pays, whatever noise says");
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_from_elsewhere() {
    let path = std::env::temp_dir().join(format!("mpctl-measure-{}.html", std::process::id()));
    mpctl(&TINY).arg("--html").arg(&path).assert().success();
    let page = std::fs::read_to_string(&path).expect("was written");
    std::fs::remove_file(&path).expect("is ours");
    balanced(page.strip_prefix("<!doctype html>").expect("a doctype"));
    let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
    for reference in ["http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "NaN", "inf\""] {
        assert!(!elsewhere.contains(reference), "{reference}");
    }
    assert!(page.matches("<svg ").count() >= 4 && page.contains("prefers-color-scheme: dark"));
    assert!(page.contains("medians of 1 round,"), "as many as were run");
    assert!(page.contains("with 8 B, 1 worker pays</span><b>never</b>"), "tiles and sentences agree");
}

/// The figures cost the time: they are shown before the page is written, which may fail.
#[test]
fn a_page_that_cannot_be_written_takes_no_figures_along() {
    let said = seen(&with(&["--html", "/dev/full"]));
    let (out, err) = said.split_once("--- stderr\n").expect("both");
    assert!(out.contains("1 worker (spawned) never beats one thread"), "{said}");
    assert!(err.contains("cannot write /dev/full: No space left"), "{said}");
    assert!(err.contains("hint: the figures on standard output are complete") && err.ends_with("--- exit 1"), "{said}");
}

#[test]
fn a_plan_that_is_refused_leaves_no_page() {
    let path = std::env::temp_dir().join(format!("mpctl-refused-{}.html", std::process::id()));
    mpctl(&["measure", "--payload", "900G", "--html"]).arg(&path).assert().code(2);
    assert!(!path.exists());
}

/// A batch of one task for both workers made tasks of this length look as fast on workers as alone.
#[test]
fn a_batch_has_tasks_for_all_workers_however_long_they_are() {
    let args = ["measure", "--task", "sleep_ms", "150", "--workers", "2", "--rounds", "1", "--format", "json"];
    let report: Value =
        serde_json::from_str(&stdout(&[&args[..], &["--time-budget", "5s"]].concat())).expect("one object");
    let batch = report["modes"].as_array().expect("a list").iter().find(|mode| mode["mode"] == "spawn").expect("spawn");
    let each_ns = batch["batch"]["median_ns"].as_f64().expect("a number");
    assert!(each_ns < 140e6, "two sleep beside each other: {report}");
    assert_eq!(batch["batch"]["tasks"].as_u64().map(|tasks| tasks % 4), Some(0), "{report}");
}

#[test]
fn too_short_a_time_is_said_with_one_that_would_do() {
    let args = ["measure", "--task", "sleep_ms", "400", "--workers", "2", "--time-budget", "1.5s"];
    let said = stdout(&args);
    assert!(!said.contains("either way"), "{said}");
    assert!(said.contains(": a time budget of ") && said.contains("hint: --time-budget "), "{said}");
}

/// What `kind` says, the sentences say.
#[test]
fn one_worker_is_promised_nothing_for_a_task_of_ones_own() {
    let said = stdout(&["measure", "--task", "square", "12", "--workers", "1", "--time-budget", "2s"]);
    assert!(said.contains("1 worker (spawned) never beats one thread") && !said.contains(" pay "), "{said}");
    assert!(said.starts_with("processor ") || said.starts_with("cores "), "the facts come first: {said}");
    let many = stdout(&["measure", "--task", "square", "12", "--workers", "3", "--time-budget", "2s"]);
    assert!(many.contains("note: 3 workers share 2 processors"), "{many}");
}

/// Every tag is closed, in order.
fn balanced(page: &str) {
    let mut open = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        match tag {
            tag if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "</{name}>"),
            tag if tag.ends_with('/') || name == "meta" => {}
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// What is said of a task when every way to run it had its turn: on a machine that is busy that takes a larger budget.
fn of_own_task(more: &[&str], is_complete: impl Fn(&str) -> bool) -> String {
    let args = ["measure", "--task", "square", "12", "--workers", "2", "--rounds", "1", "--time-budget"];
    let said = ["2s", "10s", "60s"].map(|budget| move || stdout(&[&args[..], &[budget], more].concat()));
    let complete = said.into_iter().map(|said| said()).find(|said| is_complete(said));
    complete.expect("some ways had no turn in a whole minute")
}

#[test]
fn a_task_of_ones_own_gets_advice() {
    let text = of_own_task(&[], |said| !said.contains("not all rounds were run"));
    for wanted in ["square", "pool of threads", "workers, spawned", "A single call on a worker costs", "In batches"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    let parsed = |said: &str| -> Value { serde_json::from_str(said).expect("one object") };
    let json = of_own_task(&["--format", "json"], |said| parsed(said)["ended"] == "complete");
    let report = parsed(&json);
    assert_eq!(report["schema"], "mp-measure-task/1");
    assert!(report["modes"][0]["batch"].is_null() && report["modes"][2]["batch"].is_object(), "{report}");
}

#[test]
fn a_task_that_kills_its_process_is_met_on_a_worker() {
    let said = seen(&["measure", "--task", "crash.segfault", "--time-budget", "1s"]);
    assert!(said.contains("SIGSEGV") && said.ends_with("--- exit 3"), "{said}");
}

#[test]
fn mistakes_are_two_lines() {
    for args in [
        &["measure", "--task-time", "5"][..],
        &["measure", "--payload", "many"],
        &["measure", "--workers", "0"],
        &["measure", "--html", "/nowhere/at/all.html"],
        &["measure", "--task", "xylophone"],
        &["measure", "--task", "square", "twelve"],
        &["measure", "--payload", "900G"],
        &["measure", "--quick", "--full"],
        &["measure", "12"],
    ] {
        let said = seen(args);
        let lines: Vec<_> = said.lines().collect();
        assert!(lines.len() == 4 && said.ends_with("--- exit 2") && lines[2].starts_with("hint: "), "{args:?}\n{said}");
    }
}

#[test]
fn ctrl_c_ends_it_with_what_was_measured() {
    let mut mpctl = Living::start(&["measure", "--full", "--time-budget", "250s"]);
    mpctl.hears(Signal::SIGINT);
    mpctl.signal(Signal::SIGINT);
    assert!(mpctl.lines(1)[0].contains("processor"), "the facts are shown");
    let (code, said) = mpctl.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(
        said.contains(
            "interrupted by SIGINT, what was measured is shown after the task that runs; a second Ctrl-C ends it"
        ),
        "{said}"
    );
}
