//! A panic of a task becomes a report instead of a message on standard error.
//!
//! Does **not** know what a task is: it watches a closure. Panics elsewhere go to the hook that was there before.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use mp_wire::Panic;

/// The most bytes of a message or a backtrace that are reported.
const LONGEST: usize = 16 * 1024;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<Option<Caught>> = const { RefCell::new(None) };
}

/// A panic that was caught. Its backtrace is addresses still: to find their names takes up to seconds, in a large program
/// with debug information, and is nothing that the task does.
#[derive(Debug, Default)]
pub struct Caught {
    message: String,
    location: Option<String>,
    backtrace: Option<Backtrace>,
}

impl Caught {
    /// What is reported of it.
    #[must_use]
    pub fn into_panic(self) -> Panic {
        let backtrace = self.backtrace.map(|backtrace| shorten(backtrace.to_string()));
        Panic { message: self.message, location: self.location, backtrace }
    }
}

fn in_words(message: String) -> Caught {
    Caught { message: shorten(message), ..Caught::default() }
}

/// Runs `body`; its panic comes back as data.
pub(crate) fn watch<T>(body: impl FnOnce() -> T) -> Result<T, Caught> {
    install();
    let outer = WATCHED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    WATCHED.set(outer);
    outcome.map_err(|payload| {
        let text = message(payload.as_ref());
        // What was seen last may be another, that the body had caught: one that is resumed is not seen.
        let seen = SEEN.take().filter(|seen| seen.message == text);
        let panic = seen.unwrap_or_else(|| in_words(text));
        // A payload whose drop panics would take the worker with it.
        std::mem::forget(payload);
        panic
    })
}

fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| if WATCHED.get() { note(info) } else { before(info) }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let captured = backtrace.status() == BacktraceStatus::Captured;
    SEEN.set(Some(Caught {
        message: message(info.payload()),
        location: info.location().map(ToString::to_string),
        backtrace: captured.then_some(backtrace),
    }));
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    shorten(text.unwrap_or_else(|| "Box<dyn Any>".to_owned()))
}

/// At most [`LONGEST`] bytes of `text`, whole characters.
pub(crate) fn shorten(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported_with_its_place() {
        let panic = watch(|| -> () { panic!("no {}", "luck") }).expect_err("panicked");
        assert_eq!(panic.message, "no luck");
        assert!(panic.location.is_some_and(|place| place.contains("panic.rs:")));
    }

    #[test]
    fn a_panic_that_was_caught_lends_its_text_to_no_other() {
        let body = || {
            drop(catch_unwind(|| panic!("caught")));
            std::panic::resume_unwind(Box::new("resumed"))
        };
        assert_eq!(
            watch(body).map_err(Caught::into_panic),
            Err::<(), _>(Panic { message: "resumed".to_owned(), ..Panic::default() })
        );
    }

    #[test]
    fn a_payload_that_is_no_text_is_named_as_such() {
        let panic = watch(|| -> () { std::panic::panic_any(7) }).expect_err("panicked");
        assert_eq!(panic.message, "Box<dyn Any>");
    }
}
