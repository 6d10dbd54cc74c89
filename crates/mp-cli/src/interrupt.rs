//! Ctrl-C and SIGTERM: the first asks, the second ends. Ctrl-Z: all rests until `fg`.
//!
//! Does **not** know what is ended.
//!
//! The second signal is answered in the handler itself, so that it works whatever the threads hang on.
//! Installed after the pool is built: before that, dying at once is right, and forking needs a single thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

use crossbeam_channel::{Receiver, bounded};
use mp_sys::early;
use signal_hook::consts::{SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use crate::exit::Exit;
use crate::problem::Problem;
use crate::report;

/// The name of the signal that came.
pub(crate) type Signal = &'static str;

/// From now on the first signal arrives here, and the second exits.
pub(crate) fn install() -> io::Result<Receiver<Signal>> {
    // What comes while signal-hook puts its handler in the place of the default would be lost: it is noted.
    early::note_signals(&[SIGINT, SIGTERM])?;
    // Before the others: a signal that comes in the middle of this must arrive, not only be noted.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let seen = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal passes the check, then sets what the second one finds.
        let code = Exit::Interrupted.code().into();
        signal_hook::flag::register_conditional_shutdown(signal, code, seen.clone())?;
        signal_hook::flag::register(signal, seen.clone())?;
    }
    let early = early::came();
    if early.is_some() {
        seen.store(true, Ordering::SeqCst);
    }
    rest_on_ctrl_z()?;
    let (sender, receiver) = bounded(1);
    thread::spawn(move || {
        let first = early.or_else(|| signals.forever().next());
        sender.send(if first == Some(SIGTERM) { "SIGTERM" } else { "SIGINT" }).ok();
        // Kept open: without it the next signal would have no handler left to find.
        signals.forever().for_each(drop);
    });
    Ok(receiver)
}

/// The first signal sets `stop`, and `then` is said; the second ends it at once.
pub(crate) fn stop_when_asked(stop: &Arc<AtomicBool>, then: &'static str) -> Result<(), Problem> {
    let interrupts = install().map_err(|error| Problem::failed(&error))?;
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        if let Ok(signal) = interrupts.recv() {
            stop.store(true, Ordering::Relaxed);
            report::note_over_echo(&format!("interrupted by {signal}, {then}"));
        }
    });
    Ok(())
}

/// The terminal's signal comes to this process alone; its workers rest with it, and so do the clocks of their tasks.
fn rest_on_ctrl_z() -> io::Result<()> {
    let mut signals = Signals::new([SIGTSTP])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let suspension = mp::suspend();
            // Stops here, and goes on when SIGCONT comes.
            if let Err(error) = signal_hook::low_level::emulate_default_handler(signal) {
                tracing::warn!(%error, "could not stop");
            }
            drop(suspension);
        }
    });
    Ok(())
}
