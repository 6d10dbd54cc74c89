//! The plots of the page: where the time goes, when workers win, and how calls are spread.
//!
//! Does **not** know the page around them.

use crate::plan::{Call, Mode, Rhythm};
use crate::report::{Layers, Measured, Report};
use crate::svg::{LogScale, Svg, WIDTH, escape};
use crate::units::{show_bytes, show_round_time, show_time};
use crate::verdict::place;

const SERIES: [&str; 7] = ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7"];
/// More lines than colours: the next ones are dashed, and their names say so.
const DASHES: [(&str, &str); 3] = [("none", ""), ("7 4", " (dashed)"), ("2 4", " (dotted)")];

/// The parts of a call.
const WAY_NAMES: [&str; 3] = ["way there: encoded, handed over, woken, decoded", "the work", "way back"];
const WAY_COLOURS: [&str; 3] = ["--l2", "--l1", "--l4"];

/// Names and colours, in front of a plot.
fn legend<'a>(entries: impl Iterator<Item = (&'a str, String)>) -> String {
    let entry = |(colour, name): (&str, String)| {
        format!(r#"<li><i style="background:var({colour})"></i>{}</li>"#, escape(&name))
    };
    format!(r#"<ul class="legend">{}</ul>"#, entries.map(entry).collect::<String>())
}

/// For each size of argument, where the time of the shortest single call went, by the task's own stamps: all of it.
pub(crate) fn ways(report: &Report) -> Option<String> {
    const TOP: f64 = 8.0;
    const ROW: f64 = 34.0;
    const LEFT: f64 = 62.0;
    const RIGHT: f64 = WIDTH - 76.0;
    let rows = way_rows(report);
    rows.first()?;
    let bottom = TOP + ROW * rows.len() as f64;
    let mut svg = Svg::new(bottom + 38.0, "where the time of a single call on a worker goes");
    for quarter in 0..=4 {
        let x = LEFT + (RIGHT - LEFT) * f64::from(quarter) / 4.0;
        svg.line((x, TOP), (x, bottom), "g");
        svg.text((x, bottom + 16.0), "middle", &format!("{} %", quarter * 25));
    }
    svg.text((f64::midpoint(LEFT, RIGHT), bottom + 33.0), "middle", "share of the time of a call");
    for (index, (bytes, parts)) in rows.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        svg.text((LEFT - 8.0, y + 21.0), "end", &show_bytes(*bytes));
        let mut x = LEFT;
        for (share, colour) in shares(*parts).into_iter().zip(WAY_COLOURS) {
            let width = share * (RIGHT - LEFT);
            svg.bar((x, y + 6.0), (width - 1.0, ROW - 12.0), colour);
            x += width;
        }
        svg.strong((RIGHT + 8.0, y + 21.0), &show_time(parts.iter().sum()));
    }
    Some(legend(WAY_COLOURS.into_iter().zip(WAY_NAMES.map(str::to_owned))) + &svg.finish())
}

/// What they are of their sum.
fn shares(parts: [f64; 3]) -> [f64; 3] {
    let whole: f64 = parts.iter().sum();
    parts.map(|part| part / whole.max(1.0))
}

fn way_rows(report: &Report) -> Vec<(u64, [f64; 3])> {
    let parts = |cell: &Measured| {
        let way = cell.mode(Mode::Spawn)?.way?;
        Some((cell.cell.payload_bytes, [way.there_ns, way.run_ns, way.back_ns]))
    };
    report.cells.iter().filter(|cell| is_shown(report, cell)).filter_map(parts).collect()
}

/// Whether it is single calls of the shortest task, by most workers.
fn is_shown(report: &Report, cell: &Measured) -> bool {
    let least = report.cells.iter().map(|cell| cell.cell.task_ns).min();
    let shown = (Some(cell.cell.task_ns), Some(cell.cell.workers)) == (least, most_workers(report));
    shown && cell.is(Call::Single, Rhythm::Hot)
}

/// For one size of argument, what each layer adds to a single call: every bar begins where the one above it ends, the last is all
/// of it. One that saves time goes back.
pub(crate) fn layers(report: &Report, bytes: u64) -> Option<String> {
    const ROW: f64 = 30.0;
    const TOP: f64 = 6.0;
    const AREA: (f64, f64) = (100.0, WIDTH - 76.0);
    let layers =
        *report.cells.iter().find(|cell| is_shown(report, cell) && cell.cell.payload_bytes == bytes)?.layers.first()?;
    let steps = steps(&layers);
    let most = steps.iter().map(|(_, from, to)| from.max(*to)).fold(1.0, f64::max);
    let x = |ns: f64| AREA.0 + ns / most * (AREA.1 - AREA.0);
    let bottom = TOP + ROW * steps.len() as f64;
    let mut svg = Svg::new(bottom + 38.0, "what each layer adds to a single call on a worker");
    for tick in even_ticks(most) {
        svg.line((x(tick), TOP), (x(tick), bottom), "g");
        svg.text((x(tick), bottom + 16.0), "middle", &show_round_time(tick));
    }
    for (index, (name, from, to)) in steps.into_iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let colour = if index == 5 {
            "--l1"
        } else if to < from {
            "--l3"
        } else {
            "--l2"
        };
        svg.text((AREA.0 - 8.0, y + 19.0), "end", name);
        svg.bar((x(from.min(to)), y + 5.0), (x(from.max(to)) - x(from.min(to)), ROW - 10.0), colour);
        svg.strong((AREA.1 + 8.0, y + 19.0), &show_time(to - from));
    }
    svg.text((f64::midpoint(AREA.0, AREA.1), bottom + 33.0), "middle", "time, from layer to layer");
    let names = ["costs", "saves", "all of it"].map(str::to_owned);
    Some(legend(["--l2", "--l3", "--l1"].into_iter().zip(names)) + &svg.finish())
}

/// Name, begin and end of each bar.
fn steps(layers: &Layers) -> Vec<(&'static str, f64, f64)> {
    let add = |end: &mut f64, (name, ns): (&'static str, f64)| {
        let from = *end;
        *end += ns;
        Some((name, from, *end))
    };
    let steps = layers.parts().into_iter().scan(0.0, add);
    steps.chain([("total", 0.0, layers.total)]).collect()
}

/// Three to six round values from 0 to `most`.
fn even_ticks(most: f64) -> Vec<f64> {
    let power = 10_f64.powf(most.log10().floor());
    let step = [0.2, 0.5, 1.0, 2.0].map(|part| part * power).into_iter().find(|step| most / step < 6.0);
    let step = step.unwrap_or(2.0 * power);
    (0..6).map(|count| f64::from(count) * step).take_while(|tick| *tick <= most).collect()
}

pub(crate) fn most_workers(report: &Report) -> Option<usize> {
    report.cells.iter().map(|cell| cell.cell.workers).max()
}

/// How many times as fast as one thread, by task time, a line for each size of argument.
pub(crate) fn speed_up(report: &Report) -> Option<String> {
    const AREA: ((f64, f64), (f64, f64)) = ((58.0, WIDTH - 22.0), (14.0, 270.0));
    let workers = most_workers(report)?;
    let lines = speed_lines(report, workers);
    let points = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    points().next()?;
    let ((left, right), (top, bottom)) = AREA;
    let x = LogScale::over(points().map(|(work, _)| work).collect::<Vec<_>>().into_iter(), (left, right));
    let ideal = workers.min(report.machine.usable) as f64;
    let speeds: Vec<_> = points().map(|(_, speed)| speed).chain([1.0, ideal.max(1.2)]).collect();
    let y = LogScale::over(speeds.into_iter(), (bottom, top));
    let mut svg = Svg::new(316.0, "how many times as fast as one thread the workers are, by task time");
    svg.bar((left, top), (right - left, y.at(1.0) - top), "--good");
    for tick in x.ticks() {
        svg.line((x.at(tick), top), (x.at(tick), bottom), "g");
        svg.text((x.at(tick), bottom + 17.0), "middle", &show_round_time(tick));
    }
    for tick in y.ticks() {
        svg.line((left, y.at(tick)), (right, y.at(tick)), "g");
        svg.text((left - 7.0, y.at(tick) + 4.0), "end", &format!("{tick}×"));
    }
    svg.line((left, y.at(1.0)), (right, y.at(1.0)), "one");
    svg.good((left + 7.0, top + 15.0), "workers are faster");
    svg.text((f64::midpoint(left, right), bottom + 38.0), "middle", "work in a task");
    for (index, ((bytes, points), colour)) in lines.iter().zip(SERIES.iter().cycle()).enumerate() {
        let places: Vec<_> = points.iter().map(|(work, speed)| (x.at(*work), y.at(*speed))).collect();
        svg.path(&places, colour, DASHES[(index / SERIES.len()).min(DASHES.len() - 1)].0);
        places.iter().for_each(|place| svg.dot(*place, 3.2, colour));
        if let Some(work) = crossing(report, workers, *bytes).filter(|work| x.at(*work) <= right) {
            svg.ring((x.at(work), y.at(1.0)), colour);
        }
    }
    let name = |(index, (bytes, _)): (usize, &Speeds)| {
        show_bytes(*bytes) + DASHES[(index / SERIES.len()).min(DASHES.len() - 1)].1
    };
    Some(legend(SERIES.into_iter().cycle().zip(lines.iter().enumerate().map(name))) + &svg.finish())
}

/// A size, and (work, times as fast) for each task time.
type Speeds = (u64, Vec<(f64, f64)>);

fn speed_lines(report: &Report, workers: usize) -> Vec<Speeds> {
    let of = |bytes: u64| {
        let is_of = |cell: &&Measured| {
            (cell.cell.call, cell.cell.workers, cell.cell.payload_bytes) == (Call::Batch, workers, bytes)
        };
        let speed = |cell: &Measured| {
            let (alone, spawned) = (cell.mode(Mode::Direct)?.median_ns, cell.mode(Mode::Spawn)?.median_ns);
            Some((cell.cell.task_ns as f64, alone / spawned))
        };
        (bytes, report.cells.iter().filter(is_of).filter_map(speed).collect())
    };
    report.plan.payloads.iter().map(|bytes| of(*bytes)).filter(|(_, points): &Speeds| !points.is_empty()).collect()
}

fn crossing(report: &Report, workers: usize, bytes: u64) -> Option<f64> {
    let is_of = (Mode::Spawn, workers, bytes);
    let one = report.break_even.iter().find(|one| (one.mode, one.workers, one.payload_bytes) == is_of)?;
    if matches!(one.crossing, crate::Crossing::At { .. }) { place(one.crossing) } else { None }
}

/// For each mode the median, and how far 9 and 99 of 100 single calls reach.
pub(crate) fn spread(report: &Report, rhythm: Rhythm) -> Option<String> {
    const ROW: f64 = 31.0;
    const TOP: f64 = 6.0;
    const AREA: (f64, f64) = (140.0, WIDTH - 68.0);
    let workers = most_workers(report);
    let shown = report.cells.iter().filter(|cell| cell.is(Call::Single, rhythm) && Some(cell.cell.workers) == workers);
    let cell = shown.min_by_key(|cell| (cell.cell.payload_bytes, cell.cell.task_ns))?;
    let ends = cell.modes.iter().flat_map(|figures| [figures.median_ns, figures.spread_ns.p99]);
    let x = LogScale::over(ends.collect::<Vec<_>>().into_iter(), AREA);
    let bottom = TOP + ROW * cell.modes.len() as f64;
    let mut svg = Svg::new(bottom + 40.0, "how single calls are spread, by mode");
    for tick in x.ticks() {
        svg.line((x.at(tick), TOP), (x.at(tick), bottom), "g");
        svg.text((x.at(tick), bottom + 16.0), "middle", &show_round_time(tick));
    }
    for (index, figures) in cell.modes.iter().enumerate() {
        let (y, spread) = (TOP + ROW * (index as f64 + 0.5), figures.spread_ns);
        let colour = if figures.mode.is_workers() { "--l5" } else { "--l2" };
        let (median, p90, p99) = (x.at(figures.median_ns), x.at(spread.p90), x.at(spread.p99));
        svg.text((AREA.0 - 8.0, y + 4.0), "end", figures.mode.name());
        svg.bar((median, y - 1.5), (p99 - median, 3.0), colour);
        svg.bar((median, y - 5.0), (p90 - median, 10.0), colour);
        svg.dot((median, y), 6.0, colour);
        svg.strong((AREA.1 + 6.0, y + 4.0), &show_time(figures.median_ns));
    }
    svg.text((f64::midpoint(AREA.0, AREA.1), bottom + 34.0), "middle", "time of a call, from call to value");
    Some(svg.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_begin_where_the_one_before_ends_and_end_with_all_of_it() {
        let parts = (1_000.0, 500.0, 100.0, 9_000.0, -6_000.0);
        let (work, hand_off, serialization, transport, scheduling) = parts;
        let layers = Layers { mode: Mode::Spawn, work, hand_off, serialization, transport, scheduling, total: 4_600.0 };
        let drawn = steps(&layers);
        assert!(drawn[..5].windows(2).all(|two| two[0].2 == two[1].1), "{drawn:?}");
        assert_eq!(drawn[4], ("scheduling", 10_600.0, 4_600.0), "it saves: back to the total");
        assert_eq!(drawn[5], ("total", 0.0, 4_600.0));
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(even_ticks(10_600.0), [0.0, 2e3, 4e3, 6e3, 8e3, 10e3]);
        assert_eq!(even_ticks(4_600.0), [0.0, 1e3, 2e3, 3e3, 4e3]);
        for most in [1.0, 1.9, 2.1, 5.9, 6.1, 9.9, 99_999.0] {
            assert!((3..=6).contains(&even_ticks(most).len()), "{most}: {:?}", even_ticks(most));
        }
    }

    #[test]
    fn what_is_drawn_is_all_that_is_labelled() {
        let drawn = shares([3_000.0, 1_000.0, 0.0]);
        assert_eq!(drawn, [0.75, 0.25, 0.0]);
        assert_eq!(shares([0.0; 3]), [0.0; 3], "a clock that stands still is no division by 0");
    }
}
