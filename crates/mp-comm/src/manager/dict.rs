//! `DictProxy` and `Namespace`: values by key in a manager.
//!
//! Does **not** hold any.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::proxy::{Proxied, Proxy, decode, encode, proxied};
use super::wire::{Bytes, Call, DictCall, Reply};

/// A dictionary of a [`crate::Manager`], wherever it is. Python's `Manager().dict()`.
///
/// Every method is one call; each is atomic. Keys are equal if they are encoded equally. They keep the order in which they
/// came. Clones are the same dictionary, and so is what arrives as an argument, in a message, or as a value in another one.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct DictProxy<K, V> {
    proxy: Proxy,
    #[serde(skip)]
    types: PhantomData<fn(K) -> V>,
}

proxied!(DictProxy<K, V>, "dict", types);

/// All methods: errors as [`ManagerError`] says.
#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl<K: Serialize + DeserializeOwned + 'static, V: Serialize + DeserializeOwned + 'static> DictProxy<K, V> {
    /// The value of `key`.
    pub fn get(&self, key: &K) -> Result<Option<V>, ManagerError> {
        self.proxy.value(Call::Dict(DictCall::Get(encode(key)?)))
    }

    /// Sets the value of `key`; gives the one it had.
    pub fn insert(&self, key: &K, value: &V) -> Result<Option<V>, ManagerError> {
        self.proxy.value(Call::Dict(DictCall::Insert(encode(key)?, encode(value)?)))
    }

    /// The value of `key`, which is `value` from now on if it had none. Python's `setdefault`.
    pub fn get_or_insert(&self, key: &K, value: &V) -> Result<V, ManagerError> {
        let call = Call::Dict(DictCall::GetOrInsert(encode(key)?, encode(value)?));
        self.proxy.value(call)?.ok_or(ManagerError::NoObject)
    }

    /// Removes `key`; gives the value it had. Python's `pop`.
    pub fn remove(&self, key: &K) -> Result<Option<V>, ManagerError> {
        self.proxy.value(Call::Dict(DictCall::Remove(encode(key)?)))
    }

    /// Whether `key` has a value.
    pub fn contains_key(&self, key: &K) -> Result<bool, ManagerError> {
        match self.proxy.call(Call::Dict(DictCall::Contains(encode(key)?)))? {
            Reply::Flag(found) => Ok(found),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    /// Sets many values in one call. Python's `update`.
    pub fn extend(&self, items: impl IntoIterator<Item = (K, V)>) -> Result<(), ManagerError> {
        let pair = |(key, value): (K, V)| Ok((encode(&key)?, encode(&value)?));
        let items = items.into_iter().map(pair).collect::<Result<Vec<_>, ManagerError>>()?;
        self.proxy.done(Call::Dict(DictCall::Extend(items)))
    }

    /// All keys.
    pub fn keys(&self) -> Result<Vec<K>, ManagerError> {
        match self.proxy.call(Call::Dict(DictCall::Keys))? {
            Reply::Values(keys) => keys.iter().map(|key| decode(key)).collect(),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> Result<Vec<V>, ManagerError> {
        self.pairs()?.iter().map(|(_, value)| decode(value)).collect()
    }

    /// A copy of it all.
    pub fn items(&self) -> Result<Vec<(K, V)>, ManagerError> {
        self.pairs()?.iter().map(|(key, value)| Ok((decode(key)?, decode(value)?))).collect()
    }

    /// How many keys there are.
    pub fn len(&self) -> Result<u64, ManagerError> {
        self.proxy.count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        Ok(self.len()? == 0)
    }

    /// Removes all.
    pub fn clear(&self) -> Result<(), ManagerError> {
        self.proxy.done(Call::Dict(DictCall::Clear))
    }

    fn pairs(&self) -> Result<Vec<(Bytes, Bytes)>, ManagerError> {
        match self.proxy.call(Call::Dict(DictCall::Items))? {
            Reply::Pairs(pairs) => Ok(pairs),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }
}

/// Values of different types by name, in a [`crate::Manager`]. Python's `Manager().Namespace()`.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Namespace {
    proxy: Proxy,
    #[serde(skip)]
    types: PhantomData<fn()>,
}

proxied!(Namespace, "namespace", types);

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl Namespace {
    /// Sets what `name` stands for.
    pub fn set<T: Serialize + 'static>(&self, name: &str, value: &T) -> Result<(), ManagerError> {
        self.proxy.done(Call::Dict(DictCall::Insert(encode(&name.to_owned())?, encode(value)?)))
    }

    /// What `name` stands for. [`ManagerError::Decode`] where that is of another type.
    pub fn get<T: DeserializeOwned + 'static>(&self, name: &str) -> Result<Option<T>, ManagerError> {
        self.proxy.value(Call::Dict(DictCall::Get(encode(&name.to_owned())?)))
    }

    /// Makes `name` stand for nothing; whether it stood for something.
    pub fn remove(&self, name: &str) -> Result<bool, ManagerError> {
        match self.proxy.call(Call::Dict(DictCall::Remove(encode(&name.to_owned())?)))? {
            Reply::Value(value) => Ok(value.is_some()),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    /// All names.
    pub fn names(&self) -> Result<Vec<String>, ManagerError> {
        DictProxy::<String, ()>::over(self.proxy.clone()).keys()
    }
}
