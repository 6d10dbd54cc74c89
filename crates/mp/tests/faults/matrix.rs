//! Where × how: every cell of the table names the exact outcome of that one task, on pools of 1, 2, 5 and 13.

use std::time::Duration;

use mp::{Backend, CodecStage, Failure, Pool, WorkerExit};

use crate::common::{Bench, bench, works};
use crate::saboteur::{How, Place, Saboteur, sabotage};

/// How long a task may run in these pools: long enough for all but [`How::Hang`], on a busy machine as well.
const LIMIT: Duration = Duration::from_secs(4);

/// What a cell's outcome is to be.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Codec(CodecStage),
    Panicked,
    Exited(i32),
    Signaled(&'static [i32]),
    TimedOut,
}

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;

/// What happens in the worker, but for errors, has the same outcome wherever it happens.
const IN_WORKER: &[(How, Expected)] = &[
    (How::Panic, Expected::Panicked),
    (How::Exit(0), Expected::Exited(0)),
    (How::Exit(3), Expected::Exited(3)),
    (How::Abort, Expected::Signaled(&[SIGABRT])),
    (How::Segfault, Expected::Signaled(&[SIGSEGV])),
    (How::Kill, Expected::Signaled(&[SIGKILL])),
    (How::StackOverflow, Expected::Signaled(&[SIGABRT, SIGSEGV])),
    (How::DoublePanic, Expected::Signaled(&[SIGABRT])),
    (How::Hang, Expected::TimedOut),
];

/// The rest of the table.
const ELSEWHERE: &[(Place, How, Expected)] = &[
    (Place::EncodeArgs, How::Error, Expected::Codec(CodecStage::EncodeArgs)),
    (Place::EncodeArgs, How::Panic, Expected::Codec(CodecStage::EncodeArgs)),
    (Place::DecodeArgs, How::Error, Expected::Codec(CodecStage::DecodeArgs)),
    (Place::Body, How::Error, Expected::Panicked),
    (Place::EncodeResult, How::Error, Expected::Codec(CodecStage::EncodeResult)),
    (Place::DecodeResult, How::Error, Expected::Codec(CodecStage::DecodeResult)),
    (Place::DecodeResult, How::Panic, Expected::Codec(CodecStage::DecodeResult)),
];

fn cells() -> impl Iterator<Item = (Place, How, Expected)> {
    let places = [Place::DecodeArgs, Place::Body, Place::EncodeResult];
    let in_worker = places.into_iter().flat_map(|place| IN_WORKER.iter().map(move |(how, what)| (place, *how, *what)));
    in_worker.chain(ELSEWHERE.iter().copied())
}

fn is(outcome: &Result<Saboteur<true>, Failure>, expected: Expected) -> bool {
    match (outcome, expected) {
        (Err(Failure::Codec { stage, .. }), Expected::Codec(at)) => *stage == at,
        (Err(Failure::Panicked { message, .. }), Expected::Panicked) => message.contains("sabotage"),
        (Err(Failure::Lost { exit: WorkerExit::Exited(code), attempts: 1, .. }), Expected::Exited(as_told)) => {
            *code == as_told
        }
        (Err(Failure::Lost { exit: WorkerExit::Signaled { signal, .. }, attempts: 1, .. }), Expected::Signaled(by)) => {
            by.contains(signal)
        }
        (Err(Failure::TimedOut { after, .. }), Expected::TimedOut) => *after == LIMIT,
        _ => false,
    }
}

fn named(outcome: &Result<Saboteur<true>, Failure>) -> bool {
    let task = outcome.as_ref().err().and_then(Failure::task);
    task.is_some_and(|task| task.name.ends_with("sabotage"))
}

fn one(pool: &Pool, (place, how, expected): (Place, How, Expected)) {
    let outcome = pool.apply(sabotage, (Saboteur { place, how },));
    assert!(is(&outcome, expected) && named(&outcome), "{place:?} × {how:?}: {outcome:?}, not {expected:?}");
    works(pool);
}

/// Cell by cell; then all cells at once, with plain tasks between them.
fn all_cells(bench: &Bench, workers: usize) {
    let pool = bench.build(bench.builder().workers(workers).timeout(LIMIT));
    let hangs = |cell: &(Place, How, Expected)| cell.1 == How::Hang;
    cells().filter(|cell| !hangs(cell) || workers == 2).for_each(|cell| one(&pool, cell));
    let submit = |(place, how, expected): (Place, How, Expected)| {
        let plain = pool.apply_async(|n: u64| n + 1, (1,)).expect("accepted");
        let handle = pool.apply_async(sabotage, (Saboteur { place, how },));
        (handle.ok(), plain, (place, how, expected))
    };
    let handles: Vec<_> = cells().map(submit).collect();
    for (handle, plain, (place, how, expected)) in handles {
        assert_eq!(plain.get(), Ok(2), "beside {place:?} × {how:?}");
        let Some(handle) = handle else {
            assert_eq!(place, Place::EncodeArgs, "only what cannot be encoded is not accepted");
            continue;
        };
        let outcome = handle.get();
        assert!(is(&outcome, expected), "at once: {place:?} × {how:?}: {outcome:?}, not {expected:?}");
    }
    works(&pool);
}

#[test]
fn every_fault_has_its_exact_outcome_in_a_pool_of_1() {
    bench("matrix", Backend::Processes, |bench| all_cells(bench, 1));
}

#[test]
fn every_fault_has_its_exact_outcome_in_a_pool_of_2() {
    bench("matrix", Backend::Processes, |bench| all_cells(bench, 2));
}

#[test]
fn every_fault_has_its_exact_outcome_in_a_pool_of_5() {
    bench("matrix", Backend::Processes, |bench| all_cells(bench, 5));
}

#[test]
fn every_fault_has_its_exact_outcome_in_a_pool_of_13() {
    bench("matrix", Backend::Processes, |bench| all_cells(bench, 13));
}

/// On one map: each item's own outcome, in its place.
#[test]
fn saboteurs_in_a_map() {
    bench("matrix", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(3).timeout(LIMIT));
        let table: Vec<_> = cells().collect();
        let outcomes =
            pool.map_outcomes(sabotage, table.iter().map(|(place, how, _)| Saboteur { place: *place, how: *how }));
        assert_eq!(outcomes.len(), table.len());
        for (outcome, (place, how, expected)) in outcomes.iter().zip(table) {
            assert!(is(outcome, expected), "in a map: {place:?} × {how:?}: {outcome:?}, not {expected:?}");
        }
        works(&pool);
    });
}
