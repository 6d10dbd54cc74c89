//! A supervisor that ends, in whatever way, leaves nobody: its workers, their nested pools, and what they had started.
//!
//! The test is its own supervisor: started again with a role, it says which processes it has made, and then ends, or is
//! ended. It has a `main` of its own, as programs have.
//!
//! ```text
//!  test ── Command: role ─▶ supervisor ── pool ─▶ 4 workers that spin, deaf to SIGTERM
//!    ◀──────── pids ──────────┘  (SIGKILL, exit, panic)          all gone within 2 s
//! ```
#![expect(clippy::print_stdout, reason = "a test without the test harness reports by printing")]
#![expect(clippy::disallowed_methods, reason = "supervisors are started, and end by `exit`, as other programs do")]

use std::io::{BufRead, BufReader};
use std::panic::catch_unwind;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mp::{Pool, Queue, StartMethod};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

/// Within this everybody is to be gone, each time: what the catalogue of faults promises.
const GONE: Duration = Duration::from_secs(2);

/// What is added to a role whose workers a fork server makes.
const FORKED: &str = ", forked";

/// The descriptor with which a worker is born whose end means its supervisor's.
const LIFELINE: i32 = 5;

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    ("killed_with_spinning_workers", || nobody_is_left("spinning", Some(Signal::SIGKILL))),
    ("killed_and_only_the_lifeline_tells", || nobody_is_left("without_pdeathsig", Some(Signal::SIGKILL))),
    ("killed_and_only_the_death_signal_tells", || nobody_is_left("without_lifeline", Some(Signal::SIGKILL))),
    ("killed_with_idle_workers", || nobody_is_left("idle", Some(Signal::SIGKILL))),
    ("killed_with_nested_pools", || nobody_is_left("nested", Some(Signal::SIGKILL))),
    ("killed_with_a_process", || nobody_is_left("process", Some(Signal::SIGKILL))),
    ("killed_with_a_manager_twice", || (0..2).for_each(|_| nobody_is_left("manager", Some(Signal::SIGKILL)))),
    ("killed_with_a_forked_manager_twice", || {
        (0..2).for_each(|_| nobody_is_left("manager, forked", Some(Signal::SIGKILL)));
    }),
    ("ended_by_sigterm", || nobody_is_left("spinning", Some(Signal::SIGTERM))),
    ("aborted", || nobody_is_left("spinning", Some(Signal::SIGABRT))),
    ("ended_by_exit", || nobody_is_left("exits", None)),
    ("ended_by_exit_in_a_thread", || nobody_is_left("exits_in_a_thread", None)),
    ("ended_by_a_panic_in_main", || nobody_is_left("panics", None)),
    ("ended_by_a_return_that_forgets_its_pool", || nobody_is_left("forgets", None)),
    ("ended_by_a_return_with_the_programs_pool", || nobody_is_left("global", None)),
    ("killed_with_the_programs_pool", || nobody_is_left("global, parked", Some(Signal::SIGKILL))),
    ("ended_while_its_workers_start", || nobody_is_left("starting", None)),
    ("killed_with_forked_spinning_workers", || nobody_is_left("spinning, forked", Some(Signal::SIGKILL))),
    ("killed_forked_and_only_the_lifeline_tells", || {
        nobody_is_left("without_pdeathsig, forked", Some(Signal::SIGKILL))
    }),
    ("killed_forked_and_only_the_death_signal_tells", || {
        nobody_is_left("without_lifeline, forked", Some(Signal::SIGKILL))
    }),
    ("killed_with_forked_idle_workers", || nobody_is_left("idle, forked", Some(Signal::SIGKILL))),
    ("killed_with_forked_nested_pools", || nobody_is_left("nested, forked", Some(Signal::SIGKILL))),
    ("killed_with_a_forked_process", || nobody_is_left("process, forked", Some(Signal::SIGKILL))),
    ("killed_with_a_spare_worker", || nobody_is_left("spare, forked", Some(Signal::SIGKILL))),
    ("ended_by_exit_with_forked_workers", || nobody_is_left("exits, forked", None)),
    ("ended_by_a_return_that_forgets_its_forked_pool", || nobody_is_left("forgets, forked", None)),
    ("ended_while_its_forked_workers_start", || nobody_is_left("starting, forked", None)),
];

fn main() {
    mp::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(role) = arguments.first().and_then(|first| first.strip_prefix("role:")) {
        return supervisor(role);
    }
    if arguments.iter().any(|argument| argument == "--list") {
        let ignored = arguments.iter().any(|argument| argument == "--ignored");
        return TESTS.iter().filter(|_| !ignored).for_each(|(name, _)| println!("{name}: test"));
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let wanted = |name: &str| filter.is_none_or(|part| if exact { name == part } else { name.contains(part.as_str()) });
    let chosen: Vec<_> = TESTS.iter().filter(|(name, _)| wanted(name)).collect();
    let passed = chosen.iter().filter(|(name, test)| run(name, *test)).count();
    println!("{passed} passed, {} failed", chosen.len() - passed);
    assert_eq!(passed, chosen.len(), "see above");
}

fn run(name: &str, test: fn()) -> bool {
    let start = Instant::now();
    let passed = catch_unwind(test).is_ok();
    println!("test {name} ... {} ({:.2} s)", if passed { "ok" } else { "FAILED" }, start.elapsed().as_secs_f64());
    passed
}

/// Starts a supervisor in this role, lets it come to work, and ends it by `signal`, or lets it end by itself.
fn nobody_is_left(role: &str, signal: Option<Signal>) {
    let mut command = Command::new("/proc/self/exe");
    command.arg(format!("role:{role}")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut supervisor = command.spawn().expect("starts");
    let made = made_by(&mut supervisor);
    if let Some(signal) = signal {
        assert!(made.iter().all(|pid| is_there(*pid)), "{role}: all work");
        let pid = nix::unistd::Pid::from_raw(supervisor.id() as i32);
        nix::sys::signal::kill(pid, signal).expect("it is there");
    }
    supervisor.wait().expect("a status");
    let ended = Instant::now();
    while let Some(pid) = made.iter().find(|pid| is_there(**pid)) {
        if ended.elapsed() > GONE {
            let left: Vec<_> = made.iter().filter(|pid| is_there(**pid)).collect();
            left.iter().for_each(|pid| end(**pid));
            panic!("{role}: {left:?} of {made:?} are left after {GONE:?}; the first is {pid}");
        }
        std::thread::yield_now();
    }
    assert!(!made.is_empty(), "{role}: it came to work");
}

fn end(pid: u32) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), Signal::SIGKILL);
}

/// The processes that a supervisor says it has made, and its workers' too. A line that is empty is the last.
fn made_by(supervisor: &mut Child) -> Vec<u32> {
    let output = BufReader::new(supervisor.stdout.take().expect("piped"));
    let lines = output.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    lines.map(|line| line.parse().expect("a process id")).collect()
}

/// Whether a process is there that is a copy of this program, and no zombie.
fn is_there(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let state = status.lines().find_map(|line| line.strip_prefix("State:")).unwrap_or("Z");
    !state.trim().starts_with(['Z', 'X']) && std::fs::read_link(format!("/proc/{pid}/exe")).ok() == own_image()
}

fn own_image() -> Option<std::path::PathBuf> {
    std::fs::read_link("/proc/self/exe").ok()
}

/// The other side: a program with a pool.
fn supervisor(role: &str) {
    let method = if role.ends_with(FORKED) { StartMethod::ForkServer } else { StartMethod::Spawn };
    let full = role;
    let role = role.trim_end_matches(FORKED);
    if role.starts_with("global") {
        return global(role);
    }
    let pool = Pool::builder().workers(4).start_method(method).build().expect("a pool");
    let born: Queue<u32> = Queue::new().expect("a queue");
    if role == "starting" {
        let born = std::iter::repeat_with(|| pool.worker_pids()).find(|pids| !pids.is_empty());
        born.iter().flatten().for_each(|pid| println!("{pid}"));
        println!();
        std::process::exit(3);
    }
    let workers = if ["idle", "spare"].contains(&role) { 0 } else { 4 };
    let tasks: Vec<_> =
        (0..workers).map(|_| pool.apply_async(work, (full.to_owned(), born.clone())).expect("accepted")).collect();
    let expected = if role == "nested" { 12 } else { workers };
    (0..expected).for_each(|_| println!("{}", born.get().expect("a worker")));
    if role == "idle" {
        pool.map(|n: u32| n, 0..100).expect("all run");
        pool.worker_pids().into_iter().for_each(|pid| println!("{pid}"));
    }
    if role == "spare" {
        println!("{}", spare_by(method));
    }
    let process = (role == "process").then(|| process_by(method, &born));
    process.iter().for_each(|_| println!("{}", born.get().expect("it runs")));
    let manager = (role == "manager").then(|| mp::Manager::builder().start_method(method).start().expect("a manager"));
    manager.iter().for_each(|manager| println!("{}", manager.process().pid()));
    let servers = fork_servers();
    assert_eq!(servers.is_empty(), method == StartMethod::Spawn);
    servers.into_iter().for_each(|pid| println!("{pid}"));
    println!();
    match role {
        "exits" => std::process::exit(3),
        "exits_in_a_thread" => std::thread::spawn(|| std::process::exit(3)).join().expect("it does not return"),
        "panics" => panic!("in main"),
        "forgets" => std::mem::forget((pool, tasks)),
        _ => tasks.into_iter().for_each(|task| drop(task.get())),
    }
    if ["idle", "spare"].contains(&role) {
        std::thread::park();
    }
}

/// The pool that nobody drops.
fn global(role: &str) {
    mp::set_pool(Pool::builder().workers(4));
    let born: Queue<u32> = Queue::new().expect("a queue");
    let pool = mp::pool().expect("a pool");
    let tasks = (0..4).map(|_| pool.apply_async(spinning, (born.clone(),)).expect("accepted"));
    let tasks: Vec<_> = tasks.collect();
    (0..4).for_each(|_| println!("{}", born.get().expect("a worker")));
    println!();
    std::mem::forget(tasks);
    if role.ends_with("parked") {
        std::thread::park();
    }
}

fn process_by(method: StartMethod, born: &Queue<u32>) -> mp::Process<()> {
    mp::Process::builder(spinning, (born.clone(),)).start_method(method).spawn().expect("a process")
}

/// The worker that is made ahead when others have followed each other.
fn spare_by(method: StartMethod) -> u32 {
    let ends =
        || mp::Process::builder(|| (), ()).start_method(method).spawn().expect("a process").join().expect("a value");
    // There is none after births that a busy machine has kept apart: then two more.
    let after_two = || {
        (0..2).for_each(|_| ends());
        (0..1000).find_map(|_| named("mp-spare").pop())
    };
    (0..100).find_map(|_| after_two()).expect("one is made")
}

/// The children of this process that make its workers.
fn fork_servers() -> Vec<u32> {
    named("mp-fork-server")
}

fn named(what: &str) -> Vec<u32> {
    let threads = std::fs::read_dir("/proc/self/task").expect("proc").flatten();
    let children: String =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok()).collect();
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    pids.filter(|pid| name(pid).starts_with(what)).collect()
}

fn spinning(born: Queue<u32>) {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.thread_block().expect("blocked");
    born.put(std::process::id()).expect("said");
    loop {
        std::hint::spin_loop();
    }
}

/// A worker's part: it spins, and has got rid of what the role says.
fn work(role: String, born: Queue<u32>) {
    match role.trim_end_matches(FORKED) {
        "without_pdeathsig" => prctl::set_pdeathsig(None).expect("unset"),
        "without_lifeline" => nix::unistd::close(LIFELINE).expect("it was open"),
        "nested" => return nested(&role, born),
        _ => {}
    }
    spinning(born);
}

fn nested(role: &str, born: Queue<u32>) {
    let method = if role.ends_with(FORKED) { StartMethod::ForkServer } else { StartMethod::Spawn };
    let pool = Pool::builder().workers(2).start_method(method).build().expect("a pool");
    let _tasks: Vec<_> = (0..2).map(|_| pool.apply_async(spinning, (born.clone(),)).expect("accepted")).collect();
    spinning(born);
}
