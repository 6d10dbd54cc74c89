//! Who gets what: the spreading of work, and the ends of workers that get none.
//!
//! Does **not** know values or processes.
//!
//! A free worker gets work at once. Behind busy workers work waits, and the next frame carries many items: backlog
//! makes batches, no timer does. A second frame is sent behind the one that is worked on, so that a worker never waits
//! for the supervisor. Nothing is lost by sending too early or too much: a worker that runs dry takes back half of what
//! the most loaded one has not begun (see `mp-link`'s claims).

use std::time::Instant;

use mp_wire::WorkerId;
use mp_wire::frame::{CREDITS, ITEMS_MAX};

use crate::event::Action;
use crate::load::Load;
use crate::scheduler::{Busy, Ending, Phase, Scheduler, WorkerState};
use crate::span::{Span, WEIGHT_MAX};

impl Scheduler {
    pub(crate) fn dispatch(&mut self, now: Instant, actions: &mut Vec<Action>) {
        for frames in 0..CREDITS {
            while !self.backlog.is_empty()
                && let Some(index) = self.with_frames(frames)
            {
                self.send(now, index, actions);
            }
        }
        if self.backlog.is_empty() && self.with_frames(0).is_some() {
            self.steal(actions);
        }
    }

    /// A worker that has so many frames in flight, and may be sent more.
    fn with_frames(&self, frames: usize) -> Option<usize> {
        let limit = self.config.max_tasks_per_worker;
        self.slots.iter().position(|slot| {
            let in_flight = match &slot.state {
                WorkerState::Idle => 0,
                WorkerState::Busy(busy) => busy.load.frames(),
                _ => return false,
            };
            in_flight == frames && slot.room(limit) > 0
        })
    }

    fn send(&mut self, now: Instant, index: usize, actions: &mut Vec<Action>) {
        let room = self.slots[index].room(self.config.max_tasks_per_worker);
        let spans = self.fill(self.share().min(room));
        let items: u32 = spans.iter().map(Span::len).sum();
        let worker = self.id(index);
        let slot = &mut self.slots[index];
        let number = slot.next_number();
        slot.sent = slot.sent.saturating_add(items);
        if !matches!(slot.state, WorkerState::Busy(_)) {
            let timeout = spans.first().and_then(|span| span.terms.timeout);
            let check_at = timeout.map(|timeout| now + timeout);
            slot.state = WorkerState::Busy(Busy { load: Load::default(), check_at, cancel: None });
        }
        if let WorkerState::Busy(busy) = &mut slot.state {
            busy.load.push(number, &spans);
        }
        actions.push(Action::Send { worker, number, spans });
    }

    /// How many items the next frame may carry: enough that all workers get two such frames.
    fn share(&self) -> u32 {
        let front = self.backlog.front().map_or(0, Span::len) as usize;
        let waiting = front.saturating_mul(self.backlog.len());
        (waiting / (2 * self.slots.len().max(1))).clamp(1, ITEMS_MAX) as u32
    }

    fn fill(&mut self, most: u32) -> Vec<Span> {
        let (mut spans, mut items, mut weight) = (Vec::new(), 0, 0);
        while let Some(front) = self.backlog.front_mut() {
            if items == most || (!spans.is_empty() && weight + front.weight > WEIGHT_MAX) {
                break;
            }
            weight += front.weight;
            let part = front.take_front(most - items);
            if front.is_empty() {
                self.backlog.pop_front();
            }
            items += part.len();
            spans.push(part);
        }
        spans
    }

    fn steal(&mut self, actions: &mut Vec<Action>) {
        let victims = self.slots.iter().enumerate().filter_map(|(index, slot)| match &slot.state {
            WorkerState::Busy(busy) => busy.load.stealable().map(|found| (found.1, found.0, index)),
            _ => None,
        });
        if let Some((items, number, index)) = victims.max() {
            let most = items.div_ceil(2).min(u32::from(u16::MAX)) as u16;
            actions.push(Action::Steal { worker: self.id(index), number, most });
        }
    }

    /// Starts what is missing, ends what is not needed any more, and notices the end of it all.
    pub(crate) fn settle_down(&mut self, now: Instant, actions: &mut Vec<Action>) {
        for index in 0..self.slots.len() {
            match &self.slots[index].state {
                WorkerState::Vacant if self.started => self.fill_vacancy(now, index, actions),
                WorkerState::Idle if self.slots[index].room(self.config.max_tasks_per_worker) == 0 => {
                    self.stop(now, self.id(index), Ending::Recycled, actions);
                }
                WorkerState::Idle if self.phase == Phase::Closing && self.backlog.is_empty() => {
                    self.stop(now, self.id(index), Ending::Asked, actions);
                }
                _ => {}
            }
        }
        self.notice_end(actions);
    }

    fn fill_vacancy(&mut self, now: Instant, index: usize, actions: &mut Vec<Action>) {
        let needed = match self.phase {
            Phase::Open => true,
            Phase::Closing => !self.backlog.is_empty(),
            Phase::Killing(_) | Phase::Ended => false,
        };
        let slot = &mut self.slots[index];
        if !needed || (!self.config.restart && slot.generation > 0) {
            slot.state = WorkerState::Retired;
            return;
        }
        slot.generation = slot.generation.wrapping_add(1).max(1);
        (slot.next_frame, slot.sent) = (1, 0);
        slot.state = WorkerState::Starting { deadline: now + self.config.start_timeout };
        actions.push(Action::Start(self.id(index)));
    }

    fn stop(&mut self, now: Instant, worker: WorkerId, why: Ending, actions: &mut Vec<Action>) {
        self.end_worker(worker, why, Some(now + self.config.grace));
        actions.push(Action::Stop(worker));
    }

    fn notice_end(&mut self, actions: &mut Vec<Action>) {
        let all_retired = self.slots.iter().all(|slot| matches!(slot.state, WorkerState::Retired));
        if !all_retired || self.phase == Phase::Ended {
            return;
        }
        let reason = match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Killing(reason) => Some(reason),
            Phase::Open | Phase::Closing | Phase::Ended => None,
        };
        actions.push(Action::Ended(reason));
    }
}
