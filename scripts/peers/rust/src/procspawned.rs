//! procspawn's pool: calls are submitted one by one, there is no map.

use crate::work::{WORKERS, Work, length, millisecond, square};

const AT_A_TIME: usize = 200;

pub fn run(work: Work) -> Option<f64> {
    if work == Work::Ready {
        return work.timed(|n| {
            let pool = procspawn::Pool::new(8).expect("a pool");
            assert_eq!(pool.spawn(n, square).join().expect("a value"), 1);
        });
    }
    let pool = procspawn::Pool::new(WORKERS).expect("a pool");
    (0..100).for_each(|n| _ = pool.spawn(n, square).join().expect("a value"));
    match work {
        Work::Apply => work.timed(|count| (0..count).for_each(|n| _ = pool.spawn(n, square).join().expect("a value"))),
        // Each open call holds two descriptors: so many at a time, or it panics for want of them.
        Work::Async => work.timed(|count| {
            for first in (0..count).step_by(AT_A_TIME) {
                let handles: Vec<_> = (first..first + AT_A_TIME as u64).map(|n| pool.spawn(n, square)).collect();
                handles.into_iter().for_each(|handle| _ = handle.join().expect("a value"));
            }
        }),
        Work::Millisecond => work.timed(|count| {
            for first in (0..count).step_by(AT_A_TIME) {
                let handles: Vec<_> = (first..first + AT_A_TIME as u64).map(|n| pool.spawn(n, millisecond)).collect();
                handles.into_iter().for_each(|handle| _ = handle.join().expect("a value"));
            }
        }),
        Work::Mebibyte => {
            let bytes = vec![7; 1 << 20];
            work.timed(|count| {
                for _ in 0..count {
                    assert_eq!(pool.spawn(bytes.clone(), length).join().expect("a value"), 1 << 20);
                }
            })
        }
        Work::Map | Work::Ready => None,
    }
}
