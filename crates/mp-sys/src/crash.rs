//! What a process that crashes leaves in shared memory: where it was, the end of its stack, and what was mapped where.
//!
//! Does **not** unwind, and knows no names: who reads it does that, in a process that is well.
//!
//! ```text
//!  SIGSEGV, … ─▶ handler on its own stack: registers, stack, maps ─▶ shared memory ─▶ as it would have gone without it:
//!                                                                     the handler that was there before, or the default
//!  area:  │ 8 words │ stack │ maps │
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
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64};

use crate::memfile::PAGE;

/// The most bytes of the stack that are kept.
pub const STACK: usize = 64 * 1024;

/// The most bytes of `/proc/self/maps` that are kept.
pub const MAPS: usize = 32 * 1024;

const WORDS: usize = 16;

/// How long the area is.
pub(crate) const AREA: usize = WORDS * 8 + STACK + MAPS;

const SIGNAL: usize = 0;
const ADDRESS: usize = 1;
const REGISTERS: usize = 2;
const STACK_LEN: usize = 6;
const MAPS_LEN: usize = 7;
const IS_FAULT: usize = 8;

const SIGNALS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// Where a thread was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// The instruction.
    pub instruction: u64,
    /// The end of the stack in use.
    pub stack: u64,
    /// The frame's base, where frames have one.
    pub frame: u64,
    /// Where it would have returned to, where that is in a register.
    pub link: u64,
}

/// What was recorded. Data of a process that was not well: nothing of it need be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The signal.
    pub signal: i32,
    /// The address that could not be reached, or executed; `None` for a signal that was sent.
    pub address: Option<u64>,
    /// Of the thread that crashed.
    pub registers: Registers,
    /// The bytes from `registers.stack` on.
    pub stack: Vec<u8>,
    /// `/proc/self/maps`, perhaps without its end.
    pub maps: String,
}

/// The area in shared memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area(pub(crate) *mut u8);

impl Area {
    fn word(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index < WORDS, "there are {WORDS} words");
        // SAFETY: whoever made the area has so many bytes mapped there, aligned, for as long as it is used.
        unsafe { AtomicU64::from_ptr(self.0.cast::<u64>().add(index)) }
    }

    fn stack(self) -> *mut u8 {
        self.0.wrapping_add(WORDS * 8)
    }

    fn maps(self) -> *mut u8 {
        self.stack().wrapping_add(STACK)
    }

    /// What was recorded, if anything was.
    pub(crate) fn read(self) -> Option<Record> {
        let signal = i32::try_from(self.word(SIGNAL).load(Acquire)).ok().filter(|signal| *signal != 0)?;
        let at = |index| self.word(index).load(Relaxed);
        let [instruction, stack, frame, link] = [0, 1, 2, 3].map(|index| at(REGISTERS + index));
        let registers = Registers { instruction, stack, frame, link };
        let maps = copy(self.maps(), (at(MAPS_LEN) as usize).min(MAPS));
        let stack = copy(self.stack(), (at(STACK_LEN) as usize).min(STACK));
        Some(Record {
            signal,
            address: (at(IS_FAULT) != 0).then(|| at(ADDRESS)),
            registers,
            stack,
            maps: String::from_utf8_lossy(&maps).into_owned(),
        })
    }
}

fn copy(from: *const u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; len];
    // SAFETY: the caller's area has so many bytes there. Another process may write them meanwhile: each becomes some byte, and
    // the compiler is made to think that they were changed once more, by code that it does not see.
    unsafe {
        ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), len);
        std::hint::black_box(bytes.as_mut_ptr());
    }
    bytes
}

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
