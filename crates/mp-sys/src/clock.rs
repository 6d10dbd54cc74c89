//! The monotonic clock as a plain number, the same in every process of the machine.
//!
//! Does **not** know what is timed.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of CLOCK_MONOTONIC (see `clock_gettime(2)`): comparable between processes, not across a reboot.
#[must_use]
pub fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// The same clock as it was at the kernel's last tick, up to 10 ms ago: to read it costs a few nanoseconds.
#[must_use]
pub fn last_tick_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}
