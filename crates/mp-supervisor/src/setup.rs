//! What workers run before their first task and after their last.
//!
//! Does **not** know when, nor what follows if it fails.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use mp_wire::WorkerId;
use mp_wire::frame::{self, Given, ROUTINE_INLINE_MAX};
use mp_worker::{Entry, routine_of, run_routine};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::error::SubmitError;

/// A function with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Routine {
    entry: Entry,
    /// One item.
    args: Arc<Args>,
}

/// What frames a worker's life.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    initializer: Option<Routine>,
    finalizer: Option<Routine>,
}

impl Routine {
    pub(crate) fn new<F: mp_worker::Routine<A>, A: Serialize + DeserializeOwned>(
        routine: F,
        args: &A,
    ) -> Result<Self, SubmitError> {
        let mut encoded = Args::default();
        encoded.push(args, usize::MAX)?;
        Ok(Self { entry: routine_of::<F, A>(routine), args: Arc::new(encoded) })
    }

    fn descriptors(&self) -> io::Result<Vec<OwnedFd>> {
        self.args.descriptors(0).map(|fd| fd.try_clone()).collect()
    }

    /// As it crosses; its descriptors are appended to `descriptors`.
    fn pack(&self, descriptors: &mut Vec<OwnedFd>) -> io::Result<frame::Routine> {
        let own = self.descriptors()?;
        let baggage = own.len() as u32;
        descriptors.extend(own);
        let bytes = self.args.item(0);
        let args = if bytes.len() > ROUTINE_INLINE_MAX {
            descriptors.push(mp_sys::memory::file_with(bytes)?);
            Given::Bulk(bytes.len() as u64)
        } else {
            Given::Inline(bytes.to_vec())
        };
        Ok(frame::Routine { entry: mp_sys::image::offset_of(self.entry as usize), baggage, args })
    }

    /// Runs it here.
    fn run(&self, worker: WorkerId) -> Result<(), String> {
        let descriptors = self.descriptors().map_err(|error| error.to_string())?;
        run_routine(self.entry, (self.args.item(0), descriptors), worker)
    }
}

impl Setup {
    pub(crate) fn new(initializer: Option<Routine>, finalizer: Option<Routine>) -> Self {
        Self { initializer, finalizer }
    }

    pub(crate) fn has_initializer(&self) -> bool {
        self.initializer.is_some()
    }

    /// As it crosses, with its descriptors.
    pub(crate) fn pack(&self) -> io::Result<(frame::Setup, Vec<OwnedFd>)> {
        let mut descriptors = Vec::new();
        let mut pack =
            |routine: &Option<Routine>| routine.as_ref().map(|routine| routine.pack(&mut descriptors)).transpose();
        let setup = frame::Setup { initializer: pack(&self.initializer)?, finalizer: pack(&self.finalizer)? };
        Ok((setup, descriptors))
    }

    /// Runs the initializer here, if there is one.
    pub(crate) fn initialize(&self, worker: WorkerId) -> Result<(), String> {
        self.initializer.as_ref().map_or(Ok(()), |routine| routine.run(worker))
    }

    /// Runs the finalizer here, if there is one.
    pub(crate) fn finalize(&self, worker: WorkerId) -> Result<(), String> {
        self.finalizer.as_ref().map_or(Ok(()), |routine| routine.run(worker))
    }
}
