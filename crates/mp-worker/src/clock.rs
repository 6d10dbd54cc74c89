//! The clock a worker looks at. In this crate's own tests it may be one that a test made, so that they judge what was decided
//! and not how fast the machine is.
//!
//! Does **not** know what is timed.

#[cfg(not(test))]
pub(crate) use mp_sys::clock::monotonic_ns;

#[cfg(test)]
pub(crate) use made::{goes_on_by, monotonic_ns};

#[cfg(test)]
mod made {
    use std::cell::Cell;

    thread_local! {
        /// What it shows, and by how much it goes on with each look.
        static MADE: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
    }

    /// From now on this thread's clock goes on by so many nanoseconds with each look at it, and only then.
    pub(crate) fn goes_on_by(step_ns: u64) {
        MADE.set(Some((mp_sys::clock::monotonic_ns(), step_ns)));
    }

    pub(crate) fn monotonic_ns() -> u64 {
        let Some((now_ns, step_ns)) = MADE.get() else { return mp_sys::clock::monotonic_ns() };
        MADE.set(Some((now_ns + step_ns, step_ns)));
        now_ns + step_ns
    }
}
