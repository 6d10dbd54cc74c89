//! `mp::pool()`: one pool for a whole program, made when it is first wanted, and again when it has ended.
//!
//! Does **not** know workers. In one it gives no workers of its own: see [`pool`].

use std::cell::OnceCell;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::builder::PoolBuilder;
use crate::error::{Error, Result};
use crate::pool::Pool;
use crate::settings::Backend;

struct Global {
    /// As it is to be, if anybody has said so.
    builder: Option<PoolBuilder>,
    pool: Option<Arc<Pool>>,
}

static GLOBAL: Mutex<Global> = Mutex::new(Global { builder: None, pool: None });

thread_local! {
    /// Of a thread within a worker.
    static INNER: OnceCell<Arc<Pool>> = const { OnceCell::new() };
}

/// The pool of the whole program: made at its first use, with [`crate::cpu_count`] workers or as [`set_pool`] says, and given
/// to all who ask. When it has ended, by itself because its workers died too often, or because somebody closed it, the next
/// call makes a new one. loky: `get_reusable_executor`; rayon's global pool.
///
/// It ends with the program: then its workers are ended by the system, at once and without their finalizers. [`end_pool`] ends it
/// as [`Pool::join`] does.
///
/// Within a worker (of any pool, or of a [`crate::Process`]) it is one that runs each task in the calling thread, whatever [`set_pool`] says:
/// code that uses it can be called from tasks, and processes don't multiply. A task that wants workers of its own builds a
/// [`Pool`]; those are at most 8 deep ([`Error::TooDeep`]).
///
/// ```no_run
/// fn sum_of_squares(numbers: Vec<u64>) -> Result<u64, Box<dyn std::error::Error>> {
///     Ok(mp_supervisor::pool()?.map(|n: u64| n * n, numbers)?.iter().sum())
/// }
/// assert_eq!(sum_of_squares(vec![1, 2, 3])?, 14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`PoolBuilder::build`].
pub fn pool() -> Result<Arc<Pool>> {
    if mp_worker::is_serving() || mp_worker::current_worker().is_some() {
        return inner();
    }
    if mp_worker::is_preloading() {
        return Err(Error::Invalid("a preload cannot use the program's pool, which may be waiting for it".to_owned()));
    }
    let (pool, over) = {
        let mut global = GLOBAL.lock();
        let over = global.pool.take_if(|pool| !pool.host().is_open());
        if global.pool.is_none() {
            let builder = global.builder.clone().unwrap_or_else(|| Pool::builder().name("global"));
            global.pool = Some(Arc::new(builder.build()?));
        }
        (global.pool.clone(), over)
    };
    // Not under the lock: it may wait for workers that are ending.
    drop(over);
    pool.ok_or_else(|| Error::Ended("the program's pool has ended".to_owned()))
}

/// Says how [`pool`] is to make the program's pool, from now on. One that is there already stays with those who have it, and
/// ends when the last of them lets go.
///
/// ```no_run
/// mp_supervisor::set_pool(mp_supervisor::Pool::builder().workers(2).name("mine"));
/// assert_eq!(mp_supervisor::pool()?.stats().workers, 2);
/// # Ok::<(), mp_supervisor::Error>(())
/// ```
pub fn set_pool(builder: PoolBuilder) {
    let before = {
        let mut global = GLOBAL.lock();
        (global.builder.replace(builder), global.pool.take())
    };
    drop(before);
}

/// Ends the program's pool, if there is one, when all that was submitted has run; the next [`pool`] makes a new one.
///
/// # Errors
/// As [`Pool::join`].
pub fn end_pool() -> Result<()> {
    let pool = GLOBAL.lock().pool.take();
    pool.map_or(Ok(()), |pool| pool.join())
}

/// One for each thread, so that none waits for another.
fn inner() -> Result<Arc<Pool>> {
    INNER.with(|inner| {
        if let Some(pool) = inner.get() {
            return Ok(Arc::clone(pool));
        }
        let pool = Arc::new(Pool::builder().name("global").backend(Backend::Serial).build()?);
        Ok(Arc::clone(inner.get_or_init(|| pool)))
    })
}
