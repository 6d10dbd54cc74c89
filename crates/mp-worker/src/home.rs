//! What a worker keeps for its tasks: the state that they are lent, and the objects that all workers were sent.
//!
//! Does **not** know how it came: `setup` runs what makes it.
//!
//! ```text
//!  task ─ lend ─▶ the state is taken out ─▶ fn(&mut S, ..) ─┬▶ returned: put back
//!                                                          └▶ panicked: put back as spoiled ─ next task ─▶ dropped, made anew
//! ```
//!
//! It belongs to the thread that runs the tasks: a worker's, or, where there are no workers, each that submits.

use std::any::{Any, TypeId, type_name};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Makes the state of the calling thread; gives what went wrong.
pub(crate) type Remake = Rc<dyn Fn() -> Result<(), String>>;

/// What one thread keeps for the tasks of one pool.
#[derive(Default)]
struct Home {
    remake: Option<Remake>,
    state: Option<Box<dyn Any>>,
    /// A task has panicked with it: nobody knows how far it got.
    spoiled: bool,
    shared: BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

thread_local! {
    static HOME: RefCell<Home> = RefCell::default();
    /// Those of pools without workers that have run something in this thread, by their numbers.
    static AWAY: RefCell<BTreeMap<u64, Home>> = RefCell::default();
}

/// The object of type `T` that [`PoolBuilder::shared`] sent to each worker. It was decoded once in this worker; to ask for it
/// costs some nanoseconds. Only the thread that runs the task can ask: it can hand the `Arc` to threads of its own.
/// mpire: `shared_objects`.
///
/// # Panics
/// Where the pool shares none of this type, and outside of a task, as [`try_shared`] does not.
///
/// [`PoolBuilder::shared`]: https://docs.rs/mp-supervisor
#[must_use]
#[track_caller]
pub fn shared<T: Send + Sync + 'static>() -> Arc<T> {
    let found = try_shared();
    assert!(found.is_some(), "no {} is shared with this worker: give one to PoolBuilder::shared", type_name::<T>());
    found.unwrap_or_else(|| unreachable!("looked at in the line before"))
}

/// As [`shared`]; `None` where there is none.
///
/// ```
/// assert_eq!(mp_worker::try_shared::<String>(), None);
/// ```
#[must_use]
pub fn try_shared<T: Send + Sync + 'static>() -> Option<Arc<T>> {
    // A thread that ends has nothing any more.
    let found = HOME.try_with(|home| home.borrow().shared.get(&TypeId::of::<T>()).cloned()).ok()??;
    found.downcast().ok()
}

pub(crate) fn keep_shared<T: Send + Sync + 'static>(value: T) {
    HOME.with_borrow_mut(|home| home.shared.insert(TypeId::of::<T>(), Arc::new(value)));
}

/// The state has been made.
pub(crate) fn keep_state<S: 'static>(state: S) {
    put_back(Box::new(state), false);
}

/// How the state is made, when it must be made again.
pub(crate) fn keep_remake(remake: Remake) {
    HOME.with_borrow_mut(|home| home.remake = Some(remake));
}

/// Runs `task` with this thread's state.
///
/// # Panics
/// When there is none of this type, and none can be made.
#[inline]
pub(crate) fn lend<S: 'static, T>(task: impl FnOnce(&mut S) -> T) -> T {
    let mut lent = Lent { state: Some(fetch()), whole: false };
    let state = lent.state.as_mut().and_then(|state| state.downcast_mut::<S>());
    let Some(state) = state else { panic!("this worker has no state of type {}", type_name::<S>()) };
    let value = task(state);
    lent.whole = true;
    value
}

/// A state that a task has. It is not dropped while a panic passes by: a second panic would be the end of the process.
struct Lent {
    state: Option<Box<dyn Any>>,
    whole: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            put_back(state, !self.whole);
        }
    }
}

fn put_back(state: Box<dyn Any>, spoiled: bool) {
    let before = HOME.with_borrow_mut(|home| {
        home.spoiled = spoiled;
        home.state.replace(state)
    });
    // Code of the caller's, which may ask for what is here.
    drop(before);
}

fn fetch() -> Box<dyn Any> {
    let (state, spoiled) = HOME.with_borrow_mut(|home| (home.state.take(), home.spoiled));
    match state {
        Some(state) if !spoiled => state,
        other => made_anew(other),
    }
}

#[cold]
fn made_anew(spoiled: Option<Box<dyn Any>>) -> Box<dyn Any> {
    drop(spoiled);
    let remake = HOME.with_borrow(|home| home.remake.clone());
    let Some(remake) = remake else {
        panic!("this worker has no state: its pool was built without PoolBuilder::state")
    };
    if let Err(reason) = remake() {
        panic!("the worker's state was left by a panic, and could not be made again: {reason}");
    }
    let made = HOME.with_borrow_mut(|home| home.state.take());
    made.unwrap_or_else(|| panic!("what makes the worker's state has made none"))
}

/// At a worker's end: drops what it has. The state first, which may ask for what is shared.
pub(crate) fn end() {
    let state = HOME.with_borrow_mut(|home| home.state.take());
    drop(state);
    drop(HOME.take());
}

/// Runs `body` with what this thread keeps for pool `number`, which has no workers; `prepare` makes that the first time.
///
/// # Errors
/// Those of `prepare`, which is then asked again the next time.
pub fn at_home<T>(
    number: u64,
    prepare: impl FnOnce() -> Result<(), String>,
    body: impl FnOnce() -> T,
) -> Result<T, String> {
    let known = AWAY.try_with(|away| away.borrow_mut().remove(&number));
    let known = known.map_err(|_| "this thread is ending".to_owned())?;
    let is_new = known.is_none();
    let mut visit = Visit { number, outer: Some(HOME.replace(known.unwrap_or_default())), keep: false };
    if is_new {
        prepare()?;
    }
    visit.keep = true;
    Ok(body())
}

/// Drops what this thread keeps for pool `number`.
pub fn leave_home(number: u64) {
    // A thread that ends has dropped it, or is about to.
    drop(AWAY.try_with(|away| away.borrow_mut().remove(&number)));
}

/// Puts back what was there before, also when a panic passes by.
struct Visit {
    number: u64,
    outer: Option<Home>,
    keep: bool,
}

impl Drop for Visit {
    fn drop(&mut self) {
        let own = HOME.replace(self.outer.take().unwrap_or_default());
        let over = if self.keep { AWAY.with_borrow_mut(|away| away.insert(self.number, own)) } else { Some(own) };
        drop(over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_state_that_saw_a_panic_is_made_anew_for_the_next() {
        keep_state(1_u32);
        keep_remake(Rc::new(|| {
            keep_state(100_u32);
            Ok(())
        }));
        lend(|state: &mut u32| *state += 1);
        assert_eq!(lend(|state: &mut u32| *state), 2);
        let panicked = catch_unwind(AssertUnwindSafe(|| lend(|_: &mut u32| panic!("no luck"))));
        assert!(panicked.is_err());
        assert_eq!(lend(|state: &mut u32| *state), 100);
        let other = catch_unwind(AssertUnwindSafe(|| lend(|_: &mut String| ())));
        assert!(other.is_err(), "it is of another type");
        end();
    }

    #[test]
    fn each_pool_without_workers_has_its_own() {
        let count = |number| {
            let prepare = || {
                keep_state(number * 10);
                Ok(())
            };
            at_home(number, prepare, || {
                lend(|state: &mut u64| {
                    *state += 1;
                    *state
                })
            })
        };
        assert_eq!((count(1), count(2), count(1)), (Ok(11), Ok(21), Ok(12)));
        leave_home(1);
        assert_eq!((count(1), count(2)), (Ok(11), Ok(22)));
        assert_eq!(at_home(3, || Err("no model".to_owned()), || ()), Err("no model".to_owned()));
    }
}
