//! Numbers on the command line: how many of what, and what is said of a text that is none.
//!
//! Does **not** know which option wants which.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// Reads a whole number that is in `range`; of all others it says what was `wanted`.
pub(crate) fn whole<T>(range: RangeInclusive<T>, wanted: &'static str) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Clone,
{
    move |text| text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| format!("expected {wanted}"))
}

pub(crate) fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one worker is needed".to_owned()),
        _ => whole(1..=usize::MAX, "a number of workers, 1 or more")(text),
    }
}

pub(crate) fn retries(text: &str) -> Result<u32, String> {
    whole(0..=u32::MAX, "a number of times, 0 or more")(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_such_number_is_refused_in_words() {
        let nice = whole(-39..=39, "a number from -39 to 39");
        assert_eq!((nice("-39"), nice("39")), (Ok(-39), Ok(39)));
        for text in ["40", "-40", "", "x", "1.5", "99999999999999999999"] {
            assert_eq!(nice(text), Err("expected a number from -39 to 39".to_owned()), "{text}");
        }
        assert_eq!(workers("0"), Err("at least one worker is needed".to_owned()));
        assert_eq!(workers("-1"), Err("expected a number of workers, 1 or more".to_owned()));
    }
}
