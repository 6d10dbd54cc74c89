//! Who gets what: the spreading of work, and the ends of workers that get none.
//!
//! Does **not** know values or processes.
//!
//! A free worker gets work at once. Behind busy workers work waits, and the next frame carries many items: backlog
//! makes batches, no timer does. A second frame is sent behind the one that is worked on, so that a worker never waits
//! for the supervisor; but a small one of short tasks waits for more of them, until the first is done: what it would cost
//! on its way is more than the worker would gain. Nothing is lost by sending too early or too much: a worker that runs dry takes back half of what
//! the most loaded one has not begun (see `mp-link`'s claims).
//!
//! A priority decides what is sent next. What a worker has been sent already runs before it: up to two frames each.

use std::time::Instant;

use mp_wire::WorkerId;
use mp_wire::frame::{CREDITS, ITEMS_MAX};

use crate::event::Action;
use crate::load::Load;
use crate::scheduler::{Phase, Scheduler};
use crate::slot::{Busy, Ending, Slot, Stage, WEIGHING, Wear, WorkerState};
use crate::span::{Span, WEIGHT_MAX};

/// Of how many waiting spans the items are counted: the others are taken to be like them.
const SEEN: usize = 8;

/// A second frame of so many short tasks is worth its way.
const MANY: u32 = 512;

impl Scheduler {
    /// Whether work that is submitted now would be sent on at once, or overtake what waits.
    #[must_use]
    pub fn is_hungry(&self) -> bool {
        let free = self.backlog.is_empty() && (0..self.slots.len()).any(|index| self.has_room(index));
        free || self.may_wake_more() || self.backlog.has_milder()
    }

    /// Afterwards nothing waits, or nobody may be sent more.
    pub(crate) fn dispatch(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.refuse_waiting(actions);
        (0..self.slots.len()).for_each(|index| self.send_own(now, index, actions));
        for frames in 0..CREDITS {
            for index in 0..self.slots.len() {
                if self.backlog.is_empty() {
                    break;
                }
                if self.in_flight(index) == Some(frames) && self.has_room(index) {
                    self.send(now, index, actions);
                }
            }
        }
        self.steal(actions);
    }

    /// A credit of one worker has come back. While something waits nobody else has one to spare (see
    /// [`Scheduler::dispatch`]), so the others need not be looked at.
    pub(crate) fn serve(&mut self, now: Instant, index: usize, actions: &mut Vec<Action>) {
        self.send_own(now, index, actions);
        while !self.backlog.is_empty() && self.has_room(index) {
            self.send(now, index, actions);
        }
        self.steal(actions);
        if self.phase == Phase::Open {
            self.settle(now, index, actions);
        } else {
            self.settle_down(now, actions);
        }
    }

    /// How many frames a worker has, if it may be sent more items.
    fn in_flight(&self, index: usize) -> Option<usize> {
        let slot = &self.slots[index];
        let frames = match &slot.state {
            WorkerState::Idle { .. } => 0,
            WorkerState::Busy(busy) => busy.load.frames(),
            _ => return None,
        };
        (slot.room() > 0 && !self.is_surplus(index)).then_some(frames)
    }

    /// Whether a worker may be sent what waits, or anything where nothing does.
    fn has_room(&self, index: usize) -> bool {
        match self.in_flight(index) {
            None => false,
            Some(0) => true,
            Some(frames) => frames < CREDITS && (!self.pace.is_short() || self.share() >= MANY),
        }
    }

    fn send(&mut self, now: Instant, index: usize, actions: &mut Vec<Action>) {
        let room = self.slots[index].room();
        let chunk = self.backlog.front().and_then(|span| span.terms.chunk);
        let spans = self.fill(chunk.map_or_else(|| self.share(), u32::from).min(room));
        self.send_frame(now, index, spans, actions);
    }

    pub(crate) fn send_frame(&mut self, now: Instant, index: usize, spans: Vec<Span>, actions: &mut Vec<Action>) {
        let items: u32 = spans.iter().map(Span::len).sum();
        let worker = self.id(index);
        let slot = &mut self.slots[index];
        let number = slot.next_frame;
        slot.next_frame = slot.next_frame.wrapping_add(1);
        slot.sent = slot.sent.saturating_add(items);
        let weigh_at = self.config.max_worker_memory.map(|_| now + WEIGHING);
        slot.load(now, weigh_at, (number, &spans));
        actions.push(Action::Send { worker, number, spans });
    }

    /// How many items the next frame may carry: enough that all workers get two such frames.
    fn share(&self) -> u32 {
        let seen = self.backlog.len().min(SEEN);
        let items: usize = self.backlog.iter().take(seen).map(|span| span.len() as usize).sum();
        let waiting = items.saturating_mul(self.backlog.len()) / seen.max(1);
        (waiting / (2 * self.config.workers.max(1) as usize)).clamp(1, ITEMS_MAX) as u32
    }

    fn fill(&mut self, most: u32) -> Vec<Span> {
        let (mut spans, mut items, mut weight) = (Vec::new(), 0, 0);
        while let Some(front) = self.backlog.front_mut() {
            let alone = !spans.is_empty() && (front.terms.chunk.is_some() || weight + front.weight > WEIGHT_MAX);
            if items == most || alone {
                break;
            }
            weight += front.weight;
            let part = front.take_front(most - items);
            if front.is_empty() {
                self.backlog.pop_front();
            }
            items += part.len();
            spans.push(part);
            if part.terms.chunk.is_some() {
                break;
            }
        }
        spans
    }

    /// Somebody is free, and nothing waits: half of what another has not begun is fetched.
    fn steal(&mut self, actions: &mut Vec<Action>) {
        if !self.backlog.is_empty() || !(0..self.slots.len()).any(|index| self.in_flight(index) == Some(0)) {
            return;
        }
        if let Some((items, number, index)) = self.victim() {
            let most = items.div_ceil(2).min(u32::from(u16::MAX)) as u16;
            actions.push(Action::Steal { worker: self.id(index), number, most });
        }
    }

    /// Who has most that may not have begun: how many items, in which frame.
    fn victim(&self) -> Option<(u32, u32, usize)> {
        let victims = self.slots.iter().enumerate().filter_map(|(index, slot)| match &slot.state {
            WorkerState::Busy(busy) => busy.load.stealable().map(|(number, items)| (items, number, index)),
            _ => None,
        });
        victims.max()
    }

    /// Starts what is missing, ends what is not needed any more, and notices the end of it all.
    pub(crate) fn settle_down(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.wake_resting();
        (0..self.slots.len()).for_each(|index| self.settle(now, index, actions));
        if self.is_finishing() && !self.needs_workers() && self.victim().is_none() {
            self.dismiss(now, actions);
        }
        self.say_last(now, actions);
        self.notice_end(actions);
    }

    fn settle(&mut self, now: Instant, index: usize, actions: &mut Vec<Action>) {
        let surplus = self.is_surplus(index);
        let unwanted = surplus || !self.needs_workers();
        let (worker, slot) = (self.id(index), &mut self.slots[index]);
        let used_up = slot.is_used_up();
        match &mut slot.state {
            WorkerState::Vacant if self.started => self.fill_vacancy(index, actions),
            // The pool has grown, or one that was too many has given back what it had.
            WorkerState::Retired if !unwanted && self.config.restart => self.fill_vacancy(index, actions),
            WorkerState::Cooling { .. } | WorkerState::Resting if unwanted => slot.state = WorkerState::Retired,
            WorkerState::Idle { .. } if used_up => {
                self.recycled += 1;
                self.stop(now, worker, Ending::Recycled, actions);
            }
            WorkerState::Idle { .. } if surplus => self.stop(now, worker, Ending::Asked, actions),
            WorkerState::Idle { rest_at } if rest_at.is_none() => {
                *rest_at = self.config.idle_timeout.and_then(|limit| now.checked_add(limit));
            }
            _ => {}
        }
    }

    /// Nothing will come any more, and nothing is left to be taken over: who is free may go.
    fn dismiss(&mut self, now: Instant, actions: &mut Vec<Action>) {
        for index in 0..self.slots.len() {
            if matches!(self.slots[index].state, WorkerState::Idle { .. }) {
                self.stop(now, self.id(index), Ending::Asked, actions);
            }
        }
    }

    /// A worker for one task need not be told once more when it is done: it ends while its supervisor still takes the outcome.
    fn say_last(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if !self.config.one_task || self.phase != Phase::Closing || self.needs_workers() {
            return;
        }
        let worker = self.id(0);
        let [slot] = &mut self.slots[..] else { return };
        if let WorkerState::Busy(busy) = &mut slot.state
            && !slot.told
            && busy.load.head().is_some()
            && !busy.load.may_return()
        {
            (slot.told, busy.keeps) = (true, true);
            busy.watch(now);
            actions.push(Action::Last(worker));
        }
    }

    /// Whether this worker knows, or is being told, that it gets no more than it has.
    #[must_use]
    pub fn is_told(&self, worker: WorkerId) -> bool {
        self.id(worker.slot as usize) == worker && self.slots[worker.slot as usize].told
    }

    /// Whether what is there is finished, and nothing more.
    fn is_finishing(&self) -> bool {
        matches!(self.phase, Phase::Closing | Phase::Stopping(_))
    }

    pub(crate) fn needs_workers(&self) -> bool {
        match self.phase {
            Phase::Open => true,
            Phase::Closing => !self.backlog.is_empty() || !self.later.is_empty(),
            Phase::Stopping(_) | Phase::Killing(_) | Phase::Ended(_) => false,
        }
    }

    fn fill_vacancy(&mut self, index: usize, actions: &mut Vec<Action>) {
        let needed = self.needs_workers() && !self.is_surplus(index);
        let slot = &mut self.slots[index];
        if !needed || (!self.config.restart && slot.generation > 0) {
            slot.state = WorkerState::Retired;
            return;
        }
        slot.generation = slot.generation.wrapping_add(1).max(1);
        (slot.next_frame, slot.sent, slot.wear, slot.told) = (1, 0, Wear::Fresh, false);
        slot.state = WorkerState::Starting { stage: Stage::Ordered, deadline: None };
        let worker = self.id(index);
        self.slots[index].allowance = self.config.allowance(worker);
        actions.push(Action::Start(worker));
    }

    /// It is told to end, and has as long as its finalizer may take.
    pub(crate) fn stop(&mut self, now: Instant, worker: WorkerId, why: Ending, actions: &mut Vec<Action>) {
        let limit = self.config.finalizer.unwrap_or(self.config.grace);
        self.end_worker(worker, why, now.checked_add(limit));
        if !self.slot(worker).is_some_and(|slot| slot.told) {
            actions.push(Action::Stop(worker));
        }
    }

    fn notice_end(&mut self, actions: &mut Vec<Action>) {
        let all_retired = self.slots.iter().all(|slot| matches!(slot.state, WorkerState::Retired));
        if !all_retired || matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        let reason = match &self.phase {
            Phase::Killing(reason) => Some(reason.clone()),
            Phase::Open => Some("all workers have died, and none is replaced".to_owned()),
            Phase::Closing | Phase::Stopping(_) | Phase::Ended(_) => None,
        };
        self.phase = Phase::Ended(reason.clone());
        actions.push(Action::Ended(reason));
    }
}

impl Slot {
    /// A frame is on its way to it. If it had none, the time of the first item begins.
    fn load(&mut self, now: Instant, weigh_at: Option<Instant>, (number, spans): (u32, &[Span])) {
        if !matches!(self.state, WorkerState::Busy(_)) {
            self.state = WorkerState::Busy(Busy {
                load: Load::default(),
                check_at: None,
                weigh_at,
                listen: None,
                cancel: None,
                hinted: None,
                cancelled: Vec::new(),
                due: false,
                keeps: false,
                sighting: None,
            });
        }
        if let WorkerState::Busy(busy) = &mut self.state {
            let had_none = busy.load.head().is_none();
            busy.load.push(number, spans);
            if had_none {
                busy.watch(now);
            }
        }
    }
}
