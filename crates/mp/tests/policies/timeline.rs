//! A timeline shows each attempt, also those that failed, and tells pools apart that share it.

use std::collections::BTreeSet;

use mp::{Backend, Failure, Process, Queue, Retry, Trace};

use crate::common::bench;

fn written(trace: &Trace) -> Vec<String> {
    let mut out = Vec::new();
    trace.write(&mut out).expect("memory");
    String::from_utf8(out).expect("text").lines().map(ToOwned::to_owned).collect()
}

/// The slices whose names end so.
fn slices<'a>(lines: &'a [String], end: &str) -> Vec<&'a String> {
    let end = format!("{end}\",\"pid\"");
    lines.iter().filter(|line| line.starts_with("{\"ph\":\"X\"") && line.contains(&end)).collect()
}

fn never_ends(started: Queue<u32>) {
    started.put(std::process::id()).expect("said");
    loop {
        std::thread::park();
    }
}

fn fails(n: u64) -> u64 {
    if n > 0 { panic!("at {n}") } else { n }
}

#[test]
fn what_is_cancelled_while_it_runs_is_drawn() {
    bench("a_cancelled_task_is_drawn", Backend::Processes, |bench| {
        let (trace, started) = (Trace::new(), Queue::new().expect("a queue"));
        let pool = bench.build(bench.builder().workers(1).trace(&trace));
        let handle = pool.apply_async(never_ends, (started.clone(),)).expect("taken");
        let pid = started.get().expect("it runs");
        assert!(handle.cancel());
        assert!(matches!(handle.get(), Err(Failure::Cancelled)));
        pool.join().expect("ends");
        let lines = written(&trace);
        let cancelled = slices(&lines, " (cancelled)");
        assert_eq!((cancelled.len(), trace.tasks()), (1, 1), "{lines:#?}");
        assert!(cancelled[0].contains(&format!("\"pid\":{pid},")), "in the lane of the dead: {lines:#?}");
    });
}

#[test]
fn a_task_that_panics_again_is_drawn_again() {
    for backend in [Backend::Processes, Backend::Threads, Backend::Serial] {
        bench("each_attempt_is_drawn", backend, |bench| {
            let trace = Trace::new();
            let pool = bench.build(bench.builder().workers(1).trace(&trace));
            let retry = Retry::times(2).panicked(true);
            assert!(pool.mapping(fails).retry(retry).map([0, 7]).is_err());
            pool.join().expect("ends");
            let lines = written(&trace);
            let failed = slices(&lines, " (panicked)");
            for attempt in 1..=3 {
                let said = format!("\"attempt\":{attempt},");
                assert_eq!(failed.iter().filter(|line| line.contains(&said)).count(), 1, "{backend:?} {lines:#?}");
            }
            assert_eq!((failed.len(), slices(&lines, "fails").len(), trace.tasks()), (3, 1, 2), "{lines:#?}");
        });
    }
}

#[test]
fn those_who_share_a_timeline_are_told_apart() {
    bench("a_shared_timeline", Backend::Processes, |bench| {
        let trace = Trace::new();
        let [one, other] =
            ["one", "other"].map(|name| bench.build(bench.builder().workers(1).name(name).trace(&trace)));
        let process = Process::builder(std::process::id, ()).name("alone").trace(&trace).spawn().expect("starts");
        assert_eq!(one.apply(fails, (0,)).expect("a value") + other.apply(fails, (0,)).expect("a value"), 0);
        process.join().expect("a value");
        one.join().and_then(|()| other.join()).expect("end");
        let lines = written(&trace);
        let queues = lines.iter().filter(|line| line.contains("\"b\"") && line.contains("\"name\":\"queue\""));
        let ids: BTreeSet<_> = queues.map(|line| line.split('"').skip_while(|word| *word != "id").nth(2)).collect();
        assert_eq!((ids.len(), trace.tasks(), trace.left_out()), (3, 3, 0), "{lines:#?}");
        for name in ["one: worker 0.1", "other: worker 0.1", "alone"] {
            assert!(lines.iter().any(|line| line.contains(&format!("{{\"name\":\"{name}\"}}"))), "{name}: {lines:#?}");
        }
    });
}

#[test]
fn a_file_is_written() {
    let path = std::env::temp_dir().join(format!("mp-timeline-{}.json", std::process::id()));
    Trace::new().save(&path).expect("is written");
    assert!(std::fs::read_to_string(&path).is_ok_and(|text| text.contains("traceEvents")));
    let _ = std::fs::remove_file(path);
    assert!(Trace::new().save("/nonexistent/t.json").is_err());
}
