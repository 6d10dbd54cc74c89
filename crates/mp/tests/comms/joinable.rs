//! A joinable queue: all done is said when all is done, and a consumer that dies hangs nobody.

use std::time::Duration;

use mp::{Error, JoinableQueue, PriorityQueue, Queue, QueueError, SimpleQueue, StartMethod};

use crate::{each, start};

fn work(queue: JoinableQueue<u64>, sums: Queue<u64>) {
    let mut sum = 0;
    loop {
        match queue.get() {
            Ok(item) => sum += item,
            Err(Error::Queue(QueueError::Closed)) => break,
            Err(error) => panic!("{error}"),
        }
        queue.task_done().expect("one was got");
    }
    sums.put(sum).expect("it reports");
}

#[test]
fn join_returns_when_every_item_is_done() {
    each("joinable", |method| {
        let (queue, sums) = (JoinableQueue::bounded(10).expect("a queue"), Queue::new().expect("a queue"));
        let workers: Vec<_> = (0..3).map(|_| start(method, work, (queue.clone(), sums.clone()))).collect();
        for round in 0..3 {
            (0..200).for_each(|item| queue.put(round * 200 + item).expect("puts"));
            queue.join().expect("all are done");
            assert_eq!(queue.unfinished().expect("asks"), 0);
        }
        queue.close().expect("closes");
        workers.into_iter().for_each(|worker| worker.join().expect("it ends"));
        let sum: u64 = (0..3).map(|_| sums.get().expect("a sum")).sum();
        assert_eq!(sum, (0..600).sum::<u64>());
    });
}

fn take_and_hold(queue: JoinableQueue<u64>, taken: Queue<u64>) {
    let (first, second) = (queue.get().expect("an item"), queue.get().expect("another"));
    queue.task_done().expect("one was got");
    taken.put(first + second).expect("it reports");
    std::thread::park();
}

#[test]
fn a_consumer_killed_before_task_done_is_named() {
    each("abandoned", |method| {
        let (queue, taken) = (JoinableQueue::new().expect("a queue"), Queue::new().expect("a queue"));
        (0..3).for_each(|item| queue.put(item).expect("puts"));
        let holder = start(method, take_and_hold, (queue.clone(), taken.clone()));
        assert_eq!(taken.get().expect("two were taken"), 1);
        assert_eq!(queue.unfinished().expect("asks"), 2, "one in the queue, one with the holder");
        let late = queue.join_timeout(Duration::from_millis(50));
        assert!(matches!(late, Err(Error::Queue(QueueError::TimedOut { .. }))), "{late:?}");
        holder.kill();
        let abandoned = queue.join();
        let is_named = |pid: u32| pid == holder.pid();
        assert!(
            matches!(abandoned, Err(Error::Queue(QueueError::Abandoned { pid, items: 1, number: 2 })) if is_named(pid)),
            "{abandoned:?}"
        );
        assert_eq!(queue.unfinished().expect("asks"), 1, "what is abandoned is off the account");
        assert_eq!(queue.get().expect("the third"), 2);
        queue.task_done().expect("one was got");
        queue.join().expect("the rest is done");
    });
}

fn work_forever(queue: JoinableQueue<u64>) {
    while queue.get().is_ok() {
        queue.task_done().expect("one was got");
    }
}

#[test]
fn consumers_killed_at_random_moments_hang_no_join() {
    each("killed_takers", |method| {
        let queue = JoinableQueue::new().expect("a queue");
        let rounds = if method == StartMethod::Spawn { 40 } else { 80 };
        let mut abandoned = 0;
        for round in 0..rounds {
            let victim = start(method, work_forever, (queue.clone(),));
            (0..300).for_each(|item| queue.put(item).expect("puts"));
            let _ = queue.join_timeout(Duration::from_micros(round * 37));
            victim.kill();
            let _ = victim.wait();
            while queue.try_get().is_ok() {
                queue.task_done().expect("one was got");
            }
            if let Err(error) = queue.join_timeout(Duration::from_secs(100)) {
                assert!(
                    matches!(error, Error::Queue(QueueError::Abandoned { items: 1, .. })),
                    "round {round}: {error:?}"
                );
                abandoned += 1;
            }
            assert_eq!(queue.unfinished().expect("asks"), 0, "round {round}");
        }
        assert!(abandoned < rounds, "{abandoned} of {rounds}");
    });
}

#[test]
fn task_done_once_too_often_is_an_error() {
    let queue = JoinableQueue::new().expect("a queue");
    queue.join().expect("nothing was put");
    queue.put("item".to_owned()).expect("puts");
    assert!(matches!(queue.task_done(), Err(Error::Queue(QueueError::NothingTaken))), "nothing was got");
    queue.get().expect("gets");
    queue.task_done().expect("one was got");
    assert!(matches!(queue.task_done(), Err(Error::Queue(QueueError::NothingTaken))));
    queue.join().expect("all is done");
}

fn echo(items: SimpleQueue<u32>, back: SimpleQueue<u32>) {
    while let Ok(item) = items.get() {
        back.put(item * 2).expect("puts");
    }
}

#[test]
fn a_simple_queue_crosses_and_closes() {
    each("simple", |method| {
        let (items, back) = (SimpleQueue::new().expect("a queue"), SimpleQueue::new().expect("a queue"));
        let echo = start(method, echo, (items.clone(), back.clone()));
        items.put(21).expect("puts");
        assert_eq!(back.get().expect("gets"), 42);
        assert!(items.is_empty() && back.is_empty());
        items.close().expect("closes");
        echo.join().expect("it ends when the queue does");
    });
}

fn put_until_closed(queue: Queue<u32>, waiting: Queue<()>) -> bool {
    queue.put(1).expect("there is room");
    waiting.put(()).expect("it reports");
    matches!(queue.put(2), Err(Error::Queue(QueueError::Closed)))
}

#[test]
fn closing_wakes_who_waits_for_room() {
    each("closed", |method| {
        let (queue, waiting) = (Queue::bounded(1).expect("a queue"), Queue::new().expect("a queue"));
        let producer = start(method, put_until_closed, (queue.clone(), waiting.clone()));
        waiting.get().expect("it is about to wait");
        queue.close().expect("closes");
        assert!(producer.join().expect("it ends"));
        assert!(queue.is_closed());
        assert_eq!(queue.get().expect("what was put is left"), 1);
        assert!(matches!(queue.get(), Err(Error::Queue(QueueError::Closed))));
    });
}

fn take_urgent(queue: PriorityQueue<u32>, got: Queue<(usize, u32)>) {
    while let Ok(item) = queue.get() {
        got.put(item).expect("it reports");
    }
}

#[test]
fn what_is_most_urgent_is_got_first_and_once() {
    each("priority", |method| {
        let (queue, got) = (PriorityQueue::new(4).expect("a queue"), Queue::new().expect("a queue"));
        (0..200).for_each(|item| queue.put(3 - item as usize % 4, item).expect("puts"));
        let mut last = (0, 0);
        for _ in 0..100 {
            let (priority, item) = queue.get().expect("gets");
            assert!((priority, item) >= last && priority == 3 - item as usize % 4, "{item} after {last:?}");
            last = (priority, item);
        }
        let takers: Vec<_> = (0..2).map(|_| start(method, take_urgent, (queue.clone(), got.clone()))).collect();
        (200..400).for_each(|item| queue.put(item as usize % 4, item).expect("puts"));
        let mut items: Vec<_> = (0..300).map(|_| got.get().expect("one").1).collect();
        queue.close().expect("closes");
        takers.into_iter().for_each(|taker| taker.join().expect("it ends"));
        items.sort_unstable();
        items.dedup();
        assert_eq!((items.len(), queue.len()), (300, 0));
        assert!(matches!(queue.put(0, 1), Err(Error::Queue(QueueError::Closed))));
        assert!(matches!(queue.put(4, 1), Err(Error::Invalid(_))) && PriorityQueue::<u8>::new(0).is_err());
    });
}

#[test]
fn a_killed_taker_costs_one_urgent_item_at_most() {
    each("priority_killed", |method| {
        for round in 0..20 {
            let (queue, got) = (PriorityQueue::new(3).expect("a queue"), Queue::new().expect("a queue"));
            (0..300).for_each(|item| queue.put(item as usize % 3, item).expect("puts"));
            let victim = start(method, take_urgent, (queue.clone(), got.clone()));
            got.get().expect("it takes");
            let _ = got.get_timeout(Duration::from_micros(round * 13));
            victim.kill();
            let _ = victim.wait();
            let before = queue.len();
            let rest = std::iter::from_fn(|| queue.try_get().ok()).count();
            assert_eq!(rest, before, "round {round}: every token has its item");
        }
    });
}
