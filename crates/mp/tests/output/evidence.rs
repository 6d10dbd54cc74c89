//! What is known of a worker that died: its last words, and how much memory it had.

use std::io::Write;

use mp::{Backend, Failure, Output, Pool, WorkerExit};
use nix::sys::signal::{Signal, raise};

use crate::common::{bench, works};
use crate::heard::Heard;

fn last_words(n: u64) {
    for line in 0..n {
        eprintln!("line {line}");
    }
    eprint!("and this was the last");
    raise(Signal::SIGSEGV).expect("raised");
}

fn tail_of(pool: &Pool, lines: u64) -> (String, u32) {
    match pool.apply(last_words, (lines,)) {
        Err(Failure::Lost { stderr_tail, pid, exit: WorkerExit::Signaled { signal: 11, .. }, .. }) => {
            (stderr_tail, pid)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lost_task_has_the_last_words_of_its_worker() {
    bench("last_words", Backend::Processes, |bench| {
        let heard = Heard::default();
        let pool = bench.build(heard.by(bench.builder().workers(1)));
        for round in 0..10 {
            let (tail, pid) = tail_of(&pool, 2);
            assert_eq!(tail, "line 0\nline 1\nand this was the last\n", "round {round}");
            works(&pool);
            let mine = |line: &mp::OutputLine| line.pid == pid && line.text == "and this was the last";
            crate::common::eventually("the callback has them as well", || heard.lines().iter().any(mine));
        }
        let (tail, _) = tail_of(&pool, 10_000);
        assert!(tail.len() <= 4096 && tail.starts_with("line "), "{}", tail.len());
        assert!(tail.ends_with("line 9999\nand this was the last\n"), "{tail}");
    });
}

#[test]
fn what_is_not_captured_has_no_tail() {
    bench("no_tail", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).output(Output::Null));
        assert_eq!(tail_of(&pool, 1).0, "");
    });
}

/// In pieces, so that this process needs no more than one.
fn use_memory_and_die(mebibytes: usize) {
    let pieces: Vec<_> = (0..mebibytes).map(|n| vec![n as u8 | 1; 1 << 20]).collect();
    std::hint::black_box(&pieces);
    std::io::stderr().flush().expect("flushed");
    raise(Signal::SIGKILL).expect("raised");
}

#[test]
fn the_peak_of_memory_is_known_where_it_can_be() {
    bench("peak", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        match pool.apply(use_memory_and_die, (300,)) {
            Err(Failure::Lost { peak_rss: Some(peak), exit, .. }) => {
                assert!((300 << 20..600 << 20).contains(&peak), "{peak}");
                // Nobody but this test has killed it.
                assert!(!matches!(exit, WorkerExit::Signaled { out_of_memory: Some(true), .. }), "{exit:?}");
            }
            other => panic!("{other:?}"),
        }
        // Less than this process had at some time, or may have had.
        match pool.apply(use_memory_and_die, (0,)) {
            Err(Failure::Lost { peak_rss, .. }) => {
                assert!(peak_rss.is_none_or(|peak| peak < 300 << 20), "{peak_rss:?}")
            }
            other => panic!("{other:?}"),
        }
    });
}
