//! Objects of one's own type in a manager.
//!
//! Does **not** know where they are kept. The type is the owner's program's, so is the server: the object is made by a
//! function of that type, which crosses as a task does, on the line that the server was born with.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mp_wire::bulk::{decode_value, encode_value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::objects::Object;
use super::proxy::{Proxy, decode, encode};
use super::server;
use super::wire::{Bytes, Call, Refusal, Reply};

/// A type whose values a [`crate::Manager`] can hold: it answers requests, one at a time. Python's `BaseManager.register`.
///
/// # Examples
/// ```
/// use mp_comm::Managed;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Counter(u64);
///
/// impl Managed for Counter {
///     type Request = u64;
///     type Response = u64;
///
///     fn handle(&mut self, add: u64) -> u64 {
///         self.0 += add;
///         self.0
///     }
/// }
/// ```
pub trait Managed: Serialize + DeserializeOwned + Send + 'static {
    /// What it is asked.
    type Request: Serialize + DeserializeOwned + 'static;
    /// What it answers.
    type Response: Serialize + DeserializeOwned + 'static;

    /// Answers. What it panics with is the caller's error, and the object lives on.
    fn handle(&mut self, request: Self::Request) -> Self::Response;
}

/// A [`Managed`] object without its type.
pub(super) trait Handler: Send {
    fn handle(&mut self, request: &[u8]) -> Reply;
}

struct Typed<M>(M);

impl<M: Managed> Handler for Typed<M> {
    fn handle(&mut self, request: &[u8]) -> Reply {
        let refused = |error: mp_wire::CodecError| Reply::Refused(Refusal::Codec(error.to_string()));
        let request = match decode_value(request) {
            Ok(request) => request,
            Err(error) => return refused(error),
        };
        let mut response = Vec::new();
        match catch_unwind(AssertUnwindSafe(|| self.0.handle(request))) {
            Ok(value) => encode_value(&value, &mut response)
                .map_or_else(refused, |()| Reply::Value(Some(Bytes::from(std::mem::take(&mut response))))),
            Err(panic) => Reply::Refused(Refusal::Panicked(text_of(&*panic))),
        }
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned())
}

/// The task by which an object is made in the server.
pub(super) fn install<M: Managed>(state: M) -> u64 {
    server::keep(Object::Custom(parking_lot::Mutex::new(Box::new(Typed(state)))))
}

/// A [`Managed`] object of a manager, wherever it is.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct ManagedProxy<M> {
    proxy: Proxy,
    #[serde(skip)]
    kind: PhantomData<fn(M)>,
}

impl<M: Managed> ManagedProxy<M> {
    /// Asks the object, and gives its answer.
    ///
    /// # Errors
    /// [`ManagerError::Panicked`] when its code did; as every call of a manager's object.
    pub fn call(&self, request: &M::Request) -> Result<M::Response, ManagerError> {
        match self.proxy.call(Call::Custom(encode(request)?))? {
            Reply::Value(Some(response)) => decode(&response),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }
}

super::proxy::proxied!(ManagedProxy<M>, "object", kind);
