//! `mp::log_to_stderr`: what happens here and in the workers, a line each on standard error.
//!
//! Does **not** know how events of workers come here: as events under the target `mp::worker`, with who said what in fields.

use std::io::Write;
use std::time::Duration;

use mp_wire::outlets::TraceRecord;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::current_worker;
use crate::forward::{Forwarder, install, level_of, to_level};

/// Under which the events of workers come.
const WORKERS: &str = "mp::worker";

/// From now on the `tracing` events of this process, a supervisor or a worker, are written to standard error, a line each with
/// who says it; and those of workers that a pool forwards ([`forward_tracing`]). Python: `multiprocessing.log_to_stderr`. `false`
/// where the program has another subscriber already: then that one has them.
///
/// ```text
/// [DEBUG/pid 4700] mp_supervisor::engine: worker started worker=0.1 pid=4711
/// [INFO/worker 0.1 pid 4711 task 17] thumbnails: resized width=640
/// ```
///
/// ```
/// mp_worker::log_to_stderr(tracing::Level::WARN);
/// tracing::warn!(left = 3, "few are left"); // [WARN/pid 4700] doctest: few are left left=3
/// ```
///
/// [`forward_tracing`]: https://docs.rs/mp-supervisor
pub fn log_to_stderr(level: Level) -> bool {
    let own = |record: &TraceRecord| {
        write(&line_of(&own_name(), record));
        true
    };
    install(Log(Forwarder::new(level_of(&level), own)))
}

fn write(line: &str) {
    // Where standard error is closed there is nobody left to tell.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn own_name() -> String {
    match current_worker() {
        None => format!("pid {}", std::process::id()),
        Some(worker) => {
            name_of(&format!("{}.{}", worker.id, worker.generation), worker.pid.into(), Some(worker.task_id.0))
        }
    }
}

/// A task that is 0 is none: an initializer.
fn name_of(worker: &str, pid: u64, task: Option<u64>) -> String {
    let task = task.filter(|task| *task > 0).map(|task| format!(" task {task}")).unwrap_or_default();
    format!("worker {worker} pid {pid}{task}")
}

fn line_of(who: &str, record: &TraceRecord) -> String {
    let TraceRecord { level, target, message, fields, spans, lived_ns, .. } = record;
    let level = to_level(*level);
    let spans = if spans.is_empty() { String::new() } else { format!("{spans}: ") };
    let lived = lived_ns.map(|ns| format!(" lived {:?}", Duration::from_nanos(ns))).unwrap_or_default();
    let fields = if fields.is_empty() { String::new() } else { format!(" {fields}") };
    format!("[{level}/{who}] {spans}{target}: {message}{lived}{fields}\n")
}

/// What a worker said, as it is told here.
#[derive(Default)]
struct Told {
    worker: String,
    pid: u64,
    task: Option<u64>,
    dropped: Option<u64>,
    target: String,
    message: String,
    fields: String,
    spans: String,
    lived_ns: Option<u64>,
}

impl Told {
    fn line(self, level: Level) -> String {
        let who = name_of(&self.worker, self.pid, self.task);
        let target = if self.target.is_empty() { WORKERS.to_owned() } else { self.target };
        let fields = self.dropped.map_or(self.fields, |dropped| format!("dropped={dropped}"));
        line_of(
            &who,
            &TraceRecord {
                level: level_of(&level),
                target,
                message: self.message,
                fields,
                spans: self.spans,
                task: None,
                lived_ns: self.lived_ns,
                dropped: 0,
            },
        )
    }
}

impl Visit for Told {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "pid" => self.pid = value,
            "task" => self.task = Some(value),
            "lived_ns" => self.lived_ns = Some(value),
            "dropped" => self.dropped = Some(value),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "worker" => self.worker = text,
            "target" => self.target = text,
            "message" => self.message = text,
            "fields" => self.fields = text,
            "spans" => self.spans = text,
            _ => {}
        }
    }
}

/// Events of workers are told as such; all others as the forwarder has them.
struct Log(Forwarder);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level_hint()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.0.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.0.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.0.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() != WORKERS {
            return self.0.event(event);
        }
        let mut told = Told::default();
        event.record(&mut told);
        write(&told.line(*event.metadata().level()));
    }

    fn enter(&self, span: &Id) {
        self.0.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.0.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.0.try_close(id)
    }
}
