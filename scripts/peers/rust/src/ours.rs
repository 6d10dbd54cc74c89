//! mp's own pool.

use mp::{Backend, Pool, PoolBuilder, StartMethod};

use crate::work::{WORKERS, Work, length, millisecond, square};

pub fn spawned(work: Work) -> Option<f64> {
    run(work, || Pool::builder().start_method(StartMethod::Spawn))
}

pub fn forked(work: Work) -> Option<f64> {
    run(work, || Pool::builder().start_method(StartMethod::ForkServer))
}

pub fn threads(work: Work) -> Option<f64> {
    run(work, || Pool::builder().backend(Backend::Threads))
}

fn run(work: Work, builder: fn() -> PoolBuilder) -> Option<f64> {
    if work == Work::Ready {
        return work.timed(|n| {
            let pool = builder().workers(8).build().expect("a pool");
            assert_eq!(pool.apply(square, (n,)), Ok(1));
        });
    }
    let pool = builder().workers(WORKERS).build().expect("a pool");
    pool.map(square, 0..1000).expect("values");
    match work {
        Work::Apply => work.timed(|count| (0..count).for_each(|n| _ = pool.apply(square, (n,)).expect("a value"))),
        Work::Async => work.timed(|count| {
            let handles: Vec<_> = (0..count).map(|n| pool.apply_async(square, (n,)).expect("accepted")).collect();
            handles.into_iter().for_each(|handle| _ = handle.get().expect("a value"));
        }),
        Work::Map => work.timed(|count| assert_eq!(pool.map(square, 0..count).expect("values").len() as u64, count)),
        Work::Millisecond => work.timed(|count| drop(pool.map(millisecond, 0..count).expect("values"))),
        Work::Mebibyte => {
            let bytes = vec![7; 1 << 20];
            work.timed(|count| {
                for _ in 0..count {
                    assert_eq!(pool.apply(length, (bytes.clone(),)), Ok(1 << 20));
                }
            })
        }
        Work::Ready => None,
    }
}
