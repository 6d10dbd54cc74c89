//! Workers that lie about their windows, write over values that are being read, or try to write where others read.

use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mp::{Backend, CodecStage, Failure, Pool, Queue};
use nix::sys::socket::{MsgFlags, send};

use crate::common::{bench, works};
use crate::{alone, pattern};

const LEN: usize = 100_000;

/// A frame of one record, on the socket for frames: the value of the task that runs is in this window.
fn claims(slot: u32, len: u64) {
    let report = [&[1, 252][..], &slot.to_le_bytes(), &[253], &len.to_le_bytes()].concat();
    let task = mp::current_worker().expect("a worker").task_id.0;
    let first = task - 1;
    let record = [&[0xF1][..], &task.to_le_bytes(), &[0xF3], &(report.len() as u32).to_le_bytes(), &report].concat();
    let message = [&[2][..], &first.to_le_bytes(), &record].concat();
    let packet = [&(message.len() + 16).to_ne_bytes()[..], &message.len().to_ne_bytes(), &message].concat();
    let _ = send(3, &packet, MsgFlags::MSG_NOSIGNAL);
}

/// It returns when its lie has been heard: who waits awake would find its own value in shared memory before.
fn claims_first(slot: u32, len: u64, heard: Queue<()>) {
    claims(slot, len);
    let _ = heard.get_timeout(Duration::from_secs(60));
}

/// The outcome of such a task.
fn claimed(pool: &Pool, slot: u32, len: u64) -> Result<(), Failure> {
    let heard = Queue::new().expect("a queue");
    let outcome = pool.apply(claims_first, (slot, len, heard.clone()));
    heard.put(()).expect("put");
    outcome
}

fn large(n: u8) -> Vec<u8> {
    pattern(LEN, n)
}

/// One worker that has had windows; as many tasks have run as it has records.
fn lent(pool: &Pool) {
    for n in 0..6 {
        assert!(pool.apply(large, (n,)) == Ok(pattern(LEN, n)));
    }
}

#[test]
fn windows_that_are_not_there_cost_the_liars_task() {
    let _alone = alone();
    bench("no_window", Backend::Processes, |bench| {
        let lies =
            [(0, u64::MAX), (0, 1 << 40), (0, 200_000_000), (1, 1), (3, 1), (4, 1), (63, 1), (64, 1), (u32::MAX, 1)];
        for (slot, len) in lies {
            let pool = bench.pool(1);
            lent(&pool);
            let outcome = claimed(&pool, slot, len);
            let is_own = matches!(&outcome, Err(Failure::Codec { stage: CodecStage::DecodeResult, .. }));
            assert!(is_own, "{slot} {len}: {outcome:?}");
            works(&pool);
        }
    });
}

/// It claims windows before any was lent, and its word is taken where it could be true.
#[test]
fn a_window_that_was_never_lent_is_none_and_one_that_was_may_hold_anything() {
    let _alone = alone();
    bench("unlent", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        let outcome = claimed(&pool, 0, 1);
        assert!(matches!(&outcome, Err(Failure::Codec { .. })), "{outcome:?}");
        works(&pool);
        let pool = bench.pool(1);
        lent(&pool);
        let outcome: Result<Vec<u8>, _> = pool.apply(
            || {
                claims(0, 50_000);
                Vec::new()
            },
            (),
        );
        assert!(matches!(&outcome, Ok(_) | Err(Failure::Codec { .. })), "{outcome:?}");
        works(&pool);
    });
}

/// The mappings of a kind of memory file in this process.
fn mapped(name: &str) -> Vec<(u64, u64)> {
    let maps = read_to_string("/proc/self/maps").expect("readable");
    let hex = |text: &str| u64::from_str_radix(text, 16).expect("an address");
    let range =
        |line: &str| line.split_once(' ').and_then(|(range, _)| range.split_once('-')).map(|(a, b)| (hex(a), hex(b)));
    maps.lines().filter(|line| line.contains(name)).filter_map(range).collect()
}

/// A thread that writes over all windows, without end.
fn scribbles() -> usize {
    static AT_IT: AtomicBool = AtomicBool::new(false);
    let windows = mapped("mp-window");
    let all = windows.len();
    if !AT_IT.swap(true, Ordering::AcqRel) {
        std::thread::spawn(move || {
            let memory = File::options().write(true).open("/proc/self/mem").expect("opened");
            let mut byte = 0_u8;
            loop {
                byte = byte.wrapping_add(1);
                for (start, end) in &windows {
                    let _ = memory.write_all_at(&vec![byte; (end - start) as usize], *start);
                }
            }
        });
    }
    all
}

/// What comes of a value that is written over while it is read is that worker's value, or no value: never more.
#[test]
fn a_worker_that_scribbles_over_its_windows_spoils_its_own_values_only() {
    let _alone = alone();
    bench("scribbles", Backend::Processes, |bench| {
        let (liar, honest) = (bench.pool(1), bench.pool(1));
        lent(&liar);
        assert!(liar.apply(scribbles, ()).is_ok_and(|windows| windows > 0));
        let names = |n: u8| vec![format!("{n}").repeat(40_000), "b".to_owned()];
        for n in 0..100 {
            let bytes = liar.apply(large, (n,));
            assert!(matches!(&bytes, Ok(_) | Err(Failure::Codec { stage: CodecStage::DecodeResult, .. })));
            let texts = liar.apply(names, (n,));
            assert!(matches!(&texts, Ok(_) | Err(Failure::Codec { stage: CodecStage::DecodeResult, .. })));
            assert!(honest.apply(large, (n,)) == Ok(pattern(LEN, n)));
        }
        works(&liar);
    });
}

/// What one worker was sent, others can read, but nobody can write.
#[test]
fn no_worker_can_write_where_arguments_are_read() {
    let _alone = alone();
    bench("read_only", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let tries = |bytes: Vec<u8>| {
            let regions = mapped("mp-region");
            let memory = File::options().write(true).open("/proc/self/mem").expect("opened");
            let written = regions.iter().filter(|(start, _)| memory.write_all_at(&[1; 8], *start).is_ok()).count();
            (regions.len(), written, bytes.len())
        };
        assert_eq!(pool.apply(tries, (pattern(LEN, 1),)), Ok((1, 0, LEN)));
        works(&pool);
    });
}

/// Many threads take values of one worker at once, while it is busy with the next.
#[test]
fn values_taken_by_many_threads_are_each_their_own() {
    let _alone = alone();
    bench("takers", Backend::Processes, |bench| {
        let pool: Arc<Pool> = bench.pool(2);
        std::thread::scope(|scope| {
            for seed in 0..6_u8 {
                let pool = &pool;
                scope.spawn(move || {
                    for n in 0..40_u8 {
                        let byte = seed.wrapping_mul(40).wrapping_add(n);
                        assert!(pool.apply(large, (byte,)) == Ok(pattern(LEN, byte)));
                    }
                });
            }
        });
    });
}
