//! The server of a manager: the objects, and a thread for each client.
//!
//! Does **not** know who its clients are, but that they have the key. Ends with its owner, and when the owner drops it.
//!
//! ```text
//!  owner ══ line it was born with: Install ══▶ main thread
//!  clients ══ Listener(s), a thread each ══▶ a thread for each client: request ─▶ object ─▶ reply
//! ```

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mp_sys::image::{self, SameImage};
use mp_worker::Entry;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::objects::{Caller, Object};
use super::wire::{BarrierCall, Call, Install, Refusal, Reply, Report, Request};
use crate::address::Address;
use crate::connection::Connection;
use crate::error::CommError;
use crate::key::AuthKey;
use crate::listener::Listener;
use crate::until::Until;

/// A client is a thread.
const CLIENTS: usize = 1024;

/// A client that does not read what it is answered so long is gone.
const DELIVERY: Duration = Duration::from_secs(30);

/// Where it listens, and for whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) addresses: Vec<Address>,
    pub(super) key: AuthKey,
    pub(super) max_message: u32,
}

/// All objects of this process, which is a manager's.
static OBJECTS: LazyLock<RwLock<HashMap<u64, Arc<Object>>>> = LazyLock::new(RwLock::default);

/// Those that have a name, with their types in words.
static NAMES: LazyLock<Mutex<HashMap<String, (u64, String)>>> = LazyLock::new(Mutex::default);

static CLIENTS_NOW: AtomicUsize = AtomicUsize::new(0);

/// Keeps a new object; gives its number.
pub(super) fn keep(object: Object) -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    OBJECTS.write().insert(number, Arc::new(object));
    number
}

/// The task of a manager's process.
pub(super) fn serve(owner: Connection<Report, Install>, settings: Settings) {
    let listeners: Result<Vec<_>, _> = settings.addresses.iter().map(|address| listen(address, &settings)).collect();
    let listeners = match listeners {
        Ok(listeners) => listeners,
        Err(error) => {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            let _ = owner.send(Report::Failed(format!("{error}{cause}")));
            return;
        }
    };
    let addresses = listeners.iter().map(|listener| listener.address().clone()).collect();
    for listener in listeners {
        std::thread::spawn(move || accept(&listener));
    }
    let mut report = Report::Ready(addresses);
    while owner.send(report).is_ok() {
        let Ok(order) = owner.recv() else { return };
        let number = order.number;
        report = match install(&order) {
            Ok(object) => Report::Installed { number, object },
            Err(reason) => Report::NotInstalled { number, reason },
        };
    }
}

fn listen(address: &Address, settings: &Settings) -> Result<Listener, CommError> {
    Ok(Listener::bind(address, &settings.key)?.max_message(settings.max_message))
}

fn install(order: &Install) -> Result<u64, String> {
    let own = image::build_id().map_err(|error| error.to_string())?;
    let same = SameImage::prove(own, order.build).ok_or("the owner is another program")?;
    let (entry, mut out) = (same.function::<Entry>(order.entry), Vec::new());
    let call = || entry(mp_worker::Call::One { args: &order.args, out: &mut out, timed: false });
    let made = catch_unwind(AssertUnwindSafe(call)).map_err(|_| "the type's own code panicked".to_owned())?;
    made.map_err(|refused| refused.reason.to_string())?;
    mp_wire::bulk::decode_value(&out).map_err(|error| error.to_string())
}

fn accept(listener: &Listener) {
    loop {
        match listener.accept() {
            Ok(connection) => greet(connection),
            // Descriptors have run out: those of clients that end come back.
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn greet(connection: Connection<Reply, Request>) {
    if CLIENTS_NOW.fetch_add(1, Ordering::Relaxed) >= CLIENTS {
        CLIENTS_NOW.fetch_sub(1, Ordering::Relaxed);
        let _ = connection.send_timeout(Reply::Refused(Refusal::TooManyClients), Duration::ZERO);
        return;
    }
    let client = move || {
        attend(&connection);
        CLIENTS_NOW.fetch_sub(1, Ordering::Relaxed);
    };
    if std::thread::Builder::new().name("mp-client".to_owned()).spawn(client).is_err() {
        CLIENTS_NOW.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves one client to its end.
fn attend(connection: &Connection<Reply, Request>) {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let mut caller = Caller { session: LAST.fetch_add(1, Ordering::Relaxed), pid: 0 };
    let mut held = Vec::new();
    while let Ok(request) = connection.recv() {
        if let Request::Hello { pid } = request {
            caller.pid = pid;
        }
        if reply(connection, request, (caller, &mut held)).is_err() {
            break;
        }
    }
    held.into_iter().for_each(|object: Arc<Object>| object.forget(caller));
}

/// Answers one request. What the answer gave is taken back if it can't be delivered.
fn reply(
    connection: &Connection<Reply, Request>,
    request: Request,
    (caller, held): (Caller, &mut Vec<Arc<Object>>),
) -> Result<(), CommError> {
    let (reply, object) = answer(request, caller);
    let until = Until::after(DELIVERY);
    let sent = connection.send_until(&reply, until);
    let Some(object) = object else { return sent.or_else(|error| say_too_large(connection, error)) };
    if sent.is_err() {
        object.take_back(reply, caller);
    }
    look_after(object, caller, held);
    sent.or_else(|error| say_too_large(connection, error))
}

/// Keeps in `held` what the client's end concerns, and nothing else.
pub(super) fn look_after(object: Arc<Object>, caller: Caller, held: &mut Vec<Arc<Object>>) {
    held.retain(|other| !Arc::ptr_eq(&object, other));
    held.extend(Some(object).filter(|object| object.concerns(caller)));
}

fn say_too_large(connection: &Connection<Reply, Request>, error: CommError) -> Result<(), CommError> {
    match error {
        CommError::TooLarge { len, max } => {
            connection.send_until(&Reply::Refused(Refusal::TooLarge { len, max }), Until::after(DELIVERY))
        }
        other => Err(other),
    }
}

/// The reply, and the object that was called.
pub(super) fn answer(request: Request, caller: Caller) -> (Reply, Option<Arc<Object>>) {
    let find = |object: u64| OBJECTS.read().get(&object).cloned();
    match request {
        Request::Hello { .. } => (Reply::Done, None),
        Request::Make(make) => (Reply::Object(keep(Object::make(make))), None),
        Request::Delete(object) => {
            let deleted = OBJECTS.write().remove(&object);
            (deleted.map_or(Reply::Refused(Refusal::NoObject), |_| Reply::Done), None)
        }
        Request::Publish { name, object, types } => {
            NAMES.lock().insert(name, (object, types));
            (Reply::Done, None)
        }
        Request::Find { name, types } => (look_up(&name, &types), None),
        Request::Call(object, call) => match find(object) {
            None => (Reply::Refused(Refusal::NoObject), None),
            Some(object) if is_remembered(&call) => (object.call(call, caller), Some(object)),
            Some(object) => (object.call(call, caller), None),
        },
    }
}

/// Only what holds or gives something away has to be known afterwards.
fn is_remembered(call: &Call) -> bool {
    matches!(
        call,
        Call::Acquire { .. }
            | Call::Release
            | Call::Keep
            | Call::Take { .. }
            | Call::TaskDone
            | Call::Condition(_)
            | Call::Barrier(BarrierCall::Arrive | BarrierCall::Wait { .. } | BarrierCall::Leave)
    )
}

fn look_up(name: &str, types: &str) -> Reply {
    match NAMES.lock().get(name) {
        None => Reply::Refused(Refusal::NoName),
        Some((object, published)) if published == types => Reply::Object(*object),
        Some((_, published)) => Reply::Refused(Refusal::OtherTypes { published: published.clone() }),
    }
}
