//! What a forked worker renews before its first task, as its program says.
//!
//! Does **not** know what that is.

use parking_lot::Mutex;

type Renew = Box<dyn Fn() + Send>;

static ALL: Mutex<Vec<Renew>> = Mutex::new(Vec::new());

/// Has `renew` called in every worker that is forked from this process from now on, before its first task.
///
/// A forked worker is a copy, also of what was to be different in each: the state of a random generator in a static, a
/// connection, a pid that was noted. What lives in thread-locals is made anew without this (`rand::rng()`, the keys of
/// `HashMap`). To be called in the function given to `PoolBuilder::preload`, or, for `StartMethod::Fork`, before the
/// pool is built. Python: `os.register_at_fork(after_in_child=..)`.
pub fn after_fork(renew: impl Fn() + Send + 'static) {
    ALL.lock().push(Box::new(renew));
}

/// In a forked worker. What it would have to renew is taken from the list first: a hook may add to it.
pub(crate) fn renew() {
    let all = std::mem::take(&mut *ALL.lock());
    all.iter().for_each(|renew| renew());
    ALL.lock().splice(0..0, all);
}
