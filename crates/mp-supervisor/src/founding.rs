//! From what a pool was told to a pool: whether it makes sense, and what it is made of.
//!
//! Does **not** know how it runs.

use std::sync::Arc;

use mp_scheduler::Config;

use crate::builder::PoolBuilder;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fork_server::Preload;
use crate::host::Host;
use crate::making::Making;
use crate::pool::Pool;
use crate::serial::Serial;
use crate::settings::{Backend, StartMethod};
use crate::setup::Setup;
use crate::streams::Streams;
use crate::worker_io::{Calling, calling};

/// More workers than this in one pool are taken for a mistake.
const MOST_WORKERS: usize = 1 << 16;

impl PoolBuilder {
    /// Starts the pool. Its workers come up while the first tasks are submitted.
    ///
    /// # Errors
    /// When a number makes no sense, or [`mp_worker::init`] was not called and the workers are to be processes.
    pub fn build(self) -> Result<Pool> {
        self.check()?;
        let setup = self.setup()?;
        let forks = self.forks();
        let preload = self.preload_of_server()?;
        let calling = calling(self.backend, &self.name, None)?;
        let outputs = self.wanted.into_outputs().filter(|_| self.backend == Backend::Processes);
        let trace = self.trace.map(|trace| trace.of_pool(&self.name, false));
        let making = Making {
            large_from: self.large_from,
            max_queued: self.max_queued,
            backend: self.backend,
            start_method: self.start_method,
            calling: Calling { outputs, setup: setup.clone(), ..calling },
            streams: Streams {
                env: self.seats.env(self.workers, (self.backend, self.start_method)),
                ..Streams::default()
            },
            server: None,
            trace: trace.clone(),
            insights: self.insights,
            at_once: false,
        };
        let making = making.with_server(preload, self.config.start_timeout)?;
        let config = Config { workers: self.workers as u32, restart: !forks, ..self.config };
        let initializer = self.initializer_timeout.unwrap_or(config.start_timeout);
        let initializer = setup.prepares().then_some(initializer);
        let config = Config { initializer, finalizer: self.finalizer_timeout, ..config };
        let host = match self.backend {
            Backend::Serial => Host::Serial(Arc::new(Serial::new(setup, self.insights, trace))),
            Backend::Processes | Backend::Threads => Host::Engine(Engine::launch(config, making)),
        };
        // Forks are made here and now, so their refusal is known; others start while work is submitted.
        if forks && let Some(error) = host.spawn_error() {
            host.shut_down("it could not fork");
            return Err(error);
        }
        Ok(Pool::from_parts((host, forks), self.terms, self.max_payload))
    }

    fn setup(&self) -> Result<Setup> {
        let setup = Setup {
            seats: self.seats.plan(self.backend)?,
            shared: self.shared.iter().map(|(_, _, shared)| shared.clone()).collect::<Result<_, _>>()?,
            initializer: self.initializer.clone().transpose()?,
            state: self.state.clone().transpose()?,
            finalizer: self.finalizer.clone().transpose()?,
        };
        setup.check()?;
        Ok(setup)
    }

    /// What a fork server is to run first. Where there will be none, it runs here and now.
    fn preload_of_server(&self) -> Result<Option<Preload>> {
        let Some(preload) = self.preload.clone().transpose()? else { return Ok(None) };
        match (self.backend, self.start_method) {
            (Backend::Processes, StartMethod::ForkServer) => return Ok(Some(preload)),
            (Backend::Processes, StartMethod::Spawn | StartMethod::Fork) => {
                return Err(Error::Invalid("a preload needs StartMethod::ForkServer".to_owned()));
            }
            (Backend::Threads | Backend::Serial, _) => {}
        }
        mp_worker::run_preload(preload.entry, &preload.args).map_err(Error::Invalid)?;
        Ok(None)
    }

    /// A process with threads cannot be forked, and a pool has threads once it is there: so none of its workers is replaced.
    fn forks(&self) -> bool {
        self.backend == Backend::Processes && self.start_method == StartMethod::Fork
    }

    fn check(&self) -> Result<()> {
        check_workers(self.workers)?;
        if self.forks() {
            self.check_forks()?;
        }
        if self.config.max_tasks_per_worker == Some(0) {
            return Err(Error::Invalid("a worker must be allowed at least 1 task".to_owned()));
        }
        self.check_shared()
    }

    fn check_forks(&self) -> Result<()> {
        if self.config.replaces() {
            let text = "a forked worker is not replaced, so it cannot have a maximum of tasks or memory, or an idle timeout: use StartMethod::Spawn";
            return Err(Error::Invalid(text.to_owned()));
        }
        if self.workers > 1 && self.wanted.anything() {
            let text = "forked workers are made while there is one thread, so none can read their output: use StartMethod::Spawn";
            return Err(Error::Invalid(text.to_owned()));
        }
        Ok(())
    }
}

/// Whether a pool may have so many.
pub(crate) fn check_workers(workers: usize) -> Result<()> {
    if (1..=MOST_WORKERS).contains(&workers) {
        return Ok(());
    }
    Err(Error::Invalid(format!("a pool needs 1 to {MOST_WORKERS} workers, not {workers}")))
}
