//! What an engine holds under its lock.
//!
//! Does **not** know what happens to it: that is `engine`, `hear`, `perform` and their sisters.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use mp_scheduler::{Action, Config, Inspection, Phase, Scheduler};
use mp_sys::child::Child;
use mp_wire::WorkerId;
use slab::Slab;

use crate::arena::Large;
use crate::evidence::Exit;
use crate::job::Job;
use crate::ledger::Ledger;
use crate::making::Making;
use crate::reactor::Registration;
use crate::sink::News;
use crate::stats::Stats;
use crate::suspend::Pauses;
use crate::trace::PoolTrace;
use crate::unread::Unread;
use crate::worker_io::WorkerIo;

/// All that changes of a pool.
pub(crate) struct State {
    pub(crate) scheduler: Scheduler,
    pub(crate) jobs: Slab<Job>,
    pub(crate) workers: Vec<Option<(WorkerIo, Vec<Registration>)>>,
    pub(crate) stats: Stats,
    pub(crate) trace: Option<PoolTrace>,
    /// The books, where they are kept.
    pub(crate) ledger: Option<Box<Ledger>>,
    /// Who waits for something that has come, to be woken when the lock is gone.
    pub(crate) news: News,
    /// How many callers read outboxes again and again.
    pub(crate) listeners: u32,
    /// Workers that are to be made by a fork, all at once.
    pub(crate) to_fork: Vec<WorkerId>,
    /// Workers that are to be started, as long as `at_once`: until [`crate::engine::Engine::bear_at_once`].
    pub(crate) to_bear: Vec<WorkerId>,
    pub(crate) at_once: bool,
    pub(crate) actions: Vec<Action>,
    /// What is to be done, in order, and whether somebody is at it.
    pub(crate) to_do: VecDeque<Action>,
    pub(crate) performing: bool,
    /// The alarms that are set, the earliest last: one is set only if it is earlier than all others, so there are few.
    pub(crate) alarms: Vec<Instant>,
    pub(crate) pauses: Pauses,
    /// Why it ended, if that was not asked for; set once it has.
    pub(crate) over: Option<Option<String>>,
    /// Whether the user wanted it to end at once.
    pub(crate) asked: bool,
    /// How the last worker of each slot ended.
    pub(crate) exits: Vec<Option<Exit>>,
    /// The process of a pool of one, for who waits for its birth.
    pub(crate) born: Option<Arc<Child>>,
    /// Why a worker could not be started, the last time.
    pub(crate) start_error: Option<std::io::Error>,
    /// What is dropped when the lock is gone: jobs whose last item has its outcome, large arguments that were read.
    pub(crate) over_jobs: Vec<Job>,
    pub(crate) read_args: Vec<Arc<Large>>,
    /// Workers that have ended: to let go of what was theirs takes longer than to say so.
    pub(crate) gone: Vec<WorkerIo>,
    /// Large results that are read when the lock is gone.
    pub(crate) unread: Vec<Unread>,
}

impl State {
    /// Of a pool that has nothing to do yet.
    pub(crate) fn new(config: Config, making: &Making) -> Self {
        let slots = config.workers as usize;
        Self {
            scheduler: Scheduler::new(config),
            jobs: Slab::new(),
            workers: (0..slots).map(|_| None).collect(),
            stats: Stats::default(),
            trace: making.trace.clone(),
            ledger: making.insights.then(Box::default),
            news: News::default(),
            listeners: 0,
            to_fork: Vec::new(),
            to_bear: Vec::new(),
            at_once: making.at_once,
            actions: Vec::new(),
            to_do: VecDeque::new(),
            performing: false,
            alarms: Vec::new(),
            pauses: Pauses::default(),
            over: None,
            asked: false,
            exits: vec![None; slots],
            born: None,
            start_error: None,
            over_jobs: Vec::new(),
            read_args: Vec::new(),
            unread: Vec::new(),
            gone: Vec::new(),
        }
    }

    pub(crate) fn worker(&mut self, id: WorkerId) -> Option<&mut WorkerIo> {
        let (io, _) = self.workers.get_mut(id.slot as usize)?.as_mut()?;
        (io.id == id).then_some(io)
    }

    /// How a worker ended, and what it left.
    pub(crate) fn end_of(&self, worker: WorkerId) -> Option<&Exit> {
        let exit = self.exits.get(worker.slot as usize)?.as_ref();
        exit.filter(|exit| exit.worker == worker)
    }

    pub(crate) fn note_exit(&mut self, exit: Exit) {
        let slot = exit.worker.slot as usize;
        self.exits[slot] = Some(exit);
    }

    /// How many tasks have had their outcomes.
    pub(crate) fn settled(&self) -> u64 {
        self.stats.completed + self.stats.failed
    }

    /// Why nothing more begins, if so.
    pub(crate) fn ending(&self) -> Option<String> {
        match self.scheduler.phase() {
            Phase::Open | Phase::Closing => None,
            Phase::Stopping(reason) | Phase::Killing(reason) => Some(reason.clone()),
            Phase::Ended(_) => Some(self.end_reason()),
        }
    }

    fn end_reason(&self) -> String {
        self.over.clone().flatten().unwrap_or_else(|| "pool has ended".to_owned())
    }

    pub(crate) fn inspect(&self, worker: WorkerId) -> Option<Inspection> {
        let (io, _) = self.workers.get(worker.slot as usize)?.as_ref()?;
        (io.id == worker).then(|| io.inspect(&self.pauses))
    }

    /// `count` items of a job have had their outcome; after the last, it is forgotten.
    pub(crate) fn close_items(&mut self, key: usize, count: u32) {
        let job = &mut self.jobs[key];
        job.open -= count;
        if job.open == 0 {
            let over = self.jobs.remove(key);
            // To let go of much memory takes time.
            if !over.args.is_plain() {
                self.over_jobs.push(over);
            }
        }
    }
}
