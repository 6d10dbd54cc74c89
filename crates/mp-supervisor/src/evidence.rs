//! How a worker ended, and what can be told of why.
//!
//! Does **not** guess: what the kernel does not tell is `None`.

use mp_sys::child::{Ended, Usage};
use mp_sys::crash::{Record, Registers};
use mp_sys::outlet::small_file;
use mp_wire::crash::{Crash, Left};
use mp_wire::{Evidence, WorkerExit, WorkerId};
use parking_lot::Mutex;

const SIGKILL: i32 = 9;

/// How a worker ended.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    pub(crate) worker: WorkerId,
    pub(crate) pid: u32,
    pub(crate) exit: WorkerExit,
    /// The last lines of its standard error, where that is captured.
    pub(crate) stderr_tail: String,
    /// The most memory that it had, in bytes, where that can be told.
    pub(crate) peak_rss: Option<u64>,
    /// Where it crashed, if it told.
    pub(crate) crash: Option<Crash>,
}

impl Exit {
    pub(crate) fn evidence(&self) -> Evidence {
        let (stderr_tail, crash) = (self.stderr_tail.clone(), self.crash.clone());
        Evidence { pid: self.pid, stderr_tail, peak_rss: self.peak_rss, crash }
    }
}

/// How a worker ended, as its exit says.
pub(crate) fn exit_of(ended: Ended) -> WorkerExit {
    match ended {
        Ended::Exited(code) => WorkerExit::Exited(code),
        Ended::Signaled(signal, core) => match WorkerExit::signaled(signal, core) {
            exit if signal == SIGKILL => exit.by_out_of_memory(oom_killed()),
            exit => exit,
        },
        Ended::Unknown => WorkerExit::Unknown,
    }
}

/// The kernel counts into a child's peak what its parent had when it was started. So only what is above this process's own
/// peak is the child's for certain.
pub(crate) fn peak_rss(usage: Usage) -> Option<u64> {
    (usage.peak_rss > Usage::own().peak_rss).then_some(usage.peak_rss)
}

/// Where a worker that ended so has crashed, if what it left is of that signal: it may have survived another.
pub(crate) fn crash_of(exit: WorkerExit, record: Option<Record>) -> Option<Crash> {
    let WorkerExit::Signaled { signal, .. } = exit else { return None };
    let Record { signal, address, registers, stack, maps } = record.filter(|record| record.signal == signal)?;
    let Registers { instruction, stack: stack_pointer, frame: frame_pointer, link } = registers;
    Crash::new(Left { signal, address, instruction, stack_pointer, frame_pointer, link, stack, maps })
}

/// The counter of this process's control group, where there is one: how many of its processes the out-of-memory killer has
/// ended. It counts before it kills.
struct Killer {
    path: String,
    blamed: u64,
}

static KILLER: Mutex<Option<Option<Killer>>> = Mutex::new(None);

/// To be called before the first worker is started: what was killed before was none.
pub(crate) fn watch_memory() {
    KILLER.lock().get_or_insert_with(Killer::find);
}

/// Whether there was a kill for which no death was blamed yet. Another process of the same control group may have been the
/// victim, but for a worker that died by SIGKILL at the same time it is the best that can be known.
fn oom_killed() -> Option<bool> {
    let mut killer = KILLER.lock();
    let killer = killer.as_mut()?.as_mut()?;
    let killed = kills(&small_file(&killer.path)?)? > killer.blamed;
    killer.blamed += u64::from(killed);
    Some(killed)
}

impl Killer {
    fn find() -> Option<Self> {
        let groups = small_file("/proc/self/cgroup")?;
        let (path, text) = candidates(&groups).into_iter().find_map(|path| Some((path.clone(), small_file(&path)?)))?;
        Some(Self { path, blamed: kills(&text)? })
    }
}

/// Where the counter may be: for version 2 of control groups, and for version 1, seen from the host and from a container.
fn candidates(groups: &str) -> Vec<String> {
    let root = "/sys/fs/cgroup";
    let version_2 = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let version_1 = groups.lines().find_map(|line| line.split_once(":memory:"));
    let version_2 = version_2.into_iter().flat_map(|group| {
        [format!("{root}{}/memory.events", group.trim_end_matches('/')), format!("{root}/memory.events")]
    });
    let version_1 = version_1.into_iter().flat_map(|(_, group)| {
        [format!("{root}/memory{group}/memory.oom_control"), format!("{root}/memory/memory.oom_control")]
    });
    version_2.chain(version_1).collect()
}

fn kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_read_from_both_versions_of_control_groups() {
        assert_eq!(kills("low 0\nhigh 0\nmax 4\noom 2\noom_kill 3\noom_group_kill 0\n"), Some(3));
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"), Some(7));
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\n"), None);
    }

    #[test]
    fn the_counter_is_looked_for_in_the_own_group_first() {
        let found = candidates("9:name=systemd:/\n4:memory:/a/b\n0::/user.slice/x\n");
        assert_eq!(found[0], "/sys/fs/cgroup/user.slice/x/memory.events");
        assert!(found.contains(&"/sys/fs/cgroup/memory/a/b/memory.oom_control".to_owned()), "{found:?}");
        assert_eq!(candidates("0::/\n")[0], "/sys/fs/cgroup/memory.events");
    }
}
