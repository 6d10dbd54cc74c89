//! What is tried again: cause × pause × phase.
//!
//! Does **not** know what the tasks do.

use mp_scheduler::{Event, Retry, Terms};
use mp_wire::TaskId;

use crate::scene::{ms, of, timeout};
use crate::world::World;

fn again(retry: Retry) -> Terms {
    Terms { retry, ..Terms::default() }
}

fn paused(times: u32) -> Terms {
    again(Retry::times(times).panicked(true).backoff(ms(100), 2, ms(300)))
}

impl World {
    fn panic_one(&mut self, slot: usize) {
        let worker = self.worker(slot);
        if self.process(worker).running.is_none() {
            self.begin(worker).expect("an item");
        }
        self.process(worker).panic();
        self.hear(worker);
    }
}

#[test]
fn a_panic_is_not_tried_again_unless_it_says_so() {
    let mut world = World::running(of(1), 1, again(Retry::times(9)));
    world.panic_one(0);
    assert_eq!(world.words(), ["panicked"]);
}

#[test]
fn a_panic_is_tried_again_as_often_as_agreed() {
    let mut world = World::running(of(1), 3, again(Retry::times(2).panicked(true)));
    for _ in 0..9 {
        assert!(world.words().contains(&"open"));
        world.panic_one(0);
    }
    assert_eq!((world.words(), world.generation(0)), (vec!["panicked"; 3], 1));
}

#[test]
fn a_crash_is_not_tried_again_where_only_panics_are() {
    let mut world = World::running(of(1), 1, again(Retry::times(9).lost(false).panicked(true)));
    world.crash(0);
    assert_eq!(world.words(), ["lost"]);
}

#[test]
fn late_is_not_tried_again_where_only_crashes_are() {
    let retry = Retry::times(9).timed_out(false);
    let mut world = World::running(of(1), 1, Terms { retry, ..timeout(100) });
    world.pass(ms(100));
    world.crash(0);
    assert_eq!(world.words(), ["late"]);
}

#[test]
fn a_pause_is_kept_and_grows() {
    let mut world = World::running(of(1), 1, paused(3));
    for wait in [100, 200, 300] {
        world.panic_one(0);
        world.pass(ms(wait - 1));
        assert_eq!(world.states(), ["idle"], "{wait} ms are not over");
        world.pass(ms(1));
        assert_eq!(world.states(), ["busy"]);
    }
    world.panic_one(0);
    assert_eq!(world.words(), ["panicked"]);
}

#[test]
fn others_run_during_a_pause() {
    let mut world = World::running(of(1), 1, paused(1));
    world.panic_one(0);
    world.plain(2);
    assert_eq!(world.run_all(0), [1, 2]);
    world.pass(ms(100));
    assert_eq!(world.run_all(0), [0]);
}

#[test]
fn a_closed_pool_waits_for_a_pause() {
    for crash in [true, false] {
        let mut world = World::running(of(2), 1, paused(1));
        world.event(Event::Close);
        if crash {
            world.crash(0)
        } else {
            world.panic_one(0)
        }
        assert!(world.ends.is_empty());
        world.greet();
        world.pass(ms(100));
        (0..2).for_each(|slot| {
            if world.states()[slot] == "busy" {
                world.run_all(slot);
            }
        });
        assert_eq!(world.words(), ["value"], "crash: {crash}");
    }
}

#[test]
fn a_task_can_be_cancelled_and_killed_in_its_pause() {
    let mut world = World::running(of(1), 1, paused(1));
    world.panic_one(0);
    world.cancel(TaskId(0));
    assert_eq!(world.words(), ["cancelled"]);
    let mut world = World::running(of(1), 1, paused(1));
    world.panic_one(0);
    world.event(Event::Kill("asked".to_owned()));
    assert_eq!(world.words(), ["stopped"]);
}

#[test]
fn a_task_that_was_cancelled_and_panics_is_not_tried_again() {
    let mut world = World::running(of(1), 1, again(Retry::times(9).panicked(true)));
    world.cancel(TaskId(0));
    world.panic_one(0);
    assert_eq!(world.words(), ["panicked"]);
}

#[test]
fn a_task_that_kills_every_worker_is_given_up() {
    let mut world = World::running(of(1), 1, again(Retry::times(2)));
    for _ in 0..3 {
        assert_eq!(world.words(), ["open"]);
        world.crash(0);
        world.greet();
        world.begin_again(0);
    }
    assert_eq!((world.words(), world.ends.len()), (vec!["lost"], 0));
    world.plain(1);
    assert_eq!(world.run_all(0), [1]);
}

impl World {
    fn begin_again(&mut self, slot: usize) {
        let worker = self.worker(slot);
        let _ = self.begin(worker);
    }
}
