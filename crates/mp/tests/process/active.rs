//! Who is there, under which name, and what becomes of a process whose handle is dropped.

use std::sync::Mutex;
use std::time::Duration;

use mp::{Backend, Pool, Process, Queue, StartMethod, active_children, current_process};

use crate::common::bench;
use crate::{each, start};

/// Which processes of this one are there is looked at by one test at a time.
static TURN: Mutex<()> = Mutex::new(());

fn me() -> (String, Option<u32>) {
    let own = current_process();
    assert_eq!(own.pid, std::process::id());
    (own.name, own.parent)
}

fn child(method: u8) -> Vec<String> {
    let method = if method == 0 { StartMethod::Spawn } else { StartMethod::ForkServer };
    let children: Vec<_> = (0..2).map(|_| start(method, me, ())).collect();
    let names: Vec<_> = children.iter().map(|child| child.name().to_owned()).collect();
    let said: Vec<_> = children.into_iter().map(|child| child.join().unwrap()).collect();
    assert!(said.iter().all(|(_, parent)| *parent == Some(std::process::id())));
    assert_eq!(said.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), names);
    [vec![current_process().name], names].concat()
}

#[test]
fn a_process_knows_its_name_and_its_parent() {
    assert_eq!(me(), ("MainProcess".to_owned(), None));
    each("names", |method| {
        let own = Some(std::process::id());
        let process = start(method, me, ());
        let name = process.name().to_owned();
        assert!(name.starts_with("Process-"), "{name}");
        assert_eq!(process.join().unwrap(), (name, own));
        let process = Process::builder(me, ()).name("crawler").start_method(method).spawn().unwrap();
        assert_eq!(process.join().unwrap(), ("crawler".to_owned(), own));
    });
}

#[test]
fn names_tell_the_way_down() {
    each("tree", |method| {
        let number = u8::from(method == StartMethod::ForkServer);
        let process = Process::builder(child, (number,)).name("Process-7").start_method(method).spawn().unwrap();
        assert_eq!(process.join().unwrap(), ["Process-7", "Process-7:1", "Process-7:2"]);
    });
}

#[test]
fn a_worker_is_called_by_its_pool_and_a_thread_is_no_process() {
    bench("pool-names", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().name("squares").workers(1));
        drop(bench.pool(1));
        assert_eq!(pool.apply(me, ()).unwrap(), ("squares-0.1".to_owned(), Some(std::process::id())));
    });
    let threads = Pool::builder().backend(Backend::Threads).workers(1).build().unwrap();
    assert_eq!(threads.apply(me, ()).unwrap(), ("MainProcess".to_owned(), None));
}

fn until_closed(queue: Queue<u32>) -> u32 {
    queue.get().unwrap_or(0)
}

fn of_name(name: &str) -> Option<mp::ActiveChild> {
    active_children().into_iter().find(|child| child.name == name)
}

#[test]
fn who_is_active_can_be_told_and_ended() {
    each("active", |method| {
        let _turn = TURN.lock();
        let queue = Queue::new().unwrap();
        let named = |name: &str| Process::builder(until_closed, (queue.clone(),)).name(name).start_method(method);
        let first = named("first").spawn().unwrap();
        let second = named("second").daemon(false).spawn().unwrap();
        let (one, two) = (of_name("first").unwrap(), of_name("second").unwrap());
        assert_eq!((one.pid, one.daemon, one.is_alive()), (first.pid(), true, true));
        assert_eq!((two.pid, two.daemon, second.is_daemon()), (second.pid(), false, false));
        one.terminate();
        assert!(one.wait_timeout(Duration::from_secs(30)));
        two.kill();
        assert_eq!(second.wait().code(), Some(-9));
        assert_eq!(first.wait().code(), Some(-15));
        assert_eq!((of_name("first"), of_name("second")), (None, None));
        assert!(!one.is_alive() && !two.is_alive());
        one.kill(); // of whom is gone, nobody is hit
    });
}

#[test]
fn a_process_that_nobody_holds_ends_unless_it_is_no_daemon() {
    each("dropped", |method| {
        let _turn = TURN.lock();
        let (queue, done) = (Queue::new().unwrap(), Queue::new().unwrap());
        let echo = |queue: Queue<u32>, done: Queue<u32>| done.put(queue.get().unwrap()).unwrap();
        let build = || Process::builder(echo, (queue.clone(), done.clone())).start_method(method);
        let held = build().name("a-daemon").spawn().unwrap();
        let pid = held.pid();
        drop(held);
        assert!(of_name("a-daemon").is_none(), "{pid} ended with its handle");
        drop(build().name("no-daemon").daemon(false).spawn().unwrap());
        assert!(of_name("no-daemon").is_some_and(|child| child.is_alive()));
        assert!(!mp::join_children_timeout(Duration::from_millis(20)));
        queue.put(7).unwrap();
        mp::join_children();
        assert_eq!(done.try_get().unwrap(), 7);
        assert!(mp::join_children_timeout(Duration::ZERO) && of_name("no-daemon").is_none());
    });
}
