//! Plots as SVG: scales, axes, marks. Colours are the page's variables, so that light and dark need one drawing.
//!
//! Does **not** know what is drawn.

use std::fmt::Write;

/// The width of every plot, in its own units: 12 of them are a letter's height, on a phone as on a desk.
pub(crate) const WIDTH: f64 = 440.0;

/// From values to places, by their logarithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogScale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl LogScale {
    /// From the least to the most of `values` (and a little more), onto `from..to`.
    pub(crate) fn over(values: impl Iterator<Item = f64> + Clone, (from, to): (f64, f64)) -> Self {
        let values = values.filter(|value| *value > 0.0);
        let low = values.clone().fold(f64::INFINITY, f64::min).log10();
        let high = values.fold(0.0_f64, f64::max).log10();
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let room = 0.04 * (high - low).max(0.5);
        Self { low: low - room, high: high + room, from, to }
    }

    pub(crate) fn at(self, value: f64) -> f64 {
        let share = (value.max(1e-12).log10() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// Powers of ten, and where those are few also twice and five times them.
    pub(crate) fn ticks(self) -> Vec<f64> {
        let steps: &[f64] = if self.high - self.low > 2.2 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = (self.low.floor() as i32)..=(self.high.ceil() as i32);
        let all = powers.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        all.filter(|tick| (self.low..=self.high).contains(&tick.log10())).collect()
    }
}

/// A drawing.
#[derive(Debug)]
pub(crate) struct Svg {
    body: String,
    height: f64,
    title: String,
}

impl Svg {
    /// `title` is what it is read out as.
    pub(crate) fn new(height: f64, title: &str) -> Self {
        Self { body: String::new(), height, title: escape(title) }
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: &str, text: &str) {
        self.push(&format!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#, escape(text)));
    }

    pub(crate) fn strong(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        self.push(&format!(r#"<text class="strong" x="{x:.1}" y="{y:.1}">{text}</text>"#));
    }

    /// On the ground where workers win.
    pub(crate) fn good(&mut self, (x, y): (f64, f64), text: &str) {
        self.push(&format!(r#"<text class="good" x="{x:.1}" y="{y:.1}">{}</text>"#, escape(text)));
    }

    pub(crate) fn line(&mut self, (x, y): (f64, f64), (to_x, to_y): (f64, f64), class: &str) {
        self.push(&format!(r#"<line class="{class}" x1="{x:.1}" y1="{y:.1}" x2="{to_x:.1}" y2="{to_y:.1}"/>"#));
    }

    pub(crate) fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        let (width, height) = (width.max(0.0), height.max(0.0));
        let place = format!(r#"x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}""#);
        self.push(&format!(r#"<rect {place} style="fill:var({colour})"/>"#));
    }

    pub(crate) fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        self.push(&format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" style="fill:var({colour})"/>"#));
    }

    /// A hollow dot: a place that was calculated, not measured.
    pub(crate) fn ring(&mut self, (x, y): (f64, f64), colour: &str) {
        let style = format!("fill:var(--card);stroke:var({colour});stroke-width:2.5");
        self.push(&format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="5.5" style="{style}"/>"#));
    }

    /// `dashes` as in `stroke-dasharray`.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], colour: &str, dashes: &str) {
        let places = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
        let style =
            format!("fill:none;stroke:var({colour});stroke-width:2.2;stroke-linejoin:round;stroke-dasharray:{dashes}");
        self.push(&format!(r#"<polyline points="{places}" style="{style}"/>"#));
    }

    fn push(&mut self, element: &str) {
        // A string takes all.
        writeln!(self.body, "{element}").ok();
    }

    pub(crate) fn finish(self) -> String {
        let Self { body, height, title } = self;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">
{body}</svg>
"#
        )
    }
}

/// Text that cannot be taken for markup.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_evenly_spread() {
        let scale = LogScale::over([1.0, 10.0, 1000.0].into_iter(), (0.0, 300.0));
        let places = [1.0, 10.0, 100.0].map(|value| scale.at(value));
        assert!((places[1] - places[0] - (places[2] - places[1])).abs() < 1e-9);
        assert_eq!(scale.ticks(), [1.0, 10.0, 100.0, 1000.0]);
        assert!(LogScale::over(std::iter::empty(), (0.0, 1.0)).at(5.0).is_finite());
    }

    #[test]
    fn names_are_text_whatever_is_in_them() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
