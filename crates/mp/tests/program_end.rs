//! The end of a program: it waits for the processes that it has left to themselves, and what is killed as a whole leaves
//! nothing that has a name.
//!
//! ```text
//!  test ── role ─▶ program: non-daemon processes ── main returns ─▶ waits for them ─▶ the test reads what they wrote
//!  test ── role ─▶ program: managers, queues, named memory, pools ── SIGKILL to it and all it made, twice ─▶ nothing is left
//! ```
#![expect(clippy::print_stdout, reason = "a test without the test harness reports by printing")]
#![expect(clippy::disallowed_methods, reason = "programs are started, and end by `exit`, as other programs do")]

#[path = "roles/mod.rs"]
mod roles;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use mp::{Address, Command as Foreign, JoinableQueue, Manager, Pool, Process, Queue, SharedMemory, StartMethod};
use mp_sys::pidfd::Pidfd;
use mp_sys::poll::{Way, wait_one};

const TESTS: &[roles::Test] = &[
    ("the_end_of_main_waits_for_its_non_daemons", || ends_after_its_children("returns", 0)),
    ("the_end_by_exit_waits_for_its_non_daemons", || ends_after_its_children("exits", 3)),
    ("the_end_by_a_panic_waits_for_its_non_daemons", || ends_after_its_children("panics", 101)),
    ("a_process_waits_for_its_own_non_daemons", || ends_after_its_children("nested", 0)),
    ("killed_as_a_whole_twice_nothing_with_a_name_is_left", killed_as_a_whole),
];

fn main() {
    mp::init();
    match std::env::args().nth(1).as_deref().and_then(|first| first.strip_prefix("program:")) {
        Some("everything") => everything(),
        Some(end) => leaves_children(end),
        None => roles::main(TESTS),
    }
}

/// This program again, with another part. What it and its processes write is read to the end.
fn program(part: &str) -> std::process::Child {
    let mut command = Command::new("/proc/self/exe");
    command.arg(format!("program:{part}")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("starts")
}

fn ends_after_its_children(end: &str, code: i32) {
    let mut running = program(end);
    let mut lines = BufReader::new(running.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let of_main = lines.find(|line| line == "main is at its end");
    assert_eq!(of_main.as_deref(), Some("main is at its end"));
    // Its children end only when they are told to, by the death of nobody: it is they who are waited for.
    let rest: BTreeSet<_> = lines.collect();
    assert_eq!(running.wait().expect("a status").code(), Some(code));
    assert_eq!(rest, ["spawned is done", "forked is done"].map(str::to_owned).into());
}

fn say_later(name: String, go: Queue<()>) {
    go.get().expect("told to go on");
    println!("{name} is done");
}

fn leave(name: &str, method: StartMethod, go: &Queue<()>) {
    let builder = Process::builder(say_later, (name.to_owned(), go.clone()));
    drop(builder.name(name).start_method(method).daemon(false).spawn().expect("a process"));
}

fn leave_both(go: &Queue<()>) {
    leave("spawned", StartMethod::Spawn, go);
    leave("forked", StartMethod::ForkServer, go);
}

thread_local! {
    /// Dropped when its thread has come to its end: main's, by whichever way, before the program waits for its processes.
    static THERE: OnceCell<Sender<()>> = const { OnceCell::new() };
}

/// Its processes go on only when main is at its end, by a thread that is there until all has ended.
fn leaves_children(end: &str) {
    let go = Queue::new().expect("a queue");
    if end == "nested" {
        // The process returns at once; its supervisor gives it time for its own.
        let process = Process::builder(|go: Queue<()>| leave_both(&go), (go.clone(),));
        let process = process.grace(Duration::from_secs(60)).spawn().expect("a process");
        println!("main is at its end");
        (0..2).for_each(|_| go.put(()).expect("put"));
        return process.join().expect("it ends with its own");
    }
    leave_both(&go);
    println!("main is at its end");
    let (there, end_of_main) = channel();
    THERE.with(|cell| cell.set(there)).expect("set once");
    std::thread::spawn(move || {
        assert!(end_of_main.recv().is_err(), "nobody says anything");
        (0..2).for_each(|_| go.put(()).expect("put"));
    });
    match end {
        "exits" => std::process::exit(3),
        "panics" => panic!("in main"),
        _ => {}
    }
}

/// A program with one of everything.
fn everything() {
    let mut kept: Vec<Box<dyn std::any::Any>> = Vec::new();
    let busy = Queue::<u32>::new().expect("a queue");
    for (n, method) in [StartMethod::Spawn, StartMethod::ForkServer].into_iter().enumerate() {
        let manager = Manager::builder().start_method(method).listen(Address::unique().expect("an address"));
        let manager = manager.start().expect("a manager");
        let lock = manager.lock().expect("a lock");
        let queue = JoinableQueue::<Vec<u8>>::new().expect("a queue");
        queue.put(vec![0; 1 << 20]).expect("put");
        let memory = SharedMemory::named(&format!("mp-end-{}-{n}", std::process::id()), 1 << 16).expect("memory");
        let pool = Pool::builder().workers(3).start_method(method).build().expect("a pool");
        let arguments = || (busy.clone(), lock.clone(), queue.clone(), vec![7_u8; 1 << 18]);
        let tasks: Vec<_> = (0..6).map(|_| pool.apply_async(hold, arguments()).expect("accepted")).collect();
        let process =
            Process::builder(hold, arguments()).start_method(method).daemon(false).spawn().expect("a process");
        let program = Foreign::new("sleep").arg("1000").spawn().expect("a program");
        (0..4).for_each(|_| assert!(busy.get().expect("somebody works") > 0));
        kept.push(Box::new((manager, lock, queue, memory, pool, tasks, process, program)));
    }
    println!("ready");
    loop {
        std::thread::park();
    }
}

/// Works for ever, and one of them with the lock.
fn hold(busy: Queue<u32>, lock: mp::LockProxy, queue: JoinableQueue<Vec<u8>>, large: Vec<u8>) {
    let held = lock.lock_timeout(Duration::from_millis(1));
    busy.put(std::process::id()).expect("said");
    while let Ok(()) = queue.put(large.clone()) {
        drop(queue.get());
        std::hint::black_box(&held);
    }
}

fn killed_as_a_whole() {
    for round in 0..2 {
        let mut running = program("everything");
        let mut lines = BufReader::new(running.stdout.take().expect("piped")).lines().map_while(Result::ok);
        assert_eq!(lines.next().as_deref(), Some("ready"), "round {round}");
        let all = [vec![running.id()], descendants(running.id())].concat();
        assert!(all.len() >= 14, "round {round}: {all:?}");
        let (sockets, files) = (sockets_of(&all), files_of(&all));
        assert!(sockets.len() >= 6, "two for each manager, one for each named memory: {sockets:?}");
        let held: Vec<_> = all.iter().filter_map(|pid| Pidfd::open(*pid).ok()).collect();
        all.iter().copied().for_each(kill);
        running.wait().expect("a status");
        // They are no children of this process; each lets go of its sockets and files before it counts as ended.
        for process in &held {
            let ended = wait_one(process, Way::Read, Some(Duration::from_secs(100))).expect("polled");
            assert!(ended, "round {round}: of {all:?} somebody lives");
        }
        let left = Left {
            processes: all.iter().copied().filter(|pid| is_there(*pid)).collect(),
            sockets: sockets.intersection(&names_of_sockets().into_values().collect()).cloned().collect(),
            files: files.iter().filter(|path| std::path::Path::new(path).exists()).cloned().collect(),
        };
        assert_eq!(left, Left::default(), "round {round}");
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    processes: Vec<u32>,
    sockets: BTreeSet<String>,
    files: BTreeSet<String>,
}

fn kill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a process id"));
    // It may have ended with another that was killed before.
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
}

fn is_there(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains(['Z', 'X']))
}

fn descendants(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> =
        lists.flat_map(|list| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect();
    children.iter().flat_map(|child| [vec![*child], descendants(*child)].concat()).collect()
}

/// The Unix sockets of this system that have a name, by their inodes.
fn names_of_sockets() -> BTreeMap<String, String> {
    let table = std::fs::read_to_string("/proc/net/unix").expect("proc");
    let named = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(6);
        Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
    });
    named.collect()
}

fn sockets_of(pids: &[u32]) -> BTreeSet<String> {
    let named = names_of_sockets();
    let inode = |link: String| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    let own = pids.iter().flat_map(|pid| descriptors(*pid)).filter_map(inode);
    own.filter_map(|inode| named.get(&inode).cloned()).collect()
}

/// The files in places for what is meant to go away that they have open, or mapped.
fn files_of(pids: &[u32]) -> BTreeSet<String> {
    let places = ["/dev/shm/".to_owned(), "/run/".to_owned(), format!("{}/", std::env::temp_dir().display())];
    let own = std::env::current_exe().expect("a path").to_string_lossy().into_owned();
    let maps = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mapped = pids.iter().flat_map(|pid| maps(pid).lines().map(last_field).collect::<Vec<_>>());
    let all = pids.iter().flat_map(|pid| descriptors(*pid)).chain(mapped);
    all.filter(|path| *path != own && places.iter().any(|place| path.starts_with(place))).collect()
}

fn last_field(line: &str) -> String {
    line.split_whitespace().nth(5).unwrap_or_default().to_owned()
}

/// What the descriptors of a process stand for.
fn descriptors(pid: u32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links.map(|link| link.to_string_lossy().into_owned()).collect()
}
