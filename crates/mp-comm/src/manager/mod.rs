//! `Manager`: a process that holds objects for all who have a proxy.
//!
//! Does **not** serve: `server.rs` does, in the manager's process.
//!
//! ```text
//!  Manager (owner) ── Process: serve ── objects            DictProxy, .. = (address, key, number)
//!      └── ManagerClient: make, publish, find                 └── session.rs: a connection for each thread
//! ```
//!
//! - G1 The server's process is bound to its owner as every worker is: nobody leaves a manager behind, by whatever death.
//! - G2 No call waits longer than its limit, but those that wait for an item or a lock: they ask again and again, so a
//!   manager that is gone is noticed within one question.

mod bulletin;
mod dict;
mod error;
mod list;
mod lock;
mod make;
mod managed;
mod meet;
mod meeting;
mod objects;
mod orders;
mod permits;
mod proxy;
mod rubbish;
mod server;
mod session;
mod store;
mod sync;
mod waiting;
mod wire;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mp_supervisor::{Process, StartMethod};
use mp_sys::image;
use mp_wire::bulk::encode_value;
use mp_worker::entry_of;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub use dict::{DictProxy, Namespace};
pub use error::ManagerError;
pub use list::{ArrayProxy, ListProxy, ValueProxy};
pub use managed::{Managed, ManagedProxy};
pub use meet::{BarrierProxy, ConditionProxy};
use orders::Orders;
use proxy::Place;
pub use proxy::{Proxied, Proxy};
pub(crate) use rubbish::{heard, served};
use server::Settings;
pub use sync::{EventProxy, RLockProxy, SemaphoreProxy};
pub use waiting::{JoinableQueueProxy, LockError, LockGuard, LockProxy, QueueProxy};
use wire::{Bytes, Install, Make, Reply, Report, Request};

use crate::address::Address;
use crate::connection::pipe;
use crate::error::CommError;
use crate::key::AuthKey;
use crate::until::Until;

/// How long the server may take to be there, and a call to one at the other end.
const START: Duration = Duration::from_secs(30);

/// A process that holds dictionaries, lists, values, queues, locks and what else processes wait for, and objects of one's own type, for every process that
/// has a proxy. Python's `multiprocessing.Manager()`.
///
/// It ends when it is dropped, and with its owner, however that ends. What it makes is found in [`ManagerClient`], which it
/// derefs to; proxies and clients can be arguments of tasks and processes.
///
/// # Examples
/// ```
/// # mp_worker::before_main!(mp_worker::init);
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = mp_comm::Manager::start()?;
/// let ages = manager.dict::<String, u32>()?;
/// ages.insert(&"Ada".to_owned(), &36)?;
/// assert_eq!(ages.get(&"Ada".to_owned())?, Some(36));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Manager {
    client: ManagerClient,
    addresses: Vec<Address>,
    orders: Mutex<Orders>,
    process: Process<()>,
    /// After the process: they are closed when it is gone.
    _sessions: session::Sessions,
}

/// Builds a [`Manager`].
#[derive(Debug)]
#[must_use = "a builder does nothing until start()"]
pub struct ManagerBuilder {
    method: StartMethod,
    key: Option<AuthKey>,
    also: Vec<Address>,
    max_message: u32,
}

impl ManagerBuilder {
    /// How its process comes to be.
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.method = method;
        self
    }

    /// The key that its clients have; a random one, unless it is set.
    pub fn key(mut self, key: AuthKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Listens there as well: for clients of other process trees, which [`ManagerClient::connect`].
    pub fn listen(mut self, address: Address) -> Self {
        self.also.push(address);
        self
    }

    /// The most bytes of one request or reply; 64 MiB, unless it is set.
    pub fn max_message(mut self, bytes: u32) -> Self {
        self.max_message = bytes;
        self
    }

    /// Starts it. When this returns, it listens.
    ///
    /// # Errors
    /// [`ManagerError::Spawn`]; [`ManagerError::Start`] when it cannot listen, or ends before it does.
    pub fn start(self) -> Result<Manager, ManagerError> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let key = self.key.map_or_else(AuthKey::random, Ok).map_err(ManagerError::Connect)?;
        let mut addresses = vec![Address::unique().map_err(ManagerError::Connect)?];
        addresses.extend(self.also);
        let (line, theirs) = pipe::<Install, Report>().map_err(ManagerError::Connect)?;
        let settings = Settings { addresses, key: key.clone(), max_message: self.max_message };
        let process = Process::builder(server::serve, (theirs, settings))
            .name(format!("Manager-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
            .start_method(self.method)
            .spawn()
            .map_err(|error| ManagerError::Spawn(Box::new(error)))?;
        let addresses = match line.recv_timeout(START) {
            Ok(Report::Ready(addresses)) => addresses,
            Ok(Report::Failed(text)) => return Err(ManagerError::Start(text)),
            Ok(other) => return Err(ManagerError::Malformed(format!("{other:?}"))),
            Err(error) => return Err(ManagerError::Start(error.to_string())),
        };
        let address = addresses.first().cloned().ok_or_else(|| ManagerError::Start("it listens nowhere".to_owned()))?;
        let client = ManagerClient { place: Arc::new(Place { address, key }) };
        let sessions = session::Sessions(Arc::clone(&client.place));
        Ok(Manager { client, addresses, orders: Mutex::new(Orders::new(line)), process, _sessions: sessions })
    }
}

impl Manager {
    /// Starts one.
    ///
    /// # Errors
    /// As [`ManagerBuilder::start`].
    pub fn start() -> Result<Self, ManagerError> {
        Self::builder().start()
    }

    /// One that is told more.
    pub fn builder() -> ManagerBuilder {
        ManagerBuilder { method: StartMethod::default(), key: None, also: Vec::new(), max_message: 64 << 20 }
    }

    /// Makes an object of one's own type: `state` moves to the manager.
    ///
    /// # Errors
    /// As every call. Only the owner can: the code of the type crosses on the line that the server was born with.
    pub fn custom<M: Managed>(&self, state: M) -> Result<ManagedProxy<M>, ManagerError> {
        let mut args = Vec::new();
        encode_value(&state, &mut args).map_err(ManagerError::Encode)?;
        let build = image::build_id().map_err(|error| ManagerError::Start(error.to_string()))?;
        let entry = image::offset_of(entry_of::<_, (M,)>(managed::install::<M>) as usize);
        match self.orders.lock().install((build, entry), Bytes::from(args), Until::after(START)) {
            Ok(Report::Installed { object, .. }) => Ok(self.client.proxy(object)),
            Ok(Report::NotInstalled { reason, .. }) => Err(ManagerError::Start(reason)),
            Ok(other) => Err(ManagerError::Malformed(format!("{other:?}"))),
            Err(CommError::Closed) => Err(ManagerError::Gone { address: self.client.place.address.to_string() }),
            Err(error) => Err(ManagerError::Connect(error)),
        }
    }

    /// A client that can be given to other processes.
    #[must_use]
    pub fn client(&self) -> ManagerClient {
        self.client.clone()
    }

    /// Where it listens: on this machine, and then where [`ManagerBuilder::listen`] said.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The key that its clients have.
    #[must_use]
    pub fn key(&self) -> &AuthKey {
        &self.client.place.key
    }

    /// Its process.
    pub fn process(&self) -> &Process<()> {
        &self.process
    }

    /// Ends it, as dropping does. Who uses its objects gets [`ManagerError::Gone`].
    pub fn shutdown(self) {}
}

impl Deref for Manager {
    type Target = ManagerClient;

    fn deref(&self) -> &ManagerClient {
        &self.client
    }
}

/// Makes objects in a manager, and finds those that were published. Cheap to clone, and an argument of tasks and processes.
///
/// Whoever has it has the manager's key. An object lives as long as the manager, or until [`Proxied::delete`].
#[derive(Clone, Debug)]
pub struct ManagerClient {
    place: Arc<Place>,
}

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl ManagerClient {
    /// The client of a manager of another process tree. Python's `BaseManager(address, authkey).connect()`.
    pub fn connect(address: &Address, key: &AuthKey) -> Result<Self, ManagerError> {
        let client = Self { place: Arc::new(Place { address: address.clone(), key: key.clone() }) };
        session::of(&client.place, Until::after(START))?;
        Ok(client)
    }

    /// Makes an object known to all clients by `name`. Who had the name before loses it.
    pub fn publish<P: Proxied>(&self, name: &str, proxy: &P) -> Result<(), ManagerError> {
        let object = proxy.proxy().object;
        self.ask(&Request::Publish { name: name.to_owned(), object, types: P::types() }).map(drop)
    }

    /// The object that was published as `name`. [`ManagerError::OtherTypes`] where it is another than `P` says.
    pub fn find<P: Proxied>(&self, name: &str) -> Result<P, ManagerError> {
        match self.ask(&Request::Find { name: name.to_owned(), types: P::types() }) {
            Ok(Reply::Object(object)) => Ok(self.proxy(object)),
            Ok(other) => Err(ManagerError::Malformed(format!("{other:?}"))),
            Err(ManagerError::NoName(_)) => Err(ManagerError::NoName(name.to_owned())),
            Err(ManagerError::OtherTypes { published, .. }) => {
                Err(ManagerError::OtherTypes { name: name.to_owned(), published })
            }
            Err(error) => Err(error),
        }
    }

    fn make<P: Proxied>(&self, make: Make) -> Result<P, ManagerError> {
        match self.ask(&Request::Make(make))? {
            Reply::Object(object) => Ok(self.proxy(object)),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    fn proxy<P: Proxied>(&self, object: u64) -> P {
        P::over(Proxy::new(Arc::clone(&self.place), object))
    }

    fn ask(&self, request: &Request) -> Result<Reply, ManagerError> {
        session::call(&self.place, request, Until::after(START))
    }
}

impl Serialize for ManagerClient {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.place.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ManagerClient {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { place: Arc::new(Place::deserialize(deserializer)?) })
    }
}
