//! The examples as a shell sees them: each is run, what it prints is compared, and it leaves no process behind.
//!
//! Does **not** run them at their full size, nor with the arguments of their headers: `.ci/run` does that.
//!
//! ```text
//!  run(name, args) ─▶ target/debug/examples/NAME, with a mark in its environment, which its workers inherit
//!                      ├─ ends in time, with 0 ─▶ whoever still carries the mark was left behind ─▶ its standard output
//!                      └─ does not ─▶ all that carry the mark are killed, and named
//! ```

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, process, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// No example takes this long, however busy the machine is.
const WATCHDOG: Duration = Duration::from_secs(300);

#[test]
fn pool_squares_names_the_process_of_each_square() {
    let output = run("pool_squares", &[]);
    let lines: Vec<_> = output.lines().collect();
    let own = lines[0].strip_prefix("In this process, ").and_then(|rest| rest.strip_suffix(':')).expect(&output);
    let in_order: Vec<_> = (1..=5).map(|n| format!("Worker process id for {n}: {own}")).collect();
    assert_eq!(lines[1..6], in_order);
    assert_eq!(lines[6..8], ["[1, 4, 9, 16, 25]", "In a pool of processes:"]);
    assert_eq!(lines[13..], ["[1, 4, 9, 16, 25]"]);

    let of_workers =
        lines[8..13].iter().filter_map(|line| line.strip_prefix("Worker process id for ")?.split_once(": "));
    let (numbers, pids): (BTreeSet<_>, BTreeSet<_>) = of_workers.unzip();
    assert_eq!(numbers, BTreeSet::from(["1", "2", "3", "4", "5"]), "{output}");
    assert!(!pids.contains(own) && pids.len() <= 2, "two workers, none of them the parent:\n{output}");
}

#[test]
fn rand_string_queue_prints_four_strings_of_five() {
    let output = run("rand_string_queue", &[]);
    let strings: BTreeSet<String> = serde_json::from_str(&output).expect("a list of strings");
    assert_eq!(strings.len(), 4, "{output}");
    assert!(strings.iter().flat_map(|string| string.chars()).all(|c| c.is_ascii_alphanumeric()), "{output}");
    assert!(strings.iter().all(|string| string.len() == 5), "{output}");
}

#[test]
fn shared_table_adds_up() {
    let output = run("shared_table", &[]);
    assert!(output.ends_with("\nsum: 49999995000000\n"), "{output}");
}

#[test]
fn apply_and_map_prints_squares_twice_and_cubes_twice() {
    let (squares, cubes) = ("[1, 4, 9, 16, 25, 36]", "[1, 8, 27, 64, 125, 216]");
    assert_eq!(run("apply_and_map", &[]), format!("{squares}\n{squares}\n{cubes}\n{cubes}\n"));
}

#[test]
fn value_power_is_right_where_the_article_is_not() {
    let list = "[0, 3, 26, 255]";
    let expected = format!("apply:       {list}\nmap:         {list}\napply_async: {list}\n");
    assert_eq!(run("value_power", &[]), expected);
}

#[test]
fn rand_number_processes_prints_ten_numbers() {
    let output = run("rand_number_processes", &[]);
    let (numbers, last) = output.trim_end().rsplit_once('\n').expect("eleven lines");
    let numbers: Vec<u32> = numbers.lines().map(|line| line.parse().expect(line)).collect();
    assert_eq!(numbers.len(), 10, "{output}");
    assert!(numbers.iter().all(|number| (1..=101).contains(number)), "{output}");
    assert_eq!(last, "10 numbers from 10 processes");
}

#[test]
fn futures_are_awaited_on_any_executor() {
    assert_eq!(run("futures", &[]), "on tokio:     [4, 168, 9592]\non few lines: 168\n");
}

#[test]
fn threads_and_lock_is_wrong_without_and_right_with() {
    let output = run("threads_and_lock", &[]);
    let totals: Vec<(&str, u64)> = output
        .lines()
        .map(|line| line.strip_suffix(" of 400000").and_then(|line| line.split_once(':')).expect(line))
        .map(|(how, total)| (how, total.trim().parse().expect(total)))
        .collect();
    let [(without, lost), rest @ ..] = totals.as_slice() else { panic!("nothing was printed") };
    assert_eq!(*without, "threads without a lock");
    assert!(*lost < 400_000, "additions must have been lost: {output}");
    assert_eq!(rest, [("threads with a lock", 400_000), ("processes, summed up", 400_000)]);
}

#[test]
fn do_something_prints_three_times_side_by_side() {
    let output = run("do_something", &["10000"]);
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[0], "10 lists of 10000 random floats, 2 processors");
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["serial", "threads", "processes"]);
    let times: Vec<f64> = lines[2].split(" s").map(str::trim).filter_map(|time| time.parse().ok()).collect();
    assert_eq!((times.len(), lines.len()), (3, 3), "{output}");
    assert!(times.iter().all(|seconds| *seconds > 0.0), "{output}");
}

#[test]
fn parallel_sort_is_a_sort() {
    for length in ["20000", "7", "0"] {
        let output = run("parallel_sort", &[length]);
        assert!(output.contains(&format!("{length} numbers, as sorted() has them: true\n")), "{output}");
    }
}

#[test]
fn chunks_of_three_come_in_order() {
    let expected = "[[1, 4, 9], [16, 25, 36], [49, 64, 81], [100, 121, 144], [169, 196, 225]]\n";
    assert_eq!(run("chunks_of_three", &[]), expected);
}

#[test]
fn three_backends_agree() {
    let output = run("three_backends", &[]);
    assert!(output.contains("-16 has no root"), "{output}");
    assert!(output.ends_with("Threads gives the same\nSerial gives the same\n"), "{output}");
}

#[test]
fn queue_joined_first_ends() {
    let output = run("queue_joined_first", &["100", "100000"]);
    let lines: Vec<_> = output.lines().collect();
    assert!(lines[0].ends_with(", with 100 items in the queue"), "{output}");
    assert!(lines[1].starts_with("100 items of 100000 bytes read, in order, "), "{output}");
}

#[test]
fn crash_isolation_loses_one_of_a_hundred() {
    let output = run("crash_isolation", &[]);
    let pid = between(&output, "42: signal 6, pid ", "\n");
    let worker = between(&output, "42: worker ", " (pid");
    let lost =
        format!("worker {worker} (pid {pid}) killed by SIGABRT while running task 43 \"crash_isolation::square\"");
    let lost = lost.as_str();
    let expected = format!("99 values, 1 failure\n42: {lost}\n42: signal 6, pid {pid}\nafterwards 7 * 7 = 49\n");
    assert_eq!(output.replace(" (core dumped)", ""), expected);
    assert!(pid.parse::<u32>().is_ok_and(|pid| pid > 1), "{output}");
}

#[test]
fn measure_own_task_tells_what_a_call_costs_where() {
    let output = run("measure_own_task", &["2000"]);
    for mode in ["direct", "threads", "spawn"] {
        assert!(output.contains(mode), "{output}");
    }
    let last = output.lines().last().expect("something is printed");
    let share = between(last, "A single call on a worker is ", " % overhead.");
    assert!(share.parse::<u32>().is_ok_and(|share| share <= 100), "{output}");
}

#[test]
fn your_own_mpctl_has_all_commands() {
    let own = |args: &[&str]| run("your_own_mpctl", args);
    assert_eq!(own(&["map", "count_words", "to be", "or not to be"]), "2\n4\n");
    assert_eq!(own(&["apply", "collatz", "27"]), "111\n");
    let tasks = own(&["tasks"]);
    let places: Vec<_> =
        ["collatz(", "count_down(", "count_words(", "greet("].iter().map(|name| tasks.find(name)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{tasks}");

    let greetings = own(&["spawn", "--workers", "3", "greet", "you"]);
    let pids: BTreeSet<_> =
        greetings.lines().filter_map(|line| line.strip_prefix("hello you, from process ")).collect();
    assert_eq!(pids.len(), 3, "{greetings}");
}

/// Where a task prints, on workers, on threads and in direct calls, its lines stood in the middle of the figures.
#[test]
fn what_a_measured_task_prints_is_no_part_of_the_report() {
    let args = ["measure", "--task", "count_down", "--rounds", "1", "--time-budget", "1s"];
    let json = run("your_own_mpctl", &[&args[..], &["--format", "json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&json).expect("one object, and nothing else");
    assert_eq!(report["schema"], "mp-measure-task/1");
    let table = run("your_own_mpctl", &args);
    assert!(table.starts_with("processor ") && !table.contains("\n0\n"), "{table}");
}

/// An example without a test here would not be known to work.
#[test]
fn every_example_is_run() {
    let tests = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples.rs")).expect("is there");
    let examples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).expect("is there");
    let paths = examples.map(|entry| entry.expect("is readable").path());
    let untested: Vec<_> = paths
        .filter(|path| path.extension() == Some(OsStr::new("rs")))
        .filter(|path| !tests.contains(&format!("run({:?}, ", path.file_stem().unwrap_or_default())))
        .collect();
    assert!(untested.is_empty(), "give each a test in tests/examples.rs: {untested:?}");
}

/// What the example prints, of a run that ends well, in time, and with all of its processes.
fn run(name: &str, args: &[&str]) -> String {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let mark = format!("MP_EXAMPLE={}.{}", process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let output = output_of(name, args, &mark);
    let left = who_carries(&mark);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{name} {args:?}: {}\n{out}--- stderr\n{err}", output.status);
    assert!(left.is_empty(), "{name} {args:?} left processes {left:?} behind");
    out
}

#[expect(clippy::disallowed_methods, reason = "an example is started as a shell does it, to see what it leaves behind")]
fn output_of(name: &str, args: &[&str], mark: &str) -> Output {
    let (key, value) = mark.split_once('=').expect("is an assignment");
    let mut command = Command::new(executable(name));
    command.args(args).env(key, value).env("MP_CPU_COUNT", "2").env_remove("RUST_BACKTRACE").env_remove("RUST_LOG");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect(name);

    // Its end is the end of its streams, which its workers share: a worker that stays keeps it from coming.
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = told.recv_timeout(WATCHDOG) else {
        let stuck = who_carries(mark);
        for pid in &stuck {
            kill(*pid, Signal::SIGKILL).ok();
        }
        panic!("{name} {args:?} did not end within {WATCHDOG:?}; killed {stuck:?}");
    };
    output.expect(name)
}

/// `cargo test` builds the examples, into the folder next to that of the tests.
fn executable(name: &str) -> PathBuf {
    let tests = env::current_exe().expect("this test is a file");
    let path = tests.ancestors().nth(2).expect("is in target/PROFILE/deps").join("examples").join(name);
    assert!(path.is_file(), "{name} is not built: run `cargo build --examples` first");
    path
}

/// The processes that were started with this assignment in their environment, and have not ended.
fn who_carries(mark: &str) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("is mounted").filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let carries = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|assignment| assignment == mark.as_bytes())
    };
    pids.filter(carries).map(Pid::from_raw).collect()
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    let (_, rest) = text.split_once(open).unwrap_or_else(|| panic!("{open:?} is not in:\n{text}"));
    rest.split(close).next().unwrap_or_default()
}
