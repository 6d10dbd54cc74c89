//! Signals that come while handlers for them are being installed: noted, so that none is lost.
//!
//! Does **not** do anything at them. Who installs a handler over this one, and calls it from his own, looks at [`came`] when he is done.
#![expect(unsafe_code, reason = "installs a signal handler")]

use std::ffi::c_int;
use std::io;
use std::ptr;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::SeqCst;

static CAME: AtomicI32 = AtomicI32::new(0);

extern "C" fn note(signal: c_int) {
    CAME.store(signal, SeqCst);
}

/// From now on `signals` are noted, as far as the default is done at them.
///
/// # Errors
/// When the system refuses.
pub fn note_signals(signals: &[c_int]) -> io::Result<()> {
    for &signal in signals {
        // SAFETY: all bytes zero is a valid sigaction; the handler only stores to an atomic, which a handler may.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let mut before: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, ptr::null(), &raw mut before) < 0 {
                return Err(io::Error::last_os_error());
            }
            if before.sa_sigaction != libc::SIG_DFL {
                continue;
            }
            action.sa_sigaction = note as extern "C" fn(c_int) as usize;
            action.sa_flags = libc::SA_RESTART;
            if libc::sigaction(signal, &raw const action, ptr::null_mut()) < 0 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// The last of them that came, if any did.
#[must_use]
pub fn came() -> Option<c_int> {
    Some(CAME.load(SeqCst)).filter(|signal| *signal != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_noted_and_ends_nothing() {
        note_signals(&[libc::SIGWINCH, libc::SIGURG]).expect("installed");
        assert_eq!(came(), None);
        // SAFETY: it is handled.
        unsafe { libc::raise(libc::SIGURG) };
        assert_eq!(came(), Some(libc::SIGURG));
    }
}
