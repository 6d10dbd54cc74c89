//! What can be a task: a plain function, or a closure that captures nothing, of 0 to 8 arguments.
//!
//! Does **not** know workers, frames or names. A task is its type: the value is of size zero, so the
//! monomorphised entry point *is* the task, and its address in the image can cross to another copy
//! of the same program.

use std::time::Instant;

use mp_wire::{CodecError, CodecStage, codec};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a worker calls: decode the arguments, run, append the encoded result; with a look at the clock before and after, if
/// the last argument says so. Two looks cost more than a small task.
pub type Entry = fn(&[u8], &mut Vec<u8>, bool) -> Result<Ran, Refused>;

/// A task that ran to its end.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// How long the function itself took, in nanoseconds; 0 where nobody looked.
    pub run_ns: u64,
}

/// A task whose arguments or result could not cross.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Which of them.
    pub stage: CodecStage,
    /// What the codec said.
    pub reason: CodecError,
}

/// Functions that can be tasks. Implemented for every `Fn(A, ..) -> R` of 0 to 8 arguments that is
/// `Copy`, each argument and the result `Serialize + DeserializeOwned`; never by hand.
///
/// A closure that captures, or a function pointer, is refused when the program is compiled:
///
/// ```compile_fail,E0080
/// let factor = 3_u64;
/// mp_worker::entry_of(move |n: u64| n * factor);
/// ```
///
/// ```compile_fail,E0080
/// fn square(n: u64) -> u64 { n * n }
/// mp_worker::entry_of(square as fn(u64) -> u64);
/// ```
///
/// ```
/// fn square(n: u64) -> u64 { n * n }
/// mp_worker::entry_of(square);
/// mp_worker::entry_of(|a: u64, b: String| format!("{a}{b}"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a task with the arguments `{Args}`",
    label = "not a function of these arguments",
    note = "a task is a function, or a closure that captures nothing, of 0 to 8 arguments given as a tuple: `pool.apply(power, (2, 10))`",
    note = "each argument and the result must implement serde's Serialize and DeserializeOwned"
)]
pub trait Task<Args>: Copy + Send + 'static {
    /// What it returns.
    type Output: Serialize + DeserializeOwned + 'static;

    /// Runs it.
    fn run(self, args: Args) -> Self::Output;
}

macro_rules! tuples {
    ($(($($arg:ident $value:ident),*))*) => {$(
        impl<Fun, Out, $($arg),*> Task<($($arg,)*)> for Fun
        where
            Fun: Fn($($arg),*) -> Out + Copy + Send + 'static,
            Out: Serialize + DeserializeOwned + 'static,
            $($arg: Serialize + DeserializeOwned + 'static),*
        {
            type Output = Out;

            fn run(self, args: ($($arg,)*)) -> Out {
                let ($($value,)*) = args;
                self($($value),*)
            }
        }
    )*};
}

tuples! { () (A a) (A a, B b) (A a, B b, C c) (A a, B b, C c, D d) (A a, B b, C c, D d, E e) (A a, B b, C c, D d, E e, F f) (A a, B b, C c, D d, E e, F f, G g) (A a, B b, C c, D d, E e, F f, G g, H h) }

/// The entry point of a task.
#[must_use]
pub const fn entry_of<F: Task<Args>, Args: DeserializeOwned>(_task: F) -> Entry {
    const {
        assert!(
            size_of::<F>() == 0,
            "a task must be a plain function or a closure that captures nothing: \
             pass what it needs as arguments, and the function itself, not a pointer to it"
        );
    }
    entry::<F, Args>
}

fn entry<F: Task<Args>, Args: DeserializeOwned>(bytes: &[u8], out: &mut Vec<u8>, timed: bool) -> Result<Ran, Refused> {
    let args = codec::decode::<Args>(bytes).map_err(|reason| Refused { stage: CodecStage::DecodeArgs, reason })?;
    let began = timed.then(Instant::now);
    let value = mp_sys::image::conjure::<F>().run(args);
    let run_ns = began.map_or(0, |began| u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    codec::encode_into(&value, out).map_err(|reason| Refused { stage: CodecStage::EncodeResult, reason })?;
    Ok(Ran { run_ns })
}
