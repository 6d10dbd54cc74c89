//! Where outcomes go: to the handle of a single task, each of many such, or to all items of a map.
//!
//! Does **not** know types: a value stays encoded until the caller takes it, in the caller's thread.
//!
//! Outcomes are put under the engine's lock, and who waits for them is woken after it: nobody is woken into a lock that is
//! still held.

use std::sync::Arc;

use mp_wire::Failure;
use mp_wire::item::Items;

use crate::many::Many;
use crate::one::{One, Value};
use crate::windows::Brought;

/// Where the outcomes of a job go.
#[derive(Clone, Debug)]
pub(crate) enum Sink {
    /// Of its only item.
    One(Arc<One>),
    /// Of its items, each has its own; none is left of those that have had their outcome.
    Each(Vec<Option<Arc<One>>>),
    /// Of its items, all the same.
    Many(Arc<Many>),
}

/// Those who are to be woken when the lock is gone.
#[derive(Debug, Default)]
pub(crate) struct News(Vec<Sink>);

impl News {
    fn one(&mut self, one: &Arc<One>, awaited: bool) {
        if awaited {
            self.0.push(Sink::One(Arc::clone(one)));
        }
    }

    fn many(&mut self, many: &Arc<Many>) {
        if !matches!(self.0.last(), Some(Sink::Many(last)) if Arc::ptr_eq(last, many)) {
            self.0.push(Sink::Many(Arc::clone(many)));
        }
    }

    /// Wakes them all.
    pub(crate) fn tell(self) {
        for sink in self.0 {
            match sink {
                Sink::One(one) => one.wake(),
                Sink::Many(many) => many.wake(),
                Sink::Each(_) => {}
            }
        }
    }
}

impl Sink {
    /// The items from `index` on of the caller's input have these values.
    pub(crate) fn put_values(&mut self, index: u64, values: Items<'_>, news: &mut News) {
        match self {
            Self::Many(many) => {
                many.put_values(index, values);
                news.many(many);
            }
            Self::One(_) | Self::Each(_) => {
                (index..).zip(values).for_each(|(index, value)| self.put_value(index, value, news));
            }
        }
    }

    /// Item `index` of the caller's input has this value.
    pub(crate) fn put_value(&mut self, index: u64, value: &[u8], news: &mut News) {
        match self {
            Self::Many(many) => {
                many.put_value(index, value);
                news.many(many);
            }
            Self::One(_) | Self::Each(_) => self.put_one(index, Ok(value.into()), news),
        }
    }

    /// As [`Sink::put_value`], for a value that is in a buffer of its own.
    pub(crate) fn put_owned(&mut self, index: u64, value: Vec<u8>, news: &mut News) {
        match self {
            Self::Many(_) => self.put_value(index, &value, news),
            Self::One(_) | Self::Each(_) => self.put_one(index, Ok(value.into()), news),
        }
    }

    /// Item `index` of the caller's input has a large value.
    pub(crate) fn put_brought(&mut self, index: u64, brought: Brought, news: &mut News) {
        match self {
            Self::Many(many) => {
                many.put_brought(index, brought);
                news.many(many);
            }
            Self::One(_) | Self::Each(_) => self.put_one(index, Ok(Value::Brought(brought)), news),
        }
    }

    /// Where the outcome of item `index` goes, to be put there later.
    pub(crate) fn set_apart(&mut self, index: u64) -> Self {
        match self {
            Self::Each(ones) => Self::Each(vec![ones.get_mut(index as usize).and_then(Option::take)]),
            Self::One(_) | Self::Many(_) => self.clone(),
        }
    }

    /// Item `index` of the caller's input has no value.
    pub(crate) fn put_failure(&mut self, index: u64, failure: Failure, news: &mut News) {
        match self {
            Self::Many(many) => {
                many.put_failure(index, failure);
                news.many(many);
            }
            Self::One(_) | Self::Each(_) => self.put_one(index, Err(Box::new(failure)), news),
        }
    }

    fn put_one(&mut self, index: u64, outcome: crate::one::Raw, news: &mut News) {
        match self {
            Self::One(one) => {
                let awaited = one.put(outcome);
                news.one(one, awaited);
            }
            Self::Each(ones) => {
                if let Some(one) = ones.get_mut(index as usize).and_then(Option::take) {
                    let awaited = one.put(outcome);
                    news.one(&one, awaited);
                }
            }
            Self::Many(_) => {}
        }
    }

    /// Lets the outcomes of `other`, whose items follow these, go the same way, if they can. `items` are here already, the
    /// first of them is the `base`-th of the caller's input; the first of the others is the `other_base`-th of theirs.
    pub(crate) fn absorb(&mut self, (base, items): (u64, u32), (other, other_base): (&Self, u64)) -> bool {
        match (&mut *self, other) {
            (Self::Many(many), Self::Many(more)) => Arc::ptr_eq(many, more) && base + u64::from(items) == other_base,
            (_, Self::One(one)) => self.join(one),
            _ => false,
        }
    }

    /// Lets the outcome of one item more go to `one`, if each has its own.
    pub(crate) fn join(&mut self, one: &Arc<One>) -> bool {
        match self {
            Self::Each(ones) => ones.push(Some(Arc::clone(one))),
            Self::One(first) => *self = Self::Each(vec![Some(Arc::clone(first)), Some(Arc::clone(one))]),
            Self::Many(_) => return false,
        }
        true
    }
}
