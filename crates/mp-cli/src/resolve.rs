//! Which task a name on the command line means, and how a task is shown.
//!
//! Does **not** know arguments' values, nor run anything.

use mp::NamedTask;

use crate::problem::{Problem, program};

/// The one task that `name` means.
pub(crate) fn resolve(name: &str) -> Result<&'static NamedTask, Problem> {
    match mp::find_task(name).as_slice() {
        [task] => Ok(task),
        [] => Err(unknown(name)),
        several => Err(ambiguous(name, several)),
    }
}

fn unknown(name: &str) -> Problem {
    let lists = format!("{} tasks lists them", program());
    let near = nearest(name, &mp::tasks());
    let hint = match near.as_slice() {
        [] if is_module(name) => format!("{} tasks {name} lists what is in there", program()),
        [] => lists,
        near => format!("did you mean {}? {lists}", near.join(" or ")),
    };
    Problem::usage(format!("no task \"{name}\"")).hint(hint)
}

fn is_module(name: &str) -> bool {
    mp::tasks().iter().any(|task| task.name.rsplit("::").skip(1).any(|module| module == name))
}

fn ambiguous(name: &str, several: &[&'static NamedTask]) -> Problem {
    let names = several.iter().map(|task| task.name).collect::<Vec<_>>().join(", ");
    Problem::usage(format!("\"{name}\" can mean {} tasks: {names}", several.len()))
        .hint("write more of the name, from its end")
}

/// The shortest ending of the task's name that no other task has.
pub(crate) fn short_name(task: &NamedTask) -> &'static str {
    let cuts = task.name.match_indices("::").map(|(at, _)| &task.name[at + 2..]);
    let unique = |name: &&str| mp::find_task(name).len() == 1;
    cuts.collect::<Vec<_>>().into_iter().rev().find(unique).unwrap_or(task.name)
}

/// `rand_string(length: usize = 5) -> String`.
pub(crate) fn signature(task: &NamedTask) -> String {
    let args = task.args.iter().map(|arg| match arg.default {
        Some(default) => format!("{}: {} = {default}", arg.name, arg.ty),
        None => format!("{}: {}", arg.name, arg.ty),
    });
    let args = args.collect::<Vec<_>>().join(", ");
    let result = if task.output == "()" { String::new() } else { format!(" -> {}", task.output) };
    format!("{}({args}){result}", short_name(task))
}

/// At most three names that are near `wanted`, the nearest first.
pub(crate) fn nearest(wanted: &str, tasks: &[&'static NamedTask]) -> Vec<&'static str> {
    let wanted = wanted.replace('.', "::");
    let mut near: Vec<_> = tasks
        .iter()
        .map(|task| (distance(&wanted, task.name), short_name(task)))
        .filter(|(distance, _)| *distance <= (wanted.chars().count() / 3).max(1))
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many edits lie between `wanted` and the ending of `name` with as many segments, or its last one.
fn distance(wanted: &str, name: &str) -> usize {
    let segments: Vec<_> = name.split("::").collect();
    let many = wanted.split("::").count().min(segments.len());
    let ending = segments[segments.len() - many..].join("::");
    let last = segments.last().copied().unwrap_or_default();
    strsim::damerau_levenshtein(wanted, &ending).min(strsim::damerau_levenshtein(wanted, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[mp::task(length = 5)]
    fn near_miss(name: String, length: usize) -> Vec<u8> {
        vec![0; length + name.len()]
    }

    mod a {
        #[mp::task]
        fn twice() {}
    }

    mod b {
        #[mp::task]
        fn twice() {}
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbours() {
        let problem = resolve("near_mis").expect_err("is unknown");
        assert_eq!(problem.message, "no task \"near_mis\"");
        assert!(problem.hint.is_some_and(|hint| hint.starts_with("did you mean near_miss? ")));
        assert!(resolve("a.twise").expect_err("is unknown").hint.is_some_and(|hint| hint.contains("a::twice")));
    }

    #[test]
    fn a_signature_shows_defaults() {
        let task = resolve("near_miss").expect("is there");
        assert_eq!(signature(task), "near_miss(name: String, length: usize = 5) -> Vec<u8>");
    }

    #[test]
    fn a_name_like_no_other_gets_no_guess() {
        let hint = resolve("xylophone").expect_err("is unknown").hint.unwrap_or_default();
        assert!(!hint.contains("did you mean"), "{hint}");
    }

    #[test]
    fn an_ambiguous_name_lists_what_it_can_mean() {
        let problem = resolve("twice").expect_err("is ambiguous");
        assert_eq!(
            problem.message,
            "\"twice\" can mean 2 tasks: mp_cli::resolve::tests::a::twice, mp_cli::resolve::tests::b::twice"
        );
        assert_eq!(resolve("a::twice").map(short_name), Ok("a::twice"));
    }
}
