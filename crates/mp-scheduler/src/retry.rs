//! Whether a task is tried again, and when.
//!
//! Does **not** know workers, nor what ran.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mp_wire::TaskId;

use crate::event::Verdict;
use crate::span::Span;

/// What is tried again, how often, and after which pause.
///
/// ```
/// use std::time::Duration;
/// use mp_scheduler::Retry;
///
/// // Lost with its worker or timed out: at once, up to 3 times.
/// let plain = Retry::times(3);
/// // When it panicked as well: after 100 ms, 200 ms, 400 ms, 500 ms, 500 ms.
/// let patient = Retry::times(5).panicked(true).backoff(Duration::from_millis(100), 2, Duration::from_millis(500));
/// assert_ne!(plain, patient);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    lost: bool,
    timed_out: bool,
    panicked: bool,
    factor: u16,
    base_ms: u32,
    max_ms: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self::times(0)
    }
}

impl Retry {
    /// Up to so many times after the first, at once: what was lost with its worker, or ran too long. Not what panicked.
    #[must_use]
    pub const fn times(times: u32) -> Self {
        Self { times, lost: true, timed_out: true, panicked: false, factor: 1, base_ms: 0, max_ms: 0 }
    }

    /// As before, but so many times.
    #[must_use]
    pub const fn with_times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Whether a task that was lost with its worker is tried again; by default it is.
    #[must_use]
    pub const fn lost(self, again: bool) -> Self {
        Self { lost: again, ..self }
    }

    /// Whether a task that ran too long is tried again; by default it is.
    #[must_use]
    pub const fn timed_out(self, again: bool) -> Self {
        Self { timed_out: again, ..self }
    }

    /// Whether a task that panicked is tried again; by default it is not.
    #[must_use]
    pub const fn panicked(self, again: bool) -> Self {
        Self { panicked: again, ..self }
    }

    /// A pause before each retry: `base` before the first, each next one `factor` times the one before, never above `max`.
    /// Counted in whole milliseconds, up to 49 days.
    #[must_use]
    pub fn backoff(self, base: Duration, factor: u16, max: Duration) -> Self {
        let ms = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        Self { base_ms: ms(base), factor, max_ms: ms(max), ..self }
    }

    /// Whether a task whose `attempt`-th try panicked is tried again.
    #[must_use]
    pub const fn after_panic(&self, attempt: u32) -> bool {
        self.panicked && attempt <= self.times
    }

    /// Whether a task whose `attempt`-th try ran too long is tried again.
    #[must_use]
    pub const fn after_timeout(&self, attempt: u32) -> bool {
        self.timed_out && attempt <= self.times
    }

    /// Whether a task whose `attempt`-th try ended so is tried again.
    pub(crate) fn covers(&self, verdict: &Verdict, attempt: u32) -> bool {
        match verdict {
            Verdict::Lost(..) => self.lost && attempt <= self.times,
            Verdict::TimedOut(_) => self.after_timeout(attempt),
            Verdict::Cancelled | Verdict::Unsendable(_) | Verdict::Stopped(_) => false,
        }
    }

    /// The pause after the `attempt`-th try.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        let grown = u64::from(self.factor).saturating_pow(attempt.saturating_sub(1));
        let ms = u64::from(self.base_ms).saturating_mul(grown).min(u64::from(self.max_ms));
        Duration::from_millis(ms)
    }

    /// The most times that it is tried again.
    #[must_use]
    pub const fn most(&self) -> u32 {
        self.times
    }
}

/// Items that wait for their time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Later {
    items: BTreeMap<(Instant, TaskId), Span>,
}

impl Later {
    pub(crate) fn put(&mut self, at: Instant, item: Span) {
        self.items.insert((at, item.first), item);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// When the first is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.items.first_key_value().map(|((at, _), _)| *at)
    }

    /// One that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Span> {
        self.next().filter(|at| *at <= now)?;
        self.items.pop_first().map(|(_, item)| item)
    }

    /// All are due so much later.
    pub(crate) fn shift(&mut self, by: Duration) {
        let items = std::mem::take(&mut self.items).into_iter();
        self.items = items.map(|((at, id), item)| ((at.checked_add(by).unwrap_or(at), id), item)).collect();
    }

    /// Takes out this one.
    pub(crate) fn take(&mut self, task: TaskId) -> Option<Span> {
        let key = self.items.keys().find(|(_, id)| *id == task).copied()?;
        self.items.remove(&key)
    }

    /// Takes out all.
    pub(crate) fn drain(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.items).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound() {
        let ms = Duration::from_millis;
        let retry = Retry::times(9).backoff(ms(100), 2, ms(500));
        assert_eq!([1, 2, 3, 4, 99].map(|attempt| retry.delay(attempt)), [100, 200, 400, 500, 500].map(ms));
        assert_eq!(Retry::times(9).delay(1), Duration::ZERO);
        let never_shrinks = Retry::times(1).backoff(Duration::MAX, u16::MAX, Duration::MAX);
        assert_eq!(never_shrinks.delay(u32::MAX), ms(u64::from(u32::MAX)));
    }
}
