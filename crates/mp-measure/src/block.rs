//! A block: one cell in one mode for a moment, timed.
//!
//! Does **not** know the other modes, nor what the figures come to.

use std::time::{Duration, Instant};

use mp_sys::clock::monotonic_ns;

use crate::account::{Account, Cost};
use crate::control::Control;
use crate::error::Error;
use crate::plan::{Call, Cell, Rhythm};
use crate::probe::{Item, Payload, Stamp};
use crate::rig::Rig;
use crate::stats::median;

/// Between two paced calls: longer than anybody stays awake.
const PAUSE: Duration = Duration::from_millis(2);

/// Single calls in a block, at most.
const MOST_CALLS: usize = 20_000;

/// Items of a batch, at most, and the bytes of their payloads.
const MOST_ITEMS: f64 = 200_000.0;
const MOST_BYTES: f64 = 128e6;

/// Tasks up to this time are run once before they are timed.
const WARM_UP_TO_NS: u64 = 10_000_000;

/// What is run in a block, and for how long.
pub(crate) struct Order<'a> {
    pub(crate) cell: Cell,
    pub(crate) turns: u64,
    pub(crate) payload: &'a Payload,
    pub(crate) slot: Duration,
}

/// Where the time of a single call went, by the clock that all processes share; medians, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Way {
    /// From the call to the first statement of the function: encoded, handed over, woken, decoded.
    pub there_ns: f64,
    /// In the function.
    pub run_ns: f64,
    /// From its return until the caller has the value.
    pub back_ns: f64,
}

/// What a block came to.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Single: of each call. Batch: of each batch, divided by its items. In nanoseconds.
    pub(crate) times: Vec<f64>,
    pub(crate) tasks: u64,
    pub(crate) wall_ns: f64,
    pub(crate) way: Option<Way>,
    pub(crate) cost: Cost,
}

impl Order<'_> {
    fn item(&self) -> Item {
        (self.turns, self.payload.clone())
    }

    /// Runs it. At least one call, however long it takes.
    pub(crate) fn run(&self, rig: &mut Rig, control: &Control) -> Result<Block, Error> {
        if self.cell.task_ns <= WARM_UP_TO_NS {
            rig.single(self.item())?;
        }
        let account = Account::open(&rig.pids());
        let block = match self.cell.call {
            Call::Single => self.single(rig, control),
            Call::Batch => self.batch(rig, control),
        };
        Ok(Block { cost: account.close(), ..block? })
    }

    fn single(&self, rig: &mut Rig, control: &Control) -> Result<Block, Error> {
        let (mut calls, end) = (Vec::new(), Instant::now() + self.slot);
        while calls.is_empty() || (Instant::now() < end && calls.len() < MOST_CALLS && !control.stopped()) {
            if self.cell.rhythm == Rhythm::Paced {
                std::thread::sleep(PAUSE);
            }
            let item = self.item();
            let called_ns = monotonic_ns();
            let stamp = rig.single(item)?;
            calls.push((called_ns, stamp, monotonic_ns()));
        }
        let times: Vec<_> = calls.iter().map(|(called, _, got)| since(*called, *got)).collect();
        let wall_ns = times.iter().sum();
        Ok(Block { tasks: times.len() as u64, wall_ns, times, way: way(&calls), cost: Cost::default() })
    }

    fn batch(&self, rig: &mut Rig, control: &Control) -> Result<Block, Error> {
        let (mut times, mut tasks, mut wall_ns) = (Vec::new(), 0, 0.0);
        let end = Instant::now() + self.slot;
        let mut size = self.first_size();
        while times.is_empty() || (Instant::now() < end && !control.stopped()) {
            let items = (0..size).map(|_| self.item()).collect();
            let called_ns = monotonic_ns();
            rig.batch(items)?;
            let took = since(called_ns, monotonic_ns());
            if let Some(larger) = self.larger(size, took).filter(|_| times.is_empty() && Instant::now() < end) {
                // It only told how long an item takes. Each is larger than the one before, so this ends.
                size = larger;
                continue;
            }
            times.push(took / size as f64);
            tasks += size as u64;
            wall_ns += took;
        }
        Ok(Block { times, tasks, wall_ns, way: None, cost: Cost::default() })
    }

    /// A better size than `size`, which took a small part of the slot.
    fn larger(&self, size: usize, took: f64) -> Option<usize> {
        let wanted = 0.4 * self.slot_ns() * size as f64 / took.max(1.0);
        let larger = (wanted as usize).min(self.most());
        (took < 0.2 * self.slot_ns() && larger > size).then_some(larger)
    }

    fn slot_ns(&self) -> f64 {
        self.slot.as_nanos() as f64
    }

    fn most(&self) -> usize {
        let bytes = self.cell.payload_bytes.max(1) as f64;
        ((MOST_BYTES / bytes).min(MOST_ITEMS) as usize).max(2 * self.cell.workers)
    }

    /// Enough for each worker to have some, and no more than fit into the slot if a task costs nothing beside its work.
    fn first_size(&self) -> usize {
        let each = (self.cell.task_ns + self.cell.payload_bytes / 2) as f64 + 2_000.0;
        let fits = 0.1 * self.slot_ns() * self.cell.workers as f64 / each;
        (fits as usize).clamp(2 * self.cell.workers, self.most())
    }
}

fn since(begin_ns: u64, end_ns: u64) -> f64 {
    end_ns.saturating_sub(begin_ns) as f64
}

fn way(calls: &[(u64, Stamp, u64)]) -> Option<Way> {
    let of = |part: fn(&(u64, Stamp, u64)) -> f64| median(calls.iter().map(part).collect());
    Some(Way {
        there_ns: of(|(called, stamp, _)| since(*called, stamp.began_ns))?,
        run_ns: of(|(_, stamp, _)| stamp.run_ns())?,
        back_ns: of(|(_, stamp, got)| since(stamp.ended_ns, *got))?,
    })
}
