//! The named tasks of this program: what `#[mp::task]` adds, for the command line.
//!
//! Does **not** know how a task is sent. The list is put together by the linker (linkme), so it is the
//! same in every copy of one executable; [`hash`] is compared at the first message all the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use linkme::distributed_slice;
use mp_wire::CodecError;
use mp_wire::bulk::decode_value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::show::Show;
use crate::task::{Arguments, Call, Entry, Ran, Refused};

/// Every function with `#[mp::task]` in this program.
#[distributed_slice]
pub static TASKS: [NamedTask];

/// A function with a name that a command line can call.
#[derive(Debug)]
pub struct NamedTask {
    /// `module::path::function`. Any suffix that no other task shares will do to call it.
    pub name: &'static str,
    /// The first line of its documentation.
    pub doc: &'static str,
    /// Its arguments, in order.
    pub args: &'static [Arg],
    /// The type of its result, as written.
    pub output: &'static str,
    /// What a worker calls.
    pub entry: Entry,
    /// The encoded arguments, from as many JSON values as there are [`Arg`]s.
    pub encode: fn(&[Value]) -> Result<Vec<u8>, CodecError>,
    /// The result as JSON, from its encoded form.
    pub decode: fn(&[u8]) -> Result<Value, CodecError>,
    /// Its encoded arguments as a short text.
    pub show: Show,
}

impl NamedTask {
    /// Runs it here and now; its encoded result is appended to `out`. A panic of it goes on.
    ///
    /// # Errors
    /// When the arguments cannot be decoded, or the result not encoded.
    pub fn run(&self, args: &[u8], out: &mut Vec<u8>) -> Result<Ran, Refused> {
        (self.entry)(Call::One { args, out, timed: true })
    }
}

/// One argument of a [`NamedTask`].
#[derive(Debug)]
pub struct Arg {
    /// Its name in the source.
    pub name: &'static str,
    /// Its type, as written.
    pub ty: &'static str,
    /// Its default, as JSON, where `#[mp::task(name = ..)]` declares one.
    pub default: Option<&'static str>,
    /// Whether a JSON value can be one, else why not.
    pub check: fn(&Value) -> Result<(), String>,
}

/// All tasks with a name, sorted by it.
#[must_use]
pub fn tasks() -> Vec<&'static NamedTask> {
    let mut tasks: Vec<_> = TASKS.iter().collect();
    tasks.sort_by_key(|task| task.name);
    tasks
}

/// The tasks that `name` can mean: one with exactly this name, else all of which it is a suffix at a `::`
/// (or at a `.`, which stands for `::`).
#[must_use]
pub fn find(name: &str) -> Vec<&'static NamedTask> {
    let wanted = name.replace('.', "::");
    let all = tasks();
    if let Some(exact) = all.iter().find(|task| task.name == wanted) {
        return vec![exact];
    }
    let is_suffix = |task: &&NamedTask| task.name.strip_suffix(&wanted).is_some_and(|rest| rest.ends_with("::"));
    all.into_iter().filter(is_suffix).collect()
}

/// A number that differs between programs with different named tasks.
#[must_use]
pub fn hash() -> u64 {
    let mut hasher = DefaultHasher::new();
    for task in tasks() {
        (task.name, task.output).hash(&mut hasher);
        task.args.iter().for_each(|arg| (arg.name, arg.ty).hash(&mut hasher));
    }
    hasher.finish()
}

/// [`Arg::check`] for the type `T`.
///
/// # Errors
/// Why `value` is no `T`.
pub fn check_json<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
    T::deserialize(value).map(drop).map_err(|error| error.to_string())
}

/// [`NamedTask::encode`] for the arguments `Args`, a tuple.
///
/// # Errors
/// When the values are not those of the tuple.
pub fn encode_json<Args: Arguments + DeserializeOwned>(values: &[Value]) -> Result<Vec<u8>, CodecError> {
    // serde_json takes `()` from null only.
    let array = if values.is_empty() { Value::Null } else { Value::Array(values.to_vec()) };
    let args: Args = serde_json::from_value(array).map_err(|error| CodecError(error.to_string()))?;
    let mut bytes = Vec::new();
    args.encode(&mut bytes)?;
    Ok(bytes)
}

/// [`NamedTask::decode`] for the result `R`.
///
/// # Errors
/// When the bytes are no `R`, or JSON cannot say it.
pub fn decode_json<R: Serialize + DeserializeOwned + 'static>(bytes: &[u8]) -> Result<Value, CodecError> {
    let value: R = decode_value(bytes)?;
    serde_json::to_value(value).map_err(|error| CodecError(error.to_string()))
}
