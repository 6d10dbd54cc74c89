//! Durations as people write them: `5`, `5s`, `1.5s`, `500ms`, `2m`, `1h`.
//!
//! Does **not** know what they limit.

use std::time::Duration;

const UNITS: [(&str, f64); 5] = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// The longest that makes sense; beyond it an `Instant` could not be reached by adding.
const MOST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Reads one; a bare number is seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let factor = match unit {
        "" => Some(1.0),
        unit => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor),
    };
    let number: Option<f64> = digits.trim().parse().ok();
    let (Some(number), Some(factor)) = (number, factor) else {
        return Err("expected a number of seconds, or a number with a unit: 500ms, 5s, 1.5s, 2m, 1h".to_owned());
    };
    match Duration::try_from_secs_f64(number * factor) {
        Ok(duration) if !duration.is_zero() && duration <= MOST => Ok(duration),
        Ok(_) | Err(_) => Err("expected more than nothing and less than 100 years".to_owned()),
    }
}

/// Three digits and a unit: `0.8 ms`, `12.3 ms`, `1.23 s`, `150 s`.
pub(crate) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 0.01 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 100.0 => format!("{s:.2} s"),
        s => format!("{s:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_units_are_read() {
        for (text, ms) in
            [("5", 5000), ("5s", 5000), ("1.5s", 1500), ("500ms", 500), ("2m", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "five", "5 days", "-1", "0", "0ms", "nan", "inf", "1e300", "5ſ"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_show_three_digits() {
        let show = |ms| show(Duration::from_micros(ms));
        assert_eq!(
            [show(812), show(12_300), show(1_234_000), show(150_000_000)],
            ["0.8 ms", "12 ms", "1.23 s", "150 s"]
        );
    }
}
