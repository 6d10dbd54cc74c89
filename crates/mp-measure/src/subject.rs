//! What can be measured of one's own: a function with its arguments, or a task with a name.
//!
//! Does **not** time batches, nor know how many there are.

use mp::{NamedTask, Pool, Task};
use mp_sys::clock::monotonic_ns;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// What can be measured.
pub trait Subject {
    /// For people.
    fn name(&self) -> String;
    /// How many bytes its encoded arguments have.
    fn args_bytes(&self) -> u64;
    /// Calls it here; how long the function alone ran, in nanoseconds.
    ///
    /// # Errors
    /// When its arguments or its result cannot be encoded.
    fn direct(&self) -> Result<f64, Error>;
    /// Runs it on the pool, and waits for its value.
    ///
    /// # Errors
    /// When it fails.
    fn single(&self, pool: &Pool) -> Result<(), Error>;
    /// Runs it so often, as a batch.
    ///
    /// # Errors
    /// When one fails.
    fn batch(&self, pool: &Pool, count: usize) -> Result<(), Error>;
}

/// A function and its arguments, as [`Pool::apply`] takes them.
#[derive(Clone, Copy, Debug)]
pub struct Function<F, Args> {
    task: F,
    args: Args,
}

impl<F: Task<Args>, Args: Serialize + DeserializeOwned + Clone> Function<F, Args> {
    /// What a pool would be given.
    pub fn new(task: F, args: Args) -> Self {
        Self { task, args }
    }
}

impl<F: Task<Args>, Args: Serialize + DeserializeOwned + Clone> Subject for Function<F, Args> {
    fn name(&self) -> String {
        std::any::type_name::<F>().to_owned()
    }

    fn args_bytes(&self) -> u64 {
        mp_wire::codec::encode(&self.args).map_or(0, |bytes| bytes.len() as u64)
    }

    fn direct(&self) -> Result<f64, Error> {
        let args = self.args.clone();
        let called_ns = monotonic_ns();
        std::hint::black_box(self.task.run(args));
        Ok(monotonic_ns().saturating_sub(called_ns) as f64)
    }

    fn single(&self, pool: &Pool) -> Result<(), Error> {
        Ok(pool.apply(self.task, self.args.clone()).map(drop)?)
    }

    fn batch(&self, pool: &Pool, count: usize) -> Result<(), Error> {
        Ok(pool.starmap(self.task, std::iter::repeat_n(self.args.clone(), count)).map(drop)?)
    }
}

/// A task with a name, and its encoded arguments.
#[derive(Clone, Debug)]
pub struct Named {
    /// Which.
    pub task: &'static NamedTask,
    /// As its `encode` made them.
    pub args: Vec<u8>,
}

impl Subject for Named {
    fn name(&self) -> String {
        self.task.name.to_owned()
    }

    fn args_bytes(&self) -> u64 {
        self.args.len() as u64
    }

    fn direct(&self) -> Result<f64, Error> {
        let mut result = Vec::new();
        self.task.run(&self.args, &mut result).map(|ran| ran.run_ns as f64).map_err(|error| error.reason.into())
    }

    fn single(&self, pool: &Pool) -> Result<(), Error> {
        Ok(pool.submit_named(self.task, self.args.clone())?.get().map(drop)?)
    }

    fn batch(&self, pool: &Pool, count: usize) -> Result<(), Error> {
        let items = std::iter::repeat_n(self.args.clone(), count);
        Ok(pool.imap_unordered_named(self.task, items).try_for_each(|(_, outcome)| outcome.map(drop))?)
    }
}
