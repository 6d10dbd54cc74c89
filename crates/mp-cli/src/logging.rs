//! `-v`: what happens inside, on standard error; and the form of all that is said there.
//!
//! Does **not** decide what is worth saying: `tracing` events of the other crates do.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::args::{LogFormat, Talk};

/// Who reads standard error as JSON reads all of it as JSON. Set once, before anything is said.
static JSON: AtomicBool = AtomicBool::new(false);

/// Our own words in the form of an event, where `--log-format json` asks for it. No filter holds them back.
pub(crate) fn as_event(level: &str, message: &str, hint: Option<&str>) -> Option<Value> {
    if !JSON.load(Ordering::Relaxed) {
        return None;
    }
    let mut timestamp = String::new();
    // Writing to a string does not fail.
    SystemTime.format_time(&mut Writer::new(&mut timestamp)).ok();
    let fields = match hint {
        Some(hint) => json!({"message": message, "hint": hint}),
        None => json!({"message": message}),
    };
    Some(json!({"timestamp": timestamp, "level": level, "fields": fields, "target": env!("CARGO_CRATE_NAME")}))
}

/// From now on events are written; `RUST_LOG` overrules `-v`.
pub(crate) fn install(talk: &Talk) {
    JSON.store(talk.log_format == LogFormat::Json, Ordering::Relaxed);
    let level = match talk.verbose {
        0 => "off",
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // Who does not take what is written to standard error is not told of that by standard error.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    let done = match talk.log_format {
        LogFormat::Text => {
            let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
            builder.with_ansi(colours).try_init()
        }
        LogFormat::Json => builder.json().try_init(),
    };
    // A program that has mpctl's commands may have installed its own already: then that one writes.
    done.ok();
}

/// Up to which level somebody reads events; `None` where nobody does. The workers' are wanted up to the same.
pub(crate) fn wanted() -> Option<mp::Level> {
    tracing_subscriber::filter::LevelFilter::current().into_level()
}
