//! Who holds a robust lock and dies, by a signal or in a child that the C library does not know of, frees it.
//!
//! One test only: the children are forked from a process whose other thread sleeps.
#![expect(unsafe_code, reason = "children are made by fork and by a bare clone")]

use std::sync::atomic::Ordering::SeqCst;

use mp_sys::memfile::{MemFile, PAGE, Page};
use mp_sys::robust::{Left, hold};

fn fork() -> libc::pid_t {
    // SAFETY: the child uses memory and system calls, and the other thread sleeps.
    unsafe { libc::fork() }
}

/// As the fork server does it: without the C library, so that the child has no robust list and a stale cached id.
fn bare_clone() -> libc::pid_t {
    // SAFETY: a fork by another name; see above.
    (unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) }) as libc::pid_t
}

fn reap(child: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: the status outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

fn die() {
    // SAFETY: ends this process.
    unsafe { libc::syscall(libc::SYS_kill, libc::syscall(libc::SYS_getpid), libc::SIGKILL) };
}

#[test]
fn the_lock_of_a_dead_holder_is_free_and_says_so() {
    let page = Page::map(&MemFile::create(c"test", PAGE).expect("creates")).expect("maps");
    let word = page.u32_at(64);
    hold(word, None, |_| ()).expect("what the parent knows of itself must not deceive its children");
    for make in [fork, bare_clone, fork, bare_clone] {
        let child = make();
        if child == 0 {
            let _ = hold(word, None, |_| die());
        }
        assert!(libc::WIFSIGNALED(reap(child)));
        assert_ne!(word.load(SeqCst) & libc::FUTEX_OWNER_DIED, 0);
        assert_eq!(hold(word, None, |left| left).expect("free"), Left::Died);
        assert_eq!(hold(word, None, |left| left).expect("free"), Left::Released);
    }
}
