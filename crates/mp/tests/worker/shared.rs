//! Objects that each worker is sent once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use mp::{Backend, Failure, Shared};
use serde::{Deserialize, Deserializer, Serialize};

use crate::common::{Bench, bench};

/// How often this process has decoded a [`Model`].
static DECODED: AtomicU32 = AtomicU32::new(0);

#[derive(Serialize)]
struct Model(Vec<f64>);

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.fetch_add(1, Ordering::Relaxed);
        Vec::deserialize(deserializer).map(Self)
    }
}

fn each_backend(name: &str, body: impl Fn(&Bench)) {
    for backend in [Backend::Processes, Backend::Threads, Backend::Serial] {
        bench(name, backend, &body);
    }
}

#[test]
fn every_task_finds_what_is_shared_by_its_type() {
    each_backend("shared", |bench| {
        let words = HashMap::from([("mp".to_owned(), 3_u32), ("ipc".to_owned(), 5)]);
        let pool = bench.build(bench.builder().workers(2).shared(&words).shared(&7_u8).shared(&vec![1.5_f64; 50_000]));
        let find = |word: String| mp::shared::<HashMap<String, u32>>().get(&word).copied();
        let found = pool.map(find, ["mp", "none", "ipc"].map(str::to_owned));
        assert_eq!(found, Ok(vec![Some(3), None, Some(5)]));
        assert_eq!(pool.apply(|| (*mp::shared::<u8>(), mp::shared::<Vec<f64>>().iter().sum()), ()), Ok((7, 75_000.0)));
        let missing = pool.apply(|| *mp::shared::<i16>(), ());
        assert!(matches!(&missing, Err(Failure::Panicked { message, .. }) if message.contains("i16")), "{missing:?}");
        assert_eq!(pool.apply(|| mp::try_shared::<i16>().is_none(), ()), Ok(true));
    });
    assert!(mp::try_shared::<u8>().is_none(), "it is the worker's");
    bench("shared-none", Backend::Processes, |bench| {
        assert_eq!(bench.pool(1).apply(|| mp::try_shared::<u8>().is_none(), ()), Ok(true));
    });
}

#[test]
fn it_is_decoded_once_for_each_worker_also_for_one_that_replaces_another() {
    bench("shared-once", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).shared(&Model(vec![2.5; 1000])));
        let ask = |_: u32| (mp::shared::<Model>().0.len(), DECODED.load(Ordering::Relaxed));
        assert_eq!(pool.map(ask, 0..100), Ok(vec![(1000, 1); 100]));
        let killed = pool.apply(|| nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).is_ok(), ());
        assert!(matches!(killed, Err(Failure::Lost { .. })), "{killed:?}");
        assert_eq!(pool.apply(ask, (0,)), Ok((1000, 1)));
    });
}

#[test]
fn a_large_one_is_the_same_memory_for_all_workers() {
    bench("shared-large", Backend::Processes, |bench| {
        let table = Shared::from_vec((0..4_000_000_u64).collect()).expect("memory");
        let blob = vec![7_u8; 20_000_000];
        let pool = bench.build(bench.builder().workers(3).shared(&table).shared(&mp::Bytes::from(blob)));
        let sum = |from: usize| {
            let (table, blob) = (mp::shared::<Shared<[u64]>>(), mp::shared::<mp::Bytes>());
            (table[from..from + 10].iter().sum::<u64>(), blob.len())
        };
        let right: Vec<_> = (0..30_u64).map(|n| ((n..n + 10).sum::<u64>(), 20_000_000)).collect();
        assert_eq!(pool.map(sum, 0..30), Ok(right));
    });
}

#[test]
fn a_task_may_hand_it_to_threads_of_its_own() {
    each_backend("shared-threads", |bench| {
        let pool = bench.build(bench.builder().workers(1).shared(&vec![1_u64, 2, 3]));
        let sum = || {
            let numbers = mp::shared::<Vec<u64>>();
            std::thread::spawn(move || numbers.iter().sum::<u64>()).join().ok()
        };
        assert_eq!(pool.apply(sum, ()), Ok(Some(6)));
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    bench("shared-refused", Backend::Processes, |bench| {
        let twice = bench.builder().shared(&1_u32).shared(&2_u32).build().expect_err("two of one type").to_string();
        assert!(twice.contains("u32"), "{twice}");
        #[derive(Serialize, Deserialize)]
        struct Fails(#[serde(serialize_with = "refuse")] u32);
        fn refuse<S: serde::Serializer>(_: &u32, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
        let error = bench.builder().shared(&Fails(1)).build().expect_err("it cannot be encoded");
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert!(cause.as_ref().is_some_and(|cause| cause.contains("not today")), "{error}: {cause:?}");
    });
}

#[test]
fn one_that_cannot_be_decoded_stops_the_pool_with_the_reason() {
    #[derive(Serialize)]
    struct Bad(u32);
    impl<'de> Deserialize<'de> for Bad {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(serde::de::Error::custom("too old"))
        }
    }
    each_backend("shared-bad", |bench| {
        let pool = bench.build(bench.builder().workers(1).shared(&Bad(1)));
        let refused = pool.apply(|| 1, ());
        let Err(Failure::Stopped { reason, .. }) = &refused else { panic!("{refused:?}") };
        assert!(reason.contains("reading a shared object failed") && reason.contains("too old"), "{reason}");
    });
}
