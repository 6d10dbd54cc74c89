//! Where a process that is gone has crashed: its calls, with names and lines, from the registers and the stack that it left.
//!
//! Does **not** know workers or tasks, nor how the bytes came here.
//!
//! ```text
//!  worker: handler copies registers, stack, maps ─▶ shared memory ─▶ supervisor: Crash ─▶ in a failure, unread
//!                                                                                └── frames(), Display: only when asked
//! ```
//!
//! - X1 Nothing of a crash is believed. Files are opened only where this process has mapped code from them itself, the stack is
//!   looked up in bounds, and there are at most [`MOST_FRAMES`] frames.
//! - X2 It costs nothing until somebody asks: then some tens of milliseconds, more for large programs, in the asker's thread.

mod maps;
mod names;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod unwind;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod unwind {
    /// On other processors nothing is recorded but this.
    pub(crate) fn addresses(left: &crate::Left, _: &[crate::maps::Module]) -> Vec<u64> {
        vec![left.instruction]
    }
}

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

/// All crashes that are kept take at most so much memory.
pub const MOST_BYTES: usize = 16 << 20;

static KEPT: AtomicUsize = AtomicUsize::new(0);

/// No stack is followed further.
pub const MOST_FRAMES: usize = 128;

/// A crash of a process, as it left it. Cheap to clone.
///
/// Its `Display` is the backtrace, in the form of Rust's own; [`Crash::frames`] are its parts.
#[derive(Clone)]
pub struct Crash(Arc<Known>);

struct Known {
    left: Left,
    /// Once somebody has asked.
    frames: OnceLock<Vec<Frame>>,
}

impl Drop for Known {
    fn drop(&mut self) {
        KEPT.fetch_sub(self.left.bytes(), Relaxed);
    }
}

/// What a process has left of itself. Of its own words, so that they need not be true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// The signal that it got.
    pub signal: i32,
    /// The address that could not be reached, where the signal tells one.
    pub address: Option<u64>,
    /// The address of the instruction.
    pub instruction: u64,
    /// The end of the stack in use; `stack` has the bytes from there on.
    pub stack_pointer: u64,
    /// The base of the frame, where frames have one.
    pub frame_pointer: u64,
    /// Where the function would have returned to, on processors that have that in a register.
    pub link: u64,
    /// The stack, perhaps without its far end.
    pub stack: Vec<u8>,
    /// The text of its `/proc/self/maps`.
    pub maps: String,
}

/// One call of a backtrace, innermost first. A function that was inlined has a frame of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Where its code was, in the process that is gone.
    pub address: u64,
    /// The function, if its name is known.
    pub function: Option<String>,
    /// `file:line:column`, as far as it is known.
    pub location: Option<String>,
    /// The file of the program or library, if the address lies in one.
    pub module: Option<String>,
}

impl Crash {
    /// What was left, unread. `None` while the crashes that are kept take [`MOST_BYTES`]: whoever keeps thousands of failures
    /// has the places of some.
    #[must_use]
    pub fn new(left: Left) -> Option<Self> {
        let bytes = left.bytes();
        let more = |kept: usize| Some(kept + bytes).filter(|kept| *kept <= MOST_BYTES);
        KEPT.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Self(Arc::new(Known { left, frames: OnceLock::new() })))
    }

    /// The signal.
    #[must_use]
    pub fn signal(&self) -> i32 {
        self.0.left.signal
    }

    /// The address that could not be read, written or executed; `None` for a signal that was sent, as by `abort`.
    #[must_use]
    pub fn address(&self) -> Option<u64> {
        self.0.left.address
    }

    /// The calls that were under way, innermost first, down to where the worker called the task; empty where nothing can be
    /// told. Reads the program's debugging information: with none there are names only, or addresses.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        self.0.frames.get_or_init(|| self.0.left.frames())
    }
}

impl Left {
    fn bytes(&self) -> usize {
        self.stack.len() + self.maps.len()
    }

    fn frames(&self) -> Vec<Frame> {
        let modules = maps::modules(&self.maps);
        let addresses = unwind::addresses(self, &modules);
        let mut frames = names::name(&addresses, &modules);
        if let Some(end) = frames.iter().position(is_ours) {
            frames.truncate(end);
        }
        frames
    }
}

/// Below this are calls of the worker's own, that of the task last. A function that was inlined may be known by its bare name
/// only, and then by its file: `…/mp-worker/src/task.rs`, or `…/mp-worker-1.0.0/src/task.rs`.
fn is_ours(frame: &Frame) -> bool {
    let of_crate = |path: &str| {
        let (crate_path, _) = path.rsplit_once("/src/")?;
        let name = crate_path.rsplit('/').next()?.strip_prefix("mp-worker")?;
        Some(name.is_empty() || name.starts_with('-'))
    };
    frame.function.as_deref().is_some_and(|name| name.contains("mp_worker::"))
        || frame.location.as_deref().and_then(of_crate).unwrap_or(false)
}

impl PartialEq for Crash {
    fn eq(&self, other: &Self) -> bool {
        self.0.left == other.0.left
    }
}

impl Eq for Crash {}

impl fmt::Debug for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crash")
            .field("signal", &self.signal())
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, frame) in self.frames().iter().enumerate() {
            writeln!(f, "{number:4}: {frame}")?;
            if let Some(location) = &frame.location {
                writeln!(f, "             at {location}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.function, &self.module) {
            (Some(function), _) => f.write_str(function),
            (None, Some(module)) => write!(f, "{:#x} in {module}", self.address),
            (None, None) => write!(f, "{:#x}", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_has_no_frames_but_its_address() {
        let maps = "00000000-ffffffffffffffff r-xp 00000000 00:00 0 /dev/zero\nnonsense\n\0";
        let left = Left { signal: 11, address: Some(7), instruction: 42, maps: maps.to_owned(), ..Left::default() };
        let crash = Crash::new(left).expect("there is room");
        assert_eq!(crash.address(), Some(7));
        assert_eq!(crash.frames(), [Frame { address: 42, ..Frame::default() }]);
        assert_eq!(crash.to_string(), "   0: 0x2a\n");
        assert_eq!(Crash::new(Left { signal: 6, ..Left::default() }).and_then(|crash| crash.address()), None);
    }

    #[test]
    fn a_worker_s_own_calls_are_known_by_name_or_file() {
        let frame = |function: &str, location: &str| Frame {
            function: Some(function.to_owned()),
            location: Some(location.to_owned()),
            ..Frame::default()
        };
        assert!(is_ours(&frame("mp_worker::task::entry<fn()>", "")));
        assert!(is_ours(&frame("entry<fn()>", "/home/x/crates/mp-worker/src/task.rs:7:1")));
        assert!(is_ours(&frame("entry<fn()>", "/registry/src/index/mp-worker-0.1.0/src/task.rs:7:1")));
        for other in
            ["/home/x/app/src/main.rs:1", "/home/x/mp-workers/src/lib.rs:1", "core/src/ops/function.rs:79:5", ""]
        {
            assert!(!is_ours(&frame("entry<fn()>", other)), "{other}");
        }
    }

    #[test]
    fn crashes_that_are_kept_take_bounded_memory() {
        let large = || Crash::new(Left { stack: vec![0; MOST_BYTES / 4 - (1 << 20)], ..Left::default() });
        let mut kept: Vec<_> = (0..8).filter_map(|_| large()).collect();
        assert_eq!(kept.len(), 5, "the others of these tests take less than one of these");
        kept.pop();
        assert!(large().is_some(), "there is room again");
    }

    #[test]
    fn rubbish_on_the_stack_of_real_code_ends_somewhere() {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("linux");
        let code = rubbish_on_the_stack_of_real_code_ends_somewhere as fn() as usize as u64;
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let modules = maps::modules(&maps);
        for round in 0..20 {
            let stack_pointer = random() & !7;
            // Half of the words lead to code again.
            let mut word =
                || if random() % 2 == 0 { code + random() % (1 << 20) } else { stack_pointer + random() % 4096 };
            let stack = (0..512).flat_map(|_| word().to_le_bytes()).collect();
            let (instruction, frame_pointer) = (word(), word());
            let left = Left { instruction, stack_pointer, frame_pointer, stack, ..Left::default() };
            let found = unwind::addresses(&left, &modules);
            assert!((1..=MOST_FRAMES).contains(&found.len()), "round {round}: {}", found.len());
        }
    }

    #[test]
    fn an_address_of_this_program_is_named() {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("linux");
        let instruction = rubbish_has_no_frames_but_its_address as fn() as usize as u64 + 1;
        let crash = Crash::new(Left { signal: 11, instruction, maps, ..Left::default() }).expect("there is room");
        let frames = crash.frames();
        let name = frames[0].function.as_deref().unwrap_or_default();
        assert!(name.contains("rubbish_has_no_frames_but_its_address"), "{frames:?}");
        assert!(frames[0].location.as_deref().is_some_and(|place| place.contains("lib.rs:")), "{frames:?}");
    }
}
