//! A task of one's own: as a direct call, on a pool of threads, and on workers; beside it, the break-even for its arguments.
//!
//! Does **not** know what the task does. It is run on a worker first: what kills its process or never ends is a failure
//! there, and nothing more.
//!
//! ```text
//!  0 ── first call, on a worker ── round 1: direct, spawned, spawned in batches, forked, .. ── round 2 ── half ── grid ── end
//!                                  may take until 80 % where the task is long                 later rounds end here
//! ```
//!
//! A turn that is expected to end too late is left out. A batch has at least two tasks for each worker: with fewer, workers could
//! not look better than one thread.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mp::Pool;
use mp_sys::clock::monotonic_ns;

use crate::account::Account;
use crate::block::Block;
use crate::control::{Control, Ended};
use crate::error::Error;
use crate::own_report::{OwnReport, Taken};
use crate::plan::{Call, Mode, Paced, Plan};
use crate::rig::pool;
use crate::stats::median;
use crate::subject::Subject;

/// Of the time, so much is for the task; the rest is for the grid with arguments of its size.
const OWN_SHARE: f64 = 0.5;

/// But so much for the first round, if that takes long: without it nothing can be said.
const FIRST_SHARE: f64 = 0.8;

/// Of the task's time, so much is for blocks; the rest is for what lies between them, and for calls that end a little late.
const SHARE: f64 = 0.6;

/// A larger time budget that is asked for has so much to spare.
const SPARE: f64 = 1.25;

/// Items of a batch, at most.
const MOST_ITEMS: usize = 100_000;

/// So many batches are timed in a block, if there is time.
const BATCHES: u32 = 4;

/// A round: each mode, single calls or batches (`true`). What advice is made from comes first.
const TURNS: [(Mode, bool); 7] = [
    (Mode::Direct, false),
    (Mode::Spawn, false),
    (Mode::Spawn, true),
    (Mode::ForkServer, false),
    (Mode::ForkServer, true),
    (Mode::PoolThreads, false),
    (Mode::PoolThreads, true),
];

/// How a task of one's own is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// How many workers, or threads.
    pub workers: usize,
    /// How often each mode has its turn.
    pub rounds: u32,
    /// All of it ends after this time, or with the call that is then running.
    pub time_budget: Duration,
}

impl Default for Own {
    fn default() -> Self {
        Self { workers: mp::cpu_count(), rounds: 3, time_budget: Duration::from_secs(10) }
    }
}

/// The blocks of each mode and call, a round each.
pub(crate) type OwnBlocks = BTreeMap<(Mode, bool), Vec<Block>>;

impl Own {
    /// Measures. What the task prints on workers goes nowhere; what it prints in direct calls and on threads goes where this
    /// process prints.
    ///
    /// # Errors
    /// When the task fails, on a worker first; when workers cannot be started.
    pub fn run(&self, subject: &dyn Subject, control: &Control) -> Result<OwnReport, Error> {
        if self.workers == 0 || self.rounds == 0 {
            return Err(Error::Plan("a task is measured with at least one worker, in at least one round".to_owned()));
        }
        let begun = Instant::now();
        let (turns, grid) = (u64::from(self.rounds) * TURNS.len() as u64, self.grid(subject));
        let total = turns + u64::from(grid.rounds) * grid.cells().len() as u64;
        let (taken, ended) = self.take(subject, &control.telling(&|done, _| control.step(done, total)))?;
        let left = self.time_budget.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        let (grid, step) = (Plan { time_budget: left, ..grid }, |done, _| control.step(turns + done, total));
        let run = || grid.run(&control.telling(&step));
        let grid = (ended != Ended::Interrupted).then(run).transpose()?;
        let ended =
            grid.as_ref().map_or(ended, |grid| if grid.ended == Ended::Interrupted { grid.ended } else { ended });
        Ok(OwnReport::new((subject.name(), subject.args_bytes()), self, &taken, (grid, ended)))
    }

    /// Arguments as large as the task's, for different times.
    fn grid(&self, subject: &dyn Subject) -> Plan {
        Plan {
            payloads: vec![subject.args_bytes()],
            workers: vec![self.workers],
            calls: vec![Call::Batch],
            paced: Paced::None,
            ..Plan::quick()
        }
    }

    fn take(&self, subject: &dyn Subject, control: &Control) -> Result<(Taken, Ended), Error> {
        let begun = Instant::now();
        let ends = [FIRST_SHARE, OWN_SHARE].map(|share| control.within(self.time_budget.mul_f64(share)));
        let pools =
            [Mode::Spawn, Mode::ForkServer, Mode::PoolThreads].map(|mode| Ok((mode, pool(mode, self.workers)?)));
        let pools = pools.into_iter().collect::<Result<BTreeMap<_, _>, Error>>()?;
        // What would take this process along shows itself on a worker.
        let first_ns = pools.get(&Mode::Spawn).map_or(Ok(0.0), |pool| timed(|| subject.single(pool)))?;
        let mut turns = Turns { own: self, subject, pools, first_ns, blocks: OwnBlocks::new() };
        let prepared = begun.elapsed();
        let ended = turns.all(&ends)?;
        let needed = turns.needed(prepared);
        Ok((Taken { blocks: turns.blocks, first_ns, needed }, ended))
    }

    /// The items of the smallest batch.
    pub(crate) fn least_items(&self) -> usize {
        2 * self.workers
    }
}

/// The rounds, while they are run.
struct Turns<'a> {
    own: &'a Own,
    subject: &'a dyn Subject,
    pools: BTreeMap<Mode, Pool>,
    first_ns: f64,
    blocks: OwnBlocks,
}

impl Turns<'_> {
    /// All rounds. Those after the first have the second end.
    fn all(&mut self, [first, later]: &[Control; 2]) -> Result<Ended, Error> {
        let (mut ended, mut done) = (Ended::Complete, 0);
        for round in 0..self.own.rounds {
            let control = if round == 0 { first } else { later };
            for turn in TURNS {
                control.step(done, 0);
                done += 1;
                if control.stopped() {
                    return Ok(Ended::Interrupted);
                }
                if self.expected(turn) >= control.left() {
                    ended = Ended::TimeBudget;
                    continue;
                }
                let block = self.block(turn, control)?;
                self.blocks.entry(turn).or_default().push(block);
            }
        }
        Ok(ended)
    }

    /// How long the shortest block of a turn takes, by what is known.
    fn expected(&self, (mode, batch): (Mode, bool)) -> Duration {
        let singles = self.blocks.get(&(mode, false)).map(|blocks| blocks.iter().flat_map(|block| block.times.clone()));
        let item_ns = singles.and_then(|times| median(times.collect())).unwrap_or(self.first_ns);
        let beside = self.own.workers.min(mp::cpu_count()).max(1) as f64;
        let items = if batch { self.own.least_items() as f64 / beside } else { 1.0 };
        Duration::from_nanos((item_ns * items) as u64)
    }

    /// The time budget in which each turn would have come, if some did not. `prepared` is what came before the first.
    fn needed(&self, prepared: Duration) -> Option<Duration> {
        if TURNS.iter().all(|turn| self.blocks.contains_key(turn)) {
            return None;
        }
        let round: Duration = TURNS.iter().map(|turn| self.expected(*turn)).sum();
        Some((prepared + round).mul_f64(SPARE / FIRST_SHARE).max(self.own.time_budget.mul_f64(SPARE)))
    }

    fn block(&self, (mode, batch): (Mode, bool), control: &Control) -> Result<Block, Error> {
        let pool = self.pools.get(&mode);
        let account = Account::open(&pool.map(Pool::worker_pids).unwrap_or_default());
        let share = OWN_SHARE * SHARE / f64::from(self.own.rounds) / TURNS.len() as f64;
        let slot = self.own.time_budget.mul_f64(share);
        let end = Instant::now() + slot;
        let (mut times, mut tasks, mut wall_ns) = (Vec::new(), 0, 0.0);
        let mut size = if batch { self.own.least_items() } else { 1 };
        while times.is_empty() || (Instant::now() < end && !control.stopped()) {
            let took = self.call((pool, batch), size)?;
            let wanted = slot.as_nanos() as f64 / f64::from(BATCHES) * size as f64 / took.max(1.0);
            if batch && times.is_empty() && wanted >= 2.0 * size as f64 && size < MOST_ITEMS && Instant::now() < end {
                // Only how long an item takes was to be found out, with ever larger batches.
                size = (wanted as usize).min(16 * size).min(MOST_ITEMS.max(size));
                continue;
            }
            times.push(took / size as f64);
            tasks += size as u64;
            wall_ns += took;
        }
        Ok(Block { times, tasks, wall_ns, way: None, cost: account.close() })
    }

    fn call(&self, (pool, batch): (Option<&Pool>, bool), size: usize) -> Result<f64, Error> {
        match pool {
            None => direct(self.subject),
            Some(pool) if batch => timed(|| self.subject.batch(pool, size)),
            Some(pool) => timed(|| self.subject.single(pool)),
        }
    }
}

fn direct(subject: &dyn Subject) -> Result<f64, Error> {
    catch_unwind(AssertUnwindSafe(|| subject.direct())).unwrap_or(Err(Error::Panicked))
}

fn timed(work: impl FnOnce() -> Result<(), Error>) -> Result<f64, Error> {
    let began_ns = monotonic_ns();
    work()?;
    Ok(monotonic_ns().saturating_sub(began_ns) as f64)
}
