//! Workers that write what no worker writes, on the sockets that they were born with: 3 for frames, 4 for descriptors.
//!
//! What the supervisor makes of it is one task's `Lost`, never a wait, a panic, or another task's outcome.

use mp::{Backend, Failure, Pool};
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};

use crate::common::{Bench, bench, works};
use crate::tasks::{lost_by, queue, spin_for_ever, square};

const FRAMES: i32 = 3;
const DESCRIPTORS: i32 = 4;

fn write(fd: i32, packet: &[u8]) {
    // A supervisor that has hung up already has seen enough.
    let _ = send(fd, packet, MsgFlags::MSG_NOSIGNAL);
}

/// A packet as ipc-channel makes them: its own length, the message's, the message.
fn frame(message: &[u8]) {
    let (packet, len) = (message.len() + 16, message.len());
    write(FRAMES, &[&packet.to_ne_bytes(), &len.to_ne_bytes(), message].concat());
}

/// A frame of outcomes: its kind, the number of its first record, the records.
fn outcomes(first: u64, records: &[u8]) {
    frame(&[&[2], &first.to_le_bytes()[..], records].concat());
}

/// A record of the value 7, of eight bytes: which task is next, the value's length, the value.
fn record(task: u8) -> [u8; 18] {
    [0xF1, task, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0]
}

/// Which task is next, and then something else than a value of it.
fn about(task: u8, rest: &[u8]) -> Vec<u8> {
    [&record(task)[..9], rest].concat()
}

fn own_task() -> u8 {
    mp::current_worker().expect("a worker").task_id.0 as u8
}

type Saboteur = (&'static str, fn(&Pool) -> Result<u64, Failure>);

/// Each writes, and then waits for its end.
const RUBBISH: &[Saboteur] = &[
    ("one byte", |pool| pool.apply(|| then_spin(|| write(FRAMES, b"x")), ())),
    ("half a header", |pool| pool.apply(|| then_spin(|| write(FRAMES, &[0; 12])), ())),
    ("zeroes", |pool| pool.apply(|| then_spin(|| write(FRAMES, &[0; 64])), ())),
    ("ones", |pool| pool.apply(|| then_spin(|| write(FRAMES, &[255; 5000])), ())),
    ("an empty frame that says it is one of many", |pool| pool.apply(|| then_spin(fragment), ())),
    ("a frame of an unknown kind", |pool| pool.apply(|| then_spin(|| frame(&[9; 40])), ())),
    ("half a frame of outcomes", |pool| pool.apply(|| then_spin(|| frame(&[2, 0, 0])), ())),
    ("half a record", |pool| pool.apply(|| then_spin(|| outcomes(0, &record(own_task())[..3])), ())),
    ("a report that claims 4 GiB", |pool| pool.apply(|| then_spin(four_gib), ())),
    ("a report that is none", |pool| pool.apply(|| then_spin(no_report), ())),
    ("a record that claims an exabyte", |pool| pool.apply(|| then_spin(exabyte), ())),
    ("the outcome of a task that is not there", |pool| pool.apply(|| then_spin(|| outcomes(0, &record(249))), ())),
    ("an outcome that leaves out those before it", |pool| {
        pool.apply(|| then_spin(|| outcomes(5, &record(own_task()))), ())
    }),
    ("half a hello", |pool| pool.apply(|| then_spin(|| frame(&[1, 1])), ())),
    ("a hello of somebody else", |pool| pool.apply(|| then_spin(|| frame(&[1, 1, 2, 3, 4, 5])), ())),
    ("a thousand packets", |pool| pool.apply(|| then_spin(|| (0..1000).for_each(|_| write(FRAMES, b"x"))), ())),
];

fn then_spin(act: impl FnOnce()) -> u64 {
    act();
    spin_for_ever()
}

fn fragment() {
    write(FRAMES, &[&usize::MAX.to_ne_bytes()[..], &3_usize.to_ne_bytes(), b"abc"].concat());
}

fn exabyte() {
    outcomes(0, &about(own_task(), &[0xF0, 0, 0, 0, 0, 0, 0, 0, 0x10]));
}

fn four_gib() {
    outcomes(0, &about(own_task(), &[0xF3, 255, 255, 255, 255, 0]));
}

fn no_report() {
    outcomes(0, &about(own_task(), &[0xF3, 2, 0, 0, 0, 200, 200]));
}

/// A value of 100 bytes in a memory file, which is not there.
fn no_memory_file() {
    outcomes(0, &about(own_task(), &[0xF3, 2, 0, 0, 0, 0, 100]));
}

#[test]
fn rubbish_costs_its_writer_and_its_task() {
    bench("rubbish", Backend::Processes, |bench| {
        for (what, saboteur) in RUBBISH {
            for workers in [1, 2] {
                // A fresh pool for each: records are counted from 0.
                let pool = bench.pool(workers);
                let behind = |pool: &Pool| pool.map_async(square, 0..20).expect("accepted");
                let outcome = saboteur(&pool);
                assert!(lost_by(&outcome, Signal::SIGKILL), "{what}: {outcome:?}");
                assert_eq!(behind(&pool).get(), Ok((0..20).map(square).collect::<Vec<_>>()), "after {what}");
                works(&pool);
            }
        }
    });
}

/// Two workers; one speaks of what the other is doing.
#[test]
fn nobody_speaks_for_another() {
    bench("somebody_else", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let (gate, started) = (queue(), queue());
        let honest = pool.apply_async(crate::tasks::wait_at, (gate.clone(), started.clone())).expect("accepted");
        started.get().expect("it runs");
        let other = honest.id().0 as u8;
        let liar = |other: u8| then_spin(|| outcomes(0, &record(other)));
        let outcome = pool.apply(liar, (other,));
        assert!(lost_by(&outcome, Signal::SIGKILL), "{outcome:?}");
        assert!(!honest.is_ready(), "what was said of it is not believed");
        gate.put(77).expect("put");
        assert_eq!(honest.get(), Ok(77));
        works(&pool);
    });
}

/// What a worker says of its own task is its word; that it cannot be read is that task's failure.
#[test]
fn a_large_value_that_did_not_come_along_is_one_failure() {
    bench("no_memory_file", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        let outcome = pool.apply(no_memory_file, ());
        assert!(matches!(outcome, Err(Failure::Codec { stage: mp::CodecStage::DecodeResult, .. })), "{outcome:?}");
        works(&pool);
    });
}

fn closes_its_line(bench: &Bench, task: fn(&Pool) -> Result<u64, Failure>) {
    let pool = bench.build(bench.builder().workers(1).grace(std::time::Duration::from_millis(300)));
    let outcome = task(&pool);
    assert!(lost_by(&outcome, Signal::SIGKILL), "{outcome:?}");
    works(&pool);
}

#[test]
fn a_worker_that_closes_its_line_is_ended() {
    bench("hangs_up", Backend::Processes, |bench| {
        closes_its_line(bench, |pool| {
            pool.apply(|| then_spin(|| shutdown(FRAMES, Shutdown::Both).expect("it is a socket")), ())
        });
    });
}

/// It says nothing, and its line ends with the program that had it.
#[test]
fn a_worker_that_became_another_program_is_ended() {
    bench("another_program", Backend::Processes, |bench| {
        closes_its_line(bench, |pool| pool.apply(|| -> u64 { becomes(&[c"sleep", c"1000"]) }, ()));
    });
}

fn becomes(words: &[&std::ffi::CStr]) -> u64 {
    let refused = nix::unistd::execvp(words[0], words);
    unreachable!("{refused:?}")
}

/// A worker's first word on its own task is its word. A second one ends it.
#[test]
fn the_second_outcome_of_a_task_counts_for_nothing() {
    bench("twice", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        let says = || then_spin(|| (0..2).for_each(|n| outcomes(n, &record(own_task()))));
        assert_eq!(pool.apply(says, ()), Ok(7), "the first one");
        assert_eq!(pool.map(square, 0..20), Ok((0..20).map(square).collect::<Vec<_>>()), "another worker's values");
        works(&pool);
        assert_eq!((pool.stats().completed, pool.stats().deaths), (22, 1));
    });
}

/// Credits that were never spent come back, and times that never were are told: neither is of any use.
#[test]
fn lies_about_frames_and_times_are_of_no_use() {
    bench("walked", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        let walks = || [0, 1, 2, 3, 99, u32::MAX].map(|n| frame(&[&[3], &n.to_le_bytes()[..]].concat())).len();
        assert_eq!(pool.apply(walks, ()), Ok(6));
        works(&pool);
        // Its words are both its own: what it said by the line, or what a caller who is awake found in shared memory before.
        let word = pool.apply(spends, ());
        assert!(matches!(word, Ok(7 | 9)), "{word:?}");
        works(&pool);
        assert_eq!((pool.stats().completed, pool.stats().deaths), (4, 0));
    });
}

fn spends() -> u64 {
    outcomes(2, &[&spent(u64::MAX)[..], &record(own_task()), &spent(u64::MAX)].concat());
    9
}

fn spent(ns: u64) -> [u8; 9] {
    let mut mark = [0xF2; 9];
    mark[1..].copy_from_slice(&ns.to_le_bytes());
    mark
}

/// Frames that are right but for some bytes. Each may be a word on its task, or end the worker: it is never more.
#[test]
fn frames_with_random_changes_cost_their_task_at_most() {
    bench("random_frames", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(2).restart_limit(10_000, std::time::Duration::from_secs(1)));
        for seed in 1..=40 {
            let outcome = pool.apply(spoiled, (seed,));
            let is_its_own =
                matches!(outcome, Ok(_) | Err(Failure::Lost { .. } | Failure::Codec { .. } | Failure::Panicked { .. }));
            assert!(is_its_own, "{seed}: {outcome:?}");
            works(&pool);
        }
    });
}

fn spoiled(seed: u64) -> u64 {
    let mut luck = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut draw = |end: usize| {
        luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (luck >> 33) as usize % end
    };
    let mut message =
        [&[2], &[0; 8][..], &record(own_task()), &spent(5), &about(own_task(), &[0xF3, 2, 0, 0, 0, 0, 9])].concat();
    for _ in 0..=draw(4) {
        let (at, byte) = (draw(message.len()), draw(256) as u8);
        message[at] = byte;
    }
    message.truncate(1 + draw(message.len()));
    frame(&message);
    seed
}

/// What is written on the socket for descriptors is looked at only when a frame announces some.
#[test]
fn packets_without_descriptors_come_to_nothing() {
    bench("no_descriptors", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        let noise = || (0..3).for_each(|_| write(DESCRIPTORS, b"x"));
        assert_eq!(pool.apply(noise, ()), Ok(()));
        works(&pool);
        let large = pool.apply(|| serde_bytes::ByteBuf::from(vec![1; 100_000]), ());
        assert!(large.is_ok() || large.is_err(), "its value, or that it did not come: {large:?}");
        works(&pool);
    });
}
