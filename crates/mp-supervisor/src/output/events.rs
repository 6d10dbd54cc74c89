//! Events of workers, once more as events of this process.
//!
//! Does **not** filter: the worker did, and this process's subscriber will.
//!
//! What `tracing` knows of an event before it happens (its level, its target, its fields) is static. So there is one place for each level
//! here, under the target `mp::worker`, and what the worker said of itself is in fields.

use mp_wire::outlets::{TraceLevel, TraceRecord};
use tracing::Level;

use super::outlet::Speaker;

/// The target of all events of workers.
macro_rules! emit_at {
    ($level:expr, $speaker:expr, $record:expr) => {
        crate::log::unharmed(|| tracing::event!(
            target: "mp::worker",
            $level,
            worker = %$speaker.worker,
            pid = $speaker.pid,
            task = $record.task.map(|task| task.0),
            target = %$record.target,
            spans = (!$record.spans.is_empty()).then_some($record.spans.as_str()),
            fields = (!$record.fields.is_empty()).then_some($record.fields.as_str()),
            lived_ns = $record.lived_ns,
            "{}",
            $record.message
        ))
    };
}

pub(super) fn emit(speaker: Speaker, record: &TraceRecord) {
    if record.dropped > 0 {
        let dropped = record.dropped;
        crate::log::warning!(target: "mp::worker", worker = %speaker.worker, pid = speaker.pid, dropped, "events were dropped");
    }
    match record.level {
        TraceLevel::Error => emit_at!(Level::ERROR, speaker, record),
        TraceLevel::Warn => emit_at!(Level::WARN, speaker, record),
        TraceLevel::Info => emit_at!(Level::INFO, speaker, record),
        TraceLevel::Debug => emit_at!(Level::DEBUG, speaker, record),
        TraceLevel::Trace => emit_at!(Level::TRACE, speaker, record),
    }
}
