//! What processes wait for in a manager: semaphores, events, conditions, barriers, joinable queues; and what is left when one is
//! killed who holds or waits.

use std::time::{Duration, Instant};

use mp::{
    ArrayProxy, BarrierProxy, ConditionProxy, EventProxy, JoinableQueueProxy, LockError, LockGuard, Manager,
    ManagerError, Process, Queue, RLockProxy, SemaphoreProxy, StartMethod, ValueProxy,
};

use crate::{each, start};

const SOON: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(60);

fn manager(method: StartMethod) -> Manager {
    Manager::builder().start_method(method).start().expect("a manager")
}

fn until(what: &str, condition: impl Fn() -> bool) {
    crate::common::eventually(what, condition);
}

fn kill<R>(process: &Process<R>) {
    process.kill();
    process.wait();
}

/// What the next holder is told.
fn abandoned(taken: Result<LockGuard, LockError>) -> (u32, LockGuard) {
    match taken {
        Err(LockError::Abandoned { pid, guard }) => (pid, guard),
        other => panic!("{other:?}"),
    }
}

fn is_late(taken: Result<LockGuard, LockError>) -> bool {
    matches!(taken, Err(LockError::Manager(ManagerError::TimedOut { .. })))
}

fn nest(lock: RLockProxy, go: Queue<u32>, said: Queue<u32>) {
    let first = lock.lock().expect("free");
    let second = lock.lock_timeout(LONG).expect("it is its own");
    for guard in [second, first] {
        said.put(1).expect("said");
        go.get().expect("told");
        drop(guard);
    }
    let _third = lock.lock().ok();
    said.put(2).expect("said");
    std::thread::park();
}

#[test]
fn a_reentrant_lock_is_free_when_it_was_given_back_as_often_as_taken() {
    each("manager_rlock", |method| {
        let manager = manager(method);
        let lock = manager.rlock().expect("a lock");
        let (go, said) = (Queue::new().expect("a queue"), Queue::new().expect("a queue"));
        let process = start(method, nest, (lock.clone(), go.clone(), said.clone()));
        for _ in 0..2 {
            said.get().expect("it holds it");
            assert!(is_late(lock.lock_timeout(SOON)));
            go.put(0).expect("told");
        }
        assert_eq!(said.get().expect("it holds it again"), 2);
        kill(&process);
        let (pid, guard) = abandoned(lock.lock_timeout(LONG));
        assert_eq!(pid, process.pid());
        drop((guard, lock.lock_timeout(LONG).expect("told once")));
    });
}

fn hold_a_permit(semaphore: SemaphoreProxy, said: Queue<u32>) {
    let _permit = semaphore.acquire().expect("free");
    said.put(std::process::id()).expect("said");
    std::thread::park();
}

#[test]
fn a_semaphore_admits_so_many_and_a_killed_permit_comes_back() {
    each("manager_semaphore", |method| {
        let manager = manager(method);
        let semaphore = manager.semaphore(2).expect("a semaphore");
        let said = Queue::new().expect("a queue");
        let processes: Vec<_> =
            (0..2).map(|_| start(method, hold_a_permit, (semaphore.clone(), said.clone()))).collect();
        (0..2).for_each(|_| assert!(said.get().expect("it has one") > 0));
        assert_eq!(semaphore.value().expect("a call"), 0);
        assert!(is_late(semaphore.acquire_timeout(SOON)));
        kill(&processes[0]);
        let (pid, permit) = abandoned(semaphore.acquire_timeout(LONG));
        assert_eq!(pid, processes[0].pid());
        drop(permit);
        drop(semaphore.acquire().expect("told once"));
        semaphore.release().expect("one more than there were");
        assert_eq!(semaphore.value().expect("a call"), 2);
        semaphore.take().expect("free");
        assert_eq!(semaphore.value().expect("a call"), 1);
        let bounded = manager.bounded_semaphore(1).expect("a semaphore");
        assert!(matches!(bounded.release(), Err(ManagerError::TooManyReleases { bound: 1 })));
        bounded.take().expect("free");
        bounded.release().expect("it was taken");
        let held = bounded.acquire().expect("free");
        assert!(matches!(bounded.release(), Err(ManagerError::TooManyReleases { bound: 1 })), "it is held, not gone");
        drop(held);
    });
}

fn await_event(event: EventProxy, said: Queue<u32>) {
    said.put(0).expect("said");
    event.wait().expect("it is set");
    said.put(1).expect("said");
}

#[test]
fn an_event_wakes_all_who_wait_also_when_it_is_cleared_at_once() {
    each("manager_event", |method| {
        let manager = manager(method);
        let event = manager.event().expect("an event");
        assert!(!event.wait_timeout(SOON).expect("a call"));
        let said = Queue::new().expect("a queue");
        let processes: Vec<_> = (0..3).map(|_| start(method, await_event, (event.clone(), said.clone()))).collect();
        (0..3).for_each(|_| assert_eq!(said.get().expect("it is there"), 0));
        // Those who have asked how often it was set are woken; who has not asked yet is by the next one.
        let mut awake = 0;
        while awake < 3 {
            event.set().expect("a call");
            event.clear().expect("a call");
            awake += said.get_timeout(Duration::from_millis(5)).unwrap_or(0);
        }
        processes.into_iter().for_each(|process| process.join().expect("awake"));
        assert!(!event.is_set().expect("a call"));
        event.set().expect("a call");
        assert!(event.is_set().expect("a call") && event.wait_timeout(LONG).expect("a call"));
    });
}

fn await_notice(condition: ConditionProxy, waiting: ValueProxy<u32>, said: Queue<u32>) {
    let guard = condition.lock().expect("free");
    waiting.set(&(waiting.get().expect("a call") + 1)).expect("a call");
    let guard = condition.wait(guard).expect("notified");
    said.put(std::process::id()).expect("said");
    drop(guard);
}

fn waiters(method: StartMethod, manager: &Manager, count: u32) -> (ConditionProxy, Queue<u32>, Vec<Process<()>>) {
    let condition = manager.condition().expect("a condition");
    let (waiting, said) = (manager.value(&0_u32).expect("a value"), Queue::new().expect("a queue"));
    let one = || start(method, await_notice, (condition.clone(), waiting.clone(), said.clone()));
    let processes = (0..count).map(|_| one()).collect();
    // Who counted himself under the lock waits when it can be taken.
    until("all wait", || condition.lock().is_ok() && waiting.get().expect("a call") == count);
    (condition, said, processes)
}

#[test]
fn a_condition_wakes_exactly_so_many() {
    each("manager_condition", |method| {
        let manager = manager(method);
        let (condition, said, processes) = waiters(method, &manager, 4);
        let notify = |count| {
            let guard = condition.lock().expect("free");
            condition.notify(&guard, count).expect("held")
        };
        assert_eq!(notify(1), 1);
        said.get_timeout(LONG).expect("one is awake");
        assert_eq!(notify(2), 2);
        (0..2).for_each(|_| assert!(said.get_timeout(LONG).expect("two are awake") > 0));
        assert!(said.get_timeout(SOON).is_err(), "and nobody else");
        assert_eq!(notify(9), 1);
        processes.into_iter().for_each(|process| process.join().expect("awake"));
        let guard = condition.lock().expect("free");
        assert_eq!(condition.notify_all(&guard).expect("held"), 0);
        let (guard, notified) = condition.wait_timeout(guard, SOON).expect("it has its lock again");
        assert!(!notified);
        let of_another = manager.condition().expect("a condition").lock().expect("free");
        assert!(matches!(condition.notify_one(&of_another), Err(ManagerError::NotHeld)));
        let mut looks = 0;
        drop(
            condition
                .wait_for(guard, || {
                    looks += 1;
                    looks > 0
                })
                .expect("it holds at once"),
        );
        assert_eq!(looks, 1);
    });
}

#[test]
fn a_notice_of_one_who_is_killed_goes_to_the_next() {
    each("manager_notice", |method| {
        let manager = manager(method);
        let (condition, said, processes) = waiters(method, &manager, 3);
        let guard = condition.lock().expect("free");
        // The one who is notified cannot go on while the lock is held here, and does not live to do so.
        assert_eq!(condition.notify_one(&guard).expect("held"), 1);
        kill(&processes[0]);
        kill(&processes[1]);
        drop(guard);
        // Whoever it was, he is dead, or the last one: that one hears it, unless nobody was passed over.
        let heard = said.get_timeout(LONG);
        assert_eq!(heard.expect("the last one is awake"), processes[2].pid());
        let last = processes.into_iter().next_back().expect("three");
        last.join().expect("it gives the lock back");
        drop(condition.lock_timeout(LONG).expect("nobody held it"));
    });
}

fn meet(barrier: BarrierProxy, rounds: u32, said: Queue<(u32, u32)>) {
    for round in 0..rounds {
        let Ok(index) = barrier.wait() else { return };
        said.put((round, index)).expect("said");
    }
}

#[test]
fn a_barrier_lets_all_go_on_together() {
    each("manager_barrier", |method| {
        let manager = manager(method);
        let barrier = manager.barrier(4).expect("a barrier");
        let said = Queue::new().expect("a queue");
        let processes: Vec<_> = (0..3).map(|_| start(method, meet, (barrier.clone(), 5, said.clone()))).collect();
        for round in 0..5 {
            until("the others wait", || barrier.n_waiting().expect("a call") == 3);
            assert_eq!(said.len(), 0, "nobody goes on before all are there");
            let mut indices = vec![barrier.wait_timeout(LONG).expect("all came")];
            indices.extend((0..3).map(|_| {
                let (of, index) = said.get_timeout(LONG).expect("said");
                assert_eq!(of, round, "in step");
                index
            }));
            indices.sort_unstable();
            assert_eq!(indices, [0, 1, 2, 3]);
        }
        processes.into_iter().for_each(|process| process.join().expect("it went on"));
    });
}

#[test]
fn a_barrier_is_broken_by_the_late_the_dead_and_who_aborts() {
    each("manager_broken", |method| {
        let manager = manager(method);
        let barrier = manager.barrier(3).expect("a barrier");
        assert_eq!(barrier.parties().expect("a call"), 3);
        let said = Queue::new().expect("a queue");
        let wait = || start(method, |barrier: BarrierProxy| barrier.wait().is_ok(), (barrier.clone(),));
        let waits = |count| until("they wait", || barrier.n_waiting().expect("a call") == count);
        // Late.
        let other = wait();
        waits(1);
        assert!(matches!(barrier.wait_timeout(SOON), Err(ManagerError::Broken)));
        assert!(!other.join().expect("it hears it"));
        assert!(barrier.is_broken().expect("a call") && matches!(barrier.wait(), Err(ManagerError::Broken)));
        // Dead.
        barrier.reset().expect("a call");
        let (dies, hears) = (wait(), wait());
        waits(2);
        kill(&dies);
        assert!(!hears.join().expect("it hears it"));
        // Aborted, and reset.
        for end in [BarrierProxy::abort, BarrierProxy::reset] {
            barrier.reset().expect("a call");
            let other = wait();
            waits(1);
            end(&barrier).expect("a call");
            assert!(!other.join().expect("it hears it"));
        }
        assert!(!barrier.is_broken().expect("a call"));
        let others = [(); 2].map(|()| start(method, meet, (barrier.clone(), 1, said.clone())));
        assert!(barrier.wait_timeout(LONG).is_ok(), "it works again");
        others.into_iter().for_each(|other| other.join().expect("it went on"));
    });
}

fn work(queue: JoinableQueueProxy<u32>, done: u32) {
    for _ in 0..done {
        queue.get().expect("an item");
        queue.task_done().expect("it was got here");
    }
}

fn take_two(queue: JoinableQueueProxy<u32>, said: Queue<u32>) {
    (0..2).for_each(|_| assert!(queue.get().is_ok()));
    said.put(0).expect("said");
    std::thread::park();
}

#[test]
fn a_joinable_queue_of_a_manager_says_when_all_is_done_or_never_will_be() {
    each("manager_joinable", |method| {
        let manager = manager(method);
        let queue = manager.joinable_queue::<u32>().expect("a queue");
        queue.join().expect("nothing is to be done");
        (0..10).for_each(|n| queue.put(&n).expect("put"));
        assert!(matches!(queue.join_timeout(SOON), Err(ManagerError::TimedOut { .. })));
        let workers: Vec<_> = (0..2).map(|_| start(method, work, (queue.clone(), 5))).collect();
        queue.join().expect("all is done");
        workers.into_iter().for_each(|worker| worker.join().expect("it worked"));
        assert!(matches!(queue.task_done(), Err(ManagerError::NothingTaken)));
        (0..3).for_each(|n| queue.put(&n).expect("put"));
        let said = Queue::new().expect("a queue");
        let taker = start(method, take_two, (queue.clone(), said.clone()));
        said.get().expect("it has two");
        assert_eq!(queue.get().expect("the third"), 2);
        queue.task_done().expect("it was got here");
        kill(&taker);
        let left = queue.join_timeout(LONG);
        assert!(matches!(left, Err(ManagerError::Abandoned { pid, items: 2 }) if pid == taker.pid()), "{left:?}");
        queue.join_timeout(LONG).expect("they are off the account");
        let bounded = manager.bounded_joinable_queue::<u32>(1).expect("a queue");
        bounded.put(&1).expect("room");
        assert!(matches!(bounded.put_timeout(&2, SOON), Err(ManagerError::TimedOut { .. })));
    });
}

#[test]
fn an_array_has_as_many_values_as_at_first() {
    each("manager_array", |method| {
        let manager = manager(method);
        let array = manager.array([1.5, 2.5]).expect("an array");
        let double = |array: ArrayProxy<f64>| array.set(1, &(array.get(1).unwrap_or(0.0) * 2.0)).is_ok();
        assert!(start(method, double, (array.clone(),)).join().expect("it ends"));
        assert_eq!(array.to_vec().expect("a call"), [1.5, 5.0]);
        assert_eq!((array.len().expect("a call"), array.is_empty().expect("a call")), (2, false));
        assert!(matches!(array.get(2), Err(ManagerError::OutOfRange { index: 2, len: 2 })));
        assert!(matches!(array.set(7, &0.0), Err(ManagerError::OutOfRange { index: 7, len: 2 })));
    });
}

#[test]
fn who_waits_for_anything_of_a_killed_manager_is_told() {
    each("manager_killed", |method| {
        let manager = manager(method);
        let (event, barrier) = (manager.event().expect("an event"), manager.barrier(2).expect("a barrier"));
        let (condition, semaphore) =
            (manager.condition().expect("a condition"), manager.semaphore(0).expect("a semaphore"));
        let queue = manager.joinable_queue::<u32>().expect("a queue");
        queue.put(&1).expect("put");
        let begun = &std::sync::Barrier::new(6);
        std::thread::scope(|scope| {
            let waits: [Box<dyn FnOnce() -> bool + Send>; 5] = [
                Box::new(|| event.wait().is_err()),
                Box::new(|| barrier.wait().is_err()),
                Box::new(|| semaphore.acquire().is_err()),
                Box::new(|| queue.join().is_err()),
                Box::new(|| condition.lock().and_then(|guard| condition.wait(guard)).is_err()),
            ];
            let threads = waits.map(|wait| {
                scope.spawn(move || {
                    begun.wait();
                    wait()
                })
            });
            begun.wait();
            let start = Instant::now();
            kill(manager.process());
            assert!(threads.into_iter().all(|thread| thread.join().expect("no panic")));
            assert!(start.elapsed() < LONG);
        });
    });
}
