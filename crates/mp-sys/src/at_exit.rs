//! What a process does at its normal end: after `main` has returned, or `exit` was called.
//!
//! Does **not** run where a signal, or `_exit`, ends the process.
#![expect(unsafe_code, reason = "atexit(3) takes a C function")]

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

static CALLED: Mutex<Option<fn()>> = Mutex::new(None);
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Has `function` called when this process ends by itself; not in a forked copy of it. It may be set once, and `false` says
/// that it cannot be.
pub fn at_exit(function: fn()) -> bool {
    let Ok(mut called) = CALLED.lock() else { return false };
    let is_new = OWNER.swap(std::process::id(), Ordering::AcqRel) != std::process::id();
    *called = Some(function);
    drop(called);
    // What a forked copy has inherited is registered already.
    // SAFETY: `call` is a function of the program, which is there until the process ends.
    !is_new || unsafe { libc::atexit(call) == 0 }
}

extern "C" fn call() {
    if OWNER.swap(0, Ordering::AcqRel) != std::process::id() {
        return;
    }
    let function = CALLED.lock().ok().and_then(|called| *called);
    // Nobody is left to be told of a panic but who reads standard error, where its text is.
    let _ = function.map(catch_unwind);
}
