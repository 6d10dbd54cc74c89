//! What can be a task: a plain function, or a closure that captures nothing, of 0 to 8 arguments.
//!
//! Does **not** know workers, frames or names. A task is its type: the value is of size zero, so the
//! monomorphised entry point *is* the task, and its address in the image can cross to another copy
//! of the same program.

use std::io::Write;

use mp_wire::bulk::{encode_value, refuse_rest, size_of_number, size_of_row, split_value};
use mp_wire::frame::INLINE_MAX;
use mp_wire::{CodecError, CodecStage};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::burst::Burst;
use crate::clock::monotonic_ns;
use crate::shift::Shift;

/// What a worker calls: for each item decode the arguments, run, append the encoded result. The function is known where it
/// is compiled, so all of that is one loop without a call that is not the user's.
pub type Entry = fn(Call<'_, '_, '_>) -> Result<Ran, Refused>;

/// What an [`Entry`] is to run.
#[derive(Debug)]
pub enum Call<'c, 's, 'l> {
    /// One item.
    One {
        /// Its encoded arguments.
        args: &'c [u8],
        /// The encoded result is appended here.
        out: &'c mut Vec<u8>,
        /// Whether to look at the clock before and after: two looks cost more than a small task.
        timed: bool,
    },
    /// Many, until there are no more, or one could not cross.
    Many(&'c mut Shift<'s, 'l>),
}

/// A task that ran to its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ran {
    /// When the function began, in nanoseconds of CLOCK_MONOTONIC; 0 where nobody looked.
    pub from_ns: u64,
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

    /// Appends the encoded arguments.
    ///
    /// # Errors
    /// When one cannot be encoded, or `out` takes no more.
    #[doc(hidden)]
    fn encode(args: &Args, out: &mut impl Write) -> Result<(), CodecError>;

    /// The arguments that `bytes` encode.
    ///
    /// # Errors
    /// When they are none.
    #[doc(hidden)]
    fn decode(bytes: &[u8]) -> Result<Args, CodecError>;

    /// How many bytes the rows and texts among the arguments take, at most.
    #[doc(hidden)]
    fn rows(args: &Args) -> usize;

    /// How many bytes encoded arguments take, if they are numbers: to encode them cannot fail, nor run code of the caller's.
    #[doc(hidden)]
    fn fixed_size() -> Option<usize>;

    /// What failures call it.
    #[doc(hidden)]
    #[must_use]
    fn name() -> &'static str {
        std::any::type_name::<Self>()
    }
}

/// What a task can be called with: a tuple of values that cross.
pub trait Arguments: Sized {
    /// As [`Task::encode`].
    ///
    /// # Errors
    /// As [`Task::encode`].
    fn encode(&self, out: &mut impl Write) -> Result<(), CodecError>;

    /// As [`Task::decode`].
    ///
    /// # Errors
    /// As [`Task::decode`].
    fn decode(bytes: &[u8]) -> Result<Self, CodecError>;

    /// As [`Task::rows`].
    fn rows(&self) -> usize;

    /// As [`Task::fixed_size`].
    fn fixed_size() -> Option<usize>;
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

            #[inline]
            fn encode(args: &($($arg,)*), out: &mut impl Write) -> Result<(), CodecError> {
                Arguments::encode(args, out)
            }

            #[inline]
            fn decode(bytes: &[u8]) -> Result<($($arg,)*), CodecError> {
                Arguments::decode(bytes)
            }

            #[inline]
            fn rows(args: &($($arg,)*)) -> usize {
                Arguments::rows(args)
            }

            #[inline]
            fn fixed_size() -> Option<usize> {
                <($($arg,)*) as Arguments>::fixed_size()
            }
        }

        #[expect(clippy::allow_attributes, reason = "some of these tuples are empty, others not")]
        #[allow(unused_variables, unused_mut, reason = "the empty tuple has nothing to encode")]
        impl<$($arg),*> Arguments for ($($arg,)*)
        where
            $($arg: Serialize + DeserializeOwned + 'static),*
        {
            #[inline]
            fn encode(&self, out: &mut impl Write) -> Result<(), CodecError> {
                let ($($value,)*) = self;
                $(encode_value($value, out)?;)*
                Ok(())
            }

            #[inline]
            fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
                let rest = bytes;
                $(let ($value, rest) = split_value::<$arg>(rest)?;)*
                refuse_rest(rest)?;
                Ok(($($value,)*))
            }

            #[inline]
            fn rows(&self) -> usize {
                let ($($value,)*) = self;
                0 $(+ size_of_row($value).unwrap_or(0))*
            }

            #[inline]
            fn fixed_size() -> Option<usize> {
                Some(0 $(+ size_of_number::<$arg>()?)*)
            }
        }
    )*};
}

tuples! { () (A a) (A a, B b) (A a, B b, C c) (A a, B b, C c, D d) (A a, B b, C c, D d, E e) (A a, B b, C c, D d, E e, F f) (A a, B b, C c, D d, E e, F f, G g) (A a, B b, C c, D d, E e, F f, G g, H h) }

/// The entry point of a task.
#[must_use]
pub const fn entry_of<F: Task<Args>, Args>(_task: F) -> Entry {
    const {
        assert!(
            size_of::<F>() == 0,
            "a task must be a plain function or a closure that captures nothing: \
             pass what it needs as arguments, and the function itself, not a pointer to it"
        );
    }
    entry::<F, Args>
}

fn entry<F: Task<Args>, Args>(call: Call<'_, '_, '_>) -> Result<Ran, Refused> {
    match call {
        Call::One { args, out, timed } => one::<F, Args>(args, out, timed),
        Call::Many(shift) => many::<F, Args>(shift),
    }
}

fn one<F: Task<Args>, Args>(args: &[u8], out: &mut Vec<u8>, timed: bool) -> Result<Ran, Refused> {
    let (value, ran) = run::<F, Args>(args, timed)?;
    encode_value(&value, out).map_err(Refused::result)?;
    Ok(ran)
}

fn many<F: Task<Args>, Args>(shift: &mut Shift<'_, '_>) -> Result<Ran, Refused> {
    while let Some((args, timed)) = shift.next_item() {
        let (value, ran) = run::<F, Args>(args, timed)?;
        if let Some(len) = size_of_number::<F::Output>().filter(|len| *len <= 8) {
            if !shift.take_short(ran, short(&value, len)?, len) {
                break;
            }
            if let Some(args_len) = F::fixed_size() {
                burst::<F, Args>(shift, args_len, len)?;
            }
            continue;
        }
        let large = size_of_row(&value).is_some_and(|size| size > INLINE_MAX);
        let write = |out: &mut Vec<u8>| encode_value(&value, out);
        let taken = if large { shift.take_apart(ran, write) } else { shift.take(ran, write) };
        if !taken.map_err(Refused::result)? {
            break;
        }
    }
    Ok(Ran::default())
}

/// As many as go without a look at the clock.
#[inline]
fn burst<F: Task<Args>, Args>(shift: &mut Shift<'_, '_>, args_len: usize, len: usize) -> Result<(), Refused> {
    let Some(mut burst) = Burst::of(shift, len) else { return Ok(()) };
    while let Some(args) = burst.next_item(args_len) {
        let (value, _) = run::<F, Args>(args, false)?;
        burst.take(short(&value, len)?, len);
    }
    Ok(())
}

/// A number of `len` bytes, at most 8.
#[inline]
fn short<T: Serialize + 'static>(value: &T, len: usize) -> Result<u64, Refused> {
    let mut bytes = [0; 8];
    encode_value(value, &mut &mut bytes[..len]).map_err(Refused::result)?;
    Ok(u64::from_le_bytes(bytes))
}

#[inline]
fn run<F: Task<Args>, Args>(args: &[u8], timed: bool) -> Result<(F::Output, Ran), Refused> {
    let args = F::decode(args).map_err(|reason| Refused { stage: CodecStage::DecodeArgs, reason })?;
    let from_ns = if timed { monotonic_ns() } else { 0 };
    let value = mp_sys::image::conjure::<F>().run(args);
    let run_ns = if timed { monotonic_ns().saturating_sub(from_ns) } else { 0 };
    Ok((value, Ran { from_ns, run_ns }))
}

impl Refused {
    #[cold]
    fn result(reason: CodecError) -> Self {
        Self { stage: CodecStage::EncodeResult, reason }
    }
}
