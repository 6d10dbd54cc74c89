//! A task of one's own: as a direct call, on a pool of threads, and on workers; beside it, the break-even for its arguments.
//!
//! Does **not** know what the task does. It is run on a worker first: what kills its process or never ends is a failure
//! there, and nothing more.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mp::{NamedTask, Pool, Task};
use mp_sys::clock::monotonic_ns;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::account::Account;
use crate::block::Block;
use crate::control::{Control, Ended};
use crate::error::Error;
use crate::own_report::OwnReport;
use crate::plan::{Call, Mode, Paced, Plan};
use crate::rig::pool;
use crate::stats::median;

/// Of the time, so much is for the task; the rest is for the grid with arguments of its size.
const OWN_SHARE: f64 = 0.5;

/// Items of a batch, at most.
const MOST_ITEMS: usize = 100_000;

/// So many batches are timed in a block, if there is time.
const BATCHES: u32 = 4;

/// What can be measured.
pub trait Subject {
    /// For people.
    fn name(&self) -> String;
    /// How many bytes its encoded arguments have.
    fn args_bytes(&self) -> u64;
    /// Calls it here; how long the function alone ran, in nanoseconds.
    ///
    /// # Errors
    /// When its arguments or its result cannot be encoded.
    fn direct(&self) -> Result<f64, Error>;
    /// Runs it on the pool, and waits for its value.
    ///
    /// # Errors
    /// When it fails.
    fn single(&self, pool: &Pool) -> Result<(), Error>;
    /// Runs it so often, as a batch.
    ///
    /// # Errors
    /// When one fails.
    fn batch(&self, pool: &Pool, count: usize) -> Result<(), Error>;
}

/// A function and its arguments, as [`Pool::apply`] takes them.
#[derive(Clone, Copy, Debug)]
pub struct Function<F, Args> {
    task: F,
    args: Args,
}

impl<F: Task<Args>, Args: Serialize + DeserializeOwned + Clone> Function<F, Args> {
    /// What a pool would be given.
    pub fn new(task: F, args: Args) -> Self {
        Self { task, args }
    }
}

impl<F: Task<Args>, Args: Serialize + DeserializeOwned + Clone> Subject for Function<F, Args> {
    fn name(&self) -> String {
        std::any::type_name::<F>().to_owned()
    }

    fn args_bytes(&self) -> u64 {
        mp_wire::codec::encode(&self.args).map_or(0, |bytes| bytes.len() as u64)
    }

    fn direct(&self) -> Result<f64, Error> {
        let args = self.args.clone();
        let called_ns = monotonic_ns();
        std::hint::black_box(self.task.run(args));
        Ok(monotonic_ns().saturating_sub(called_ns) as f64)
    }

    fn single(&self, pool: &Pool) -> Result<(), Error> {
        Ok(pool.apply(self.task, self.args.clone()).map(drop)?)
    }

    fn batch(&self, pool: &Pool, count: usize) -> Result<(), Error> {
        Ok(pool.starmap(self.task, std::iter::repeat_n(self.args.clone(), count)).map(drop)?)
    }
}

/// A task with a name, and its encoded arguments.
#[derive(Clone, Debug)]
pub struct Named {
    /// Which.
    pub task: &'static NamedTask,
    /// As its `encode` made them.
    pub args: Vec<u8>,
}

impl Subject for Named {
    fn name(&self) -> String {
        self.task.name.to_owned()
    }

    fn args_bytes(&self) -> u64 {
        self.args.len() as u64
    }

    fn direct(&self) -> Result<f64, Error> {
        let mut result = Vec::new();
        self.task.run(&self.args, &mut result).map(|ran| ran.run_ns as f64).map_err(|error| error.reason.into())
    }

    fn single(&self, pool: &Pool) -> Result<(), Error> {
        Ok(pool.submit_named(self.task, self.args.clone())?.get().map(drop)?)
    }

    fn batch(&self, pool: &Pool, count: usize) -> Result<(), Error> {
        let items = std::iter::repeat_n(self.args.clone(), count);
        Ok(pool.imap_unordered_named(self.task, items).try_for_each(|(_, outcome)| outcome.map(drop))?)
    }
}

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
    /// Measures.
    ///
    /// # Errors
    /// When the task fails, on a worker first; when workers cannot be started.
    pub fn run(&self, subject: &dyn Subject, control: &Control) -> Result<OwnReport, Error> {
        if self.workers == 0 || self.rounds == 0 {
            return Err(Error::Plan("a task is measured with at least one worker, in at least one round".to_owned()));
        }
        let begun = Instant::now();
        let of_task = control.within(self.time_budget.mul_f64(OWN_SHARE));
        let (blocks, ended) = self.blocks(subject, &of_task)?;
        let left = self.time_budget.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        let grid = (ended != Ended::Interrupted).then(|| self.grid(subject, left).run(control)).transpose()?;
        let ended =
            grid.as_ref().map_or(ended, |grid| if grid.ended == Ended::Interrupted { grid.ended } else { ended });
        Ok(OwnReport::new((subject.name(), subject.args_bytes()), self.workers, &blocks, (grid, ended)))
    }

    /// Arguments as large as the task's, for different times.
    fn grid(&self, subject: &dyn Subject, time_budget: Duration) -> Plan {
        Plan {
            payloads: vec![subject.args_bytes()],
            workers: vec![self.workers],
            calls: vec![Call::Batch],
            paced: Paced::None,
            time_budget,
            ..Plan::quick()
        }
    }

    fn blocks(&self, subject: &dyn Subject, control: &Control) -> Result<(OwnBlocks, Ended), Error> {
        let pools =
            [Mode::Spawn, Mode::ForkServer, Mode::PoolThreads].map(|mode| Ok((mode, pool(mode, self.workers)?)));
        let pools = pools.into_iter().collect::<Result<BTreeMap<_, _>, Error>>()?;
        for mode in [Mode::Spawn, Mode::ForkServer] {
            // What would take this process along shows itself on a worker.
            pools.get(&mode).map_or(Ok(()), |pool| subject.single(pool))?;
        }
        let slot = self.time_budget.mul_f64(OWN_SHARE / f64::from(self.rounds) / 7.0);
        let mut blocks = OwnBlocks::new();
        for _ in 0..self.rounds {
            for mode in Mode::OWN {
                for batch in [false, true] {
                    let pool = pools.get(&mode);
                    if batch && pool.is_none() {
                        continue;
                    }
                    if let Some(ended) = control.ended() {
                        return Ok((blocks, ended));
                    }
                    let block = block(subject, (pool, batch), (slot, control))?;
                    blocks.entry((mode, batch)).or_default().push(block);
                }
            }
        }
        Ok((blocks, Ended::Complete))
    }
}

fn block(
    subject: &dyn Subject,
    (pool, batch): (Option<&Pool>, bool),
    (slot, control): (Duration, &Control),
) -> Result<Block, Error> {
    let account = Account::open(&pool.map(Pool::worker_pids).unwrap_or_default());
    let end = Instant::now() + slot;
    let (mut times, mut size) = (Vec::new(), 1);
    let mut tasks = 0;
    while times.is_empty() || (Instant::now() < end && !control.stopped()) {
        let took = match pool {
            None => direct(subject)?,
            Some(pool) if batch => timed(|| subject.batch(pool, size))?,
            Some(pool) => timed(|| subject.single(pool))?,
        };
        let wanted = slot.as_nanos() as f64 / f64::from(BATCHES) * size as f64 / took.max(1.0);
        if batch && times.is_empty() && wanted >= 2.0 * size as f64 && size < MOST_ITEMS && Instant::now() < end {
            // Only how long an item takes was to be found out, with ever larger batches.
            size = (wanted as usize).min(16 * size).min(MOST_ITEMS);
            continue;
        }
        times.push(took / size as f64);
        tasks += size as u64;
    }
    let wall_ns = median(times.clone()).unwrap_or(0.0) * tasks as f64;
    Ok(Block { times, tasks, wall_ns, way: None, cost: account.close() })
}

fn direct(subject: &dyn Subject) -> Result<f64, Error> {
    catch_unwind(AssertUnwindSafe(|| subject.direct())).unwrap_or(Err(Error::Panicked))
}

fn timed(work: impl FnOnce() -> Result<(), Error>) -> Result<f64, Error> {
    let began_ns = monotonic_ns();
    work()?;
    Ok(monotonic_ns().saturating_sub(began_ns) as f64)
}
