//! A real kill for want of memory, in a control group made for it. Where none can be made, the test says why, and is skipped.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use mp::{Backend, Failure, Pool, StartMethod, WorkerExit};
use nix::sys::signal::{Signal, raise};

use crate::common::{bench, eventually};

const ROOT: &str = "/sys/fs/cgroup";

/// Room for a supervisor and an idle worker, and not for what the task wants.
const LIMIT: usize = 128 << 20;
const WANTED_MIB: usize = 512;

/// A control group with little memory, until this is dropped.
struct Group(PathBuf);

impl Group {
    fn make() -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let version_1 = own.lines().find_map(|line| line.split_once(":memory:"));
        let version_2 = own.lines().find_map(|line| line.strip_prefix("0::"));
        let (parent, limit, swap) = match (version_1, version_2) {
            (Some((_, group)), _) => {
                (format!("{ROOT}/memory{group}"), "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
            }
            (None, Some(group)) => (format!("{ROOT}{group}"), "memory.max", "memory.swap.max"),
            (None, None) => return Err("this process is in no control group for memory".to_owned()),
        };
        // In a container the path is the host's, and the group itself is the root.
        let root = if version_1.is_some() { format!("{ROOT}/memory") } else { ROOT.to_owned() };
        let parent = if Path::new(&parent).is_dir() { parent } else { root };
        let name = format!("mp-test-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = Path::new(&parent).join(name.replace(['(', ')'], ""));
        fs::create_dir(&path).map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
        let group = Self(path);
        let limit = group.0.join(limit);
        fs::write(&limit, LIMIT.to_string()).map_err(|error| format!("{}: {error}", limit.display()))?;
        // Where swap is not counted there is no such file; what is swapped out does not count then, and is little.
        let _ = fs::write(group.0.join(swap), if version_1.is_some() { LIMIT.to_string() } else { "0".to_owned() });
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        eventually("its processes are gone", || fs::remove_dir(&self.0).is_ok());
    }
}

/// In pieces, each touched: the kernel gives memory when it is used.
fn use_all_memory(mebibytes: usize) -> usize {
    let pieces: Vec<_> = (0..mebibytes).map(|n| vec![n as u8 | 1; 1 << 20]).collect();
    std::hint::black_box(&pieces).len()
}

fn killed(outcome: Result<usize, Failure>) -> Option<bool> {
    match outcome {
        Err(failure) => match &failure {
            Failure::Lost { exit: WorkerExit::Signaled { signal: 9, out_of_memory, .. }, .. } => {
                let said = failure.to_string().contains("(out of memory)");
                assert_eq!(said, *out_of_memory == Some(true), "{failure}");
                *out_of_memory
            }
            _ => panic!("{failure}"),
        },
        Ok(pieces) => panic!("{pieces} MiB were there"),
    }
}

fn kill_self() -> usize {
    raise(Signal::SIGKILL).expect("raised");
    0
}

/// A supervisor in that group. Gives what it was told of a worker killed by the kernel, of one killed by itself, and again.
fn supervise(group: String, forked: bool) -> Vec<Option<bool>> {
    fs::write(Path::new(&group).join("cgroup.procs"), std::process::id().to_string()).expect("it may go there");
    let method = if forked { StartMethod::ForkServer } else { StartMethod::Spawn };
    let pool = Pool::builder().workers(1).start_method(method).build().expect("a pool");
    let seen = vec![
        killed(pool.apply(kill_self, ())),
        killed(pool.apply(use_all_memory, (WANTED_MIB,))),
        killed(pool.apply(kill_self, ())),
        killed(pool.apply(use_all_memory, (WANTED_MIB,))),
    ];
    assert_eq!(pool.apply(use_all_memory, (1,)), Ok(1), "the pool goes on");
    seen
}

#[test]
fn who_is_killed_for_want_of_memory_is_told_from_who_is_killed() {
    bench("out_of_memory", Backend::Processes, |bench| {
        let group = match Group::make() {
            Ok(group) => group,
            Err(why) => {
                // Past the capture of the test harness: who reads that it passed is to know what it did not do.
                let _ = writeln!(std::io::stderr(), "skipped, no real kill for want of memory: {why}");
                return;
            }
        };
        let forked = bench.start_method == StartMethod::ForkServer;
        let supervisor = mp::Process::spawn(supervise, (group.0.display().to_string(), forked)).expect("started");
        assert_eq!(supervisor.join(), Ok(vec![Some(false), Some(true), Some(false), Some(true)]));
    });
}
