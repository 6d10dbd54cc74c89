//! A copy of this process that is not its child but its sibling: a child of its parent, who watches and reaps it as any other.
//!
//! Does **not** know what the copy is for.
//!
//! ```text
//!  supervisor ── posix_spawn ─▶ this process ── clone3(CLONE_PARENT) ─┐
//!      └───────────────────────────── parent of ◀─────────────────────┘ the copy
//! ```
//!
//! The C library does not know of the copy: it offers no `fork` with this flag. What its own `fork` would do is
//! done here, or not needed in a process with one thread, which is asserted before every copy:
//!
//! - *Locks of malloc and stdio*: nobody else is there who could hold one, and this thread, in a system call, holds none.
//! - *The cached thread id*, which mutexes that check or survive their owner write into themselves: the kernel writes the
//!   new one to the same place (`CLONE_CHILD_SETTID`), and clears it there at the end, as for any thread.
//! - *The robust list*, which the kernel forgets in a copy: it is told again. It is empty, as no lock is held.
//! - *rseq*, the alternative signal stack, signal handlers: kept by the kernel, as the memory is a copy.
//! - *`pthread_atfork` handlers* do not run. Those of random generators matter; see `mp_worker`'s fork server.
#![expect(unsafe_code, reason = "clone3 has no wrapper, and the C library's view of this thread is put right")]

use std::io;
use std::os::unix::fs::MetadataExt;

use nix::libc;

/// How many threads this process has.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// Whether this is the only thread. One system call where the kernel counts for us: the directory has a link for each thread,
/// and two of its own.
fn alone() -> io::Result<bool> {
    Ok(std::fs::metadata("/proc/self/task")?.nlink() == 3 || threads()? == 1)
}

/// Which of the two a process is after [`Twins::make`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one that made the other.
    First,
    /// The copy.
    Copy,
}

/// What is to be put right in each copy of this process.
#[derive(Debug)]
pub struct Twins {
    /// Where the C library keeps this thread's id.
    tid: *mut libc::pid_t,
    /// This thread's robust list, and its length as the kernel was told it.
    robust: (*mut libc::c_void, usize),
}

/// From `linux/prctl.h`; libc has it for some targets only.
const PR_GET_TID_ADDRESS: libc::c_int = 40;

impl Twins {
    /// Looks what there is to be put right.
    ///
    /// # Errors
    /// Where there is more than one thread, or the kernel does not tell where the thread's id is kept
    /// (`CONFIG_CHECKPOINT_RESTORE`).
    pub fn new() -> io::Result<Self> {
        refuse_threads()?;
        let mut tid: *mut libc::pid_t = std::ptr::null_mut();
        // SAFETY: the kernel writes one pointer to a place that outlives the call.
        let told = unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut tid) };
        // SAFETY: gettid has no effects.
        let own = unsafe { libc::syscall(libc::SYS_gettid) } as libc::pid_t;
        // SAFETY: where it is told and not null, it is the place that the C library registered for this thread: its memory.
        if told != 0 || tid.is_null() || unsafe { tid.read() } != own {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "where the C library keeps this thread's id is not known: no worker can be forked here, only spawned",
            ));
        }
        Ok(Self { tid, robust: robust_list()? })
    }

    /// Makes a copy of this process that is a child of its parent. This returns twice, once in each.
    ///
    /// # Errors
    /// When this process has more than one thread, or the kernel refuses another process.
    pub fn make(&self) -> io::Result<Which> {
        refuse_threads()?;
        // SAFETY: without CLONE_VM it is a fork: memory is a copy, so the call may return in both. With one thread the
        // copy is complete; what differs from the C library's fork is in the head of this file.
        match unsafe { self.clone() }? {
            0 => {
                let (list, len) = self.robust;
                if !list.is_null() {
                    // SAFETY: the list that this thread had registered before, at the same address in the copied memory.
                    unsafe { libc::syscall(libc::SYS_set_robust_list, list, len) };
                }
                Ok(Which::Copy)
            }
            _ => Ok(Which::First),
        }
    }

    /// # Safety
    /// As for a `fork`: this process has one thread.
    unsafe fn clone(&self) -> io::Result<libc::c_long> {
        let flags = libc::CLONE_PARENT | libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;
        // SAFETY: numbers and pointers, for which zero is "none". The signal at its end is this process's own, since it
        // shares the parent; another is not allowed to be named.
        let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
        args.flags = flags as u64;
        args.child_tid = self.tid.addr() as u64;
        // SAFETY: the kernel reads `args`, and in the copy writes a thread id to where one is kept.
        let made = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of_val(&args)) };
        if made >= 0 {
            return Ok(made);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ENOSYS) {
            return Err(error);
        }
        // A sandbox without clone3. The place of the id is the fourth or the fifth argument, depending on the processor; the
        // other one is not looked at without its flag.
        // SAFETY: as above.
        let made = unsafe { libc::syscall(libc::SYS_clone, flags as libc::c_ulong, 0, 0, self.tid, self.tid) };
        if made < 0 { Err(io::Error::last_os_error()) } else { Ok(made) }
    }
}

fn refuse_threads() -> io::Result<()> {
    if alone()? {
        return Ok(());
    }
    let text = format!("it has {} threads, and a fork copies only one of them", threads()?);
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

fn robust_list() -> io::Result<(*mut libc::c_void, usize)> {
    let mut list = std::ptr::null_mut();
    let mut len = 0_usize;
    // SAFETY: both places outlive the call; 0 is this thread.
    let told = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut list, &raw mut len) };
    if told < 0 { Err(io::Error::last_os_error()) } else { Ok((list, len)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_makes_no_twin() {
        // The test harness has a main thread beside this one.
        let refused = Twins::new().expect_err("more than one thread");
        assert!(refused.to_string().contains("threads"), "{refused}");
    }
}
