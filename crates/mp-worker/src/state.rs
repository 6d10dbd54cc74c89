//! Functions that take the worker's state before their arguments, and functions that make it.
//!
//! Does **not** know where the state is: `home` does.

use std::fmt::Display;
use std::io::Write;
use std::marker::PhantomData;

use mp_wire::bulk::decode_value;
use mp_wire::{CodecError, CodecStage, codec};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::home;
use crate::task::{Arguments, Call, Entry, Ran, Refused, Task};

/// Functions that can be tasks of a pool whose workers have a state of type `S`: as [`Task`], with a `&mut S` before the
/// arguments, of which there are 0 to 7.
///
/// ```
/// # use mp_worker::{StateTask, WithState, entry_of};
/// struct Counter(u64);
/// fn add(counter: &mut Counter, n: u64) -> u64 { counter.0 += n; counter.0 }
/// entry_of(WithState::<Counter, _>::new(add));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a task with the state `{S}` and the arguments `{Args}`",
    label = "not a function of `&mut {S}` and these arguments",
    note = "of a pool with a state, a task takes `&mut {S}` first: `fn lookup(state: &mut {S}, key: u64) -> u64`",
    note = "a task without it goes to the pool beneath: `pool.plain().apply(f, args)`"
)]
pub trait StateTask<S, Args>: Copy + Send + 'static {
    /// What it returns.
    type Output: Serialize + DeserializeOwned + 'static;

    /// Runs it.
    fn run(self, state: &mut S, args: Args) -> Self::Output;
}

/// Functions that make a worker's state. What they return need not cross.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make a worker's state from the arguments `{Args}`",
    note = "it is a function, or a closure that captures nothing, of 0 to 8 arguments given as a tuple, that returns the state"
)]
pub trait Maker<Args>: Copy + Send + 'static {
    /// What it makes.
    type Made: 'static;

    /// Makes it.
    fn make(self, args: Args) -> Self::Made;
}

macro_rules! makers {
    ($(($($arg:ident $value:ident),*))*) => {$(
        impl<Fun, Out, $($arg),*> Maker<($($arg,)*)> for Fun
        where
            Fun: Fn($($arg),*) -> Out + Copy + Send + 'static,
            Out: 'static,
            $($arg: DeserializeOwned + 'static),*
        {
            type Made = Out;

            fn make(self, args: ($($arg,)*)) -> Out {
                let ($($value,)*) = args;
                self($($value),*)
            }
        }
    )*};
}

makers! { () (A a) (A a, B b) (A a, B b, C c) (A a, B b, C c, D d) (A a, B b, C c, D d, E e) (A a, B b, C c, D d, E e, F f) (A a, B b, C c, D d, E e, F f, G g) (A a, B b, C c, D d, E e, F f, G g, H h) }

macro_rules! state_tasks {
    ($(($($arg:ident $value:ident),*))*) => {$(
        impl<Fun, State, Out, $($arg),*> StateTask<State, ($($arg,)*)> for Fun
        where
            Fun: Fn(&mut State, $($arg),*) -> Out + Copy + Send + 'static,
            Out: Serialize + DeserializeOwned + 'static,
            $($arg: Serialize + DeserializeOwned + 'static),*
        {
            type Output = Out;

            fn run(self, state: &mut State, args: ($($arg,)*)) -> Out {
                let ($($value,)*) = args;
                self(state, $($value),*)
            }
        }
    )*};
}

state_tasks! { () (A a) (A a, B b) (A a, B b, C c) (A a, B b, C c, D d) (A a, B b, C c, D d, E e) (A a, B b, C c, D d, E e, F f) (A a, B b, C c, D d, E e, F f, G g) }

/// A [`StateTask`] as a [`Task`]: it finds the state in its worker.
pub struct WithState<S, F> {
    task: F,
    state: PhantomData<fn(&mut S)>,
}

impl<S, F> WithState<S, F> {
    /// For pools whose workers have such a state.
    pub const fn new(task: F) -> Self {
        Self { task, state: PhantomData }
    }
}

impl<S, F: Copy> Clone for WithState<S, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, F: Copy> Copy for WithState<S, F> {}

impl<S, F> std::fmt::Debug for WithState<S, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<F>())
    }
}

impl<S: 'static, F: StateTask<S, Args>, Args: Arguments> Task<Args> for WithState<S, F> {
    type Output = F::Output;

    #[inline]
    fn run(self, args: Args) -> F::Output {
        home::lend(|state: &mut S| self.task.run(state, args))
    }

    #[inline]
    fn encode(args: &Args, out: &mut impl Write) -> Result<(), CodecError> {
        args.encode(out)
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<Args, CodecError> {
        Args::decode(bytes)
    }

    #[inline]
    fn rows(args: &Args) -> usize {
        args.rows()
    }

    #[inline]
    fn fixed_size() -> Option<usize> {
        Args::fixed_size()
    }

    fn name() -> &'static str {
        std::any::type_name::<F>()
    }
}

/// The entry point of what makes a state. Its result is the complaint, an `Option<String>`, which is `None`.
#[must_use]
pub const fn maker_of<F: Maker<Args>, Args: DeserializeOwned>(_maker: F) -> Entry {
    const { assert!(size_of::<F>() == 0, "what makes a state must be a plain function or a closure that captures nothing") }
    |call| {
        prepare(call, |args: Args| {
            home::keep_state(conjured::<F>().make(args));
            Ok(())
        })
    }
}

/// As [`maker_of`], for one that can fail.
#[must_use]
pub const fn fallible_maker_of<F, Args, S, E>(_maker: F) -> Entry
where
    F: Maker<Args, Made = Result<S, E>>,
    Args: DeserializeOwned,
    S: 'static,
    E: Display,
{
    const { assert!(size_of::<F>() == 0, "what makes a state must be a plain function or a closure that captures nothing") }
    |call| {
        prepare(call, |args: Args| conjured::<F>().make(args).map(home::keep_state).map_err(|error| error.to_string()))
    }
}

fn conjured<F: Copy + 'static>() -> F {
    mp_sys::image::conjure()
}

fn prepare<Args: DeserializeOwned>(
    call: Call<'_, '_, '_>,
    make: impl FnOnce(Args) -> Result<(), String>,
) -> Result<Ran, Refused> {
    // It is only ever run by itself.
    let Call::One { args: bytes, out, .. } = call else { return Ok(Ran::default()) };
    let args = codec::decode::<Args>(bytes).map_err(|reason| Refused { stage: CodecStage::DecodeArgs, reason })?;
    finish(make(args).err(), out)
}

/// The entry point of what reads a shared object, as [`mp_wire::bulk::encode_value`] wrote it. Its result is as that of
/// [`maker_of`].
#[must_use]
pub const fn shared_of<T: DeserializeOwned + Send + Sync + 'static>() -> Entry {
    |call| {
        let Call::One { args: bytes, out, .. } = call else { return Ok(Ran::default()) };
        let value = decode_value::<T>(bytes).map_err(|reason| Refused { stage: CodecStage::DecodeArgs, reason })?;
        home::keep_shared(value);
        finish(None, out)
    }
}

fn finish(complaint: Option<String>, out: &mut Vec<u8>) -> Result<Ran, Refused> {
    codec::encode_into(&complaint, out).map_err(|reason| Refused { stage: CodecStage::EncodeResult, reason })?;
    Ok(Ran::default())
}
