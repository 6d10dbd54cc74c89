//! From what was written to a task's encoded arguments, or why it can't be: before anything is started.
//!
//! Does **not** know where the text comes from, nor who runs the task.

use std::fmt;

use mp::NamedTask;
use serde_json::Value;

use crate::problem::Problem;
use crate::resolve::signature;

/// Something written: JSON where it parses as JSON, else a string; with the text, in case a string is wanted after all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raw {
    value: Value,
    text: Option<String>,
}

impl Raw {
    /// From a word of the command line, or a line of input.
    pub(crate) fn from_text(text: String) -> Self {
        match serde_json::from_str(&text) {
            Ok(value) => Self { value, text: Some(text) },
            Err(_) => Self { value: Value::String(text), text: None },
        }
    }

    /// From what is JSON for sure.
    pub(crate) fn from_json(value: Value) -> Self {
        Self { value, text: None }
    }

    /// What it is as `check` wants it: `007` is a fine string, if it is a string that is wanted.
    fn fitting(self, check: impl Fn(&Value) -> Result<(), String>) -> Result<Value, Misfit> {
        let Err(reason) = check(&self.value) else { return Ok(self.value) };
        match self.text.clone().map(Value::String) {
            Some(text) if check(&text).is_ok() => Ok(text),
            _ => Err(Misfit { given: self.to_string(), reason }),
        }
    }
}

/// As it was written; a string in quotes.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => write!(f, "{}", self.value),
        }
    }
}

/// A value that is not what its place wants.
struct Misfit {
    given: String,
    reason: String,
}

/// The encoded arguments of one call.
pub(crate) fn encode(task: &NamedTask, given: Vec<Raw>) -> Result<Vec<u8>, Problem> {
    let values = fit(task, given)?;
    (task.encode)(&values).map_err(|error| Problem::usage(format!("{}: {error}", signature(task))))
}

/// The encoded arguments for one item: an array is the list of them where the task takes several.
pub(crate) fn encode_item(task: &NamedTask, item: Raw) -> Result<Vec<u8>, Problem> {
    match item {
        Raw { value: Value::Array(items), .. } if task.args.len() > 1 => {
            encode(task, items.into_iter().map(Raw::from_json).collect())
        }
        item if required(task) > 1 => Err(Problem::usage(format!(
            "{} takes several arguments, but the item is {}",
            signature(task),
            short(&item)
        ))
        .hint("write each item as a JSON array of the arguments: '[1, 2]'")),
        item => encode(task, vec![item]),
    }
}

fn required(task: &NamedTask) -> usize {
    task.args.iter().take_while(|arg| arg.default.is_none()).count()
}

fn fit(task: &NamedTask, given: Vec<Raw>) -> Result<Vec<Value>, Problem> {
    check_count(task, given.len())?;
    let defaults = task.args.iter().skip(given.len()).filter_map(|arg| arg.default);
    let defaults: Vec<_> = defaults.map(|json| Raw::from_text(json.to_owned())).collect();
    let all = given.into_iter().chain(defaults).enumerate();
    all.map(|(at, raw)| raw.fitting(task.args[at].check).map_err(|misfit| wrong_type(task, at, &misfit))).collect()
}

fn check_count(task: &NamedTask, given: usize) -> Result<(), Problem> {
    let (least, most) = (required(task), task.args.len());
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (0, 0) => "no arguments".to_owned(),
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{most} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    let missing = task.args.get(given..least).unwrap_or_default();
    let names = missing.iter().map(|arg| format!("\"{}\"", arg.name)).collect::<Vec<_>>().join(" and ");
    let problem = Problem::usage(format!("{} takes {wanted}, {given} given", signature(task)));
    Err(match (missing.len(), most) {
        (1, _) => problem.hint(format!("{names} is missing")),
        (2.., _) => problem.hint(format!("{names} are missing")),
        (0, 0) => problem.hint("leave them out"),
        (0, _) => problem.hint("a list is one argument: '[1, 2]'; many items are for map"),
    })
}

fn wrong_type(task: &NamedTask, at: usize, misfit: &Misfit) -> Problem {
    let arg = &task.args[at];
    let message = format!(
        "{}: argument \"{}\" must be {}, {} was given",
        signature(task),
        arg.name,
        arg.ty,
        short(&misfit.given)
    );
    Problem::usage(message).hint(wanted(arg.ty, &misfit.reason))
}

/// What can be given for a type that people know by another name; for others, what serde says.
fn wanted(ty: &str, reason: &str) -> String {
    let whole = |from: i128, to: u128| format!("it is a whole number, {from} to {to}");
    match ty {
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" => whole(0, u64::MAX.into()),
        "i8" => whole(i8::MIN.into(), i8::MAX as u128),
        "i16" => whole(i16::MIN.into(), i16::MAX as u128),
        "i32" => whole(i32::MIN.into(), i32::MAX as u128),
        "i64" | "isize" => whole(i64::MIN.into(), i64::MAX as u128),
        "f32" | "f64" => "it is a number: 2, -0.5, 1e9".to_owned(),
        "bool" => "it is true or false".to_owned(),
        list if list.starts_with("Vec<") => format!("a list is written '[1, 2]'; {reason}"),
        _ => reason.to_owned(),
    }
}

/// What was given, in an error message: never more than 60 characters of it.
fn short(given: &impl fmt::Display) -> String {
    let text = given.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::resolve;

    #[mp::task(times = 2, suffix = "!")]
    fn repeat(text: String, times: usize, suffix: String) -> String {
        text.repeat(times) + &suffix
    }

    #[mp::task]
    fn half(n: u8) -> u8 {
        n / 2
    }

    #[mp::task]
    fn total(list: Vec<f64>) -> f64 {
        list.iter().sum()
    }

    #[mp::task]
    fn nothing() {}

    #[mp::task]
    fn pair(a: u8, b: u8) -> (u8, u8) {
        (a, b)
    }

    fn values(name: &str, words: &[&str]) -> Result<Vec<Value>, Problem> {
        let given = words.iter().map(|word| Raw::from_text((*word).to_owned())).collect();
        fit(resolve(name).expect("is there"), given)
    }

    fn refusal(name: &str, words: &[&str]) -> (String, Option<String>) {
        let problem = values(name, words).expect_err("is refused");
        (problem.message, problem.hint)
    }

    #[test]
    fn defaults_fill_the_end() {
        assert_eq!(values("repeat", &["x"]), Ok(vec!["x".into(), 2.into(), "!".into()]));
        assert_eq!(values("repeat", &["x", "3"]), Ok(vec!["x".into(), 3.into(), "!".into()]));
    }

    #[test]
    fn json_falls_back_to_its_text_where_a_string_is_wanted() {
        for text in ["007", "12", "true", "null", "1e3", "[1]"] {
            assert_eq!(values("repeat", &[text]).map(|values| values[0].clone()), Ok(text.into()), "{text}");
        }
        assert_eq!(values("repeat", &[r#""quoted""#]).map(|values| values[0].clone()), Ok("quoted".into()));
    }

    #[test]
    fn a_wrong_type_names_signature_argument_and_value() {
        let (message, hint) = refusal("half", &["x"]);
        assert_eq!(message, r#"half(n: u8) -> u8: argument "n" must be u8, "x" was given"#);
        assert_eq!(hint.as_deref(), Some("it is a whole number, 0 to 255"));
        assert!(refusal("half", &["256"]).0.ends_with("must be u8, 256 was given"));
        assert!(refusal("half", &["1.5"]).0.ends_with("must be u8, 1.5 was given"));
    }

    #[test]
    fn a_wrong_count_says_what_is_missing() {
        assert_eq!(
            refusal("pair", &["1"]),
            (
                "pair(a: u8, b: u8) -> (u8, u8) takes 2 arguments, 1 given".to_owned(),
                Some("\"b\" is missing".to_owned())
            )
        );
        assert_eq!(refusal("pair", &[]).1.as_deref(), Some("\"a\" and \"b\" are missing"));
        let (message, hint) = refusal("half", &["1", "2"]);
        assert_eq!(message, "half(n: u8) -> u8 takes 1 argument, 2 given");
        assert!(hint.is_some_and(|hint| hint.contains("'[1, 2]'")));
        assert_eq!(refusal("nothing", &["1"]).0, "nothing() takes no arguments, 1 given");
        assert!(refusal("repeat", &[]).0.ends_with("takes 1 to 3 arguments, 0 given"));
    }

    #[test]
    fn a_list_is_one_argument_or_all_of_them() {
        let item = |text: &str| Raw::from_text(text.to_owned());
        let total = resolve("total").expect("is there");
        assert_eq!(encode_item(total, item("[1, 2.5]")), encode(total, vec![item("[1, 2.5]")]));
        let pair = resolve("pair").expect("is there");
        assert_eq!(encode_item(pair, item("[1, 2]")), encode(pair, vec![item("1"), item("2")]));
        assert!(encode_item(pair, item("1")).expect_err("is refused").hint.is_some_and(|hint| hint.contains("[1, 2]")));
    }

    #[test]
    fn long_values_are_cut_in_messages() {
        let (message, _) = refusal("half", &[&"x".repeat(1000)]);
        assert!(message.len() < 150, "{message}");
    }
}
