//! Queues among processes that are killed.

use std::time::Duration;

use mp_supervisor::{Queue, QueueError};

use crate::harness::{Helper, Random, file, spin};
use crate::roles::{Item, STOP, check, item};

/// What is in the queue is whole, as much as it says, and it still works.
fn assert_whole(work: &Queue<Item>, round: u64) {
    let len = work.len();
    let mut last = None;
    for _ in 0..len {
        let item = work.try_get().expect("an item");
        check(&item);
        assert!(last < Some(item.1), "out of order in round {round}");
        last = Some(item.1);
    }
    assert!(
        matches!(work.try_get(), Err(mp_supervisor::Error::Queue(QueueError::Empty))),
        "more than it said in round {round}"
    );
    work.try_put(item(0, round)).expect("puts");
    assert_eq!(work.try_get().expect("gets").1, round);
}

pub(crate) fn killed_at_random_moments() {
    let mut random = Random(1);
    let ready = Queue::<u64>::new().expect("creates");
    for round in 0..400 {
        let work = if round % 2 == 0 { Queue::<Item>::new() } else { Queue::bounded(4) }.expect("creates");
        let mut producer = Helper::start("produce_forever", &[], &work, &ready);
        let mut consumer = Helper::start("consume_forever", &[], &work, &ready);
        (0..2).for_each(|_| assert_eq!(ready.get().expect("gets"), 0));
        spin(Duration::from_nanos(random.below(400_000)));
        if random.below(2) == 0 {
            producer.kill();
            consumer.kill();
        } else {
            consumer.kill();
            producer.kill();
        }
        assert_whole(&work, round);
        assert!(file(&work).allocated().expect("asks") < 4 << 20);
    }
}

/// Victims and survivors hand the same items on. A victim may take one item with it, and nothing else.
pub(crate) fn killed_consumers_wedge_no_survivor() {
    const ROUNDS: u64 = 300;
    let mut random = Random(2);
    let (work, done) = (Queue::<Item>::bounded(6).expect("creates"), Queue::<Item>::new().expect("creates"));
    let mut survivors: Vec<_> = (0..3).map(|_| Helper::start("relay", &[], &work, &done)).collect();
    for round in 0..ROUNDS {
        let mut victim = Helper::start("relay", &[], &work, &done);
        (0..20).for_each(|number| work.put(item(0, round * 20 + number)).expect("puts"));
        spin(Duration::from_nanos(random.below(1_500_000)));
        (0..10).for_each(|_| work.put(item(0, 0)).expect("puts"));
        victim.kill();
    }
    survivors.iter().for_each(|_| work.put((STOP, 0, String::new())).expect("puts"));
    assert!(survivors.iter_mut().all(|survivor| survivor.join().success()));
    assert!(work.is_empty());
    let arrived = done.len() as u64;
    assert!((29 * ROUNDS..=30 * ROUNDS).contains(&arrived), "{arrived} of {}", 30 * ROUNDS);
    (0..arrived).for_each(|_| check(&done.try_get().expect("gets")));
}

pub(crate) fn killed_while_holding_the_lock() {
    let work = Queue::<Item>::new().expect("creates");
    for round in 0..20 {
        work.put(item(0, round)).expect("puts");
        assert!(!Helper::start("die_holding", &[], &work, &work).join().success());
        assert_eq!((work.len(), work.try_get().expect("gets").1), (1, round));
        assert_whole(&work, round);
    }
}

/// Readers that were killed in their sleep neither keep an item nor the news of it from those who live.
pub(crate) fn killed_while_waiting() {
    let (work, done) = (Queue::<u64>::new().expect("creates"), Queue::<u64>::new().expect("creates"));
    let full = Queue::<u64>::bounded(1).expect("creates");
    full.put(0).expect("puts");
    for round in 0..20 {
        let mut readers: Vec<_> = (0..4).map(|_| Helper::start("get_one", &[], &work, &done)).collect();
        let mut writers: Vec<_> = (0..4).map(|_| Helper::start("put_one", &[], &full, &done)).collect();
        readers.iter().chain(&writers).for_each(Helper::wait_until_asleep);
        readers.drain(..3).chain(writers.drain(..3)).for_each(drop);
        work.put(round).expect("puts");
        assert_eq!((done.get().expect("gets"), full.get().expect("gets")), (round, if round == 0 { 0 } else { 7 }));
        assert_eq!((done.get().expect("gets"), full.len(), work.len()), (7, 1, 0));
    }
}
