//! Where workers run, and before whom: processors, niceness, and how many threads their libraries take.
//!
//! Does **not** know how it is done (`mp-sys` does), nor when: a worker does it to itself, before anything of the user's.

use std::ffi::OsString;

use mp_wire::frame::Seat;

use crate::builder::PoolBuilder;
use crate::error::{Error, Result};
use crate::settings::{Backend, StartMethod};

/// Where libraries look for how many threads they may start, unless they are told otherwise.
const INNER: [&str; 10] = [
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
];

/// What was said of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats {
    nice: i32,
    pin: Pin,
    inner: Inner,
}

#[derive(Clone, Debug, Default)]
enum Pin {
    #[default]
    Nowhere,
    /// One processor each, of those that this process may use.
    One,
    /// The first worker here, the second there, and so on, and round again.
    To(Vec<Vec<u32>>),
}

#[derive(Clone, Copy, Debug, Default)]
enum Inner {
    /// Each its share of the processors.
    #[default]
    Share,
    Untold,
    Most(usize),
}

/// What the workers of one pool are told: as many seats as they take turns in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    nice: i32,
    cpus: Vec<Vec<u32>>,
}

impl Plan {
    /// Whether a worker has something to do for it.
    pub(crate) fn is_something(&self) -> bool {
        self.nice != 0 || !self.cpus.is_empty()
    }

    pub(crate) fn of(&self, slot: u32) -> Seat {
        let turn = (slot as usize).checked_rem(self.cpus.len());
        Seat { nice: self.nice, cpus: turn.map_or_else(Vec::new, |turn| self.cpus[turn].clone()) }
    }
}

impl PoolBuilder {
    /// Makes workers so much nicer than this process: from 1, a little, to 19, they run when nobody else wants to. By default 0.
    /// Below 0 they run before others, which takes a privilege: without it no worker starts, as with an initializer that fails.
    /// Threads are meant too; not the calling thread, with [`Backend::Serial`]. Python: `os.nice` in an initializer.
    ///
    /// ```no_run
    /// let pool = mp_supervisor::Pool::builder().nice(10).build()?;
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn nice(mut self, by: i32) -> Self {
        self.seats.nice = by;
        self
    }

    /// Has each worker run on one processor only, of those that this process may use: the first worker on the first, and
    /// round again where there are more workers. By default no. Threads are meant too; not the calling thread, with
    /// [`Backend::Serial`]. mpire: `cpu_ids`.
    ///
    /// It helps work that lives in its processor's caches, and harms where others want the same processor: the scheduler of the system can
    /// no longer step aside. What a worker starts is pinned with it.
    ///
    /// ```no_run
    /// let pool = mp_supervisor::Pool::builder().pin_workers(true).build()?;
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn pin_workers(mut self, pin: bool) -> Self {
        self.seats.pin = if pin { Pin::One } else { Pin::Nowhere };
        self
    }

    /// As [`PoolBuilder::pin_workers`], to these processors: the first worker to the first set, and round again.
    ///
    /// ```no_run
    /// let pool = mp_supervisor::Pool::builder().workers(2).pin_workers_to([vec![0, 1], vec![2, 3]]).build()?;
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn pin_workers_to(mut self, sets: impl IntoIterator<Item = Vec<u32>>) -> Self {
        self.seats.pin = Pin::To(sets.into_iter().collect());
        self
    }

    /// How many threads a thread pool within a worker may have: told to rayon, tokio, OpenMP, OpenBLAS, MKL and others by the
    /// variables that they read (`RAYON_NUM_THREADS`, `OMP_NUM_THREADS` ..). One that is set already is left as it is.
    ///
    /// By default each worker process has its share of the processors, at least 1: workers that each take all of them
    /// would be in each other's way. `None` leaves the environment alone. Threads and forks of this process
    /// ([`StartMethod::Fork`]) have this process's environment. loky: `inner_max_num_threads`.
    ///
    /// ```no_run
    /// let pool = mp_supervisor::Pool::builder().workers(4).inner_threads(2).build()?;
    /// let untold = mp_supervisor::Pool::builder().workers(4).inner_threads(None).build()?;
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn inner_threads(mut self, threads: impl Into<Option<usize>>) -> Self {
        self.seats.inner = threads.into().map_or(Inner::Untold, Inner::Most);
        self
    }
}

impl Seats {
    /// What workers are told of it, when they are there.
    pub(crate) fn plan(&self, backend: Backend) -> Result<Plan> {
        if let Inner::Most(0) = self.inner {
            return Err(Error::Invalid("a thread pool within a worker needs at least 1 thread, not 0".to_owned()));
        }
        if backend == Backend::Serial {
            return Ok(Plan::default());
        }
        let cpus = match &self.pin {
            Pin::Nowhere => Vec::new(),
            Pin::One => allowed()?.into_iter().map(|cpu| vec![cpu]).collect(),
            Pin::To(sets) => check(sets)?,
        };
        Ok(Plan { nice: self.nice, cpus })
    }

    /// What is added to the environment of `workers` worker processes.
    pub(crate) fn env(&self, workers: usize, how: (Backend, StartMethod)) -> Vec<(OsString, OsString)> {
        let threads = match (self.inner, how) {
            (Inner::Untold, _) | (_, (Backend::Threads | Backend::Serial, _) | (_, StartMethod::Fork)) => {
                return Vec::new();
            }
            (Inner::Most(threads), _) => threads,
            (Inner::Share, _) => {
                let all = crate::cpu_count();
                // One worker has all of them, as if nothing were said.
                if workers <= 1 {
                    return Vec::new();
                }
                (all / workers).max(1)
            }
        };
        let unset = INNER.into_iter().filter(|name| std::env::var_os(name).is_none());
        unset.map(|name| (name.into(), threads.to_string().into())).collect()
    }
}

fn allowed() -> Result<Vec<u32>> {
    mp_sys::seat::cpus().map_err(|source| Error::Os { doing: "this process's processors could not be told", source })
}

fn check(sets: &[Vec<u32>]) -> Result<Vec<Vec<u32>>> {
    let allowed = allowed()?;
    let refused = |text: String| Err(Error::Invalid(text));
    if sets.is_empty() || sets.iter().any(Vec::is_empty) {
        return refused("a worker needs at least 1 processor to be pinned to".to_owned());
    }
    match sets.iter().flatten().find(|cpu| !allowed.contains(cpu)) {
        Some(cpu) => refused(format!("a worker cannot be pinned to processor {cpu}: this process may use {allowed:?}")),
        None => Ok(sets.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_take_turns() {
        let plan = Plan { nice: 3, cpus: vec![vec![0, 1], vec![2]] };
        assert_eq!([0, 1, 2, 7].map(|slot| plan.of(slot).cpus), [vec![0, 1], vec![2], vec![0, 1], vec![2]]);
        assert!(plan.is_something() && !Plan::default().is_something());
        assert_eq!(Plan::default().of(5), Seat::default());
    }

    #[test]
    fn each_worker_is_told_its_share_of_the_processors() {
        let how = (Backend::Processes, StartMethod::Spawn);
        let told = |seats: &Seats, workers, how| seats.env(workers, how).first().map(|(_, threads)| threads.clone());
        let (share, most) = (Seats::default(), Seats { inner: Inner::Most(3), ..Seats::default() });
        assert_eq!(told(&share, 1, how), None, "as if nothing were said");
        assert_eq!(told(&share, 1 << 16, how), Some("1".into()));
        assert_eq!(told(&most, 1, how), Some("3".into()));
        assert_eq!(told(&most, 1, (Backend::Threads, StartMethod::Spawn)), None);
        assert_eq!(told(&Seats { inner: Inner::Untold, ..Seats::default() }, 9, how), None);
        assert!(Seats { inner: Inner::Most(0), ..Seats::default() }.plan(Backend::Processes).is_err());
    }
}
