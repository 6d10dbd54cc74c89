//! What a process that crashes leaves in shared memory: where it was, the end of its stack, and what was mapped where.
//!
//! Does **not** unwind, and knows no names: who reads it does that, in a process that is well. What lies where in the memory:
//! `crash_area`.
//!
//! ```text
//!  SIGSEGV, … ─▶ handler on its own stack: registers, stack, maps ─▶ shared memory ─▶ as it would have gone without it:
//!                                                                     the handler that was there before, or the default
//! ```
//!
//! - C1 The handler takes no lock and no memory, and touches nothing that it does not know to be mapped: the stack is copied by
//!   a system call, which fails where a load would fault. What it can do wrong is to record too little.
//! - C2 The process ends by the signal by which it would have ended, and a core file shows the place of the crash.
#![expect(unsafe_code, reason = "handles signals and reads the registers that the kernel saved")]

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32};

use crate::crash_area::{ADDRESS, IS_FAULT, MAPS_LEN, REGISTERS, SIGNAL, STACK_LEN};
pub(crate) use crate::crash_area::{AREA, Area};
pub use crate::crash_area::{MAPS, Record, Registers, STACK};
use crate::memfile::PAGE;

const SIGNALS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

static HERE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
/// A process that was forked from this one without our doing does not record here.
static OWNER: AtomicU32 = AtomicU32::new(0);
static RECORDING: AtomicBool = AtomicBool::new(false);

/// What was done at each of the signals before.
struct Before([UnsafeCell<MaybeUninit<libc::sigaction>>; SIGNALS.len()]);

// SAFETY: written in `record_in` alone, before the handler that reads it is installed.
unsafe impl Sync for Before {}

static BEFORE: Before = Before([const { UnsafeCell::new(MaybeUninit::uninit()) }; SIGNALS.len()]);

/// Records in `area`, from now on and as long as the process lives, how it crashes.
///
/// # Errors
/// When the system refuses.
///
/// # Safety
/// [`AREA`] bytes there stay mapped and writable for ever. Called once, by one thread.
pub(crate) unsafe fn record_in(area: Area) -> io::Result<()> {
    HERE.store(area.0, Release);
    OWNER.store(std::process::id(), Release);
    give_a_stack()?;
    for (signal, before) in SIGNALS.into_iter().zip(&BEFORE.0) {
        // SAFETY: all bytes zero is a valid sigaction; the handler has the type that SA_SIGINFO demands; nothing reads
        // `before` until the handler is there.
        unsafe {
            if libc::sigaction(signal, ptr::null(), before.get().cast()) < 0 {
                return Err(io::Error::last_os_error());
            }
            if (*before.get()).assume_init_ref().sa_sigaction == libc::SIG_IGN {
                continue;
            }
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_crash as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            if libc::sigaction(signal, &raw const action, ptr::null_mut()) < 0 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// A stack of its own for the handlers of this thread, unless it has one: that of a thread may be what has overflowed.
fn give_a_stack() -> io::Result<()> {
    const SIZE: usize = 64 * 1024;
    // SAFETY: asks, and then gives memory of which nobody else knows, and which is never given back.
    unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        if libc::sigaltstack(ptr::null(), &raw mut stack) < 0 {
            return Err(io::Error::last_os_error());
        }
        if stack.ss_flags & libc::SS_DISABLE == 0 {
            return Ok(());
        }
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let at = libc::mmap(ptr::null_mut(), SIZE, access, kind, -1, 0);
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        stack = libc::stack_t { ss_sp: at, ss_flags: 0, ss_size: SIZE };
        if libc::sigaltstack(&raw const stack, ptr::null_mut()) < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// The thread that is in the handler that was there before; 0 for none.
static IN_OTHER: AtomicU32 = AtomicU32::new(0);

fn thread() -> u32 {
    // SAFETY: takes nothing and changes nothing.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

extern "C" fn on_crash(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the place of this thread's own errno; the kernel gives a handler with SA_SIGINFO valid pointers.
    unsafe {
        let errno = *libc::__errno_location();
        let area = Area(HERE.load(Acquire));
        let is_ours = OWNER.load(Acquire) == libc::getpid() as u32;
        if is_ours && IN_OTHER.load(Relaxed) == thread() {
            // It is the handler that was there before, and has told of an overflow: the place is that of the overflow.
            area.word(SIGNAL).store(signal as u64, Release);
        } else if is_ours && !RECORDING.swap(true, Acquire) {
            // A second thread that crashes meanwhile is not recorded.
            let fault = ((*info).si_code > 0).then(|| (*info).si_addr() as u64);
            record(area, signal, fault, registers(context));
            RECORDING.store(false, Release);
        }
        *libc::__errno_location() = errno;
        go_on(signal, info, context);
    }
}

/// # Safety
/// In the handler only.
unsafe fn record(area: Area, signal: c_int, fault: Option<u64>, registers: Registers) {
    area.word(SIGNAL).store(0, Release);
    area.word(IS_FAULT).store(fault.is_some().into(), Relaxed);
    area.word(ADDRESS).store(fault.unwrap_or(0), Relaxed);
    let Registers { instruction, stack, frame, link } = registers;
    for (index, value) in [instruction, stack, frame, link].into_iter().enumerate() {
        area.word(REGISTERS + index).store(value, Relaxed);
    }
    // SAFETY: both write into the area alone, and no more than it has.
    let (stack, maps) = unsafe { (copy_stack(area, stack), copy_maps(area)) };
    area.word(STACK_LEN).store(stack as u64, Relaxed);
    area.word(MAPS_LEN).store(maps as u64, Relaxed);
    area.word(SIGNAL).store(signal as u64, Release);
}

/// Page by page; what is not there, as the guard page of a stack that overflowed, counts as zeros. Gives how many bytes there are.
///
/// # Safety
/// As [`record`].
unsafe fn copy_stack(area: Area, from: u64) -> usize {
    let (mut done, mut there) = (0, 0);
    while done < STACK {
        let at = from.wrapping_add(done as u64);
        let len = ((PAGE - at % PAGE) as usize).min(STACK - done);
        let local = libc::iovec { iov_base: area.stack().wrapping_add(done).cast(), iov_len: len };
        let remote = libc::iovec { iov_base: at as *mut c_void, iov_len: len };
        // SAFETY: the local part lies in the area; the remote one is read by the kernel, which fails where nothing is (C1).
        let copied = unsafe {
            libc::syscall(libc::SYS_process_vm_readv, libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
        };
        done += len;
        if copied == len as libc::c_long {
            there = done;
        }
    }
    there
}

/// # Safety
/// As [`record`].
unsafe fn copy_maps(area: Area) -> usize {
    let mut done = 0;
    // SAFETY: a path that ends in 0; the kernel writes into the area alone; the descriptor is this function's own.
    unsafe {
        let file = libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        while file >= 0 && done < MAPS {
            let read = libc::read(file, area.maps().wrapping_add(done).cast(), MAPS - done);
            if read <= 0 {
                break;
            }
            done += read as usize;
        }
        if file >= 0 {
            libc::close(file);
        }
    }
    done
}

/// What would have happened without this handler (C2).
///
/// # Safety
/// In the handler only, with what it was given.
unsafe fn go_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(place) = SIGNALS.iter().position(|known| *known == signal) else { return };
    // SAFETY: written before the handler was installed. What is there is a handler of one of two types, as its flags say.
    unsafe {
        let before = (*BEFORE.0[place].get()).assume_init_ref();
        match before.sa_sigaction {
            libc::SIG_DFL | libc::SIG_IGN => {
                libc::sigaction(signal, before, ptr::null_mut());
            }
            handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = std::mem::transmute(handler);
                IN_OTHER.store(thread(), Relaxed);
                handler(signal, info, context);
                IN_OTHER.store(0, Relaxed);
            }
            handler => {
                let handler: extern "C" fn(c_int) = std::mem::transmute(handler);
                handler(signal);
            }
        }
        // A fault happens again on return, and ends the process. A signal that was sent does not come again by itself.
        let mut now: libc::sigaction = std::mem::zeroed();
        let is_default = libc::sigaction(signal, ptr::null(), &raw mut now) == 0 && now.sa_sigaction == libc::SIG_DFL;
        if is_default && (*info).si_code <= 0 {
            libc::syscall(libc::SYS_tgkill, libc::getpid(), thread(), signal);
        }
    }
}

/// # Safety
/// `context` is what the kernel gave to the handler.
#[cfg(target_arch = "x86_64")]
unsafe fn registers(context: *mut c_void) -> Registers {
    // SAFETY: as above.
    let saved = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let at = |register: c_int| saved[register as usize] as u64;
    Registers { instruction: at(libc::REG_RIP), stack: at(libc::REG_RSP), frame: at(libc::REG_RBP), link: 0 }
}

/// # Safety
/// `context` is what the kernel gave to the handler.
#[cfg(target_arch = "aarch64")]
unsafe fn registers(context: *mut c_void) -> Registers {
    // SAFETY: as above.
    let saved = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    Registers { instruction: saved.pc, stack: saved.sp, frame: saved.regs[29], link: saved.regs[30] }
}

/// # Safety
/// None is needed.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn registers(_: *mut c_void) -> Registers {
    Registers::default()
}
