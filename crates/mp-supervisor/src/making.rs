//! How a pool's workers are made, decided when it is built.
//!
//! Does **not** make any.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::fork_server::{ForkServer, Preload};
use crate::settings::{Backend, StartMethod};
use crate::trace::PoolTrace;
use crate::worker_io::Calling;

/// How workers are made, decided when the pool is built.
#[derive(Clone, Debug)]
pub(crate) struct Making {
    /// From which size on values cross in memory that is kept.
    pub(crate) large_from: usize,
    /// How many tasks may be without an outcome.
    pub(crate) max_queued: Option<u64>,
    pub(crate) backend: Backend,
    pub(crate) start_method: StartMethod,
    pub(crate) calling: Calling,
    pub(crate) streams: crate::streams::Streams,
    /// Where workers come from a fork server.
    pub(crate) server: Option<Arc<ForkServer>>,
    /// Where its tasks are recorded, if anywhere.
    pub(crate) trace: Option<PoolTrace>,
    /// Whether there is a ledger.
    pub(crate) insights: bool,
    /// Whether its first workers are made by [`crate::engine::Engine::bear_at_once`].
    pub(crate) at_once: bool,
}

impl Making {
    /// Whether each task is timed by itself.
    pub(crate) fn is_timed(&self) -> bool {
        self.trace.is_some() || self.insights
    }

    /// With the fork server that it needs, if it needs one, which runs `preload` first and may take `limit` for it.
    pub(crate) fn with_server(mut self, preload: Option<Preload>, limit: Duration) -> Result<Self> {
        if (self.backend, self.start_method) == (Backend::Processes, StartMethod::ForkServer) {
            let server = ForkServer::shared(self.calling.identity, preload, limit);
            self.server =
                Some(server.map_err(|source| Error::Os { doing: "no thread could be made to fork", source })?);
        }
        Ok(self)
    }
}
