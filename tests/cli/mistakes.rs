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
    assert_snapshot!(seen(&["map", "square", "1", "--wrokers", "2"]), @r#"
    --- stderr
    mpctl: unexpected argument "--wrokers"
    hint: did you mean --workers?
    --- exit 2
    "#);
    assert_snapshot!(seen(&["spawn", "rand_string", "--retries", "2"]), @r#"
    --- stderr
    mpctl: unexpected argument "--retries"
    hint: it is an option of apply, map, chaos
    --- exit 2
    "#);
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
    assert_snapshot!(seen(&["apply", "crash"]), @r#"
    --- stderr
    mpctl: no task "crash"
    hint: mpctl tasks crash lists what is in there
    --- exit 2
    "#);
}

#[test]
fn an_argument_of_the_wrong_type() {
    assert_snapshot!(seen(&["apply", "square", "x"]), @r#"
    --- stderr
    mpctl: square(n: i64) -> i64: argument "n" must be i64, "x" was given
    hint: it is a whole number, -9223372036854775808 to 9223372036854775807
    --- exit 2
    "#);
    assert_snapshot!(seen(&["apply", "square", "1.5"]), @r#"
    --- stderr
    mpctl: square(n: i64) -> i64: argument "n" must be i64, 1.5 was given
    hint: it is a whole number, -9223372036854775808 to 9223372036854775807
    --- exit 2
    "#);
    assert_snapshot!(seen(&["spawn", "sleep_ms", "-5"]), @r#"
    --- stderr
    mpctl: sleep_ms(ms: u64 = 100) -> u64: argument "ms" must be u64, -5 was given
    hint: it is a whole number, 0 to 18446744073709551615
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
    hint: a list is one argument: '[1, 2]'; many items are for map
    --- exit 2
    ");
}

#[test]
fn no_workers() {
    assert_snapshot!(seen(&["spawn", "--workers", "0", "square", "1"]), @r#"
    --- stderr
    mpctl: --workers <N> cannot be "0": at least one worker is needed
    hint: mpctl spawn --help tells what can be given
    --- exit 2
    "#);
}

#[test]
fn numbers_that_are_none() {
    for (args, wanted) in [
        (
            &["spawn", "rand_string", "-w", "-1"][..],
            "--workers <N> cannot be \"-1\": expected a number of workers, 1 or more",
        ),
        (
            &["apply", "square", "1", "--max-tasks", "0"],
            "--max-tasks <N> cannot be \"0\": expected a number of tasks, 1 or more",
        ),
        (&["apply", "square", "1", "--nice", "40"], "--nice <N> cannot be \"40\": expected a number from -39 to 39"),
        (&["chaos", "--seed", "abc"], "--seed <S> cannot be \"abc\": expected a whole number, 0 or more"),
        (&["measure", "--rounds", "-1"], "--rounds <N> cannot be \"-1\": expected a number from 1 to 1000"),
    ] {
        let said = seen(args);
        assert!(said.contains(&format!("mpctl: {wanted}\nhint: mpctl {} --help", args[0])), "{said}");
    }
}

#[test]
fn a_time_that_is_none() {
    assert_snapshot!(seen(&["apply", "square", "1", "--timeout", "soon"]), @r#"
    --- stderr
    mpctl: --timeout <TIME> cannot be "soon": expected a number of seconds, or a number with a unit: 500ms, 5s, 1.5s, 2m, 1h
    hint: mpctl apply --help tells what can be given
    --- exit 2
    "#);
}

#[test]
fn items_of_the_wrong_type_are_found_before_the_first_runs() {
    assert_snapshot!(seen(&["map", "square", "1", "2", "x"]), @r#"
    --- stderr
    mpctl: item x: square(n: i64) -> i64: argument "n" must be i64, "x" was given
    hint: it is a whole number, -9223372036854775808 to 9223372036854775807
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
    hint: it is a whole number, -9223372036854775808 to 9223372036854775807
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
    hint: --from takes a file of one item per line, or - for standard input
    --- exit 2
    ");
    assert_snapshot!(seen(&["map", "square", "--from", "tests"]), @r"
    --- stderr
    mpctl: cannot read line 1 of tests: Is a directory (os error 21)
    hint: items are the lines of a UTF-8 text; what came before this line was read
    --- exit 2
    ");
}

#[test]
fn json_that_is_no_array() {
    assert_snapshot!(seen(&["map", "square", "--json", "{}"]), @r"
    --- stderr
    mpctl: cannot read element 1 of the argument: the input is no JSON array: it does not begin with [
    hint: the input is one array, [1, 2, 3]; without --json, each line is an item
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

/// Whatever clap refuses has the same two lines as our own mistakes.
#[test]
fn every_refusal_says_what_is_wrong_and_gives_a_hint() {
    for args in [
        &["apply"][..],
        &["apply", "square", "1", "--workers"],
        &["apply", "square", "1", "--workers", "1", "--workers", "2"],
        &["apply", "square", "1", "--workers", "100000000"],
        &["apply", "square", "1", "--retries", "x"],
        &["apply", "square", "-x"],
        &["completions", "tcsh"],
        &["help", "nonsense"],
        &["man", "map", "--dir", "pages"],
        &["map", "square", "1", "--format", "xml"],
        &["map", "square", "1", "--from", "numbers.txt"],
        &["-q", "-v", "tasks"],
        &["tasks", "a", "b"],
        &["spawn", "--quiet=3", "rand_string"],
        &["--nonsense"],
    ] {
        let output = mpctl(args).assert().code(2).get_output().clone();
        let said = String::from_utf8(output.stderr).expect("is text");
        let lines: Vec<_> = said.lines().collect();
        assert!(
            matches!(lines[..], [first, second] if first.starts_with("mpctl: ") && second.starts_with("hint: ")),
            "{args:?}: {said}"
        );
        assert!(lines.iter().all(|line| !line.ends_with([' ', ':'])), "{args:?}: {said}");
    }
}

#[test]
fn what_clap_refuses_reads_like_the_rest() {
    assert_snapshot!(seen(&["apply"]), @r"
    --- stderr
    mpctl: <TASK> is missing
    hint: write it as mpctl apply <TASK> [ARGS]...
    --- exit 2
    ");
    assert_snapshot!(seen(&["map", "square", "1", "--format", "xml"]), @r#"
    --- stderr
    mpctl: --format <FORM> cannot be "xml"
    hint: it is one of json, lines, table
    --- exit 2
    "#);
    assert_snapshot!(seen(&["map", "square", "1", "--from", "numbers.txt"]), @r"
    --- stderr
    mpctl: [ITEMS]... and --from <FILE> exclude each other
    hint: mpctl map --help tells what can be given
    --- exit 2
    ");
    assert_snapshot!(seen(&["apply", "square", "-x"]), @r#"
    --- stderr
    mpctl: unexpected argument "-x"
    hint: no option is called so; if it is an argument, write -- before it: -- -x
    --- exit 2
    "#);
}

#[test]
fn several_processes_cannot_be_forked_one_by_one() {
    assert_snapshot!(seen(&["spawn", "--start-method", "fork", "--workers", "2", "square", "3"]), @r"
    --- stderr
    mpctl: --start-method fork starts one process here, not 2
    hint: only a process of one thread can be forked, and watching the first takes another: --workers 1, or mpctl map
    --- exit 2
    ");
}
