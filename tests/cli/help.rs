//! Help, the list of tasks, completions and manual pages.

use insta::assert_snapshot;

use super::{mpctl, seen, stdout};

#[test]
fn help_of_the_whole() {
    assert_snapshot!(stdout(&["-h"]), @"");
}

#[test]
fn help_of_tasks() {
    assert_snapshot!(stdout(&["tasks", "-h"]), @"");
}

#[test]
fn help_of_spawn() {
    assert_snapshot!(stdout(&["spawn", "-h"]), @"");
}

#[test]
fn help_of_apply() {
    assert_snapshot!(stdout(&["apply", "-h"]), @"");
}

#[test]
fn help_of_map() {
    assert_snapshot!(stdout(&["map", "--help"]), @"");
}

#[test]
fn help_of_completions_and_man() {
    let both = stdout(&["completions", "-h"]) + &stdout(&["man", "-h"]);
    assert_snapshot!(both, @"");
}

#[test]
fn tasks_are_listed_with_arguments_and_a_line_each() {
    assert_snapshot!(seen(&["tasks"]), @"");
}

#[test]
fn tasks_for_programs_are_an_object_per_line() {
    assert_snapshot!(seen(&["tasks", "rand_string", "--format", "json"]), @"");
    assert_snapshot!(seen(&["tasks", "rand", "--format", "lines"]), @"");
}

#[test]
fn a_filter_that_finds_nothing_is_a_mistake() {
    assert_snapshot!(seen(&["tasks", "xylophone"]), @"");
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(&["completions", shell]);
        assert!(script.contains("unordered"), "{shell}: {script}");
    }
}

#[test]
fn manual_pages_are_printed_and_written() {
    assert!(stdout(&["man", "map"]).contains(".TH mpctl-map 1"));
    assert!(stdout(&["man"]).contains("Exit codes"));
    let dir = std::env::temp_dir().join(format!("mpctl-man-{}", std::process::id()));
    mpctl(&["man", "--dir"]).arg(&dir).assert().success();
    let mut names: Vec<_> =
        std::fs::read_dir(&dir).expect("is there").map(|entry| entry.expect("is there").file_name()).collect();
    names.sort();
    std::fs::remove_dir_all(&dir).expect("is ours");
    let wanted = ["apply", "completions", "man", "map", "spawn", "tasks"].map(|name| format!("mpctl-{name}.1"));
    assert_eq!(names, wanted.iter().map(String::as_str).chain(["mpctl.1"]).collect::<Vec<_>>());
}
