//! What workers run and are sent before their first task, and what they run after their last.
//!
//! Does **not** know when, nor what follows if it fails.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use mp_sys::sealed::{Draft, Sealed};
use mp_wire::WorkerId;
use mp_wire::frame::{self, Given, ROUTINE_INLINE_MAX, SETUP_DESCRIPTORS_MAX, SHARED_INLINE_MAX, SHARED_MAX};
use mp_worker::{Entry, routine_of, run_routine};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::error::{Error, Result, SubmitError};
use crate::seats::Plan;

/// A function with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Routine {
    entry: Entry,
    /// One item.
    args: Arc<Args>,
    /// Its bytes, where they are many: made once, and read by every worker where they are.
    large: Option<Arc<Large>>,
}

#[derive(Debug)]
struct Large {
    memory: Sealed,
    len: usize,
}

/// What frames a worker's life.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    pub(crate) seats: Plan,
    pub(crate) shared: Vec<Routine>,
    pub(crate) initializer: Option<Routine>,
    pub(crate) state: Option<Routine>,
    pub(crate) finalizer: Option<Routine>,
}

impl Routine {
    pub(crate) fn new<F: mp_worker::Routine<A>, A: Serialize + DeserializeOwned>(
        routine: F,
        args: &A,
    ) -> Result<Self, SubmitError> {
        Self::with_entry(routine_of::<F, A>(routine), args)
    }

    /// For an entry that decodes such arguments.
    pub(crate) fn with_entry<A: Serialize>(entry: Entry, args: &A) -> Result<Self, SubmitError> {
        let mut encoded = Args::default();
        encoded.push(args, usize::MAX)?;
        Self::over(entry, encoded, ROUTINE_INLINE_MAX)
    }

    /// What reads `value` in a worker.
    pub(crate) fn shared<T: Serialize + DeserializeOwned + Send + Sync + 'static>(
        value: &T,
    ) -> Result<Self, SubmitError> {
        let mut encoded = Args::default();
        encoded.push_value(value)?;
        Self::over(mp_worker::shared_of::<T>(), encoded, SHARED_INLINE_MAX)
    }

    fn over(entry: Entry, args: Args, inline: usize) -> Result<Self, SubmitError> {
        let bytes = args.item(0);
        if bytes.len() <= inline {
            return Ok(Self { entry, args: Arc::new(args), large: None });
        }
        let large = Large::of(bytes).map_err(|error| {
            let error = mp_sys::descriptors::explain(error);
            SubmitError::Invalid(format!("no memory for what each worker is sent: {error}"))
        })?;
        Ok(Self { entry, args: Arc::new(args.without_bytes()), large: Some(Arc::new(large)) })
    }

    fn bytes(&self) -> &[u8] {
        self.large.as_ref().map_or_else(|| self.args.item(0), |large| &large.memory.bytes()[..large.len])
    }

    fn descriptors(&self) -> io::Result<Vec<OwnedFd>> {
        self.args.descriptors(0).map(|fd| fd.try_clone()).collect()
    }

    /// As it crosses; its descriptors are appended to `descriptors`.
    fn pack(&self, descriptors: &mut Vec<OwnedFd>) -> io::Result<frame::Routine> {
        let own = self.descriptors()?;
        let baggage = own.len() as u32;
        descriptors.extend(own);
        let args = match &self.large {
            None => Given::Inline(self.bytes().to_vec()),
            Some(large) => {
                descriptors.push(large.memory.as_fd().try_clone_to_owned()?);
                Given::Bulk(large.len as u64)
            }
        };
        Ok(frame::Routine { entry: mp_sys::image::offset_of(self.entry as usize), baggage, args })
    }

    /// Runs it here.
    fn run(&self, worker: WorkerId) -> Result<(), String> {
        let descriptors = self.descriptors().map_err(|error| error.to_string())?;
        run_routine(self.entry, (self.bytes(), descriptors), worker)
    }
}

impl Large {
    fn of(bytes: &[u8]) -> io::Result<Self> {
        let mut draft = Draft::create(bytes.len())?;
        draft.bytes().copy_from_slice(bytes);
        Ok(Self { memory: draft.seal()?, len: bytes.len() })
    }
}

impl Setup {
    /// Whether it can cross.
    pub(crate) fn check(&self) -> Result<()> {
        if self.shared.len() > SHARED_MAX {
            let count = self.shared.len();
            return Err(Error::Invalid(format!(
                "a pool shares at most {SHARED_MAX} objects, not {count}: put several into one"
            )));
        }
        let (_, descriptors) = self.pack(0).map_err(|source| Error::Os {
            doing: "what each worker is sent could not be packed",
            source: mp_sys::descriptors::explain(source),
        })?;
        if descriptors.len() > SETUP_DESCRIPTORS_MAX {
            return Err(Error::Invalid(format!(
                "initializer, finalizer, state and shared objects take {} descriptors, of which a worker can be sent {SETUP_DESCRIPTORS_MAX}",
                descriptors.len()
            )));
        }
        Ok(())
    }

    /// Whether there is something to be done before the first task.
    pub(crate) fn prepares(&self) -> bool {
        self.seats.is_something() || self.initializer.is_some() || self.keeps()
    }

    /// Whether workers keep something for their tasks.
    pub(crate) fn keeps(&self) -> bool {
        self.state.is_some() || !self.shared.is_empty()
    }

    /// As it crosses to the worker in `slot`, with its descriptors.
    pub(crate) fn pack(&self, slot: u32) -> io::Result<(frame::Setup, Vec<OwnedFd>)> {
        let mut descriptors = Vec::new();
        let mut pack = |routine: &Routine| routine.pack(&mut descriptors);
        let setup = frame::Setup {
            seat: self.seats.of(slot),
            shared: self.shared.iter().map(&mut pack).collect::<io::Result<_>>()?,
            initializer: self.initializer.as_ref().map(&mut pack).transpose()?,
            state: self.state.as_ref().map(&mut pack).transpose()?,
            finalizer: self.finalizer.as_ref().map(&mut pack).transpose()?,
        };
        Ok((setup, descriptors))
    }

    /// Runs the initializer here, if there is one.
    pub(crate) fn initialize(&self, worker: WorkerId) -> Result<(), String> {
        let initializer = self.initializer.as_ref().map(|routine| routine.run(worker)).transpose();
        initializer.map(|_| ()).map_err(|reason| format!("initializer failed: {reason}"))
    }

    /// Runs the finalizer here, if there is one.
    pub(crate) fn finalize(&self, worker: WorkerId) -> Result<(), String> {
        self.finalizer.as_ref().map_or(Ok(()), |routine| routine.run(worker))
    }

    /// Has the calling thread read the shared objects.
    pub(crate) fn read_shared(&self, worker: WorkerId) -> Result<(), String> {
        let read = |shared: &Routine| shared.run(worker);
        self.shared.iter().try_for_each(read).map_err(|reason| format!("reading a shared object failed: {reason}"))
    }

    /// Has the calling thread make its state, and know how to make it again.
    pub(crate) fn make_state(&self, worker: WorkerId) -> Result<(), String> {
        let Some(state) = self.state.clone() else { return Ok(()) };
        let make = move || state.run(worker).map_err(|reason| format!("making the worker's state failed: {reason}"));
        make()?;
        mp_worker::keep_remake(make);
        Ok(())
    }
}
