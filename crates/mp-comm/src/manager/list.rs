//! `ListProxy` and `ValueProxy`: items in order, and single values, in a manager.
//!
//! Does **not** hold any.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::proxy::{Proxy, decode, encode, proxied};
use super::wire::{Call, ListCall, Reply};

/// A list of a [`crate::Manager`], wherever it is. Python's `Manager().list()`, and its `Array`.
///
/// Every method is one call; each is atomic.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct ListProxy<T> {
    proxy: Proxy,
    #[serde(skip)]
    items: PhantomData<fn(T) -> T>,
}

proxied!(ListProxy<T>, "list", items);

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl<T: Serialize + DeserializeOwned + 'static> ListProxy<T> {
    /// Puts an item at the end. Python's `append`.
    pub fn push(&self, item: &T) -> Result<(), ManagerError> {
        self.proxy.done(Call::List(ListCall::Extend(vec![encode(item)?])))
    }

    /// Puts many at the end, in one call.
    pub fn extend(&self, items: impl IntoIterator<Item = T>) -> Result<(), ManagerError> {
        let items = items.into_iter().map(|item| encode(&item)).collect::<Result<Vec<_>, _>>()?;
        self.proxy.done(Call::List(ListCall::Extend(items)))
    }

    /// Takes the last.
    pub fn pop(&self) -> Result<Option<T>, ManagerError> {
        self.proxy.value(Call::List(ListCall::Pop))
    }

    /// The item at `index`.
    pub fn get(&self, index: u64) -> Result<Option<T>, ManagerError> {
        self.proxy.value(Call::List(ListCall::Get(index)))
    }

    /// Replaces the item at `index`; gives what was there. [`ManagerError::OutOfRange`] where there is none.
    pub fn set(&self, index: u64, item: &T) -> Result<T, ManagerError> {
        self.taken(index, ListCall::Set(index, encode(item)?))
    }

    /// Puts an item before that at `index`. [`ManagerError::OutOfRange`] beyond the end.
    pub fn insert(&self, index: u64, item: &T) -> Result<(), ManagerError> {
        self.proxy.done(Call::List(ListCall::Insert(index, encode(item)?))).map_err(|error| at(error, index))
    }

    /// Takes the item at `index`. [`ManagerError::OutOfRange`] where there is none.
    pub fn remove(&self, index: u64) -> Result<T, ManagerError> {
        self.taken(index, ListCall::Remove(index))
    }

    /// A copy of it all.
    pub fn to_vec(&self) -> Result<Vec<T>, ManagerError> {
        match self.proxy.call(Call::List(ListCall::All))? {
            Reply::Values(items) => items.iter().map(|item| decode(item)).collect(),
            other => Err(ManagerError::Malformed(format!("{other:?}"))),
        }
    }

    /// How many items there are.
    pub fn len(&self) -> Result<u64, ManagerError> {
        self.proxy.count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        Ok(self.len()? == 0)
    }

    /// Removes all.
    pub fn clear(&self) -> Result<(), ManagerError> {
        self.proxy.done(Call::List(ListCall::Clear))
    }

    fn taken(&self, index: u64, call: ListCall) -> Result<T, ManagerError> {
        self.proxy.value(Call::List(call)).map_err(|error| at(error, index))?.ok_or(ManagerError::NoObject)
    }
}

fn at(error: ManagerError, index: u64) -> ManagerError {
    match error {
        ManagerError::OutOfRange { len, .. } => ManagerError::OutOfRange { index, len },
        other => other,
    }
}

/// One value of a [`crate::Manager`], wherever it is. Python's `Manager().Value()`.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct ValueProxy<T> {
    proxy: Proxy,
    #[serde(skip)]
    value: PhantomData<fn(T) -> T>,
}

proxied!(ValueProxy<T>, "value", value);

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl<T: Serialize + DeserializeOwned + 'static> ValueProxy<T> {
    /// The value.
    pub fn get(&self) -> Result<T, ManagerError> {
        self.proxy.value(Call::Get)?.ok_or(ManagerError::NoObject)
    }

    /// Sets it.
    pub fn set(&self, value: &T) -> Result<(), ManagerError> {
        self.proxy.done(Call::Replace(encode(value)?))
    }

    /// Sets it, and gives what it was.
    pub fn replace(&self, value: &T) -> Result<T, ManagerError> {
        self.proxy.value(Call::Replace(encode(value)?))?.ok_or(ManagerError::NoObject)
    }
}

/// So many values of a [`crate::Manager`], wherever it is. Python's `Manager().Array()`. Between processes of one tree, an array in
/// shared memory is faster.
#[derive(Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct ArrayProxy<T> {
    proxy: Proxy,
    #[serde(skip)]
    values: PhantomData<fn(T) -> T>,
}

proxied!(ArrayProxy<T>, "array", values);

#[expect(clippy::missing_errors_doc, reason = "all of them have the same: any ManagerError of a call")]
impl<T: Serialize + DeserializeOwned + 'static> ArrayProxy<T> {
    pub(super) fn of(list: ListProxy<T>) -> Self {
        Self { proxy: list.proxy, values: PhantomData }
    }

    /// The value at `index`. [`ManagerError::OutOfRange`] where there is none.
    pub fn get(&self, index: u64) -> Result<T, ManagerError> {
        match self.list().get(index)? {
            Some(value) => Ok(value),
            None => Err(ManagerError::OutOfRange { index, len: self.len()? }),
        }
    }

    /// Replaces the value at `index`; gives what was there. [`ManagerError::OutOfRange`] where there is none.
    pub fn set(&self, index: u64, value: &T) -> Result<T, ManagerError> {
        self.list().set(index, value)
    }

    /// A copy of it all.
    pub fn to_vec(&self) -> Result<Vec<T>, ManagerError> {
        self.list().to_vec()
    }

    /// How many values there are.
    pub fn len(&self) -> Result<u64, ManagerError> {
        self.proxy.count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        Ok(self.len()? == 0)
    }

    fn list(&self) -> ListProxy<T> {
        ListProxy { proxy: self.proxy.clone(), items: PhantomData }
    }
}
