//! Pipes between processes: what crosses, and what is heard of an end that is gone.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::Duration;

use mp::{CommError, Connection, Descriptor, Nothing, Queue, one_way_pipe, pipe};

use crate::{each, start};

fn echo(line: Connection<Vec<u8>, Vec<u8>>) {
    while let Ok(message) = line.recv() {
        line.send(message).expect("the other end is there");
    }
}

#[test]
fn messages_of_any_size_cross_and_come_back() {
    each("pipe_echo", |method| {
        let (here, there) = pipe::<Vec<u8>, Vec<u8>>().expect("a pipe");
        let other = start(method, echo, (there,));
        for len in [0, 1, 100, 32_767, 32_768, 32_769, 70_000, 5_000_000] {
            let message = vec![(len % 251) as u8; len];
            here.send(message.clone()).expect("sends");
            assert!(here.poll(Duration::from_secs(100)).expect("polls"), "{len}");
            assert!(here.recv().expect("receives") == message, "{len} bytes");
        }
        assert!(!here.poll(Duration::ZERO).expect("polls"), "nothing more");
        let late = here.recv_timeout(Duration::from_millis(5));
        assert!(matches!(late, Err(CommError::TimedOut { .. })), "{late:?}");
        here.close();
        other.join().expect("it hears the end");
    });
}

fn say(line: Connection<String, Nothing>, words: Vec<String>) {
    words.into_iter().for_each(|word| line.send(word).expect("sends"));
    // The pipe ends here, the process does not.
    drop(line);
    std::thread::park();
}

#[test]
fn an_end_that_is_dropped_is_heard_while_its_process_lives() {
    each("pipe_dropped", |method| {
        let (receiver, sender) = one_way_pipe::<String>().expect("a pipe");
        let other = start(method, say, (sender, vec!["last".to_owned(), "words".to_owned()]));
        assert_eq!(receiver.recv().expect("receives"), "last");
        assert_eq!(receiver.recv().expect("receives"), "words");
        assert!(matches!(receiver.recv(), Err(CommError::Closed)));
        assert!(receiver.poll(Duration::ZERO).expect("polls"), "the end can be received");
        assert!(other.is_alive());
        other.kill();
    });
}

fn flood(line: Connection<Vec<u8>, Vec<u8>>) {
    line.send(Vec::new()).expect("ready");
    while line.send(vec![7; 20_000]).is_ok() {}
}

#[test]
fn a_killed_peer_is_the_end_of_the_pipe_and_no_message_is_torn() {
    each("pipe_killed", |method| {
        for round in 0..30 {
            let (here, there) = pipe::<Vec<u8>, Vec<u8>>().expect("a pipe");
            let other = start(method, flood, (there,));
            assert!(here.recv().expect("ready").is_empty());
            let _ = here.recv_timeout(Duration::from_micros(round * 50));
            other.kill();
            loop {
                // What is in the pipe, and then the end: who missed it would wait for ever.
                match here.recv_timeout(Duration::from_secs(100)) {
                    Ok(message) => assert!(message == vec![7; 20_000], "round {round}"),
                    Err(CommError::Closed) => break,
                    Err(error) => panic!("round {round}: {error}"),
                }
            }
            assert!(matches!(here.send(vec![1]), Err(CommError::Closed)), "round {round}");
        }
    });
}

fn silent(line: Connection<u8, Vec<u8>>) {
    line.send(1).expect("ready");
    std::thread::park();
    drop(line);
}

#[test]
fn who_sends_to_an_end_that_does_not_read_can_stop_waiting_and_hears_of_its_death() {
    each("pipe_full", |method| {
        let (here, there) = pipe::<Vec<u8>, u8>().expect("a pipe");
        let other = start(method, silent, (there,));
        here.recv().expect("ready");
        let full = (0..1000).find_map(|_| here.send_timeout(vec![0; 30_000], Duration::from_millis(20)).err());
        assert!(matches!(full, Some(CommError::TimedOut { .. })), "{full:?}");
        std::thread::scope(|scope| {
            let blocked = scope.spawn(|| here.send(vec![0; 30_000]));
            other.kill();
            let sent = blocked.join().expect("no panic");
            assert!(matches!(sent, Err(CommError::Closed)), "{sent:?}");
        });
    });
}

type Cargo = (Queue<u32>, Connection<u32, u32>, Descriptor);

fn unload(line: Connection<u64, Cargo>) {
    let (queue, inner, file) = line.recv().expect("a message with all three");
    queue.put(inner.recv().expect("receives") + 1).expect("puts");
    inner.send(99).expect("sends");
    let mut file = File::from(file);
    file.write_all(b"written elsewhere").expect("writes");
    line.send(u64::from(std::process::id())).expect("sends");
}

#[test]
fn queues_pipes_and_files_go_through_a_pipe() {
    each("pipe_cargo", |method| {
        let (here, there) = pipe::<Cargo, u64>().expect("a pipe");
        let other = start(method, unload, (there,));
        let (queue, (inner, passed)) = (Queue::new().expect("a queue"), pipe().expect("a pipe"));
        let mut file = scratch();
        let descriptor = Descriptor::from(file.try_clone().expect("duplicates"));
        here.send((queue.clone(), passed, descriptor)).expect("sends");
        inner.send(41).expect("sends");
        assert_eq!(queue.get().expect("gets"), 42);
        assert_eq!(inner.recv().expect("receives"), 99);
        assert_eq!(here.recv().expect("receives"), u64::from(other.pid()));
        let mut text = String::new();
        file.rewind().expect("rewinds");
        file.read_to_string(&mut text).expect("reads");
        assert_eq!(text, "written elsewhere");
        other.join().expect("it ends");
        assert!(matches!(inner.recv(), Err(CommError::Closed)), "its last holder has ended");
    });
}

fn scratch() -> File {
    let path = std::env::temp_dir().join(format!("mp-pipe-{}-{:?}", std::process::id(), std::thread::current().id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).expect("a file");
    std::fs::remove_file(path).expect("removes its name");
    file
}

fn both_ends(reading: Descriptor, writing: Descriptor) -> String {
    let (mut reading, mut writing) = (File::from(reading), File::from(writing));
    writing.write_all(b"through").expect("writes");
    drop(writing);
    let mut bytes = [0; 7];
    reading.read_exact(&mut bytes).expect("reads");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Both ends of a pipe of the system are one inode: what goes by inode mistakes the one for the other.
#[test]
fn two_descriptors_of_one_inode_arrive_as_two() {
    each("pipe_inode", |method| {
        let (reading, writing) = std::io::pipe().expect("a pipe");
        let ends = (Descriptor::from(std::os::fd::OwnedFd::from(reading)), std::os::fd::OwnedFd::from(writing).into());
        assert_eq!(start(method, both_ends, ends).join(), Ok("through".to_owned()));
    });
}

#[test]
fn an_end_is_used_by_a_pools_task() {
    for backend in [mp::Backend::Processes, mp::Backend::Threads] {
        crate::common::bench("pipe_pool", backend, |bench| {
            let pool = bench.pool(2);
            let (here, there) = pipe::<Vec<u8>, Vec<u8>>().expect("a pipe");
            let handle = pool.apply_async(echo, (there,)).expect("accepted");
            here.send(vec![1, 2, 3]).expect("sends");
            assert_eq!(here.recv().expect("receives"), [1, 2, 3]);
            drop(here);
            handle.get().expect("it hears the end");
        });
    }
}
