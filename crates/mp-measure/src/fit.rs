//! Where two ways of doing the same work cost the same, from points that were measured.
//!
//! Does **not** know what the ways are.
//!
//! ```text
//!  time a task │            / one thread            workers lose on the left of the crossing, for what sending a task
//!              │          /    .                    costs, and win on the right of it, for they run beside each other
//!              │  .____./.
//!              │     /      workers
//!              └────┴──────────── work in a task
//! ```
//!
//! The crossing is that of the two lines through the measured points on both sides of it: nothing is assumed of what lies
//! elsewhere. Only where it was not reached are lines through all points prolonged, by no more than ten times.

use serde::Serialize;

/// One task time: the work in a task, and what a task took on one thread and on workers, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The work in a task.
    pub work: f64,
    /// What a task took on one thread.
    pub alone: f64,
    /// What a task took on the workers: the time of all, divided by their number.
    pub workers: f64,
}

/// `time = base + slope × work`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    /// What a task without work takes, in nanoseconds.
    pub base: f64,
    /// What each nanosecond of work adds; 0.5 where two workers share it well.
    pub slope: f64,
}

/// From which work on workers are faster than one thread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Crossing {
    /// Between two task times that were measured.
    At {
        /// The work in a task, in nanoseconds.
        work_ns: f64,
    },
    /// Beyond the longest task that was measured, by the lines through all points.
    Beyond {
        /// The work in a task, in nanoseconds.
        work_ns: f64,
    },
    /// With the shortest task that was measured they are faster already.
    Below {
        /// The work in the shortest task, in nanoseconds.
        work_ns: f64,
    },
    /// Not up to ten times the longest task that was measured.
    Never,
    /// Too little was measured to tell.
    Unknown,
}

/// So far beyond the longest task a line is prolonged.
const REACH: f64 = 10.0;

/// Workers whose time grows by more than this share of one thread's do not catch up, beyond what noise can feign.
const GAIN: f64 = 0.95;

impl Line {
    /// Through points (work, time), each as important as the others whatever its size: relative errors are made small. Where
    /// the points are few or alike, `None`.
    #[must_use]
    pub fn through(points: &[(f64, f64)]) -> Option<Self> {
        let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (x, y) in points.iter().filter(|(_, y)| *y > 0.0) {
            let weight = 1.0 / (y * y);
            w += weight;
            wx += weight * x;
            wy += weight * y;
            wxx += weight * x * x;
            wxy += weight * x * y;
        }
        let spread = w * wxx - wx * wx;
        if spread <= 1e-9 * w * wxx || spread.is_nan() {
            return None;
        }
        let slope = (w * wxy - wx * wy) / spread;
        Some(Self { base: (wy - slope * wx) / w, slope })
    }

    fn meets(self, other: Self) -> f64 {
        (self.base - other.base) / (other.slope - self.slope)
    }
}

/// Where the workers' line through `points` falls below that of one thread, for good. In any order.
#[must_use]
pub fn crossing(points: &[Point]) -> Crossing {
    let mut points: Vec<_> = points.iter().copied().filter(|point| point.alone > 0.0 && point.workers > 0.0).collect();
    points.sort_by(|a, b| a.work.total_cmp(&b.work));
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Crossing::Unknown };
    match points.iter().rposition(|point| point.workers >= point.alone) {
        None => Crossing::Below { work_ns: first.work },
        Some(at) if at + 1 < points.len() => between(points[at], points[at + 1]),
        Some(_) => prolonged(&points, last.work),
    }
}

fn between(before: Point, after: Point) -> Crossing {
    let (lost, won) = (before.workers - before.alone, after.alone - after.workers);
    Crossing::At { work_ns: before.work + (after.work - before.work) * lost / (lost + won) }
}

fn prolonged(points: &[Point], longest: f64) -> Crossing {
    let Some((alone, workers)) = lines(points) else { return Crossing::Unknown };
    if workers.slope > GAIN * alone.slope {
        return Crossing::Never;
    }
    // Noise may put the crossing before a point where the workers lost: it is not before it.
    let work_ns = workers.meets(alone).max(longest);
    if work_ns <= REACH * longest { Crossing::Beyond { work_ns } } else { Crossing::Never }
}

/// The lines of one thread and of the workers through all points.
#[must_use]
pub(crate) fn lines(points: &[Point]) -> Option<(Line, Line)> {
    let of = |time: fn(&Point) -> f64| {
        Line::through(&points.iter().map(|point| (point.work, time(point))).collect::<Vec<_>>())
    };
    Some((of(|point| point.alone)?, of(|point| point.workers)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two workers that lose `cost` a task.
    fn points(works: &[f64], cost: f64, slope: f64) -> Vec<Point> {
        works.iter().map(|&work| Point { work, alone: 100.0 + work, workers: cost + slope * work }).collect()
    }

    fn near(crossing: Crossing, wanted: f64) -> bool {
        matches!(crossing, Crossing::At { work_ns } | Crossing::Beyond { work_ns } if (work_ns / wanted - 1.0).abs() < 1e-6)
    }

    #[test]
    fn straight_lines_are_found_again() {
        let line = Line::through(&[(1e3, 600.0), (1e4, 5_100.0), (1e6, 500_100.0)]).expect("a line");
        assert!((line.base - 100.0).abs() < 1e-6 && (line.slope - 0.5).abs() < 1e-9, "{line:?}");
        assert_eq!(Line::through(&[(1e3, 600.0)]), None);
        assert_eq!(Line::through(&[(1e3, 600.0), (1e3, 700.0)]), None);
    }

    #[test]
    fn small_points_count_as_much_as_large_ones() {
        // An error of a hundredth in the longest task is a hundred times the base.
        let line = Line::through(&[(1e3, 1_100.0), (1e4, 10_100.0), (1e6, 1_010_000.0)]).expect("a line");
        assert!((50.0..150.0).contains(&line.base), "{line:?}");
    }

    #[test]
    fn a_crossing_between_points_is_exact() {
        // 100 + w = 10,100 + w/2 at w = 20,000.
        assert!(near(crossing(&points(&[1e3, 1e4, 1e5], 10_100.0, 0.5)), 20_000.0));
        let mut shuffled = points(&[1e5, 1e3, 1e4], 10_100.0, 0.5);
        shuffled.reverse();
        assert!(matches!(crossing(&shuffled), Crossing::At { .. }));
    }

    #[test]
    fn what_was_not_reached_is_prolonged_but_not_far() {
        let beyond = crossing(&points(&[1e3, 5e3], 10_100.0, 0.5));
        assert!(near(beyond, 20_000.0) && matches!(beyond, Crossing::Beyond { .. }), "{beyond:?}");
        assert_eq!(crossing(&points(&[100.0, 1e3], 10_100.0, 0.5)), Crossing::Never);
    }

    #[test]
    fn workers_that_share_nothing_never_pay() {
        assert_eq!(crossing(&points(&[1e3, 1e4, 1e5], 10_100.0, 1.0)), Crossing::Never);
    }

    #[test]
    fn a_win_before_a_loss_is_luck() {
        let mut points = points(&[1e3, 1e4, 1e5, 1e6], 10_100.0, 0.5);
        points[0].workers = 1.0;
        assert!(near(crossing(&points), 20_000.0));
    }

    #[test]
    fn the_ends_are_named() {
        assert_eq!(crossing(&points(&[1e3, 1e4], 200.0, 0.5)), Crossing::Below { work_ns: 1e3 });
        assert_eq!(crossing(&[]), Crossing::Unknown);
        assert_eq!(crossing(&points(&[1e3], 1e6, 0.5)), Crossing::Unknown);
    }
}
