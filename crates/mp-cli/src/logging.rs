//! `-v`: what happens inside, on standard error.
//!
//! Does **not** decide what is worth saying: `tracing` events of the other crates do.

use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, Talk};

/// From now on events are written; `RUST_LOG` overrules `-v`.
pub(crate) fn install(talk: &Talk) {
    let level = match talk.verbose {
        0 => "off",
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
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
