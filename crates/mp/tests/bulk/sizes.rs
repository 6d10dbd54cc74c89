//! Around every limit: of an item's short length, of a frame, of what is large, of a region, of a page.

use std::time::Duration;

use mp::{Backend, Bytes, Pool};

use crate::common::{Bench, bench, works};
use crate::{alone, pattern, sum};

const KIB: usize = 1024;
const MIB: usize = 1 << 20;

/// Each is tried with one less and one more, and with what an encoded length takes beside it.
const LIMITS: &[usize] = &[1, 239, 4 * KIB, 8 * KIB, 48 * KIB, 64 * KIB, 128 * KIB, MIB, 2 * MIB];

const BACKENDS: [Backend; 3] = [Backend::Processes, Backend::Threads, Backend::Serial];

fn sizes() -> impl Iterator<Item = usize> {
    LIMITS.iter().flat_map(|limit| [-10, -9, -6, -5, -4, -3, -2, -1, 0, 1].map(|by| limit.saturating_add_signed(by)))
}

fn over_all(name: &str, body: impl Fn(&Bench)) {
    let _alone = alone();
    BACKENDS.iter().for_each(|backend| bench(name, *backend, &body));
}

#[test]
fn bytes_of_every_size_cross_both_ways() {
    over_all("bytes", |bench| {
        let pool = bench.pool(2);
        for len in sizes() {
            let same = |bytes: Vec<u8>| bytes;
            assert!(pool.apply(same, (pattern(len, 1),)) == Ok(pattern(len, 1)), "{len} bytes");
        }
        works(&pool);
    });
}

#[test]
fn rows_texts_and_bytes_in_other_types_cross_as_well() {
    fn turned(row: Vec<u32>, text: String, more: (Bytes, Option<Vec<i16>>)) -> (Vec<u32>, String, Bytes, Vec<i16>) {
        (row.into_iter().rev().collect(), text, more.0, more.1.unwrap_or_default())
    }
    over_all("rows", |bench| {
        let pool = bench.pool(1);
        for len in LIMITS
            .iter()
            .flat_map(|limit| [(limit / 4).saturating_sub(3), limit / 4, limit / 4 + 1])
            .filter(|len| *len < 20_000)
        {
            let numbers: Vec<u32> = (0..len as u32).map(|n| n.wrapping_mul(2_654_435_761)).collect();
            let reversed = numbers.iter().rev().copied().collect();
            let (text, bytes, small) = ("x".repeat(len), Bytes::from(pattern(len, 3)), vec![-1; len]);
            let outcome = pool.apply(turned, (numbers, text.clone(), (bytes.clone(), Some(small.clone()))));
            assert!(outcome == Ok((reversed, text, bytes, small)), "{len} of each");
        }
        let halves: Vec<f64> = (0..200_000).map(|n| f64::from(n) / 2.0).collect();
        assert_eq!(pool.apply(|row: Vec<f64>| row.iter().sum::<f64>(), (halves.clone(),)), Ok(halves.iter().sum()));
    });
}

#[test]
fn a_hundred_megabytes_cross_both_ways() {
    over_all("hundred", |bench| {
        let pool = bench.pool(1);
        let len = 100_000_000;
        let bytes = pattern(len, 9);
        let there = |bytes: Vec<u8>| (bytes.len(), sum(&bytes));
        assert_eq!(pool.apply(there, (bytes.clone(),)), Ok((len, sum(&bytes))));
        let back = |len: usize| pattern(len, 9);
        for _ in 0..2 {
            assert!(pool.apply(back, (len,)).as_deref() == Ok(&bytes), "the first time as a file, then in a window");
        }
        works(&pool);
    });
}

/// More wait than there are windows, and more than a region holds.
#[test]
fn many_large_items_come_back_in_their_places() {
    over_all("many", |bench| {
        let pool = bench.pool(3);
        let len = |n: u64| 5_000 + (n as usize * 7919) % 300_000;
        let task = |n: u64, bytes: Bytes| (n, bytes);
        let items = || (0..200).map(|n| (n, Bytes::from(pattern(len(n), n as u8))));
        let outcomes = pool.starmap(task, items()).expect("all run");
        assert!(outcomes.into_iter().eq(items()));
        let handles: Vec<_> = items().map(|item| pool.apply_async(task, item).expect("accepted")).collect();
        assert!(handles.into_iter().map(|handle| handle.get().expect("it runs")).eq(items()));
        let lazy = pool.imap(|(n, bytes): (u64, Bytes)| (n, bytes), items().collect::<Vec<_>>());
        assert!(lazy.map(|outcome| outcome.expect("it runs")).eq(items()));
        let mut any: Vec<_> = pool.imap_unordered(|n: u64| (n, Bytes::from(vec![n as u8; 100_000])), 0..100).collect();
        any.sort_by_key(|outcome| outcome.as_ref().map(|(n, _)| *n).ok());
        assert!(any.into_iter().zip(0..).all(|(outcome, n)| outcome == Ok((n, vec![n as u8; 100_000].into()))));
    });
}

#[test]
fn what_is_above_the_maximum_is_refused_wherever_it_would_have_gone() {
    over_all("maximum", |bench| {
        let max = 100_000;
        let pool = bench.build(bench.builder().workers(1).max_payload(max));
        let length = |bytes: Vec<u8>| bytes.len();
        let header = 5;
        assert_eq!(pool.apply(length, (vec![0; max - header],)), Ok(max - header));
        let refused = pool.apply_async(length, (vec![0; max - header + 1],)).expect_err("one byte too many");
        assert_eq!(refused, mp::SubmitError::TooLarge { len: max + 1, max });
        works(&pool);
    });
}

/// From none to more than a frame holds: what is large where is no matter.
#[test]
fn any_limit_of_what_is_large_gives_the_same_values() {
    let _alone = alone();
    for from in [0, 1, 100, 60_000, usize::MAX] {
        bench("limit", Backend::Processes, |bench| {
            let pool: &Pool = &bench.build(bench.builder().workers(1).large_from(from));
            for len in [0, 1, 99, 100, 101, 49_000, 60_000, 70_000] {
                let same = |bytes: Vec<u8>| bytes;
                assert!(pool.apply(same, (pattern(len, 4),)) == Ok(pattern(len, 4)), "{len} bytes, from {from}");
            }
        });
    }
}

#[test]
fn an_item_with_a_time_limit_and_retries_keeps_its_arguments() {
    let _alone = alone();
    bench("limits", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(2).grace(Duration::from_millis(50)));
        let hangs_once = |bytes: Vec<u8>| {
            while mp::current_worker().is_some_and(|worker| worker.attempt == 1) {
                std::thread::park();
            }
            sum(&bytes)
        };
        let handle = pool.task(hangs_once, (pattern(MIB, 5),)).timeout(Duration::from_secs(4)).retries(1).submit();
        let others = pool.map(|bytes: Vec<u8>| sum(&bytes), (0..50).map(|n| pattern(100_000, n)));
        assert_eq!(others, Ok((0..50).map(|n| sum(&pattern(100_000, n))).collect::<Vec<_>>()));
        assert_eq!(handle.expect("accepted").get(), Ok(sum(&pattern(MIB, 5))));
    });
}
