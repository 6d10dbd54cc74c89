//! Many at once: callers, pools inside of pools, queues between tasks.

use mp::{Backend, Pool, Queue};

use crate::common::{Bench, works};

fn square(n: u64) -> u64 {
    n * n
}

pub(crate) fn ten_threads(bench: &Bench) {
    let pool = &*bench.pool(3);
    let one = |caller: u64| {
        for n in 0..50 {
            assert_eq!(pool.apply(square, (caller + n,)), Ok(square(caller + n)));
        }
        let items = caller..caller + 300;
        assert_eq!(pool.map(square, items.clone()), Ok(items.clone().map(square).collect::<Vec<_>>()));
        let lazy: Result<Vec<_>, _> = pool.imap(square, items.clone()).collect();
        assert_eq!(lazy, Ok(items.map(square).collect()));
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..10).map(|caller| scope.spawn(move || one(caller * 1000))).collect();
        callers.into_iter().for_each(|caller| caller.join().expect("all as it should be"));
    });
    assert_eq!(pool.stats().submitted, 10 * 650);
    works(pool);
}

/// A task with a pool of its own, whose tasks have pools of their own.
fn nest(depth: u32, backend: u8) -> Result<u64, String> {
    if depth == 0 {
        return Ok(1);
    }
    let pool = Pool::builder().workers(2).backend(backend_of(backend)).build().map_err(|error| error.to_string())?;
    let sums =
        pool.starmap(nest, [(depth - 1, backend), (depth - 1, backend)]).map_err(|failure| failure.to_string())?;
    sums.into_iter().sum()
}

fn backend_of(number: u8) -> Backend {
    [Backend::Processes, Backend::Threads, Backend::Serial][usize::from(number)]
}

pub(crate) fn nested(bench: &Bench) {
    let pool = bench.pool(2);
    let same = (0..3).find(|number| backend_of(*number) == bench.backend).expect("one of three");
    assert_eq!(pool.apply(nest, (2, same)), Ok(Ok(4)), "three deep");
    for inside in 0..3 {
        assert_eq!(pool.apply(nest, (1, inside)), Ok(Ok(2)), "of another kind");
    }
    works(&pool);
}

pub(crate) fn queues_as_arguments(bench: &Bench) {
    let pool = bench.pool(3);
    let queue = Queue::<u64>::new().expect("a queue");
    let put = |n: u64, queue: Queue<u64>| queue.put(n).map_err(|error| error.to_string());
    let outcomes = pool.starmap(put, (0..200).map(|n| (n, queue.clone()))).expect("all run");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let mut items: Vec<_> = (0..200).map(|_| queue.get().expect("an item")).collect();
    items.sort_unstable();
    assert!(items.into_iter().eq(0..200));
    let (to, from) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
    to.put(20).expect("put");
    let relay = |to: Queue<u64>, from: Queue<u64>, big: Vec<u8>| {
        let item = to.get().map_err(|error| error.to_string())?;
        from.put(item + big.len() as u64).map_err(|error| error.to_string())
    };
    assert_eq!(pool.apply(relay, (to, from.clone(), vec![0; 100_000])), Ok(Ok(())), "beside a large argument");
    assert_eq!(from.get().expect("an item"), 100_020);
}
