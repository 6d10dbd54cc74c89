//! Foreign programs: what they get, what they give, and that nothing of them is left.

use std::time::{Duration, Instant};

use mp::{Command, CommandError, RunningCommand, WorkerExit, wait_any};

use crate::common::{bench_by, eventually, found};

/// Runs `body` under a watchdog, and looks at what it leaves: processes, descriptors.
fn looked_at(name: &str, body: impl FnOnce()) {
    bench_by(mp::StartMethod::Spawn, name, mp::Backend::Processes, |_| body());
}

fn shell(script: &str) -> Command {
    Command::new("sh").arg("-c").arg(script)
}

fn is_there(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
}

const LIMIT: Duration = Duration::from_millis(300);

/// One that was late, and had said something before: on a busy machine it may be late before. And how long it took.
fn late(command: impl Fn() -> Command) -> (Duration, CommandError) {
    found("one that is late when it has said something", || {
        let start = Instant::now();
        let late = command().timeout(LIMIT).run().unwrap_err();
        let said = matches!(&late, CommandError::TimedOut { output, .. } if !output.stdout.is_empty());
        said.then(|| (start.elapsed(), late))
    })
}

fn pid_in(bytes: &[u8]) -> u32 {
    String::from_utf8_lossy(bytes).trim().parse().unwrap()
}

#[test]
fn output_and_exit_are_told() {
    looked_at("output", || {
        let output = shell("echo out; echo err >&2; exit 3").run().unwrap();
        assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!((output.exit, output.is_success()), (WorkerExit::Exited(3), false));
        let failed = output.check().unwrap_err();
        assert_eq!(failed.to_string(), "program `sh` exited with code 3; its standard error ends in: err");
        let killed = shell("kill -SEGV $$").run().unwrap();
        assert!(matches!(killed.exit, WorkerExit::Signaled { signal: 11, .. }), "{killed:?}");
        assert!(Command::new("true").run().unwrap().check().is_ok());
    });
}

#[test]
fn a_program_that_is_not_there_is_not_started() {
    looked_at("absent", || {
        let absent = Command::new("no-such-program-anywhere").run().unwrap_err();
        assert_eq!(absent.to_string(), "program `no-such-program-anywhere` could not be started");
        assert!(
            matches!(absent, CommandError::NotStarted { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
        );
        let no_program = Command::new("/etc/passwd").spawn().unwrap_err();
        assert!(matches!(no_program, CommandError::NotStarted { source, .. } if source.raw_os_error() == Some(13)));
        let nowhere = Command::new("true").current_dir("/no/such/place").run().unwrap_err();
        assert!(mp::Error::from(nowhere).to_string().contains("`true` could not be started"));
    });
}

#[test]
fn input_is_read_or_not() {
    looked_at("input", || {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
        let output = Command::new("cat").input(bytes.clone()).run().unwrap();
        assert!(output.stdout == bytes, "{} bytes came back, {:?}", output.stdout.len(), output.exit);
        // One that does not read its input is not waited for, and no signal hits who writes.
        let deaf = shell("exec 0<&-; echo deaf").input(bytes).run().unwrap().check().unwrap();
        assert_eq!(deaf.stdout, b"deaf\n");
        assert_eq!(Command::new("cat").run().unwrap().stdout, b"", "nothing is what it reads");
    });
}

#[test]
fn what_is_beyond_the_limit_is_counted() {
    looked_at("limit", || {
        let output = shell("head -c 1000000 /dev/zero; head -c 70000 /dev/zero >&2").keep(1000).run().unwrap();
        assert_eq!((output.stdout.len(), output.stdout_dropped), (1000, 999_000));
        assert_eq!((output.stderr.len(), output.stderr_dropped), (1000, 69_000));
    });
}

#[test]
fn surroundings_are_as_wanted() {
    looked_at("surroundings", || {
        let output =
            shell("echo $MP_TEST_A-$HOME-$MP_WORKER; pwd").env("MP_TEST_A", "b").current_dir("/").env_remove("HOME");
        assert_eq!(output.run().unwrap().stdout, b"b--\n/\n");
        let bare = Command::new("/usr/bin/env").env_clear().env("ONLY", "this").run().unwrap();
        assert_eq!(bare.stdout, b"ONLY=this\n");
        let signals = shell("grep -E 'SigBlk|SigIgn' /proc/self/status").run().unwrap();
        let text = String::from_utf8_lossy(&signals.stdout).into_owned();
        // The C library ignores two signals of its own in all that it spawns: bits 31 and 32.
        let number = |line: &str| u64::from_str_radix(line.split_whitespace().last().unwrap_or_default(), 16).unwrap();
        assert!(text.lines().all(|line| number(line) & !(3 << 31) == 0), "as a shell starts it: {text}");
        let silent = shell("echo x; echo y >&2").stdout(mp::Stdio::null()).stderr(mp::Stdio::null()).run().unwrap();
        assert_eq!((silent.stdout.len(), silent.stderr.len()), (0, 0));
        let file = std::fs::File::open("/proc/self/cmdline").unwrap();
        assert!(!Command::new("cat").stdin(file).run().unwrap().stdout.is_empty());
    });
}

#[test]
fn who_is_late_is_ended_with_all_that_it_has_started() {
    looked_at("late", || {
        // The first leaves the group; the last is deaf to SIGTERM, as its shell is, which says so.
        let script = "setsid sleep 1000 & left=$!; trap '' TERM; echo $left; sleep 1000 & wait; sleep 1000";
        let grace = Duration::from_millis(200);
        let (took, late) = late(|| shell(script).grace(grace));
        let CommandError::TimedOut { after, output } = &late else { panic!("{late}") };
        assert_eq!(*after, LIMIT);
        assert!(matches!(output.exit, WorkerExit::Signaled { signal: 9, .. }), "{output:?}");
        assert!(took >= LIMIT + grace, "it had its grace");
        let outside = pid_in(&output.stdout);
        eventually("who has left the group is gone", || !is_there(outside));
        assert!(late.to_string().starts_with("program `sh` ran for longer than 300ms, and was ended"), "{late}");
    });
}

/// Its parent has gone, and its group it has left: nothing leads to it but that the program has adopted it.
#[test]
fn an_orphan_outside_the_group_ends_with_the_program_that_adopts_it() {
    looked_at("orphan", || {
        let script = "(setsid sleep 1000 & echo $!); exec sleep 1000";
        let (_, late) = late(|| shell(script).adopt_orphans(true));
        let CommandError::TimedOut { output, .. } = late else { panic!("{late}") };
        let orphan = pid_in(&output.stdout);
        eventually("the orphan is gone", || !is_there(orphan));

        let killed = shell(script).adopt_orphans(true).spawn().unwrap();
        let of = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let adopted = found("it is adopted", || {
            of(killed.pid()).split_whitespace().next()?.parse().ok().filter(|pid| is_alone(*pid))
        });
        killed.kill();
        assert_eq!(killed.wait().code(), Some(-9));
        eventually("the other orphan is gone", || !is_there(adopted));
    });
}

/// Whether it has become `sleep` in a session of its own.
fn is_alone(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<_> = stat.split_whitespace().collect();
    fields.get(1) == Some(&"(sleep)") && fields.get(5) == Some(&&*pid.to_string())
}

#[test]
fn what_a_program_leaves_in_its_group_ends_with_it() {
    looked_at("left", || {
        // It holds the pipe: who waited for its end would wait for 1000 s.
        let output = shell("sleep 1000 & echo $!").run().unwrap().check().unwrap();
        let left = pid_in(&output.stdout);
        eventually("it is gone", || !is_there(left));
    });
}

fn running(script: &str) -> RunningCommand {
    shell(script).grace(Duration::from_millis(300)).spawn().unwrap()
}

#[test]
fn one_that_runs_can_be_waited_for_ended_and_dropped() {
    looked_at("running", || {
        let command = running("echo here; exec sleep 1000");
        assert!(command.is_alive() && is_there(command.pid()));
        assert_eq!(command.wait_timeout(Duration::from_millis(5)), None);
        command.terminate();
        assert_eq!(wait_any(&[&command], None).unwrap(), [0]);
        assert_eq!(command.wait().code(), Some(-15));
        let output = command.output().unwrap();
        assert!(matches!(output.stdout.as_slice(), b"here\n" | b""), "{output:?}");

        let deaf = running("trap '' TERM; while :; do sleep 1000; done");
        let pid = deaf.pid();
        let start = Instant::now();
        drop(deaf);
        assert!(!is_there(pid) && start.elapsed() < Duration::from_secs(100), "dropped: ended, not waited for");

        let killed = running("sleep 1000");
        killed.kill();
        assert_eq!(killed.wait().code(), Some(-9));
    });
}

#[test]
fn a_task_runs_programs_that_end_with_its_worker() {
    looked_at("in-a-task", || {
        let pool = mp::Pool::builder().workers(1).build().unwrap();
        let run = |text: String| Command::new("rev").input(text).run().unwrap().stdout;
        assert_eq!(pool.apply(run, ("abc".to_owned(),)).unwrap(), b"cba");
        let queue = mp::Queue::new().unwrap();
        let task = |queue: mp::Queue<u32>| {
            let command = shell("trap '' TERM; while :; do sleep 1; done").spawn().unwrap();
            queue.put(command.pid()).unwrap();
            command.wait();
        };
        let handle = pool.apply_async(task, (queue.clone(),)).unwrap();
        let pid = queue.get().unwrap();
        assert!(is_there(pid));
        let worker = nix::unistd::Pid::from_raw(pool.worker_pids()[0] as i32);
        nix::sys::signal::kill(worker, nix::sys::signal::Signal::SIGKILL).unwrap();
        handle.get().unwrap_err();
        eventually("the program ended with the worker that ran it", || !is_there(pid));
    });
}
