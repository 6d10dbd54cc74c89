//! What all proxies have in common: where their object is, and how long a call may take.
//!
//! Does **not** know what the objects do.

use std::sync::Arc;
use std::time::Duration;

use mp_wire::bulk::{decode_value, encode_value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::ManagerError;
use super::session::{self, Session};
use super::wire::{Bytes, Call, Reply, Request};
use crate::address::Address;
use crate::key::AuthKey;
use crate::until::Until;

/// How long a call may take, unless another time is set.
const LIMIT: Duration = Duration::from_secs(30);

/// What waits in the server is asked for again after this.
const SLICE: Duration = Duration::from_millis(1000);

/// Where a manager is, and the proof that one may use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) address: Address,
    pub(super) key: AuthKey,
}

/// The claim on one object of a manager.
#[derive(Clone, Debug)]
pub struct Proxy {
    pub(super) place: Arc<Place>,
    pub(super) object: u64,
    pub(super) limit: Duration,
}

/// What has a [`Proxy`]: every object of a manager.
pub trait Proxied: Sized {
    #[doc(hidden)]
    fn proxy(&self) -> &Proxy;

    #[doc(hidden)]
    fn over(proxy: Proxy) -> Self;

    /// What the object is, with its types.
    #[doc(hidden)]
    fn types() -> String;

    /// The same object, with another time that each call may take; 30 s, unless it is set.
    #[must_use]
    fn with_limit(&self, limit: Duration) -> Self {
        Self::over(Proxy { limit, ..self.proxy().clone() })
    }

    /// Removes the object from the manager, for all. Until then it lives as long as the manager does.
    ///
    /// # Errors
    /// As every call.
    fn delete(self) -> Result<(), ManagerError> {
        let proxy = self.proxy();
        session::call(&proxy.place, &Request::Delete(proxy.object), Until::after(proxy.limit)).map(drop)
    }
}

/// Implements [`Proxied`], `Clone` and `Debug` for a struct of a proxy and a phantom.
macro_rules! proxied {
    ($name:ident$(<$($type:ident),*>)?, $word:literal, $phantom:ident) => {
        impl$(<$($type),*>)? $crate::manager::proxy::Proxied for $name$(<$($type),*>)? {
            fn proxy(&self) -> &$crate::manager::proxy::Proxy {
                &self.proxy
            }

            fn over(proxy: $crate::manager::proxy::Proxy) -> Self {
                Self { proxy, $phantom: std::marker::PhantomData }
            }

            fn types() -> String {
                format!("{} of {}", $word, std::any::type_name::<($($($type,)*)?)>())
            }
        }

        impl$(<$($type),*>)? Clone for $name$(<$($type),*>)? {
            fn clone(&self) -> Self {
                $crate::manager::proxy::Proxied::over(self.proxy.clone())
            }
        }

        impl$(<$($type),*>)? std::fmt::Debug for $name$(<$($type),*>)? {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(out, "{} {} of the manager at {}", $word, self.proxy.object, self.proxy.place.address)
            }
        }
    };
}
pub(crate) use proxied;

impl Proxy {
    pub(super) fn new(place: Arc<Place>, object: u64) -> Self {
        Self { place, object, limit: LIMIT }
    }

    pub(super) fn call(&self, call: Call) -> Result<Reply, ManagerError> {
        session::call(&self.place, &Request::Call(self.object, call), Until::after(self.limit))
    }

    pub(super) fn count(&self) -> Result<u64, ManagerError> {
        match self.call(Call::Len)? {
            Reply::Count(count) => Ok(count),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    pub(super) fn value<T: DeserializeOwned + 'static>(&self, call: Call) -> Result<Option<T>, ManagerError> {
        match self.call(call)? {
            Reply::Value(value) => value.map(|value| decode(&value)).transpose(),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    pub(super) fn done(&self, call: Call) -> Result<(), ManagerError> {
        match self.call(call)? {
            Reply::Done | Reply::Value(_) => Ok(()),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    /// As [`Self::call`], by a connection that has asked before.
    pub(super) fn call_by(&self, session: &Session, call: Call) -> Result<Reply, ManagerError> {
        session.call(&Request::Call(self.object, call), Until::after(self.limit))
    }

    /// Asks, again and again, for what may have to be waited for. All by one connection, which is given as well.
    pub(super) fn wait(&self, until: Until, call: impl Fn(u64) -> Call) -> Result<(Reply, Arc<Session>), ManagerError> {
        let session = session::of(&self.place, Until::after(self.limit))?;
        Ok((self.wait_by(&session, until, call)?, session))
    }

    /// As [`Self::wait`], by a connection that has asked before.
    pub(super) fn wait_by(
        &self,
        session: &Session,
        until: Until,
        call: impl Fn(u64) -> Call,
    ) -> Result<Reply, ManagerError> {
        loop {
            let slice = until.left().map_or(SLICE, |left| left.min(SLICE));
            let wait_ms = u64::try_from(slice.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
            let request = Request::Call(self.object, call(wait_ms));
            match session.call(&request, Until::after(self.limit.saturating_add(slice)))? {
                Reply::Late if until.left().is_some_and(|left| left.is_zero()) => {
                    return Err(session::late(until));
                }
                Reply::Late => {}
                reply => return Ok(reply),
            }
        }
    }
}

impl Serialize for Proxy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&*self.place, self.object, self.limit).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (place, object, limit) = <(Place, u64, Duration)>::deserialize(deserializer)?;
        Ok(Self { place: Arc::new(place), object, limit })
    }
}

pub(super) fn encode<T: Serialize + 'static>(value: &T) -> Result<Bytes, ManagerError> {
    let mut bytes = Vec::new();
    encode_value(value, &mut bytes).map_err(ManagerError::Encode)?;
    Ok(Bytes::from(bytes))
}

pub(super) fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, ManagerError> {
    decode_value(bytes).map_err(|source| ManagerError::Decode { len: bytes.len(), source })
}
