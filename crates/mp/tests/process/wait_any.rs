//! Waiting for the first of several.

use std::io::Write;
use std::time::{Duration, Instant};

use mp::{ByFd, JoinableQueue, PriorityQueue, Queue, SimpleQueue, Waitable, wait_any};

use crate::{each, start};

const LONG: Option<Duration> = Some(Duration::from_secs(60));

#[test]
fn whatever_comes_first_is_told_and_nothing_else() {
    each("first", |method| {
        let (go, queue) = (Queue::<u32>::new().unwrap(), Queue::<u32>::new().unwrap());
        let task = |go: Queue<u32>, queue: Queue<u32>| match go.get().unwrap() {
            0 => (),
            item => {
                queue.put(item).unwrap();
                go.get().unwrap();
            }
        };
        let process = start(method, task, (go.clone(), queue.clone()));
        let (here, there) = mp::pipe::<u32, u32>().unwrap();
        let (reading, mut writing) = std::io::pipe().unwrap();
        let all: [&dyn Waitable; 4] = [&process, &queue, &here, &reading];
        assert!(wait_any(&all, Some(Duration::from_millis(10))).unwrap().is_empty());
        go.put(5).unwrap();
        assert_eq!(wait_any(&all, LONG).unwrap(), [1]);
        assert_eq!(queue.get().unwrap(), 5);
        there.send(6).unwrap();
        assert_eq!(wait_any(&all, LONG).unwrap(), [2]);
        assert_eq!(here.recv().unwrap(), 6);
        writing.write_all(b"x").unwrap();
        assert_eq!(wait_any(&all, LONG).unwrap(), [3]);
        go.put(0).unwrap();
        process.wait();
        assert_eq!(wait_any(&all, None).unwrap(), [0, 3]);
        drop(there);
        assert_eq!(wait_any(&all[..3], None).unwrap(), [0, 2], "the end of a pipe is news");
    });
}

#[test]
fn every_kind_of_queue_wakes_who_waits_for_many() {
    each("queues", |method| {
        let (plain, simple) = (Queue::<u32>::new().unwrap(), SimpleQueue::<u32>::new().unwrap());
        let (joinable, priority) = (JoinableQueue::<u32>::new().unwrap(), PriorityQueue::<u32>::new(2).unwrap());
        let turn = Queue::<u32>::new().unwrap();
        let task = |turn: Queue<u32>, to: (Queue<u32>, SimpleQueue<u32>, JoinableQueue<u32>, PriorityQueue<u32>)| {
            for kind in 0..4 {
                turn.get().unwrap();
                match kind {
                    0 => to.0.put(0).unwrap(),
                    1 => to.1.put(1).unwrap(),
                    2 => to.2.put(2).unwrap(),
                    _ => to.3.put(1, 3).unwrap(),
                }
            }
        };
        let to = (plain.clone(), simple.clone(), joinable.clone(), priority.clone());
        let process = start(method, task, (turn.clone(), to));
        let all: [&dyn Waitable; 4] = [&plain, &simple, &joinable, &priority];
        for kind in 0..4 {
            assert!(wait_any(&all, Some(Duration::ZERO)).unwrap().is_empty());
            turn.put(0).unwrap();
            assert_eq!(wait_any(&all, LONG).unwrap(), [kind]);
            let item = match kind {
                0 => plain.get(),
                1 => simple.get(),
                2 => joinable.get(),
                _ => priority.get().map(|(_, item)| item),
            };
            assert_eq!(item.unwrap(), kind as u32);
        }
        process.join().unwrap();
        plain.close().unwrap();
        assert_eq!(wait_any(&all, None).unwrap(), [0], "closed: nothing more will come");
    });
}

#[test]
fn a_process_that_is_killed_wakes_who_waits_for_its_item() {
    each("killed", |method| {
        for _ in 0..20 {
            let (go, queue) = (Queue::<u32>::new().unwrap(), Queue::<u32>::new().unwrap());
            let task = |go: Queue<u32>, queue: Queue<u32>| queue.put(go.get().unwrap()).unwrap();
            let process = start(method, task, (go, queue.clone()));
            std::thread::scope(|scope| {
                scope.spawn(|| process.kill());
                assert_eq!(wait_any(&[&queue, &process], LONG).unwrap(), [1]);
            });
        }
    });
}

#[test]
fn what_was_read_ahead_is_seen() {
    let key = mp::AuthKey::random().unwrap();
    let listener = mp::Listener::bind(&mp::Address::unique().unwrap(), &key).unwrap();
    let address = listener.address().clone();
    let thread = std::thread::spawn(move || {
        let client = mp::Client::connect::<u32, mp::Nothing>(&address, &key).unwrap();
        (0..3).for_each(|n| client.send(n).unwrap());
        client
    });
    let server = listener.accept::<mp::Nothing, u32>().unwrap();
    let client = thread.join().unwrap();
    for n in 0..3 {
        // All three may have been read by the first receive: no descriptor shows the others.
        assert_eq!(wait_any(&[&server], LONG).unwrap(), [0]);
        assert_eq!(server.recv().unwrap(), n);
    }
    assert!(wait_any(&[&server], Some(Duration::from_millis(5))).unwrap().is_empty());
    drop(client);
}

#[test]
fn a_limit_is_kept_and_too_many_are_refused() {
    let queue = Queue::<u32>::new().unwrap();
    let (reading, _writing) = std::io::pipe().unwrap();
    let start = Instant::now();
    let limit = Duration::from_millis(30);
    assert!(wait_any(&[&queue, &ByFd(&reading)], Some(limit)).unwrap().is_empty());
    assert!(wait_any(&[&queue], Some(limit)).unwrap().is_empty());
    assert!(wait_any(&[&reading], Some(limit)).unwrap().is_empty());
    assert!(wait_any(&[], Some(limit)).unwrap().is_empty());
    assert!(start.elapsed() >= limit * 4);
    let many: Vec<&dyn Waitable> = (0..200).map(|_| &queue as &dyn Waitable).collect();
    assert!(wait_any(&many, Some(limit)).unwrap_err().to_string().contains("200"));
}
