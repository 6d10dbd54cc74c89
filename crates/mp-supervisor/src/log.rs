//! Our own words as `tracing` events. Where who hears them fails, it costs the word, and nothing of ours.
//!
//! Does **not** know who hears.
//!
//! A subscriber is somebody else's code, and it runs in our threads, under our locks: one that panics (as the common one does that
//! cannot write to standard error) would end the thread that hears workers, and whoever waits for an outcome would wait for ever.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `say`, somebody else's code whose panic is his own.
#[inline]
pub(crate) fn unharmed(say: impl FnOnce()) {
    // The panic hook has told of it. A payload whose drop panics would end the thread as well.
    catch_unwind(AssertUnwindSafe(say)).unwrap_or_else(std::mem::forget);
}

macro_rules! trace {
    ($($event:tt)*) => { $crate::log::unharmed(|| tracing::trace!($($event)*)) };
}
macro_rules! debug {
    ($($event:tt)*) => { $crate::log::unharmed(|| tracing::debug!($($event)*)) };
}
macro_rules! warning {
    ($($event:tt)*) => { $crate::log::unharmed(|| tracing::warn!($($event)*)) };
}
macro_rules! error {
    ($($event:tt)*) => { $crate::log::unharmed(|| tracing::error!($($event)*)) };
}

pub(crate) use {debug, error, trace, warning};
