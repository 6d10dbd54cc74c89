//! How a pool whose workers have a state is built: what makes the state.
//!
//! Does **not** know where the state is, nor how a pool is built besides.

use std::fmt::Display;
use std::marker::PhantomData;

use mp_worker::{Maker, fallible_maker_of, maker_of};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::builder::PoolBuilder;
use crate::error::Result;
use crate::setup::Routine;
use crate::state_pool::StatePool;

/// Builds a [`StatePool`]: a [`PoolBuilder`] that has been told what makes the state.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until build()"]
pub struct StatePoolBuilder<S> {
    builder: PoolBuilder,
    state: PhantomData<fn(&mut S)>,
}

impl PoolBuilder {
    /// Has each worker make a state of its own by `make`, once, after its initializer: tasks are lent it as `&mut S`, their first
    /// argument. To be said last, before `build()`. It counts as part of the initializer, also for its time limit.
    /// mpire: `use_worker_state`, `worker_init`.
    ///
    /// ```no_run
    /// fn count(words: &mut Vec<String>, word: String) -> usize { words.push(word); words.len() }
    ///
    /// let pool = mp_supervisor::Pool::builder().workers(1).state(Vec::new, ()).build()?;
    /// assert_eq!(pool.map(count, ["a", "b"].map(str::to_owned))?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn state<F: Maker<Args>, Args: Serialize + DeserializeOwned>(
        mut self,
        make: F,
        args: Args,
    ) -> StatePoolBuilder<F::Made> {
        self.state = Some(Routine::with_entry(maker_of::<F, Args>(make), &args));
        StatePoolBuilder { builder: self, state: PhantomData }
    }

    /// As [`PoolBuilder::state`], for what can fail: then it is as with an initializer that fails.
    ///
    /// ```no_run
    /// use std::fs::File;
    /// use std::io::Write;
    ///
    /// fn open(path: String) -> std::io::Result<File> { File::options().append(true).open(path) }
    /// fn log(file: &mut File, line: String) -> bool { writeln!(file, "{line}").is_ok() }
    ///
    /// let pool = mp_supervisor::Pool::builder().try_state(open, ("log.txt".to_owned(),)).build()?;
    /// assert!(pool.apply(log, ("hello".to_owned(),))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_state<F, Args, S, E>(mut self, make: F, args: Args) -> StatePoolBuilder<S>
    where
        F: Maker<Args, Made = Result<S, E>>,
        Args: Serialize + DeserializeOwned,
        S: 'static,
        E: Display,
    {
        self.state = Some(Routine::with_entry(fallible_maker_of::<F, Args, S, E>(make), &args));
        StatePoolBuilder { builder: self, state: PhantomData }
    }
}

impl<S: 'static> StatePoolBuilder<S> {
    /// Starts the pool.
    ///
    /// # Errors
    /// As [`PoolBuilder::build`].
    pub fn build(self) -> Result<StatePool<S>> {
        self.builder.build().map(StatePool::over)
    }
}
