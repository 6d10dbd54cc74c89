//! What a task says of itself while it runs reaches its handle: the latest, and nobody waits for it.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use mp::{Backend, Queue};
use serde::{Deserialize, Serialize};

use crate::common::{Bench, bench, found};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Step {
    name: String,
    done: f64,
}

/// Says `steps` numbers, then that it has, and waits until it may end.
fn walk(steps: u64, told: Queue<()>, go: Queue<()>) -> bool {
    let taken = (1..=steps).all(|done| mp::progress((done, steps)));
    let _ = told.put(());
    let _ = go.get();
    taken
}

fn each_backend(name: &str, body: impl Fn(&Bench)) {
    for backend in [Backend::Processes, Backend::Threads] {
        bench(name, backend, &body);
    }
}

fn queue() -> Queue<()> {
    Queue::new().expect("a queue")
}

#[test]
fn a_handle_has_what_its_task_said_last() {
    each_backend("progress", |bench| {
        let pool = bench.pool(1);
        let (told, go) = (queue(), queue());
        let handle = pool.apply_async(walk, (1000, told.clone(), go.clone())).expect("submitted");
        told.get().expect("it has said all");
        assert_eq!(handle.progress(), Some((1000_u64, 1000_u64)));
        assert_eq!(handle.progress::<String>(), None, "it is of another type");
        assert_eq!(pool.progress::<(u64, u64)>(), [(handle.id(), (1000, 1000))]);
        go.put(()).expect("put");
        assert!(handle.wait(Duration::from_secs(60)));
        assert_eq!(handle.progress::<(u64, u64)>(), None, "it is over");
        assert_eq!(pool.progress::<(u64, u64)>(), []);
        assert_eq!(handle.get(), Ok(true));
    });
}

#[test]
fn one_task_is_not_taken_for_another() {
    each_backend("progress-two", |bench| {
        let pool = bench.pool(1);
        let (told, go) = (queue(), queue());
        let first = pool.apply_async(walk, (3, told.clone(), go.clone())).expect("submitted");
        let second = pool.apply_async(walk, (0, told.clone(), go.clone())).expect("submitted");
        told.get().expect("the first runs");
        assert_eq!((first.progress(), second.progress::<(u64, u64)>()), (Some((3_u64, 3_u64)), None));
        go.put(()).expect("put");
        told.get().expect("the second runs");
        assert_eq!(second.progress::<(u64, u64)>(), None, "it has said nothing");
        go.put(()).expect("put");
        assert_eq!((first.get(), second.get()), (Ok(true), Ok(true)));
    });
}

#[test]
fn items_of_a_map_say_it_too() {
    each_backend("progress-map", |bench| {
        let pool = bench.pool(2);
        let (told, go) = (queue(), queue());
        let items: Vec<_> = (0..2).map(|n| (n + 5, told.clone(), go.clone())).collect();
        let handle = pool.mapping(walk).chunk_size(1).starmap_async(items).expect("submitted");
        (0..2).for_each(|_| told.get().expect("both run"));
        let mut said: Vec<_> = pool.progress::<(u64, u64)>().into_iter().map(|(_, said)| said).collect();
        said.sort_unstable();
        assert_eq!(said, [(5, 5), (6, 6)]);
        (0..2).for_each(|_| go.put(()).expect("put"));
        assert_eq!(handle.get(), Ok(vec![true, true]));
    });
}

#[test]
fn any_value_can_be_said_and_what_is_too_long_is_not() {
    each_backend("progress-types", |bench| {
        let pool = bench.pool(1);
        let (told, go) = (queue(), queue());
        let say = |told: Queue<()>, go: Queue<()>| {
            let mut taken = Vec::new();
            taken.push(mp::progress(Step { name: "resize".to_owned(), done: 0.5 }));
            taken.push(mp::progress("x".repeat(600)));
            let _ = told.put(());
            let _ = go.get();
            taken.push(mp::progress("a text"));
            let _ = told.put(());
            let _ = go.get();
            taken.push(std::thread::spawn(|| mp::progress(1_u8)).join().unwrap_or(true));
            taken
        };
        let handle = pool.apply_async(say, (told.clone(), go.clone())).expect("submitted");
        told.get().expect("said");
        assert_eq!(handle.progress(), Some(Step { name: "resize".to_owned(), done: 0.5 }));
        go.put(()).expect("put");
        told.get().expect("said");
        assert_eq!(handle.progress(), Some("a text".to_owned()));
        go.put(()).expect("put");
        assert_eq!(handle.get(), Ok(vec![true, false, true, false]));
    });
    assert!(!mp::progress(1), "there is no task");
    bench("progress-serial", Backend::Serial, |bench| {
        assert_eq!(bench.pool(1).apply(|| mp::progress(1), ()), Ok(false));
    });
}

#[test]
fn a_callback_sees_it_grow_and_ends_with_the_task() {
    each_backend("progress-callback", |bench| {
        let pool = bench.pool(1);
        let (told, go) = (queue(), queue());
        let handle = pool.apply_async(walk, (9, told, go.clone())).expect("submitted");
        let (sender, seen) = channel();
        handle.on_progress(move |said: (u64, u64)| sender.send(said).expect("heard"));
        assert_eq!(seen.recv_timeout(Duration::from_secs(60)).map(|said| said.1), Ok(9));
        handle.on_progress(|_: (u64, u64)| panic!("it harms nobody"));
        go.put(()).expect("put");
        assert_eq!(handle.get(), Ok(true));
        while let Ok(said) = seen.recv_timeout(Duration::from_secs(60)) {
            assert_eq!(said, (9, 9), "the latest, and each once");
        }
    });
}

#[test]
fn a_task_that_says_much_is_not_held_up_and_wakes_nobody() {
    bench("progress-much", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        let handle = pool.apply_async(
            |n: u64| {
                let began = Instant::now();
                (0..n).for_each(|done| _ = mp::progress((done, n)));
                began.elapsed()
            },
            (1_000_000,),
        );
        let took = handle.expect("submitted").get().expect("ended");
        assert!(took < Duration::from_secs(20), "{took:?} for a million");
    });
}

#[test]
fn a_worker_that_is_killed_while_it_says_something_leaves_nothing() {
    bench("progress-killed", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        let forever = || -> u64 {
            let mut n = 0_u64;
            loop {
                n += 1;
                mp::progress(n);
            }
        };
        for _ in 0..20 {
            let handle = pool.apply_async(forever, ()).expect("submitted");
            found("it says something", || handle.progress::<u64>());
            assert!(handle.cancel());
            assert_eq!(handle.get(), Err(mp::Failure::Cancelled));
        }
        crate::common::works(&pool);
    });
}
