//! Mistakes on the command line: a message, a hint, exit 2, and nothing was started.

use insta::assert_snapshot;

use super::{mpctl, seen};

#[test]
fn a_command_that_is_none() {
    assert_snapshot!(seen(&["nonsense"]), @"");
    assert_snapshot!(seen(&["spwan"]), @"");
}

#[test]
fn a_task_where_a_command_belongs() {
    assert_snapshot!(seen(&["square", "3"]), @"");
}

#[test]
fn no_command_is_the_help_and_a_mistake() {
    mpctl(&[]).assert().code(2);
}

#[test]
fn an_option_that_is_none() {
    assert_snapshot!(seen(&["map", "square", "1", "--wrokers", "2"]), @"");
}

#[test]
fn a_task_that_is_none() {
    assert_snapshot!(seen(&["apply", "squar", "3"]), @"");
    assert_snapshot!(seen(&["map", "xylophone", "3"]), @"");
}

#[test]
fn an_argument_of_the_wrong_type() {
    assert_snapshot!(seen(&["apply", "square", "x"]), @"");
    assert_snapshot!(seen(&["apply", "square", "1.5"]), @"");
    assert_snapshot!(seen(&["spawn", "sleep_ms", "-5"]), @"");
}

#[test]
fn too_few_arguments_and_too_many() {
    assert_snapshot!(seen(&["apply", "power", "2"]), @"");
    assert_snapshot!(seen(&["apply", "square", "1", "2"]), @"");
}

#[test]
fn no_workers() {
    assert_snapshot!(seen(&["spawn", "--workers", "0", "square", "1"]), @"");
}

#[test]
fn a_time_that_is_none() {
    assert_snapshot!(seen(&["apply", "square", "1", "--timeout", "soon"]), @"");
}

#[test]
fn items_of_the_wrong_type_are_found_before_the_first_runs() {
    assert_snapshot!(seen(&["map", "square", "1", "2", "x"]), @"");
    assert_snapshot!(seen(&["map", "power", "1", "2"]), @"");
    assert_snapshot!(seen(&["map", "square", "9223372036854775800..=9223372036854775900"]), @"");
}

#[test]
fn an_empty_range() {
    assert_snapshot!(seen(&["map", "square", "6..=1"]), @"");
}

#[test]
fn input_that_cannot_be_read() {
    assert_snapshot!(seen(&["map", "square", "--from", "no/such/file"]), @"");
    assert_snapshot!(seen(&["map", "square", "--from", "src/.."]), @"");
    assert_snapshot!(seen(&["map", "square", "--from", "tests"]), @"");
}

#[test]
fn json_that_is_no_array() {
    assert_snapshot!(seen(&["map", "square", "--json", "{}"]), @"");
    assert_snapshot!(seen(&["map", "square", "--json", "[1]", "[2]"]), @"");
}

#[test]
fn a_manual_page_that_is_none() {
    assert_snapshot!(seen(&["man", "nonsense"]), @"");
}
