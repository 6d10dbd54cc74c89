//! One mode, ready to run tasks: the same two calls for all of them.
//!
//! Does **not** time anything.

use mp::{Backend, Output, Pool, StartMethod};

use crate::error::Error;
use crate::lane::{Carrier, Lanes};
use crate::plan::Mode;
use crate::probe::{Item, Stamp, probe};

pub(crate) enum Rig {
    Direct,
    Lanes(Lanes),
    Pool(Pool),
}

impl Rig {
    pub(crate) fn new(mode: Mode, workers: usize) -> Result<Self, Error> {
        let lanes = |carrier| Lanes::new(carrier, workers).map(Self::Lanes);
        match mode {
            Mode::Direct => Ok(Self::Direct),
            Mode::Threads => lanes(Carrier::Moved),
            Mode::ThreadsEncoded => lanes(Carrier::Encoded),
            Mode::Ipc => lanes(Carrier::Line),
            Mode::PoolThreads | Mode::Spawn | Mode::ForkServer => pool(mode, workers).map(Self::Pool),
        }
    }

    /// One task, waited for.
    pub(crate) fn single(&mut self, (turns, payload): Item) -> Result<Stamp, Error> {
        match self {
            Self::Direct => Ok(probe(turns, payload)),
            Self::Lanes(lanes) => lanes.single((turns, payload)),
            Self::Pool(pool) => Ok(pool.apply(probe, (turns, payload))?),
        }
    }

    /// All of these, in whatever order they come.
    pub(crate) fn batch(&mut self, items: Vec<Item>) -> Result<Vec<Stamp>, Error> {
        match self {
            Self::Direct => Ok(items.into_iter().map(|(turns, payload)| probe(turns, payload)).collect()),
            Self::Lanes(lanes) => lanes.batch(items),
            Self::Pool(pool) => Ok(pool.starmap(probe, items)?),
        }
    }

    /// The processes whose cost counts beside this one's.
    pub(crate) fn pids(&self) -> Vec<u32> {
        match self {
            Self::Direct | Self::Lanes(_) => Vec::new(),
            Self::Pool(pool) => pool.worker_pids(),
        }
    }
}

/// `mp`'s pool for a mode that is one. What workers print goes nowhere: it is no figure, and a terminal would be measured too.
pub(crate) fn pool(mode: Mode, workers: usize) -> Result<Pool, Error> {
    let builder = Pool::builder().workers(workers).name("measure").output(Output::Null);
    let builder = match mode {
        Mode::ForkServer => builder.start_method(StartMethod::ForkServer),
        Mode::PoolThreads => builder.backend(Backend::Threads),
        Mode::Direct | Mode::Threads | Mode::ThreadsEncoded | Mode::Ipc | Mode::Spawn => builder,
    };
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Payload;

    mp::test_support!();

    #[test]
    fn every_mode_runs_one_and_many() {
        for mode in Mode::GRID {
            let mut rig = Rig::new(mode, 2).expect("starts");
            let stamp = rig.single((100, Payload::new(8))).expect("a stamp");
            assert!(stamp.began_ns <= stamp.ended_ns, "{mode:?}");
            let stamps = rig.batch((0..100).map(|_| (1, Payload::new(100_000))).collect()).expect("stamps");
            assert_eq!((stamps.len(), rig.pids().is_empty()), (100, !mode.is_workers()), "{mode:?}");
        }
    }
}
