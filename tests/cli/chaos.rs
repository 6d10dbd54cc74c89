//! `mpctl chaos` on the command line; what it finds is tested in `tests/chaos.rs`.

use super::living::Living;
use super::{seen, stdout};

use nix::sys::signal::Signal;

#[test]
fn a_small_run_tells_what_must_be_0() {
    let text = stdout(&["chaos", "--tasks", "500", "--workers", "2", "--kill-every", "10", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    for name in ["wrong_values", "lost", "unaccounted", "run_more_than_once"] {
        assert_eq!(report[name], 0, "{name} of {report}");
    }
    assert_eq!((&report["submitted"], &report["good"]), (&500.into(), &true.into()), "{report}");
    let table = stdout(&["chaos", "--tasks", "50", "--workers", "2", "--seed", "3"]);
    assert!(table.lines().any(|line| line.split_whitespace().eq(["unaccounted", "0"])), "{table}");
}

#[test]
fn forked_workers_are_refused() {
    let said = seen(&["chaos", "--start-method", "fork"]);
    assert!(said.contains("not replaced") && said.ends_with("--- exit 2"), "{said}");
}

#[test]
fn ctrl_c_closes_the_books_on_what_was_submitted() {
    let mpctl = Living::start(&["chaos", "--tasks", "4000000000", "--workers", "2"]);
    mpctl.hears(Signal::SIGINT);
    mpctl.signal(Signal::SIGINT);
    let (code, said) = mpctl.end();
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
