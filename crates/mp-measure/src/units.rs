//! Times and sizes as people read and write them: `14 µs`, `1 MiB`.
//!
//! Does **not** know what is measured.

const TIMES: [(f64, &str); 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
const SIZES: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
const SUFFIXES: [(&str, u64); 11] = [
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("kib", 1 << 10),
    ("gb", 1_000_000_000),
    ("mb", 1_000_000),
    ("kb", 1_000),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
    ("b", 1),
    ("", 1),
];

/// Three digits and a unit: `812 ns`, `14.0 µs`; with a minus where it is negative.
///
/// ```
/// assert_eq!([mp_measure::show_time(14_000.0), mp_measure::show_time(-812.0)], ["14.0 µs", "−812 ns"]);
/// ```
#[must_use]
pub fn show_time(ns: f64) -> String {
    let sign = if ns < 0.0 { "−" } else { "" };
    let ns = ns.abs();
    let (factor, unit) = TIMES.into_iter().find(|(factor, _)| ns >= *factor * 0.9995).unwrap_or((1.0, "ns"));
    let value = ns / factor;
    let digits = if unit == "ns" || value >= 99.95 { 0 } else { usize::from(value < 9.995) + 1 };
    format!("{sign}{value:.digits$} {unit}")
}

/// The same without zeros at its end: what was asked for, not what was measured.
#[must_use]
pub fn show_round_time(ns: f64) -> String {
    let text = show_time(ns);
    let Some((number, unit)) = text.split_once(' ') else { return text };
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number} {unit}")
}

/// `8 B`, `1 MiB`, `1.5 KiB`.
#[must_use]
pub fn show_bytes(bytes: u64) -> String {
    let Some((factor, unit)) = SIZES.into_iter().find(|(factor, _)| bytes >= *factor) else {
        return format!("{bytes} B");
    };
    let value = bytes as f64 / factor as f64;
    if value.fract() < 0.05 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

/// `1.23 million/s`, `812/s`.
#[must_use]
pub fn show_rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 1e6 => format!("{:.2} M/s", rate / 1e6),
        rate if rate >= 1e4 => format!("{:.0} k/s", rate / 1e3),
        rate if rate >= 1e3 => format!("{:.1} k/s", rate / 1e3),
        rate if rate >= 10.0 => format!("{rate:.0}/s"),
        rate => format!("{rate:.1}/s"),
    }
}

/// `0`, `8`, `64K`, `1MiB`, `64MB`. K, M and G, and those with an i, count by 1,024; KB, MB and GB by 1,000.
///
/// # Errors
/// Where it is no size.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size: 0, 8, 64K, 1MiB, 64MB".to_owned();
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let suffix = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let (_, factor) = SUFFIXES.into_iter().find(|(name, _)| *name == suffix).ok_or_else(wrong)?;
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let bytes = number * factor as f64;
    if bytes.is_finite() && bytes >= 0.0 && bytes <= u64::MAX as f64 { Ok(bytes as u64) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let shown = [0.0, 999.0, 999.6, 1000.0, 9_994.0, 9_996.0, 99_960.0, 1.5e9].map(show_time);
        assert_eq!(shown, ["0 ns", "999 ns", "1.00 µs", "1.00 µs", "9.99 µs", "10.0 µs", "100 µs", "1.50 s"]);
        assert_eq!([1000.0, 1500.0, 100_000.0].map(show_round_time), ["1 µs", "1.5 µs", "100 µs"]);
    }

    #[test]
    fn sizes_are_read_and_shown() {
        let read = ["0", "8", "64K", "1MiB", "1.5k", "64MB"].map(|text| parse_bytes(text).expect("is a size"));
        assert_eq!(read, [0, 8, 65_536, 1 << 20, 1536, 64_000_000]);
        assert_eq!(read.map(show_bytes), ["0 B", "8 B", "64 KiB", "1 MiB", "1.5 KiB", "61 MiB"]);
        for text in ["", "-1", "x", "5 bytes", "nan", "1e400"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
