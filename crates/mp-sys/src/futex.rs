//! Sleeping until a word of shared memory changes, in whichever process it is changed.
//!
//! Does **not** know what the words mean. Every call returns early now and then: look at the word again, always.
//!
//! ```text
//!  wait(word, 7) ── word is 7? ──yes──▶ sleeps ◀── wake_all(word), the timeout, a signal
//!                       └──no──▶ returns
//! ```
#![expect(unsafe_code, reason = "futex has no wrapper in libc")]

use std::io;
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Sleeps while `word` is `expected`, at most `timeout`, until woken. May return early.
///
/// # Errors
/// When the kernel refuses the call itself: what wakes or ends a sleep is no error.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> io::Result<()> {
    let limit = timeout.map(timespec);
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `word` and the time outlive the call; the kernel reads four bytes of the one and all of the other.
    let result = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, limit) };
    if result >= 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR | libc::ETIMEDOUT) => Ok(()),
        Some(_) | None => Err(error),
    }
}

/// The kernel's `struct futex_waitv`.
#[repr(C)]
struct Waiter {
    expected: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// `FUTEX2_SIZE_U32`, from `linux/futex.h`: a word of 32 bits, in memory that processes share.
const WORD: u32 = 2;

/// The most words that [`wait_any`] looks at.
pub const MOST_WORDS: usize = 128;

/// A kernel before 5.16 sleeps on one word only: the others are looked at this often.
const SLICE: Duration = Duration::from_millis(5);

/// As [`wait`], on the first [`MOST_WORDS`] of several words, each with what it is expected to be.
///
/// # Errors
/// As [`wait`].
pub fn wait_any(words: &[(&AtomicU32, u32)], timeout: Option<Duration>) -> io::Result<()> {
    let waiter = |(word, expected): &(&AtomicU32, u32)| Waiter {
        expected: (*expected).into(),
        address: word.as_ptr().expose_provenance() as u64,
        flags: WORD,
        reserved: 0,
    };
    let waiters: Vec<_> = words.iter().take(MOST_WORDS).map(waiter).collect();
    let limit = timeout.map(|timeout| timespec(clock_now().saturating_add(timeout)));
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (first, count) = (waiters.as_ptr(), waiters.len());
    // SAFETY: the words, the list and the time outlive the call, which reads them.
    let result = unsafe { libc::syscall(libc::SYS_futex_waitv, first, count, 0, limit, libc::CLOCK_MONOTONIC) };
    if result >= 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match (error.raw_os_error(), words.first()) {
        (Some(libc::EAGAIN | libc::EINTR | libc::ETIMEDOUT), _) => Ok(()),
        (Some(libc::ENOSYS), Some((word, expected))) => {
            wait(word, *expected, Some(timeout.unwrap_or(SLICE).min(SLICE)))
        }
        _ => Err(error),
    }
}

fn clock_now() -> Duration {
    Duration::from_nanos(crate::clock::monotonic_ns())
}

/// Wakes all who sleep on `word`, in every process.
pub fn wake_all(word: &AtomicU32) {
    // SAFETY: the address only names the sleepers; it is neither read nor written.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, libc::c_int::MAX) };
}

/// Makes `word` zero and wakes all who sleep on it, in one system call: nobody can be killed between the two.
///
/// # Errors
/// When the kernel refuses; then nothing has changed.
pub fn clear_and_wake_all(word: &AtomicU32) -> io::Result<()> {
    // "*word = 0; then, if it was 0 before, wake one more": an encoded FUTEX_OP_SET with FUTEX_OP_CMP_EQ is all zeros.
    const SET_ZERO: libc::c_int = 0;
    let (address, all) = (word.as_ptr(), libc::c_int::MAX);
    // SAFETY: both addresses are `word`, which outlives the call and which the kernel changes atomically.
    let result =
        unsafe { libc::syscall(libc::SYS_futex, address, libc::FUTEX_WAKE_OP, all, 0_usize, address, SET_ZERO) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets the lowest bit of `word` and wakes all who sleep on it, in one system call: nobody can be killed between the two.
pub fn set_bit_and_wake_all(word: &AtomicU32) {
    // "*word |= 1; then, if it was -1 before, wake one more": FUTEX_OP_OR, with FUTEX_OP_CMP_EQ and all bits to compare to.
    const OR_ONE: libc::c_int = (libc::FUTEX_OP_OR << 28) | (1 << 12) | 0xfff;
    let (address, all) = (word.as_ptr(), libc::c_int::MAX);
    // SAFETY: both addresses are `word`, which outlives the call and which the kernel changes atomically.
    let result = unsafe { libc::syscall(libc::SYS_futex, address, libc::FUTEX_WAKE_OP, all, 0_usize, address, OR_ONE) };
    if result < 0 {
        word.fetch_or(1, std::sync::atomic::Ordering::SeqCst);
        wake_all(word);
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    let seconds = libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX);
    libc::timespec { tv_sec: seconds, tv_nsec: duration.subsec_nanos().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::SeqCst;
    use std::time::Instant;

    #[test]
    fn a_changed_word_is_not_slept_on() {
        wait(&AtomicU32::new(1), 0, None).expect("returns at once");
    }

    #[test]
    fn a_sleep_ends_with_its_timeout() {
        let start = Instant::now();
        let word = AtomicU32::new(0);
        while start.elapsed() < Duration::from_millis(20) {
            wait(&word, 0, Some(Duration::from_millis(20))).expect("sleeps");
        }
    }

    #[test]
    fn who_sleeps_on_two_words_is_woken_by_either() {
        let words = [AtomicU32::new(0), AtomicU32::new(0)];
        for change in &words {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    change.store(1, SeqCst);
                    wake_all(change);
                });
                while words.iter().all(|word| word.load(SeqCst) == 0) {
                    wait_any(&[(&words[0], 0), (&words[1], 0)], None).expect("sleeps");
                }
            });
            change.store(0, SeqCst);
        }
        let start = Instant::now();
        wait_any(&[(&words[0], 0), (&words[1], 0)], Some(Duration::from_millis(20))).expect("sleeps");
        assert!(start.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn clearing_wakes_every_sleeper() {
        let word = AtomicU32::new(5);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while word.load(SeqCst) == 5 {
                        wait(&word, 5, None).expect("sleeps");
                    }
                });
            }
            clear_and_wake_all(&word).expect("clears");
        });
        assert_eq!(word.load(SeqCst), 0);
    }
}
