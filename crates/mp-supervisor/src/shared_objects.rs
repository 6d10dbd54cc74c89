//! Objects that each worker of a pool is sent once.
//!
//! Does **not** know how they cross (`setup` does), nor where a worker keeps them.

use std::any::{TypeId, type_name};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::builder::PoolBuilder;
use crate::error::{Error, Result};
use crate::setup::Routine;

impl PoolBuilder {
    /// Sends `value` to each worker once, before its initializer runs: tasks, initializer and state find it by its type, as
    /// `mp::shared::<T>()`. It is encoded here and now, once; each worker decodes it once, also one that replaces another. mpire:
    /// `shared_objects`.
    ///
    /// What is above 256 bytes lies in sealed memory, from which all workers read it: to start a worker costs its decoding and no
    /// copy of the bytes. For plain data that need not even be decoded, put a [`crate::Shared`] in it. One object of each
    /// type, at most 32; what cannot be encoded is an error of [`PoolBuilder::build`], what cannot be decoded fails as an
    /// initializer does.
    ///
    /// ```no_run
    /// use std::collections::HashMap;
    ///
    /// fn look_up(word: String) -> Option<u32> {
    ///     mp_worker::shared::<HashMap<String, u32>>().get(&word).copied()
    /// }
    ///
    /// let counts = HashMap::from([("mp".to_owned(), 3_u32)]);
    /// let pool = mp_supervisor::Pool::builder().shared(&counts).build()?;
    /// assert_eq!(pool.apply(look_up, ("mp".to_owned(),))?, Some(3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shared<T: Serialize + DeserializeOwned + Send + Sync + 'static>(mut self, value: &T) -> Self {
        self.shared.push((TypeId::of::<T>(), type_name::<T>(), Routine::shared(value)));
        self
    }

    pub(crate) fn check_shared(&self) -> Result<()> {
        let again = |at: usize| {
            let (id, name, _) = &self.shared[at];
            self.shared[..at].iter().any(|(before, ..)| before == id).then_some(*name)
        };
        match (0..self.shared.len()).find_map(again) {
            None => Ok(()),
            Some(name) => Err(Error::Invalid(format!(
                "two objects of type {name} are shared, and tasks ask by the type: give one of them a type of its own"
            ))),
        }
    }
}
