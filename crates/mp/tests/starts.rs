//! Workers that cannot start, start as somebody else, or start where little is allowed: each has an error that says so,
//! in bounded time, and what can go on does.
//!
//! ```text
//!  role ─▶ its own executable is copied, deleted, forbidden ..    ─▶ Pool ─▶ exec /proc/self/exe
//!  role ─▶ MP_TEST_HELLO=<how> ─▶ Pool ─▶ worker: main does that before mp::init()
//! ```
#![expect(clippy::disallowed_methods, reason = "the program is copied and started, and workers end before they serve")]

#[path = "roles/mod.rs"]
mod roles;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use mp::{Failure, Pool, PoolBuilder, WorkerExit};
use mp_wire::frame::{FromWorker, Hello, Identity};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::socket::{MsgFlags, recv, send};

const TESTS: &[roles::Test] = &[
    ("a_deleted_executable_starts_workers_all_the_same", || as_a_copy("deleted")),
    ("a_replaced_executable_starts_workers_of_the_running_program", || as_a_copy("replaced")),
    ("an_executable_that_may_not_be_executed_is_said_to_be", || as_a_copy("forbidden")),
    ("a_worker_that_never_says_hello_stops_the_pool", || nobody_starts("never", "no hello within 300ms")),
    ("a_worker_with_half_a_hello_stops_the_pool", || nobody_starts("half", "wrote rubbish")),
    ("a_worker_that_says_rubbish_for_hello_stops_the_pool", || nobody_starts("rubbish", "")),
    ("a_worker_with_a_wrong_token_stops_the_pool", || nobody_starts("token", "another token")),
    ("a_worker_that_says_hello_twice_is_a_worker", says_hello_twice),
    ("a_program_that_writes_rubbish_in_a_workers_place_stops_the_pool", || nobody_starts("program", "")),
    ("a_worker_of_a_different_build_stops_the_pool", || nobody_starts("build", "another executable")),
    ("a_worker_with_another_pid_stops_the_pool", || nobody_starts("pid", "another process id")),
    ("a_worker_that_exits_before_its_hello_stops_the_pool", || nobody_starts("exit", "code 9")),
    ("a_worker_that_dies_before_its_hello_stops_the_pool", || nobody_starts("abort", "SIGABRT")),
    ("a_program_that_has_closed_its_standard_streams_starts_workers", || as_a_copy("closed")),
    ("a_program_without_init_starts_nobody_and_no_copies_without_end", || as_a_copy(WITHOUT_INIT)),
    ("with_sigchld_ignored_tasks_run_and_deaths_are_noticed", started_by_a_shell),
    ("with_64_descriptors_a_pool_of_8_works_or_says_what_it_needs", few_descriptors),
    ("without_descriptors_for_one_worker_the_pool_says_so", no_descriptors),
];

const HOW: &str = "MP_TEST_HELLO";
const WITHOUT_INIT: &str = "without-init";

fn main() {
    if let (Ok(how), true) = (std::env::var(HOW), std::env::var_os("MP_WORKER").is_some()) {
        misbehave(&how);
    }
    if std::env::args().nth(1).is_some_and(|first| first == format!("copy:{WITHOUT_INIT}")) {
        return without_init();
    }
    mp::init();
    if let Some(what) = std::env::args().nth(1).and_then(|first| first.strip_prefix("copy:").map(str::to_owned)) {
        return copy(&what);
    }
    roles::main(TESTS);
}

fn square(n: u64) -> u64 {
    n * n
}

/// Its pool, of which every worker that dies counts.
fn strict(workers: usize) -> PoolBuilder {
    let pool = Pool::builder().workers(workers).restart_limit(3, Duration::from_secs(600));
    pool.start_timeout(Duration::from_secs(300)).grace(Duration::from_millis(300))
}

fn works(pool: &Pool) {
    assert_eq!(pool.map(square, 0..50), Ok((0..50).map(square).collect::<Vec<_>>()));
}

fn children() -> String {
    let threads = fs::read_dir("/proc/self/task").expect("it lives").flatten();
    threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect()
}

fn nobody_is_left() {
    assert_eq!(children(), "", "children are left");
}

/// All outcomes come, with the first cause, and soon.
fn stops_with(pool: &Pool, cause: &str) {
    let begun = Instant::now();
    let handles: Vec<_> = (0..20).filter_map(|n| pool.apply_async(square, (n,)).ok()).collect();
    let outcomes: Vec<_> = handles.into_iter().map(mp::TaskHandle::get).chain([pool.apply(square, (1,))]).collect();
    for outcome in outcomes {
        let Err(Failure::Stopped { reason, .. }) = outcome else { panic!("not {outcome:?}") };
        assert!(reason.contains("more than 3 workers died") && reason.contains(cause), "{cause}: {reason}");
    }
    let text = format!("{:?}", pool.join().expect_err("it has ended by itself"));
    assert!(text.contains(cause), "{cause}: {text}");
    // Who waited for a hello in vain would wait for longer.
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
}

fn nobody_starts(how: &str, cause: &str) {
    let own = std::env::current_exe().expect("a path");
    let status = Command::new(own).arg("copy:misled").arg(cause).env(HOW, how).status().expect("it runs");
    assert!(status.success(), "{how}: {status}");
}

fn says_hello_twice() {
    let own = std::env::current_exe().expect("a path");
    let status = Command::new(own).arg("copy:twice").env(HOW, "twice").status().expect("it runs");
    assert!(status.success(), "{status}");
}

fn misled() {
    let cause = std::env::args().nth(2).expect("a cause");
    for workers in [1, 2, 5, 13] {
        let pool = strict(workers);
        // Those who do come may take as long as they need, on a machine that is busy.
        let late = cause.contains("no hello");
        let pool = if late { pool.start_timeout(Duration::from_millis(300)) } else { pool };
        let pool = pool.build().expect("its workers come later");
        stops_with(&pool, &cause);
        drop(pool);
        nobody_is_left();
    }
    // A process is sent its task before it has said anything. One that says nothing at all has the start's limit, 30 s.
    if !cause.contains("no hello") {
        let outcome = mp::Process::spawn(square, (3,)).expect("its process is there").join();
        assert!(matches!(outcome, Err(Failure::Lost { .. })), "{outcome:?}");
        nobody_is_left();
    }
}

/// What a worker does instead of serving.
fn misbehave(how: &str) {
    match how {
        "exit" => std::process::exit(9),
        "abort" => std::process::abort(),
        "rubbish" => packet(&[9; 30]),
        "half" => packet(&hello(|_| {})[..3]),
        "token" => packet(&hello(|hello| hello.identity.token ^= 1)),
        "build" => packet(&hello(|hello| hello.identity.build ^= 1)),
        "pid" => packet(&hello(|hello| hello.pid += 1)),
        // And once more by itself.
        "twice" => return packet(&hello(|_| {})),
        "program" => drop(Command::new("sh").args(["-c", "head -c 5000 /dev/urandom >&3; exec sleep 1000"]).exec()),
        _ => {}
    }
    loop {
        std::thread::park();
    }
}

/// The hello that would be right, but for what `spoil` does to it. The token comes first, in the welcome.
fn hello(spoil: impl Fn(&mut Hello)) -> Vec<u8> {
    let identity = mp_worker::own_identity().expect("this program");
    let mut hello = Hello { identity: Identity { token: welcome_token(), ..identity }, pid: std::process::id() };
    spoil(&mut hello);
    let mut bytes = vec![FromWorker::Hello as u8];
    mp_wire::codec::encode_into(&hello, &mut bytes).expect("it encodes");
    bytes
}

fn welcome_token() -> u64 {
    let mut bytes = [0; 4096];
    let len = recv(3, &mut bytes, MsgFlags::MSG_PEEK);
    let frame = &bytes[16..len.expect("a welcome")];
    match mp_wire::codec::decode_borrowed(frame) {
        Ok(mp_wire::frame::ToWorker::Welcome(welcome)) => welcome.identity.token,
        other => panic!("no welcome: {other:?}"),
    }
}

/// As ipc-channel makes them: its own length, the message's, the message.
fn packet(message: &[u8]) {
    let (packet, len) = (message.len() + 16, message.len());
    let bytes = [&packet.to_ne_bytes(), &len.to_ne_bytes(), message].concat();
    let _ = send(3, &bytes, MsgFlags::MSG_NOSIGNAL);
}

/// Runs `what` in a copy of this program, which may do to its file what it likes.
fn as_a_copy(what: &str) {
    let path = std::env::temp_dir().join(format!("mp-starts-{what}-{}", std::process::id()));
    fs::copy("/proc/self/exe", &path).expect("copied");
    let status = Command::new(&path).arg(format!("copy:{what}")).status().expect("it runs");
    let _ = fs::remove_file(&path);
    assert!(status.success(), "{what}: {status}");
}

fn copy(what: &str) {
    match what {
        "misled" => misled(),
        "twice" => starts_and_restarts(),
        "ignores" => sigchld_is_ignored(),
        "deleted" => {
            fs::remove_file(own_path()).expect("deleted");
            starts_and_restarts();
        }
        "replaced" => {
            let other = own_path().with_extension("other");
            fs::write(&other, "#!/bin/sh\nexit 1\n").expect("written");
            fs::rename(other, own_path()).expect("replaced");
            starts_and_restarts();
        }
        "closed" => without_streams(),
        "forbidden" => {
            works(&strict(2).build().expect("a pool"));
            fs::set_permissions(own_path(), fs::Permissions::from_mode(0o600)).expect("forbidden");
            let pool = strict(2).build().expect("its workers come later");
            stops_with(&pool, "could not be started: Permission denied");
        }
        other => panic!("no role {other}"),
    }
    nobody_is_left();
}

fn own_path() -> PathBuf {
    std::env::args_os().next().expect("its name").into()
}

fn starts_and_restarts() {
    for workers in [1, 2, 5, 13] {
        let pool = Pool::new(workers).expect("a pool");
        works(&pool);
        let outcome = pool.apply(|| -> () { std::process::abort() }, ());
        assert!(matches!(outcome, Err(Failure::Lost { .. })), "{outcome:?}");
        works(&pool);
    }
}

/// The numbers of the standard streams are free: what is opened next must not have them, or would get what is written there.
fn without_streams() {
    for stream in 0..3 {
        nix::unistd::close(stream).expect("it was open");
    }
    for method in [mp::StartMethod::Spawn, mp::StartMethod::ForkServer] {
        for null in [false, true] {
            let process = mp::Process::builder(square, (3,)).start_method(method);
            let to = if null { mp::Stdio::null } else { mp::Stdio::inherit };
            let process = process.stdout(to()).stderr(to()).spawn().expect("started");
            let _ = nix::unistd::write(std::io::stderr(), b"said to nobody, and not to the worker");
            assert_eq!(process.join(), Ok(9));
            for stream in 0..3 {
                let there = fs::read_link(format!("/proc/self/fd/{stream}")).expect("it is open again");
                assert_eq!(there, PathBuf::from("/dev/null"));
            }
        }
        works(&strict(3).start_method(method).build().expect("a pool"));
    }
    // A fork server ends when the last one has let go of it, which may be another thread.
    let until = Instant::now() + Duration::from_secs(60);
    while !children().is_empty() && Instant::now() < until {
        std::thread::yield_now();
    }
}

/// Each of its workers would run main again, and start workers.
fn without_init() {
    for refused in [Pool::new(2).err(), mp::Process::spawn(square, (2,)).err()] {
        let text = refused.expect("refused").to_string();
        assert!(text.contains("mp::init() was not called"), "{text}");
    }
    let threads = Pool::builder().backend(mp::Backend::Threads).workers(1).build().expect("no copies are needed");
    assert_eq!(threads.apply(square, (3,)), Ok(9));
    nobody_is_left();
}

/// What is ignored is inherited.
fn started_by_a_shell() {
    let own = std::env::current_exe().expect("a path");
    let status = Command::new("env").arg("--ignore-signal=CHLD").arg(own).arg("copy:ignores").status();
    let status = status.expect("coreutils");
    assert!(status.success(), "{status}");
}

/// A program that ignores SIGCHLD has its children's statuses thrown away by the kernel: how a worker died is then
/// unknown, that it did is not.
fn sigchld_is_ignored() {
    let status = fs::read_to_string("/proc/self/status").expect("it lives");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("is there").trim();
    assert!(u64::from_str_radix(ignored, 16).expect("a number") >> 16 & 1 == 1, "SIGCHLD is ignored: {ignored}");
    for workers in [1, 2, 5, 13] {
        let pool = Pool::new(workers).expect("a pool");
        works(&pool);
        let outcome = pool.apply(|| -> () { std::process::abort() }, ());
        let unknown = |exit: &WorkerExit| matches!(exit, WorkerExit::Unknown);
        assert!(matches!(&outcome, Err(Failure::Lost { exit, .. }) if unknown(exit)), "{outcome:?}");
        works(&pool);
        pool.join().expect("a good end");
        nobody_is_left();
    }
}

fn few_descriptors() {
    setrlimit(Resource::RLIMIT_NOFILE, 64, 64).expect("limited");
    for workers in [8, 1, 2, 5, 13] {
        let pool = Pool::new(workers).expect("a pool");
        works(&pool);
        let outcome = pool.apply(|| -> () { std::process::abort() }, ());
        assert!(matches!(outcome, Err(Failure::Lost { .. })), "{outcome:?}");
        works(&pool);
        pool.join().expect("a good end");
        nobody_is_left();
    }
    // More than there are descriptors for: those that have started do the work, or the pool says what it needs.
    let pool = Pool::new(40).expect("a pool");
    for n in 0..200 {
        match pool.apply(square, (n,)) {
            Ok(value) => assert_eq!(value, square(n)),
            Err(Failure::Stopped { reason, .. }) => assert!(reason.contains("of 64 descriptors"), "{reason}"),
            Err(other) => panic!("{other:?}"),
        }
    }
    drop(pool);
    nobody_is_left();
    // What it is said to need is enough.
    let free = || 64 - fs::read_dir("/proc/self/fd").map_or(64, Iterator::count) + 1;
    let mut held = Vec::new();
    while free() > 16 {
        held.push(fs::File::open("/dev/null").expect("there are some"));
    }
    works(&strict(1).build().expect("a pool"));
    nobody_is_left();
}

fn no_descriptors() {
    setrlimit(Resource::RLIMIT_NOFILE, 12, 12).expect("limited");
    let pool = strict(8).build().expect("its workers come later");
    stops_with(&pool, "of 12 descriptors are in use, and to start a worker takes 16 more");
    drop(pool);
    nobody_is_left();
}
