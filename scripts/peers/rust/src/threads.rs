//! Threads of one process: rayon's pool, and plain ones behind a channel. No isolation, nothing is encoded.

use crossbeam_channel::{bounded, unbounded};
use rayon::prelude::*;

use crate::work::{WORKERS, Work, length, millisecond, square};

pub fn rayon(work: Work) -> Option<f64> {
    let build = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    if work == Work::Ready {
        return work.timed(|n| assert_eq!(build(8).install(|| square(n)), 1));
    }
    let pool = build(WORKERS);
    pool.install(|| (0..1000_u64).into_par_iter().map(square).collect::<Vec<_>>());
    match work {
        Work::Apply => work.timed(|count| (0..count).for_each(|n| _ = pool.install(|| square(n)))),
        Work::Async => work.timed(|count| {
            let (sender, receiver) = unbounded();
            for n in 0..count {
                let sender = sender.clone();
                pool.spawn(move || _ = sender.send(square(n)));
            }
            (0..count).for_each(|_| _ = receiver.recv().expect("a value"));
        }),
        Work::Map => work.timed(|count| {
            // Of 32 bits: of such a range it knows the length, and writes straight into the vector.
            let items = (0..count as u32).into_par_iter().map(u64::from);
            let squares: Vec<u64> = pool.install(|| items.map(square).collect());
            assert_eq!(squares.len() as u64, count);
        }),
        Work::Millisecond => work.timed(|count| {
            let items = (0..count as u32).into_par_iter().map(u64::from);
            let all: Vec<u64> = pool.install(|| items.map(millisecond).collect());
            assert_eq!(all.len() as u64, count);
        }),
        Work::Mebibyte => {
            let bytes = vec![7; 1 << 20];
            work.timed(|count| {
                for _ in 0..count {
                    assert_eq!(pool.install(|| length(bytes.clone())), 1 << 20);
                }
            })
        }
        Work::Ready => None,
    }
}

type Job = Box<dyn FnOnce() + Send>;

pub fn channel(work: Work) -> Option<f64> {
    let workers = if work == Work::Ready { 8 } else { WORKERS };
    std::thread::scope(|scope| {
        let (jobs, queue) = unbounded::<Job>();
        let start = || {
            for _ in 0..workers {
                let queue = queue.clone();
                scope.spawn(move || queue.into_iter().for_each(|job| job()));
            }
        };
        let call = |n: u64, run: fn(u64) -> u64| {
            let (sender, receiver) = bounded(1);
            jobs.send(Box::new(move || _ = sender.send(run(n)))).expect("a worker");
            receiver
        };
        let all = |count: u64, run: fn(u64) -> u64| {
            let handles: Vec<_> = (0..count).map(|n| call(n, run)).collect();
            handles.into_iter().for_each(|handle| _ = handle.recv().expect("a value"));
        };
        if work == Work::Ready {
            let taken = work.timed(|n| {
                start();
                assert_eq!(call(n, square).recv(), Ok(1));
            });
            drop(jobs);
            return taken;
        }
        start();
        let taken = match work {
            Work::Apply => work.timed(|count| (0..count).for_each(|n| _ = call(n, square).recv().expect("a value"))),
            Work::Async => work.timed(|count| all(count, square)),
            Work::Millisecond => work.timed(|count| all(count, millisecond)),
            Work::Mebibyte => {
                let bytes = vec![7; 1 << 20];
                work.timed(|count| {
                    for _ in 0..count {
                        let (sender, receiver) = bounded(1);
                        let bytes = bytes.clone();
                        jobs.send(Box::new(move || _ = sender.send(length(bytes)))).expect("a worker");
                        assert_eq!(receiver.recv(), Ok(1 << 20));
                    }
                })
            }
            Work::Map | Work::Ready => None,
        };
        drop(jobs);
        taken
    })
}
