//! Where a thread runs, and before whom: processors and niceness.
//!
//! Does **not** know who should run where.
#![expect(unsafe_code, reason = "calls that nix does not have")]

use std::io;

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

/// The processors on which the calling thread may run, in order.
///
/// # Errors
/// When the system has more of them than can be told.
pub fn cpus() -> io::Result<Vec<u32>> {
    let set = sched_getaffinity(SELF)?;
    let among = |cpu: &usize| set.is_set(*cpu).unwrap_or(false);
    Ok((0..CpuSet::count()).filter(among).map(|cpu| cpu as u32).collect())
}

/// Has the calling thread, and those that it starts from now on, run on these processors only.
///
/// # Errors
/// When there is none of them.
pub fn pin(cpus: &[u32]) -> io::Result<()> {
    let mut set = CpuSet::new();
    cpus.iter().try_for_each(|cpu| set.set(*cpu as usize))?;
    Ok(sched_setaffinity(SELF, &set)?)
}

/// How nice the calling thread is: from -20, the first to run, to 19, the last.
///
/// # Errors
/// When the system refuses.
pub fn niceness() -> io::Result<i32> {
    Errno::clear();
    // SAFETY: it takes no pointer.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    // -1 is a niceness as well.
    if nice == -1 && Errno::last_raw() != 0 { Err(io::Error::last_os_error()) } else { Ok(nice) }
}

/// Makes the calling thread, and those that it starts from now on, so much nicer. It stays between -20 and 19.
///
/// # Errors
/// When it is to be less nice, and may not.
pub fn renice(by: i32) -> io::Result<()> {
    let nice = niceness()?.saturating_add(by).clamp(-20, 19);
    // SAFETY: it takes no pointer.
    let done = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a thread of its own: it cannot be undone.
    fn apart<T: Send>(body: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(body).join().expect("no panic"))
    }

    #[test]
    fn a_thread_is_pinned_and_no_other() {
        let all = cpus().expect("asked");
        let last = *all.last().expect("there is one");
        let pinned = apart(|| pin(&[last]).and_then(|()| cpus()));
        assert_eq!(pinned.expect("pinned"), [last]);
        assert_eq!(cpus().expect("asked"), all);
        assert!(apart(|| pin(&[])).is_err() && apart(|| pin(&[1 << 20])).is_err());
    }

    #[test]
    fn a_thread_becomes_nicer_and_not_without_end() {
        let before = niceness().expect("asked");
        let twice = apart(|| renice(3).and_then(|()| renice(2)).and_then(|()| niceness()));
        assert_eq!(twice.expect("allowed"), (before + 5).min(19));
        assert_eq!(apart(|| renice(i32::MAX).and_then(|()| niceness())).expect("allowed"), 19);
        assert_eq!(niceness().expect("asked"), before);
    }
}
