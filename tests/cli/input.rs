//! Where items come from, and what becomes of those that are none.

use insta::assert_snapshot;

use super::living::Living;
use super::{mpctl, seen_given, stdout};

#[test]
fn ranges_and_words_and_negative_numbers() {
    assert_eq!(stdout(&["map", "square", "1..=3", "7", "-3", "9..11"]), "1\n4\n9\n49\n9\n81\n100\n");
}

#[test]
fn lines_of_standard_input() {
    assert_snapshot!(seen_given(&["map", "cube"], "1\n2\n-3\n"), @r"
    1
    8
    -27
    --- stderr
    mpctl: 3 tasks on 2 workers in TIME, SHARE of the workers' time was IPC
    --- exit 0
    ");
}

#[test]
fn no_input_is_no_tasks() {
    assert_snapshot!(seen_given(&["map", "cube"], ""), @r"
    --- stderr
    mpctl: 0 tasks on 2 workers in TIME
    --- exit 0
    ");
}

#[test]
fn lines_of_a_file() {
    let path = std::env::temp_dir().join(format!("mpctl-items-{}", std::process::id()));
    std::fs::write(&path, "2\r\n3").expect("can be written");
    let output = mpctl(&["map", "cube", "--from"]).arg(&path).assert().success().get_output().stdout.clone();
    std::fs::remove_file(&path).expect("is ours");
    assert_eq!(output, b"8\n27\n");
}

#[test]
fn a_dash_is_standard_input() {
    assert_snapshot!(seen_given(&["map", "cube", "--from", "-", "-q"], "2"), @r"
    8
    --- stderr
    --- exit 0
    ");
}

#[test]
fn one_json_array() {
    assert_snapshot!(seen_given(&["map", "power", "--json", "-q"], "[[2, 10], [3, 2],\n [-1, 3]]\n"), @r"
    1024
    9
    -1
    --- stderr
    --- exit 0
    ");
    assert_eq!(stdout(&["map", "square", "--json", "[1, 2, 3]"]), "1\n4\n9\n");
}

#[test]
fn a_list_for_a_task_that_takes_one() {
    assert_eq!(stdout(&["map", "parallel_sort", "[3, 1, 2]", "[5, 4]"]), "[1.0,2.0,3.0]\n[4.0,5.0]\n");
}

#[test]
fn a_bad_line_is_reported_in_its_place_and_costs_no_other() {
    assert_snapshot!(seen_given(&["map", "square", "--format", "table"], "1\nx\n3\n\n5\n"), @r#"
      INDEX  RESULT
          0  1
          1  (rejected)
          2  9
          3  (rejected)
          4  25
    --- stderr
    mpctl: line 2 of standard input: square(n: i64) -> i64: argument "n" must be i64, "x" was given
    hint: it is a whole number, -9223372036854775808 to 9223372036854775807
    mpctl: line 4 of standard input: square(n: i64) -> i64: argument "n" must be i64, "" was given
    mpctl: 3 tasks (2 rejected) on 2 workers in TIME, SHARE of the workers' time was IPC
    --- exit 2
    "#);
}

#[test]
fn a_bad_first_line_starts_nothing() {
    assert_snapshot!(seen_given(&["map", "square"], "x\n2\n"), @r#"
    --- stderr
    mpctl: line 1 of standard input: square(n: i64) -> i64: argument "n" must be i64, "x" was given
    hint: it is a whole number, -9223372036854775808 to 9223372036854775807
    --- exit 2
    "#);
}

#[test]
fn input_that_breaks_off_is_reported_after_what_came_before() {
    assert_snapshot!(seen_given(&["map", "square", "--json"], "[1, 2, 3"), @r"
    1
    4
    --- stderr
    mpctl: cannot read element 3 of standard input: the array is not closed
    hint: the input is one array, [1, 2, 3]; without --json, each line is an item
    mpctl: 2 tasks (1 rejected) on 2 workers in TIME, SHARE of the workers' time was IPC
    --- exit 2
    ");
}

#[test]
fn the_same_whatever_the_way_and_the_backend() {
    let wanted: String = (1..=300_u64).map(|n| format!("{}\n", n * n)).collect();
    for way in
        [&["--async"][..], &["--backend", "threads"], &["--backend", "serial"], &["--backend", "serial", "--async"]]
    {
        assert_eq!(stdout(&[&["map", "square", "1..=300"][..], way].concat()), wanted, "{way:?}");
    }
    let unordered = stdout(&["map", "square", "1..=300", "--unordered"]);
    let mut lines: Vec<u64> = unordered.lines().map(|line| line.parse().expect("is a number")).collect();
    lines.sort_unstable();
    assert_eq!(lines, (1..=300).map(|n| n * n).collect::<Vec<_>>());
}

#[test]
fn a_hundred_thousand_items_in_order() {
    let output = stdout(&["map", "square", "1..=100000", "--workers", "2", "-q"]);
    let mut lines = output.lines();
    for n in 1..=100_000_u64 {
        assert_eq!(lines.next().and_then(|line| line.parse().ok()), Some(n * n));
    }
    assert_eq!(lines.next(), None);
}

/// The supervisor holds a window of the items, not all of them: its memory is that of a small run, and a little more.
#[test]
fn memory_does_not_grow_with_the_number_of_items() {
    let peak = |range: &str, last: u64| {
        let mut mpctl = Living::start(&["map", "square", range, "--workers", "2", "-q"]);
        let kib = mpctl.peak_before(&(last * last).to_string());
        assert_eq!(mpctl.end().0, Some(0));
        kib
    };
    let (few, many) = (peak("1..=20000", 20_000), peak("1..=200000", 200_000));
    assert!(many < 64 * 1024, "{many} KiB");
    assert!(many < few + 16 * 1024, "{few} KiB for a tenth, {many} KiB");
}
