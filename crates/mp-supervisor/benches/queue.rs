//! What an item costs: µs per put and get, in one process and between two, beside what a thread's channel costs.
//!
//! Prints, and judges nothing. The other process is this program again, with the queues as its stdin and stdout.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::hint::black_box;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use mp_link::baggage::{pack_with, unpack_with};
use mp_supervisor::Queue;
use mp_wire::codec;

const SMALL: usize = 16;
const LARGE: usize = 1_000_000;

fn main() {
    if let Some(role) = std::env::args().nth(1).filter(|argument| argument.starts_with("role:")) {
        return if role == "role:bytes" { echo_bytes() } else { serve(&role) };
    }
    println!(" 1 B   pipe, there and back again     {:8.2} µs", pipe(20_000));
    for (name, len, times) in [("16 B", SMALL, 300_000), ("1 MB", LARGE, 500)] {
        println!("{name:>5}  std mpsc, same thread          {:8.2} µs", channel(len, times));
        println!("{name:>5}  queue, same thread             {:8.2} µs", same_thread(len, times));
        println!("{name:>5}  queue, streamed to a process   {:8.2} µs", streamed(len, times));
        println!("{name:>5}  queue, there and back again    {:8.2} µs", round_trip(len, times / 10));
    }
}

/// µs for each of `times` calls.
fn each(times: usize, mut body: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..times).for_each(|_| body());
    start.elapsed().as_secs_f64() * 1e6 / times as f64
}

fn channel(len: usize, times: usize) -> f64 {
    let (sender, receiver) = std::sync::mpsc::channel();
    each(times, || {
        sender.send("x".repeat(len)).expect("sends");
        black_box(receiver.recv().expect("receives"));
    })
}

fn same_thread(len: usize, times: usize) -> f64 {
    let queue = Queue::new().expect("creates");
    each(times, || {
        queue.put("x".repeat(len)).expect("puts");
        black_box(queue.get().expect("gets"));
    })
}

/// The reader acknowledges the end.
fn streamed(len: usize, times: usize) -> f64 {
    let (work, done) = (Queue::<String>::new().expect("creates"), Queue::<String>::new().expect("creates"));
    let mut reader = start("role:read", &work, &done);
    done.get().expect("ready");
    let start = Instant::now();
    (0..times).for_each(|_| work.put("x".repeat(len)).expect("puts"));
    work.put(String::new()).expect("puts");
    done.get().expect("acknowledged");
    let time = start.elapsed().as_secs_f64() * 1e6 / times as f64;
    reader.wait().expect("reaped");
    time
}

fn round_trip(len: usize, times: usize) -> f64 {
    let (work, done) = (Queue::<String>::new().expect("creates"), Queue::<String>::new().expect("creates"));
    let mut echo = start("role:echo", &work, &done);
    done.get().expect("ready");
    let time = each(times, || {
        work.put("x".repeat(len)).expect("puts");
        black_box(done.get().expect("gets"));
    });
    work.put(String::new()).expect("puts");
    echo.wait().expect("reaped");
    time
}

/// What the kernel alone takes to wake another process and be woken by it.
fn pipe(times: usize) -> f64 {
    #[expect(clippy::disallowed_methods, reason = "a queue is timed without the pool that would start its processes")]
    let mut command = Command::new("/proc/self/exe");
    let mut echo = command.arg("role:bytes").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let (mut to, mut from) = (echo.stdin.take().expect("piped"), echo.stdout.take().expect("piped"));
    let mut there_and_back = || {
        to.write_all(&[1]).expect("writes");
        from.read_exact(&mut [0]).expect("reads");
    };
    there_and_back();
    let time = each(times, there_and_back);
    drop(to);
    echo.wait().expect("reaped");
    time
}

fn echo_bytes() {
    let (mut from, mut to, mut byte) = (std::io::stdin(), std::io::stdout(), [0]);
    while from.read_exact(&mut byte).is_ok() {
        to.write_all(&byte).and_then(|()| to.flush()).expect("writes");
    }
}

fn start(role: &str, work: &Queue<String>, done: &Queue<String>) -> Child {
    #[expect(clippy::disallowed_methods, reason = "a queue is timed without the pool that would start its processes")]
    let mut command = Command::new("/proc/self/exe");
    command.arg(role).stdin(descriptor(work)).stdout(descriptor(done));
    command.spawn().expect("starts")
}

fn descriptor(queue: &Queue<String>) -> Stdio {
    pack_with(|| codec::encode(queue)).1.pop().expect("one descriptor").into()
}

fn arrive(fd: impl AsFd) -> Queue<String> {
    let fd: OwnedFd = fd.as_fd().try_clone_to_owned().expect("duplicates");
    unpack_with(vec![fd], || codec::decode(&[0])).expect("arrives")
}

/// The other process: reads or echoes until an empty text comes.
fn serve(role: &str) {
    let (work, done) = (arrive(std::io::stdin()), arrive(std::io::stdout()));
    done.put("ready".to_owned()).expect("puts");
    loop {
        let text = work.get().expect("gets");
        if text.is_empty() {
            return done.put(text).expect("puts");
        }
        if role == "role:echo" {
            done.put(text).expect("puts");
        }
    }
}
