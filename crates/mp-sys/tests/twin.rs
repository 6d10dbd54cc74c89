//! A twin is its maker's sibling, and what the C library knows of its thread is right: its id, and its robust list.
//!
//! A process with one thread is the point, so there is no test harness: this is a `main` that asserts.
//!
//! ```text
//!  main ── fork ─▶ maker ── Twins::make ─▶ twin: takes a robust pthread mutex in shared memory, and dies with it
//!    └──────────────────────── waits for ────┘      main: the mutex says that its holder has died
//! ```
#![expect(unsafe_code, reason = "a pthread mutex, and a fork")]
#![expect(clippy::print_stdout, reason = "a test without the test harness reports by printing")]

use std::mem::MaybeUninit;

use mp_sys::twin::{Twins, Which};

/// What the processes share.
#[repr(C)]
struct Shared {
    mutex: MaybeUninit<libc::pthread_mutex_t>,
    /// The twin's id and its parent's, as it sees them.
    seen: [i32; 2],
}

fn shared() -> *mut Shared {
    let (read_write, anonymous) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a fresh mapping at an address of the kernel's choice.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), size_of::<Shared>(), read_write, anonymous, -1, 0) };
    assert_ne!(at, libc::MAP_FAILED);
    at.cast()
}

/// # Safety
/// `mutex` is writable, zeroed memory.
unsafe fn make_mutex(mutex: *mut libc::pthread_mutex_t) {
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: initialised by the first call, used by the others; the mutex as the caller says.
    unsafe {
        assert_eq!(libc::pthread_mutexattr_init(attributes.as_mut_ptr()), 0);
        assert_eq!(libc::pthread_mutexattr_setpshared(attributes.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED), 0);
        assert_eq!(libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST), 0);
        assert_eq!(libc::pthread_mutexattr_settype(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ERRORCHECK), 0);
        assert_eq!(libc::pthread_mutex_init(mutex, attributes.as_ptr()), 0);
    }
}

/// In the maker: it ends with 0 if it has made a twin, which ends with the mutex in its hands.
fn maker(shared: *mut Shared) -> i32 {
    let Ok(Ok(which)) = Twins::new().map(|twins| twins.make()) else { return 1 };
    if which == Which::First {
        return 0;
    }
    // SAFETY: mapped in `main`, and the others look at it when this process has ended.
    unsafe {
        (*shared).seen = [libc::getpid(), libc::getppid()];
        let mutex = (*shared).mutex.as_mut_ptr();
        let (first, second) = (libc::pthread_mutex_lock(mutex), libc::pthread_mutex_lock(mutex));
        // The second is refused where the library knows who this thread is: by now it holds the lock.
        i32::from((first, second) != (0, libc::EDEADLK))
    }
}

fn end_of(status: i32) -> Option<i32> {
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return println!("a_twin_is_a_sibling_with_an_identity_of_its_own: test");
    }
    // SAFETY: a watchdog: whoever waits for a lock that is never freed is ended.
    unsafe { libc::alarm(60) };
    let shared = shared();
    // SAFETY: mapped, zeroed, and nobody else is there yet.
    unsafe { make_mutex((*shared).mutex.as_mut_ptr()) };
    // SAFETY: one thread; the child ends in the same statement.
    let first = unsafe { libc::fork() };
    if first == 0 {
        // SAFETY: ends this process, or its twin, without what the test's own end would do.
        unsafe { libc::_exit(maker(shared)) };
    }
    let mut ended = Vec::new();
    for _ in 0..2 {
        let mut status = 0;
        // SAFETY: the status outlives the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        ended.push((pid, end_of(status)));
    }
    // SAFETY: nobody else uses it any more.
    let (seen, lock) = unsafe { ((*shared).seen, libc::pthread_mutex_lock((*shared).mutex.as_mut_ptr())) };
    assert!(ended.contains(&(first, Some(0))), "the maker: {ended:?}");
    assert!(ended.contains(&(seen[0], Some(0))), "the twin is waited for as any child: {ended:?}, {seen:?}");
    assert_eq!(seen[1], std::process::id() as i32, "its parent is its maker's");
    assert_eq!(lock, libc::EOWNERDEAD, "who dies with a lock is known to have died");
    println!("test a_twin_is_a_sibling_with_an_identity_of_its_own ... ok");
}
