//! Ctrl-C, SIGTERM, a reader that leaves early: it ends at once, says so, and no worker stays behind.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::living::{LONG, Living, Worker, children, until};

/// From the signal to the end; a busy machine is slow. What would be waited for in vain takes a minute, or an hour.
const PROMPT: Duration = Duration::from_secs(30);

/// The signals that ask `mpctl` to end.
const ASKING: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

fn assert_gone(workers: &[Worker]) {
    assert!(!workers.is_empty());
    let left: Vec<_> = workers.iter().filter(|worker| worker.is_there()).collect();
    assert!(left.is_empty(), "{left:?} of {workers:?} are still there");
}

#[test]
fn the_first_ctrl_c_stops_the_pool_and_says_so() {
    for name in ASKING {
        let mut mpctl = Living::start(&["map", "sleep_ms", "1", "60000", "60000", "--workers", "2"]);
        // The first result shows that the work is under way, and the handler in its place.
        assert_eq!(mpctl.lines(1), ["1"]);
        let workers = mpctl.workers(2);
        let begun = Instant::now();
        mpctl.signal(name);
        let (code, said) = mpctl.end();
        assert_eq!(code, Some(130), "{said}");
        assert!(said.starts_with(&format!("mpctl: interrupted by {name} after 1 task and ")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
        assert_gone(&workers);
    }
}

/// Whoever waits for a line of input had the pool, so it was not dropped: its workers outlived mpctl as zombies,
/// until somebody took them in.
#[test]
fn ctrl_c_is_heard_while_the_input_is_silent() {
    let ways = ["--async", "--unordered", "-q"];
    for (name, way) in ASKING.into_iter().flat_map(|name| ways.map(|way| (name, way))) {
        let mut mpctl = Living::start(&["map", "square", way]);
        mpctl.write("3\n");
        assert_eq!(mpctl.lines(1), ["9"], "comes before the input ends");
        let workers = mpctl.workers(2);
        let begun = Instant::now();
        mpctl.signal(name);
        let (code, said) = mpctl.end();
        assert_eq!(code, Some(130), "{name} {way}: {said}");
        assert!(begun.elapsed() < PROMPT, "{name} {way}: {:?}", begun.elapsed());
        assert_gone(&workers);
    }
}

#[test]
fn ctrl_c_ends_workers_in_the_midst_of_a_task_whose_input_is_silent() {
    let mut mpctl = Living::start(&["map", "sleep_ms", "--async"]);
    mpctl.write("0\n60000\n60000\n");
    assert_eq!(mpctl.lines(1), ["0"]);
    let workers = mpctl.workers(2);
    mpctl.signal(Signal::SIGINT);
    assert_eq!(mpctl.end().0, Some(130));
    assert_gone(&workers);
}

#[test]
fn ctrl_c_ends_the_processes_of_spawn() {
    for name in ASKING {
        let mpctl = Living::start(&["spawn", "--workers", "3", "crash.spin"]);
        let workers = mpctl.workers(3);
        mpctl.hears(name);
        until("all spin", LONG, || workers.iter().all(|worker| worker.ticks() > 5));
        mpctl.signal(name);
        let (code, said) = mpctl.end();
        assert_eq!(code, Some(130), "{said}");
        assert!(said.starts_with(&format!("mpctl: interrupted by {name} after 0 tasks and ")), "{said}");
        assert_gone(&workers);
    }
}

/// Both signals to an `mpctl` whose workers are stopped. Gives how long it took from the second one; nothing where the grace,
/// which is 2 s, may have been over before it was sent.
fn interrupted_twice(name: Signal) -> Option<Duration> {
    let mpctl = Living::start(&["map", "crash.spin", "3600001", "3600002", "--async"]);
    let workers = mpctl.workers(2);
    mpctl.hears(name);
    until("all spin", LONG, || workers.iter().all(|worker| worker.ticks() > 5));
    for worker in &workers {
        kill(Pid::from_raw(worker.pid), Signal::SIGSTOP).expect("it lives");
    }
    until("all are stopped", LONG, || workers.iter().all(|worker| worker.is_stopped()));
    let first = Instant::now();
    mpctl.signal(name);
    // Two signals at once are one: that the first was heard shows by what it has asked of those who cannot hear.
    let asked = || workers.iter().all(|worker| worker.has_pending(Signal::SIGTERM));
    until("they are asked to end", LONG, || asked() || first.elapsed() > Duration::from_secs(1));
    let in_time = asked();
    let second = Instant::now();
    mpctl.signal(name);
    let (code, said) = mpctl.end();
    let (took, in_time) = (second.elapsed(), in_time && second - first < Duration::from_secs(1));
    assert_eq!(code, Some(130), "{said}");
    until("the workers are gone", Duration::from_secs(2), || !workers.iter().any(|worker| worker.runs()));
    // Whoever waits for the grace has something to say after it.
    assert!(said.is_empty() || !in_time, "{said}");
    in_time.then_some(took)
}

/// A worker that is stopped hears no SIGTERM, so the first Ctrl-C waits for the grace; the second waits for nothing. A try in
/// which the grace may have been over by itself says nothing, and is made again.
#[test]
fn the_second_ctrl_c_ends_at_once() {
    for name in ASKING {
        let took = (0..10).find_map(|_| interrupted_twice(name)).expect("a second signal within the grace");
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[test]
fn four_spinning_workers_die_with_a_supervisor_that_is_killed() {
    let map = ["map", "crash.spin", "3600001..=3600004", "--workers", "4"];
    let spawn = ["spawn", "--workers", "4", "crash.spin"];
    for args in [&map[..], &spawn] {
        let mpctl = Living::start(args);
        let workers = mpctl.workers(4);
        until("all spin", LONG, || workers.iter().all(|worker| worker.ticks() > 5));
        mpctl.signal(Signal::SIGKILL);
        until("the workers are gone", Duration::from_secs(2), || !workers.iter().any(|worker| worker.runs()));
        mpctl.end();
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    // More than it could do in a day.
    let mut mpctl = Living::start(&["map", "square", "1..=4000000000", "--workers", "2"]);
    assert_eq!(mpctl.lines(1), ["1"]);
    mpctl.leave();
    let begun = Instant::now();
    let (code, said) = mpctl.end();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
}

#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("is there");
    #[expect(clippy::disallowed_methods, reason = "a shell starts mpctl, and this test is the shell")]
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mpctl"));
    let output = command.args(["apply", "square", "3"]).stdout(full).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("mpctl: cannot write results: No space left"), "{said}");
}

/// What Ctrl-Z does to it, and `fg`: a terminal's signal comes to mpctl alone, since its workers are in groups of their own.
/// They rest with it for longer than the limit, in the middle of a task each: nobody is late.
#[test]
fn time_that_it_was_stopped_does_not_count_against_limits() {
    // Each is far from its limit, and they are not done before the signal comes, however busy the machine is.
    let items = ["map", "sleep_ms", "2000", "2001", "2002", "2003", "--timeout", "6s"];
    let mpctl = Living::start(&[&items[..], &["--workers", "2", "--async"]].concat());
    let workers = mpctl.workers(2);
    // Before that it is stopped as any program is.
    until("it hears Ctrl-Z", LONG, || mpctl.catches(Signal::SIGTSTP));
    until("it is stopped, and its workers", LONG, || {
        mpctl.signal(Signal::SIGTSTP);
        until("it is stopped", LONG, || mpctl.is_stopped());
        // One that it does not know yet has nothing to rest from: then once more.
        let all = workers.iter().all(|worker| worker.is_stopped());
        if !all {
            mpctl.signal(Signal::SIGCONT);
        }
        all
    });
    let stopped_at = Instant::now();
    until("more than the limit has passed", LONG, || stopped_at.elapsed() > Duration::from_secs(7));
    mpctl.signal(Signal::SIGCONT);
    let (code, said) = mpctl.end();
    assert_eq!(code, Some(0), "{said}");
}

/// While workers are born there may be no handler yet: the signal then ends it as it ends any program.
#[test]
fn ctrl_c_at_any_moment_of_its_start_leaves_nobody() {
    for moment in 0..20 {
        let mpctl = Living::start(&["map", "crash.spin", "3600001..=3600008", "--workers", "8"]);
        let pid = mpctl.pid();
        until("some workers are there", LONG, || children(pid).len() >= moment % 5);
        let workers = children(pid);
        mpctl.signal(Signal::SIGINT);
        let (code, said) = mpctl.end();
        assert!(matches!(code, Some(130) | None), "{code:?}: {said}");
        assert!(said.lines().count() <= 1, "{said}");
        until("nobody is left", LONG, || !workers.iter().any(|worker| worker.runs()));
    }
}
