//! Lines of workers: whole, in order, of the right task, and never in anybody's way.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use mp::{Backend, Failure, Output, OutputStream, StartMethod, TaskId};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Bench, bench, found, works};
use crate::heard::Heard;

/// What comes at all comes before this.
const LONG: Duration = Duration::from_secs(100);

#[expect(clippy::print_stdout, reason = "it is what is captured")]
fn say(n: u64) -> u64 {
    println!("out {n}");
    eprintln!("err {n}");
    print!("no end {n}");
    n
}

#[test]
fn each_line_has_the_task_that_wrote_it() {
    bench("tagged", Backend::Processes, |bench| {
        let heard = Heard::default();
        let pool = bench.build(heard.by(bench.builder().workers(2)));
        let handles: Vec<_> = (0..200).map(|n| (n, pool.apply_async(say, (n,)).expect("accepted"))).collect();
        let ids: Vec<_> = handles.iter().map(|(n, handle)| (*n, handle.id())).collect();
        handles.into_iter().for_each(|(n, handle)| assert_eq!(handle.get(), Ok(n)));
        let pids = pool.worker_pids();
        pool.join().expect("a clean end");
        // Joined, it has handed on all.
        let lines = heard.lines();
        assert_eq!(lines.len(), 600);
        for (n, id) in ids {
            let mine: Vec<_> = lines.iter().filter(|line| line.task == Some(id)).collect();
            let of = |stream| mine.iter().filter(move |line| line.stream == stream).map(|line| line.text.as_str());
            assert_eq!(of(OutputStream::Stdout).collect::<Vec<_>>(), [format!("out {n}"), format!("no end {n}")]);
            assert_eq!(of(OutputStream::Stderr).collect::<Vec<_>>(), [format!("err {n}")]);
            assert!(mine.iter().all(|line| pids.contains(&line.pid) && !line.goes_on));
        }
    });
}

fn flood(megabytes: u64) -> u64 {
    let piece = vec![b'x'; 1 << 20];
    (0..megabytes).for_each(|_| std::io::stderr().write_all(&piece).expect("written"));
    megabytes
}

#[test]
fn a_flood_without_a_new_line_comes_in_pieces_and_stalls_nobody() {
    bench("flood", Backend::Processes, |bench| {
        let (bytes, longest) = (Arc::new(std::sync::Mutex::new(0)), 8 * 1024);
        let count = Arc::clone(&bytes);
        let counting = move |line: mp::OutputLine| {
            assert!(line.text.len() <= longest, "{}", line.text.len());
            *count.lock().expect("no panic under it") += line.text.len();
        };
        let pool = bench.build(bench.builder().workers(2).on_output(counting));
        let flooding = pool.apply_async(flood, (64,)).expect("accepted");
        (0..100).for_each(|_| works(&pool));
        assert_eq!(flooding.get(), Ok(64));
        pool.join().expect("a clean end");
        assert_eq!(*bytes.lock().expect("no panic under it"), 64 << 20);
    });
}

/// What takes less was not waited for: last lines are, for 5 s.
const NOT_WAITED_FOR: Duration = Duration::from_secs(4);

fn end_beside_a_stuck_callback(bench: &Bench) -> Duration {
    let (release, released) = channel::<()>();
    let released = std::sync::Mutex::new(released);
    let stuck = move |_| assert!(released.lock().expect("no panic under it").recv().is_err());
    // Long enough for a plain task, on a busy machine as well.
    let builder = bench.builder().workers(2).timeout(Duration::from_secs(2)).on_output(stuck);
    let pool = bench.build(builder.grace(Duration::from_millis(100)));
    let flooding = pool.apply_async(flood, (64,)).expect("accepted");
    // More than there is room for their marks in a pipe.
    let squares = pool.map(|n: u64| n * n, 0..20_000).expect("all");
    assert_eq!(squares.len(), 20_000);
    assert!(matches!(flooding.get(), Err(Failure::TimedOut { .. })));
    works(&pool);
    let before = Instant::now();
    pool.terminate();
    drop(pool);
    let took = before.elapsed();
    drop(release);
    took
}

#[test]
fn a_callback_that_never_returns_holds_up_only_who_writes() {
    bench("stuck_callback", Backend::Processes, |bench| {
        let took = end_beside_a_stuck_callback(bench);
        assert!(took < NOT_WAITED_FOR, "{took:?}");
    });
}

#[test]
fn a_callback_that_panics_has_the_next_line_all_the_same() {
    bench("panicking_callback", Backend::Processes, |bench| {
        let (sender, receiver) = channel();
        let sender = std::sync::Mutex::new(sender);
        let callback = move |line: mp::OutputLine| {
            sender.lock().expect("no panic under it").send(line.text.clone()).expect("somebody reads");
            assert_ne!(line.text, "out 1", "as it should");
        };
        let pool = bench.build(bench.builder().workers(1).on_output(callback));
        assert_eq!(pool.map(say, 1..=2), Ok(vec![1, 2]));
        let limit = LONG;
        // The last one has no end, and comes with the worker's.
        let texts: Vec<_> = (0..5).map(|_| receiver.recv_timeout(limit).expect("a line")).collect();
        assert!(texts.contains(&"out 1".to_owned()) && texts.contains(&"out 2".to_owned()), "{texts:?}");
    });
}

/// A process that leaves its group, keeps the worker's pipe open, and outlives it.
#[expect(clippy::disallowed_methods, clippy::zombie_processes, reason = "a task's own child, which outlives it")]
fn leave_a_daemon() -> u32 {
    eprintln!("before the daemon");
    let daemon = Command::new("setsid").args(["sleep", "1000"]).spawn().expect("started");
    daemon.id()
}

fn end_beside_a_daemon(bench: &Bench) -> Duration {
    let heard = Heard::default();
    let pool = bench.build(heard.by(bench.builder().workers(1)));
    let daemon = pool.apply(leave_a_daemon, ()).expect("started");
    found("it has left the group", || {
        let sid = nix::unistd::getsid(Some(Pid::from_raw(daemon as i32))).ok()?;
        (sid.as_raw() == daemon as i32).then_some(())
    });
    let before = Instant::now();
    pool.join().expect("a clean end");
    let took = before.elapsed();
    assert_eq!(heard.line("before the daemon").task, Some(TaskId(1)));
    kill(Pid::from_raw(daemon as i32), Signal::SIGKILL).expect("it is there");
    took
}

#[test]
fn a_descendant_that_keeps_the_pipe_open_holds_up_nothing() {
    bench("daemon", Backend::Processes, |bench| {
        let took = end_beside_a_daemon(bench);
        assert!(took < NOT_WAITED_FOR, "{took:?}");
    });
}

#[test]
fn a_redirection_inside_a_task_gets_no_marks() {
    fn redirect() -> Vec<u8> {
        let file = mp_test_file();
        nix::unistd::dup2_stdout(&file).expect("redirected");
        println!("into the file");
        read_back(file)
    }
    fn mp_test_file() -> std::fs::File {
        let path = std::env::temp_dir().join(format!("mp-output-{}", std::process::id()));
        let file = std::fs::File::options().read(true).write(true).create_new(true).open(&path).expect("made");
        std::fs::remove_file(path).expect("it was there");
        file
    }
    fn read_back(mut file: std::fs::File) -> Vec<u8> {
        use std::io::{Read, Seek};
        let mut bytes = Vec::new();
        file.rewind().expect("a file");
        file.read_to_end(&mut bytes).expect("read");
        bytes
    }
    bench("redirect", Backend::Processes, |bench| {
        let pool = bench.build(Heard::default().by(bench.builder().workers(1)));
        for _ in 0..2 {
            assert_eq!(pool.apply(redirect, ()), Ok(b"into the file\n".to_vec()));
        }
    });
}

#[test]
fn a_process_is_captured_as_well() {
    bench("process", Backend::Processes, |bench| {
        let (sender, receiver) = channel();
        let sender = std::sync::Mutex::new(sender);
        let keep = move |line| sender.lock().expect("no panic under it").send(line).expect("somebody reads");
        let process = mp::Process::builder(say, (7,)).start_method(bench.start_method).on_output(keep);
        let process = process.spawn().expect("started");
        let pid = process.pid();
        assert_eq!(process.join(), Ok(7));
        // Joined, it has handed on all.
        let mut texts: Vec<_> = receiver.try_iter().filter(|line| line.pid == pid).map(|line| line.text).collect();
        texts.sort();
        assert_eq!(texts, ["err 7", "no end 7", "out 7"]);
    });
}

#[test]
fn without_a_callback_lines_come_with_a_tag() {
    // The supervisor is a process of its own here, whose output is read as that of any program.
    fn supervise(forked: bool) -> u64 {
        let method = if forked { StartMethod::ForkServer } else { StartMethod::Spawn };
        let pool = mp::Pool::builder().workers(1).start_method(method).output(Output::Capture).build();
        pool.expect("a pool").apply(say, (3,)).expect("said")
    }
    bench("tag", Backend::Processes, |bench| {
        let heard = Heard::default();
        let kept = heard.clone();
        let process = mp::Process::builder(supervise, (bench.start_method == StartMethod::ForkServer,))
            .on_output(move |line| kept.keep(line))
            .spawn();
        assert_eq!(process.expect("started").join(), Ok(3));
        let lines = heard.lines();
        let line = |text: &str| lines.iter().find(|line| line.text.ends_with(text)).expect("it came").clone();
        assert!(line("task 1] out 3").text.starts_with("[0.1 pid "), "{lines:?}");
        assert_eq!(line("] err 3").stream, OutputStream::Stderr);
        assert_eq!(line("] no end 3").stream, OutputStream::Stdout);
    });
}

#[test]
fn null_is_nowhere() {
    fn where_to() -> (String, String) {
        let link = |fd: u32| std::fs::read_link(format!("/proc/self/fd/{fd}")).expect("open");
        (link(1).display().to_string(), link(2).display().to_string())
    }
    bench("null", Backend::Processes, |bench| {
        let pool = bench.build(bench.builder().workers(1).output(Output::Null));
        assert_eq!(pool.apply(where_to, ()), Ok(("/dev/null".to_owned(), "/dev/null".to_owned())));
    });
}
