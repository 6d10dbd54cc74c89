//! When deaths become too many.
//!
//! Does **not** know workers: it counts deaths in a period, and remembers the first.

use std::collections::VecDeque;
use std::time::Instant;

use crate::config::RestartLimit;

#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker {
    deaths: VecDeque<(Instant, String)>,
}

impl Breaker {
    /// Counts a death; gives the first cause when there have been more than the limit within its period.
    pub(crate) fn count(&mut self, now: Instant, limit: &RestartLimit, cause: String) -> Option<String> {
        while self.deaths.front().is_some_and(|(at, _)| now.duration_since(*at) > limit.period) {
            self.deaths.pop_front();
        }
        self.deaths.push_back((now, cause));
        if self.deaths.len() <= limit.deaths as usize {
            return None;
        }
        self.deaths.front().map(|(_, cause)| cause.clone())
    }

    /// How many deaths are counted at the moment.
    pub(crate) fn recent(&self) -> u32 {
        self.deaths.len() as u32
    }

    /// Nothing that went before counts any more.
    pub(crate) fn clear(&mut self) {
        self.deaths.clear();
    }

    /// A task was finished: work goes on, so what went before was no endless crash, unless every death counts.
    pub(crate) fn forgive(&mut self, limit: &RestartLimit) {
        if !limit.count_task_deaths {
            self.deaths.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_cause_is_named_when_deaths_exceed_the_limit() {
        let limit = RestartLimit { deaths: 2, period: Duration::from_secs(5), count_task_deaths: false };
        let start = Instant::now();
        let mut breaker = Breaker::default();
        assert_eq!(breaker.count(start, &limit, "first".into()), None);
        assert_eq!(breaker.count(start, &limit, "second".into()), None);
        assert_eq!(breaker.count(start, &limit, "third".into()), Some("first".into()));
    }

    #[test]
    fn deaths_long_ago_do_not_count() {
        let limit = RestartLimit { deaths: 1, period: Duration::from_secs(5), count_task_deaths: false };
        let start = Instant::now();
        let mut breaker = Breaker::default();
        assert_eq!(breaker.count(start, &limit, "first".into()), None);
        let later = start + Duration::from_secs(6);
        assert_eq!(breaker.count(later, &limit, "second".into()), None);
    }
}
