//! `tracing` events of workers in this process's subscriber.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use mp::Backend;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use crate::common::{bench, eventually, found, works};
use crate::subscriber::{Hands, install};

/// Everything under the target `mp::worker`: level, message, and the other fields.
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

#[derive(Clone, Debug, Default)]
struct Seen {
    level: String,
    fields: Vec<(String, String)>,
}

impl Seen {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.fields.push((field.name().to_owned(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.push((field.name().to_owned(), value.to_owned()));
    }
}

fn keep(event: &Event<'_>) {
    let mut seen = Seen { level: event.metadata().level().to_string(), ..Seen::default() };
    event.record(&mut seen);
    SEEN.lock().expect("no panic under it").push(seen);
}

static KEEPING: LazyLock<()> =
    LazyLock::new(|| install(Hands { wants: |metadata| metadata.target() == "mp::worker", on: keep }));

fn seen(pid: u32) -> Vec<Seen> {
    let pid = pid.to_string();
    let all = SEEN.lock().expect("no panic under it");
    all.iter().filter(|seen| seen.field("pid") == Some(&pid)).cloned().collect()
}

fn tell(n: u64) -> u32 {
    let span = tracing::info_span!("telling", n);
    let _within = span.enter();
    tracing::warn!(half = n / 2, "a number came");
    tracing::debug!("for nobody");
    std::process::id()
}

#[test]
fn an_event_comes_with_worker_pid_task_and_spans() {
    LazyLock::force(&KEEPING);
    bench("events", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).forward_tracing(Level::INFO));
        let handle = pool.apply_async(tell, (42,)).expect("accepted");
        let (task, pid) = (handle.id(), handle.get().expect("told"));
        let is = |seen: &Seen, message: &str| seen.field("message") == Some(message);
        let event = found("the event", || seen(pid).into_iter().find(|seen| is(seen, "a number came")));
        assert_eq!(event.level, "WARN");
        assert_eq!(event.field("worker"), Some("0.1"));
        assert_eq!(event.field("task"), Some(task.to_string().as_str()));
        assert_eq!(event.field("target"), Some(module_path!()));
        assert_eq!(event.field("fields"), Some("half=21"));
        assert_eq!(event.field("spans"), Some("telling{n=42}"));
        let span = found("the span's end", || seen(pid).into_iter().find(|seen| is(seen, "telling")));
        assert!(span.field("lived_ns").is_some() && span.level == "INFO", "{span:?}");
        assert!(!seen(pid).iter().any(|seen| is(seen, "for nobody")));
    });
}

fn chatter(events: u64) -> u32 {
    (0..events).for_each(|n| tracing::info!(n, "chatter"));
    std::process::id()
}

/// More than any socket holds, faster than anybody reads: none is waited for, and none is lost without being counted.
#[test]
fn what_finds_no_room_is_dropped_and_counted() {
    const EVENTS: u64 = 100_000;
    LazyLock::force(&KEEPING);
    bench("chatter", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).forward_tracing(Level::INFO));
        let pid = pool.apply(chatter, (EVENTS,)).expect("told");
        let accounted = AtomicU64::new(0);
        eventually("all are there or counted", || {
            // The next one that finds room brings the count.
            assert_eq!(pool.apply(chatter, (1,)), Ok(pid));
            accounted.fetch_add(1, Ordering::Relaxed);
            let seen = seen(pid);
            let came = seen.iter().filter(|seen| seen.field("message") == Some("chatter")).count() as u64;
            let dropped = seen.iter().filter_map(|seen| seen.field("dropped")?.parse::<u64>().ok()).sum::<u64>();
            came + dropped >= EVENTS
        });
        works(&pool);
    });
}

fn tell_and_die() {
    tracing::error!("the last event");
    std::process::abort();
}

#[test]
fn the_last_event_of_a_worker_that_dies_comes() {
    LazyLock::force(&KEEPING);
    bench("last_event", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).forward_tracing(Level::ERROR));
        let Err(mp::Failure::Lost { pid, .. }) = pool.apply(tell_and_die, ()) else { panic!("it aborts") };
        found("it", || seen(pid).into_iter().find(|seen| seen.field("message") == Some("the last event")));
        works(&pool);
    });
}
