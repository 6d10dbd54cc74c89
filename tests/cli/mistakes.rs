//! Mistakes on the command line: a message, a hint, exit 2, and nothing was started.

use insta::assert_snapshot;

use super::{mpctl, seen};

#[test]
fn a_command_that_is_none() {
    assert_snapshot!(seen(&["nonsense"]), @r#"
    --- stderr
    mpctl: no command "nonsense"
    hint: mpctl --help lists the commands, mpctl tasks the tasks
    --- exit 2
    "#);
    assert_snapshot!(seen(&["spwan"]), @r#"
    --- stderr
    mpctl: no command "spwan"
    hint: did you mean mpctl spawn? mpctl --help lists the commands
    --- exit 2
    "#);
}

#[test]
fn a_task_where_a_command_belongs() {
    assert_snapshot!(seen(&["square", "3"]), @r#"
    --- stderr
    mpctl: no command "square"
    hint: it is a task: mpctl apply square
    --- exit 2
    "#);
}

#[test]
fn no_command_is_the_help_and_a_mistake() {
    mpctl(&[]).assert().code(2);
}

#[test]
fn an_option_that_is_none() {
    assert_snapshot!(seen(&["map", "square", "1", "--wrokers", "2"]), @r"
    --- stderr
    error: unexpected argument '--wrokers' found

      tip: a similar argument exists: '--workers'

    Usage: mpctl map --workers <N> <TASK> <ITEMS>...

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn a_task_that_is_none() {
    assert_snapshot!(seen(&["apply", "squar", "3"]), @r#"
    --- stderr
    mpctl: no task "squar"
    hint: did you mean square? mpctl tasks lists them
    --- exit 2
    "#);
    assert_snapshot!(seen(&["map", "xylophone", "3"]), @r#"
    --- stderr
    mpctl: no task "xylophone"
    hint: mpctl tasks lists them
    --- exit 2
    "#);
}

#[test]
fn an_argument_of_the_wrong_type() {
    assert_snapshot!(seen(&["apply", "square", "x"]), @r#"
    --- stderr
    mpctl: square(n: i64) -> i64: argument "n" must be i64, "x" was given
    hint: invalid type: string "x", expected i64
    --- exit 2
    "#);
    assert_snapshot!(seen(&["apply", "square", "1.5"]), @r#"
    --- stderr
    mpctl: square(n: i64) -> i64: argument "n" must be i64, 1.5 was given
    hint: invalid type: floating point `1.5`, expected i64
    --- exit 2
    "#);
    assert_snapshot!(seen(&["spawn", "sleep_ms", "-5"]), @r#"
    --- stderr
    mpctl: sleep_ms(ms: u64 = 100) -> u64: argument "ms" must be u64, -5 was given
    hint: invalid value: integer `-5`, expected u64
    --- exit 2
    "#);
}

#[test]
fn too_few_arguments_and_too_many() {
    assert_snapshot!(seen(&["apply", "power", "2"]), @r#"
    --- stderr
    mpctl: power(base: i64, exponent: u32) -> i64 takes 2 arguments, 1 given
    hint: "exponent" is missing
    --- exit 2
    "#);
    assert_snapshot!(seen(&["apply", "square", "1", "2"]), @r"
    --- stderr
    mpctl: square(n: i64) -> i64 takes 1 argument, 2 given
    --- exit 2
    ");
}

#[test]
fn no_workers() {
    assert_snapshot!(seen(&["spawn", "--workers", "0", "square", "1"]), @r"
    --- stderr
    error: invalid value '0' for '--workers <N>': at least one worker is needed

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn a_time_that_is_none() {
    assert_snapshot!(seen(&["apply", "square", "1", "--timeout", "soon"]), @r"
    --- stderr
    error: invalid value 'soon' for '--timeout <TIME>': expected a number of seconds, or a number with a unit: 500ms, 5s, 1.5s, 2m, 1h

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn items_of_the_wrong_type_are_found_before_the_first_runs() {
    assert_snapshot!(seen(&["map", "square", "1", "2", "x"]), @r#"
    --- stderr
    mpctl: item x: square(n: i64) -> i64: argument "n" must be i64, "x" was given
    hint: invalid type: string "x", expected i64
    --- exit 2
    "#);
    assert_snapshot!(seen(&["map", "power", "1", "2"]), @r"
    --- stderr
    mpctl: item 1: power(base: i64, exponent: u32) -> i64 takes several arguments, but the item is 1
    hint: write each item as a JSON array of the arguments: '[1, 2]'
    --- exit 2
    ");
    assert_snapshot!(seen(&["map", "square", "9223372036854775800..=9223372036854775900"]), @r#"
    --- stderr
    mpctl: item 9223372036854775800..=9223372036854775900: square(n: i64) -> i64: argument "n" must be i64, 9223372036854775900 was given
    hint: invalid value: integer `9223372036854775900`, expected i64
    --- exit 2
    "#);
}

#[test]
fn an_empty_range() {
    assert_snapshot!(seen(&["map", "square", "6..=1"]), @r#"
    --- stderr
    mpctl: the range 6..=1 is empty
    hint: a range counts up; where the text itself is meant, quote it as JSON: '"2..1"'
    --- exit 2
    "#);
}

#[test]
fn input_that_cannot_be_read() {
    assert_snapshot!(seen(&["map", "square", "--from", "no/such/file"]), @r"
    --- stderr
    mpctl: cannot read no/such/file: No such file or directory (os error 2)
    --- exit 2
    ");
    assert_snapshot!(seen(&["map", "square", "--from", "tests"]), @r"
    --- stderr
    mpctl: cannot read line 1 of tests: Is a directory (os error 21)
    --- exit 2
    ");
}

#[test]
fn json_that_is_no_array() {
    assert_snapshot!(seen(&["map", "square", "--json", "{}"]), @r"
    --- stderr
    mpctl: cannot read element 1 of the argument: the input is no JSON array: it does not begin with [
    --- exit 2
    ");
    assert_snapshot!(seen(&["map", "square", "--json", "[1]", "[2]"]), @r"
    --- stderr
    mpctl: --json takes one JSON array, several arguments were given
    hint: write the array as one argument: '[1, 2, 3]'
    --- exit 2
    ");
}

#[test]
fn a_manual_page_that_is_none() {
    assert_snapshot!(seen(&["man", "nonsense"]), @r#"
    --- stderr
    mpctl: no command "nonsense"
    hint: mpctl --help lists them
    --- exit 2
    "#);
}
