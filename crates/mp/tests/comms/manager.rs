//! Managers: what their objects do for processes that share only a proxy, and what is left when somebody is killed.

use std::time::{Duration, Instant};

use mp::{
    AuthKey, Backend, DictProxy, ListProxy, LockError, LockProxy, Managed, ManagedProxy, Manager, ManagerClient,
    ManagerError, Namespace, Proxied, Queue, QueueProxy, StartMethod, ValueProxy,
};
use serde::{Deserialize, Serialize};

use crate::{each, start};

fn manager(method: StartMethod) -> Manager {
    Manager::builder().start_method(method).start().expect("a manager")
}

fn count_words(words: Vec<String>, counts: DictProxy<String, u32>, lock: LockProxy) {
    for word in words {
        let _held = lock.lock().expect("nobody dies");
        let count = counts.get(&word).expect("a call").unwrap_or(0);
        counts.insert(&word, &(count + 1)).expect("a call");
    }
}

#[test]
fn a_dictionary_and_a_lock_are_shared_by_processes() {
    each("manager_dict", |method| {
        let manager = manager(method);
        let (counts, lock) = (manager.dict().expect("a dict"), manager.lock().expect("a lock"));
        let words: Vec<String> = (0..60).map(|number| format!("word {}", number % 3)).collect();
        let task = || start(method, count_words, (words.clone(), counts.clone(), lock.clone()));
        let processes: Vec<_> = (0..3).map(|_| task()).collect();
        processes.into_iter().for_each(|process| process.join().expect("it counts"));
        let mut items: Vec<(String, u32)> = counts.items().expect("a call");
        items.sort();
        assert_eq!(items, ["word 0", "word 1", "word 2"].map(|word| (word.to_owned(), 60)));
    });
}

#[test]
fn what_a_dictionary_does() {
    let manager = manager(StartMethod::Spawn);
    let dict: DictProxy<u32, String> = manager.dict().expect("a dict");
    assert_eq!(dict.insert(&2, &"two".into()).expect("a call"), None);
    assert_eq!(dict.insert(&2, &"zwei".into()).expect("a call").as_deref(), Some("two"));
    dict.extend([(1, "one".to_owned()), (9, "nine".to_owned())]).expect("a call");
    assert_eq!(dict.keys().expect("a call"), [2, 1, 9], "in the order in which they came");
    assert_eq!(dict.values().expect("a call"), ["zwei", "one", "nine"]);
    assert_eq!(dict.get_or_insert(&9, &"neun".into()).expect("a call"), "nine");
    assert_eq!(dict.get_or_insert(&3, &"three".into()).expect("a call"), "three");
    assert_eq!((dict.len().expect("a call"), dict.contains_key(&3).expect("a call")), (4, true));
    assert_eq!(dict.remove(&3).expect("a call").as_deref(), Some("three"));
    assert_eq!((dict.remove(&3).expect("a call"), dict.get(&3).expect("a call")), (None, None));
    dict.clear().expect("a call");
    assert!(dict.is_empty().expect("a call"));
    dict.clone().delete().expect("a call");
    assert!(matches!(dict.len(), Err(ManagerError::NoObject)));
}

#[test]
fn what_a_list_a_value_and_a_namespace_do() {
    let manager = manager(StartMethod::Spawn);
    let list: ListProxy<i32> = manager.list().expect("a list");
    list.extend([1, 2, 3]).expect("a call");
    list.push(&4).expect("a call");
    list.insert(0, &0).expect("a call");
    assert_eq!(list.set(1, &11).expect("a call"), 1);
    assert_eq!(list.remove(2).expect("a call"), 2);
    assert_eq!(list.to_vec().expect("a call"), [0, 11, 3, 4]);
    assert_eq!((list.pop().expect("a call"), list.get(0).expect("a call")), (Some(4), Some(0)));
    assert_eq!((list.get(3).expect("a call"), list.len().expect("a call")), (None, 3));
    let out = [list.set(3, &1).err(), list.remove(3).err(), list.insert(4, &1).err()];
    for (error, at) in out.into_iter().zip([3, 3, 4]) {
        assert!(matches!(error, Some(ManagerError::OutOfRange { index, len: 3 }) if index == at), "{error:?}");
    }
    list.clear().expect("a call");
    assert_eq!(list.pop().expect("a call"), None);

    let value: ValueProxy<f64> = manager.value(&1.5).expect("a value");
    value.set(&2.5).expect("a call");
    assert_eq!((value.replace(&3.5).expect("a call"), value.get().expect("a call")), (2.5, 3.5));

    let names: Namespace = manager.namespace().expect("a namespace");
    names.set("x", &7_u64).expect("a call");
    names.set("y", &"text".to_owned()).expect("a call");
    assert_eq!(names.get::<u64>("x").expect("a call"), Some(7));
    assert_eq!(names.get::<String>("y").expect("a call").as_deref(), Some("text"));
    assert_eq!(names.get::<String>("z").expect("a call"), None);
    names.set("x", &u64::MAX).expect("a call");
    let other = names.get::<Vec<String>>("x");
    assert!(matches!(other, Err(ManagerError::Decode { .. })), "{other:?}");
    assert_eq!(names.names().expect("a call"), ["x", "y"]);
    assert!(names.remove("x").expect("a call") && !names.remove("x").expect("a call"));
}

fn double(work: QueueProxy<u32>, done: QueueProxy<u32>) {
    for _ in 0..50 {
        done.put(&(work.get().expect("an item") * 2)).expect("a call");
    }
}

#[test]
fn a_queue_of_a_manager_waits_for_items_and_for_room() {
    each("manager_queue", |method| {
        let manager = manager(method);
        let (work, done) = (manager.queue().expect("a queue"), manager.bounded_queue(3).expect("a queue"));
        let other = start(method, double, (work.clone(), done.clone()));
        (0..50).for_each(|item| work.put(&item).expect("a call"));
        let sum: u32 = (0..50).map(|_| done.get().expect("an item")).sum();
        assert_eq!(sum, (0..50).sum::<u32>() * 2);
        other.join().expect("it ends");
        let begun = Instant::now();
        let late = done.get_timeout(Duration::from_millis(30));
        assert!(matches!(late, Err(ManagerError::TimedOut { .. })), "{late:?}");
        (0..3).for_each(|item| done.put(&item).expect("room"));
        let late = done.put_timeout(&3, Duration::from_millis(30));
        assert!(matches!(late, Err(ManagerError::TimedOut { .. })), "{late:?}");
        assert!(begun.elapsed() >= Duration::from_millis(60));
        assert_eq!(done.len().expect("a call"), 3);
    });
}

#[derive(Serialize, Deserialize)]
struct Account {
    balance: i64,
}

#[derive(Serialize, Deserialize)]
enum Ask {
    Balance,
    Add(i64),
    Fail,
}

impl Managed for Account {
    type Request = Ask;
    type Response = i64;

    fn handle(&mut self, ask: Ask) -> i64 {
        match ask {
            Ask::Balance => {}
            Ask::Add(amount) => self.balance += amount,
            Ask::Fail => panic!("no money"),
        }
        self.balance
    }
}

fn pay_in(account: ManagedProxy<Account>) {
    (0..100).for_each(|_| _ = account.call(&Ask::Add(1)).expect("a call"));
}

#[test]
fn objects_of_ones_own_type_answer_one_request_at_a_time() {
    each("manager_custom", |method| {
        let manager = manager(method);
        let account = manager.custom(Account { balance: 5 }).expect("an object");
        let processes: Vec<_> = (0..3).map(|_| start(method, pay_in, (account.clone(),))).collect();
        processes.into_iter().for_each(|process| process.join().expect("it pays"));
        let failed = account.call(&Ask::Fail);
        assert!(matches!(&failed, Err(ManagerError::Panicked(text)) if text == "no money"), "{failed:?}");
        assert_eq!(account.call(&Ask::Balance).expect("it lives on"), 305);
    });
}

fn make_and_fill(client: ManagerClient) -> ListProxy<u32> {
    let list = client.list().expect("a list");
    list.push(&7).expect("a call");
    list
}

#[test]
fn a_proxy_comes_back_as_a_result_and_is_a_value_of_another_object() {
    each("manager_nested", |method| {
        let manager = manager(method);
        let list = start(method, make_and_fill, (manager.client(),)).join().expect("a proxy");
        assert_eq!(list.to_vec().expect("a call"), [7]);
        let lists: DictProxy<u8, ListProxy<u32>> = manager.dict().expect("a dict");
        lists.insert(&1, &list).expect("a call");
        lists.get(&1).expect("a call").expect("it is there").push(&8).expect("a call");
        assert_eq!(list.to_vec().expect("a call"), [7, 8]);
    });
}

#[test]
fn a_proxy_is_used_by_the_tasks_of_pools() {
    for backend in [Backend::Processes, Backend::Threads] {
        crate::common::bench("manager_pool", backend, |bench| {
            let manager = manager(bench.start_method);
            let list: ListProxy<u32> = manager.list().expect("a list");
            let pool = bench.pool(2);
            let push = |list: ListProxy<u32>, item: u32| list.push(&item).expect("a call");
            pool.starmap(push, (0..40).map(|item| (list.clone(), item))).expect("all run");
            let mut items = list.to_vec().expect("a call");
            items.sort_unstable();
            assert!(items.into_iter().eq(0..40));
        });
    }
}

#[test]
fn another_tree_reaches_it_with_the_key_and_only_so() {
    let key = AuthKey::random().expect("a key");
    let manager = Manager::builder().key(key.clone()).listen("127.0.0.1:0".parse().expect("an address")).start();
    let manager = manager.expect("a manager");
    let list: ListProxy<u32> = manager.list().expect("a list");
    list.push(&1).expect("a call");
    manager.publish("numbers", &list).expect("a call");
    for address in manager.addresses() {
        let remote = ManagerClient::connect(address, &key).expect("it has the key");
        let found: ListProxy<u32> = remote.find("numbers").expect("it is published");
        found.push(&2).expect("a call");
        let other = remote.find::<ListProxy<String>>("numbers");
        assert!(matches!(other, Err(ManagerError::OtherTypes { .. })), "{other:?}");
        let none = remote.find::<ListProxy<u32>>("none");
        assert!(matches!(&none, Err(ManagerError::NoName(name)) if name == "none"), "{none:?}");
        let stranger = ManagerClient::connect(address, &AuthKey::random().expect("another"));
        assert!(matches!(stranger, Err(ManagerError::Connect(_))), "{stranger:?}");
    }
    assert_eq!(list.to_vec().expect("a call"), [1, 2, 2]);
}

#[test]
fn a_killed_manager_is_an_error_and_no_hang() {
    each("manager_killed", |method| {
        let manager = manager(method);
        let (queue, lock) = (manager.queue::<u32>().expect("a queue"), manager.lock().expect("a lock"));
        let held = lock.lock().expect("nobody has it");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.get());
            let locking = scope.spawn(|| lock.lock().map(drop));
            queue.len().expect("it serves");
            manager.process().kill();
            let got = waiting.join().expect("no panic");
            assert!(matches!(got, Err(ManagerError::Gone { .. })), "{got:?}");
            let locked = locking.join().expect("no panic");
            assert!(matches!(locked, Err(LockError::Manager(ManagerError::Gone { .. }))), "{locked:?}");
        });
        drop(held);
        assert!(matches!(queue.len(), Err(ManagerError::Gone { .. })), "and later calls as well");
        assert!(matches!(manager.dict::<u8, u8>(), Err(ManagerError::Gone { .. })));
        let account = manager.custom(Account { balance: 0 });
        assert!(account.is_err(), "{account:?}");
    });
}

fn hold(lock: LockProxy, held: Queue<()>) {
    let _guard = lock.lock().expect("nobody dies");
    held.put(()).expect("it reports");
    std::thread::park();
}

#[test]
fn a_holder_that_is_killed_leaves_the_lock_to_the_next_who_is_told_once() {
    each("manager_holder", |method| {
        let manager = manager(method);
        let (lock, held) = (manager.lock().expect("a lock"), Queue::new().expect("a queue"));
        let holder = start(method, hold, (lock.clone(), held.clone()));
        held.get().expect("it holds");
        let late = lock.lock_timeout(Duration::from_millis(20));
        assert!(matches!(late, Err(LockError::Manager(ManagerError::TimedOut { .. }))), "{late:?}");
        holder.kill();
        let told = lock.lock();
        assert!(matches!(&told, Err(LockError::Abandoned { pid, .. }) if *pid == holder.pid()), "{told:?}");
        drop(told);
        drop(lock.lock().expect("it was told once"));
    });
}

fn lock_forever(lock: LockProxy, pair: ListProxy<u64>, started: Queue<()>) {
    let mut told = false;
    loop {
        let guard = match lock.lock() {
            Ok(guard) => guard,
            Err(LockError::Abandoned { guard, .. }) => guard,
            Err(error) => panic!("{error}"),
        };
        let next = pair.get(0).expect("a call").expect("two items") + 1;
        pair.set(0, &next).expect("a call");
        pair.set(1, &next).expect("a call");
        drop(guard);
        if !told {
            started.put(()).expect("it reports");
            told = true;
        }
    }
}

#[test]
fn clients_killed_at_random_moments_leave_nothing_locked_and_no_change_unnoticed() {
    each("manager_clients", |method| {
        let manager = manager(method);
        let (lock, pair) = (manager.lock().expect("a lock"), manager.list().expect("a list"));
        let started = Queue::new().expect("a queue");
        pair.extend([0, 0]).expect("a call");
        let rounds = if method == StartMethod::Spawn { 25 } else { 60 };
        for round in 0..rounds {
            let victim = start(method, lock_forever, (lock.clone(), pair.clone(), started.clone()));
            started.get().expect("it works");
            let _ = started.get_timeout(Duration::from_micros(round * 29));
            victim.kill();
            let (guard, was_abandoned) = match lock.lock_timeout(Duration::from_secs(100)) {
                Ok(guard) => (guard, false),
                Err(LockError::Abandoned { guard, pid }) => (guard, pid == victim.pid()),
                Err(error) => panic!("round {round}: {error}"),
            };
            let items = pair.to_vec().expect("a call");
            assert!(was_abandoned || items[0] == items[1], "round {round}: {items:?}, and nobody said so");
            pair.set(1, &items[0]).expect("a call");
            drop(guard);
        }
    });
}

fn call_forever(list: ListProxy<Vec<u8>>, queue: QueueProxy<u32>) {
    for round in 0_u32.. {
        list.push(&vec![0; 10_000]).expect("a call");
        list.clear().expect("a call");
        queue.put(&round).expect("a call");
    }
}

#[test]
fn a_client_killed_in_mid_call_costs_nobody_else_anything() {
    each("manager_midcall", |method| {
        let manager = manager(method);
        let (list, queue) = (manager.list().expect("a list"), manager.queue().expect("a queue"));
        for round in 0..10 {
            let victim = start(method, call_forever, (list.clone(), queue.clone()));
            queue.get().expect("it calls");
            let _ = queue.get_timeout(Duration::from_micros(round * 61));
            victim.kill();
            let _ = victim.wait();
            list.push(&vec![1; 10]).expect("it serves");
            list.clear().expect("it serves");
        }
    });
}

#[test]
fn a_call_above_the_maximum_is_refused_and_the_manager_goes_on() {
    let manager = Manager::builder().max_message(10_000).start().expect("a manager");
    let list: ListProxy<Vec<u8>> = manager.list().expect("a list");
    (0..4).for_each(|_| list.push(&vec![0; 4000]).expect("a call"));
    let all = list.to_vec();
    assert!(matches!(all, Err(ManagerError::TooLarge { len: 16_000.., max: 10_000 })), "{all:?}");
    assert!(list.push(&vec![0; 40_000]).is_err());
    assert_eq!(list.len().expect("a new connection"), 4);
}

#[test]
fn a_manager_that_cannot_listen_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = mp::Address::Tcp(taken.local_addr().expect("an address"));
    let refused = Manager::builder().listen(address).start();
    assert!(matches!(&refused, Err(ManagerError::Start(text)) if text.contains("in use")), "{refused:?}");
}

#[test]
fn a_dropped_manager_is_gone() {
    each("manager_dropped", |method| {
        let manager = manager(method);
        let dict: DictProxy<u8, u8> = manager.dict().expect("a dict");
        let begun = Instant::now();
        manager.shutdown();
        assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
        assert!(matches!(dict.len(), Err(ManagerError::Gone { .. })));
    });
}
