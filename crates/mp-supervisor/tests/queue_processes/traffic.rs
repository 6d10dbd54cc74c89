//! Queues among processes that do as they should.

use std::time::{Duration, Instant};

use mp_supervisor::{Queue, QueueError};

use crate::harness::{Helper, arrive, descriptor, descriptors, file};
use crate::roles::{Item, Report, STOP, item, megabyte};

pub(crate) fn every_item_arrives_once_and_in_order() {
    const ITEMS: u64 = 4000;
    for queue in [Queue::<Item>::new(), Queue::bounded(3)] {
        let (work, reports) = (queue.expect("creates"), Queue::<Report>::new().expect("creates"));
        let mut consumers: Vec<_> = (0..4).map(|_| Helper::start("consume", &[4], &work, &reports)).collect();
        let mut producers: Vec<_> = (0..4).map(|id| Helper::start("produce", &[id, ITEMS], &work, &reports)).collect();
        assert!(producers.iter_mut().all(|producer| producer.join().success()));
        consumers.iter().for_each(|_| work.put((STOP, 0, String::new())).expect("puts"));
        assert!(consumers.iter_mut().all(|consumer| consumer.join().success()));
        let reports = (0..4).map(|_| reports.try_get().expect("a report"));
        let (count, sum) = reports.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        assert_eq!((count, sum), (4 * ITEMS, 4 * (ITEMS * (ITEMS - 1) / 2)));
        assert!(work.is_empty());
    }
}

pub(crate) fn a_gigabyte_is_read_after_its_producer_exited() {
    let work = Queue::<String>::new().expect("creates");
    assert!(Helper::start("megabytes", &[1000], &work, &work).join().success());
    let file = file(&work);
    assert_eq!(work.len(), 1000);
    assert!(file.allocated().expect("asks") >= 1_000_000_000);
    for number in 0..1000 {
        let text = work.try_get().expect("an item");
        assert!(text == megabyte(number), "item {number}");
        let (left, taken) = (1_000_008 * (999 - number), file.allocated().expect("asks"));
        assert!(taken < left + (5 << 20), "{taken} bytes taken when {left} are left");
    }
    assert!(work.is_empty());
}

pub(crate) fn a_bounded_queue_never_holds_more() {
    let work = Queue::<Item>::bounded(5).expect("creates");
    let mut producer = Helper::start("produce", &[0, 300], &work, &work);
    for number in 0..300 {
        if number % 50 == 0 {
            producer.wait_until_asleep();
            assert_eq!(work.len(), (300 - number as usize).min(5));
            let full = work.try_put(item(1, 0)).expect_err("full");
            assert!(matches!(full.error, QueueError::Full { capacity: 5 }) && full.item.0 == 1);
        }
        assert!(work.len() <= 5);
        assert_eq!(work.get().expect("gets").1, number);
    }
    assert!(producer.join().success());
    assert!(matches!(Queue::<u8>::bounded(0), Err(mp_supervisor::Error::Queue(QueueError::NoCapacity))));
}

pub(crate) fn timeouts_end_waits_and_not_before() {
    let wait = Duration::from_millis(40);
    let queue = Queue::bounded(1).expect("creates");
    let start = Instant::now();
    assert!(
        matches!(queue.get_timeout(wait), Err(mp_supervisor::Error::Queue(QueueError::TimedOut { after })) if after == wait)
    );
    queue.put_timeout(1, wait).expect("room");
    let refused = queue.put_timeout(2, wait).expect_err("no room");
    assert!(matches!(refused.error, QueueError::TimedOut { .. }) && refused.item == 2);
    // Who took it for seconds would be later than that.
    assert!(start.elapsed() >= 2 * wait && start.elapsed() < 1000 * wait);
    assert_eq!(queue.get_timeout(Duration::ZERO).expect("an item"), 1);
    assert!(matches!(queue.get_timeout(Duration::ZERO), Err(mp_supervisor::Error::Queue(QueueError::TimedOut { .. }))));
    queue.put_timeout(3, Duration::MAX).expect("room, and a time that no clock reaches");
    assert_eq!(queue.try_get().expect("an item"), 3);
    assert!(matches!(queue.try_get(), Err(mp_supervisor::Error::Queue(QueueError::Empty))));
}

pub(crate) fn a_blocked_get_does_not_wake_up() {
    let (work, done) = (Queue::<u64>::new().expect("creates"), Queue::<u64>::new().expect("creates"));
    let mut reader = Helper::start("get_one", &[], &work, &done);
    // Asleep in the kernel and with nothing on its way: from here on it has no reason to run.
    while (0..5).map(|_| (reader.wait_until_asleep(), reader.sleeps()).1).max() != Some(reader.sleeps()) {}
    let before = reader.sleeps();
    assert!(done.get_timeout(Duration::from_millis(300)).is_err(), "the clock of this test");
    assert_eq!(reader.sleeps(), before);
    work.put(5).expect("puts");
    assert_eq!(done.get().expect("gets"), 5);
    assert!(reader.join().success());
}

pub(crate) fn handles_share_one_descriptor() {
    let before = descriptors();
    let queue = Queue::<u8>::new().expect("creates");
    let again: Vec<Queue<u8>> = (0..10).map(|_| arrive(descriptor(&queue)).expect("arrives")).collect();
    let clones = again.clone();
    assert_eq!(descriptors(), before + 1);
    again[3].put(9).expect("puts");
    assert_eq!((clones[7].get().expect("gets"), queue.len()), (9, 0));
    drop((again, clones));
    assert_eq!(descriptors(), before + 1);
    drop(queue);
    assert_eq!(descriptors(), before);
}

pub(crate) fn a_bad_item_costs_only_itself() {
    let texts = Queue::<(String, u8)>::new().expect("creates");
    let numbers = arrive::<u64>(descriptor(&texts)).expect("arrives, as another type");
    numbers.put(u64::MAX).expect("puts");
    texts.put(("sound".to_owned(), 1)).expect("puts");
    assert!(matches!(texts.get(), Err(mp_supervisor::Error::Queue(QueueError::Decode { len: 9, .. }))));
    assert_eq!(texts.get().expect("gets").0, "sound");
}

pub(crate) fn a_queue_is_no_item() {
    let outer = Queue::<Queue<u8>>::new().expect("creates");
    let refused = outer.put(Queue::new().expect("creates")).expect_err("refused");
    let mp_supervisor::Error::Queue(QueueError::Encode(cause)) = &refused else { panic!("{refused:?}") };
    assert!(cause.to_string().contains("only be sent as an argument"), "{cause}");
    assert!(outer.is_empty());
}
