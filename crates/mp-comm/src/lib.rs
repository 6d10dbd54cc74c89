//! Messages and objects between processes: pipes, authenticated connections, managers.
//!
//! Does **not** know pools. A manager's server is a [`mp_supervisor::Process`], and ends with its owner as any does.
//!
//! ```text
//!  Connection ─┬─ Packets ═══ a socket pair; carries queues, pipes and files          pipe()
//!              └─ Stream  ═══ a socket of its own; bytes only, after a handshake      Listener, Client
//!  Manager ── Process: server ── Listener ◀══ Client ── proxies, in any process
//! ```

mod address;
mod connection;
mod descriptor;
mod error;
mod handshake;
mod key;
mod listener;
mod manager;
mod packets;
#[doc(hidden)]
pub mod rubbish;
mod stream;
mod until;

pub use address::Address;
pub use connection::{Connection, Nothing, Pipe, one_way_pipe, pipe};
pub use descriptor::Descriptor;
pub use error::CommError;
pub use key::AuthKey;
pub use listener::{Client, Listener};
pub use manager::{
    ArrayProxy, BarrierProxy, ConditionProxy, DictProxy, EventProxy, JoinableQueueProxy, ListProxy, LockError,
    LockGuard, LockProxy, Managed, ManagedProxy, Manager, ManagerBuilder, ManagerClient, ManagerError, Namespace,
    Proxied, Proxy, QueueProxy, RLockProxy, SemaphoreProxy, ValueProxy,
};
