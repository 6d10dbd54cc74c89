//! Time limits: who is late, and who is not.
//!
//! Does **not** know cancelling, which ends an item the same way.

use std::time::Duration;

use mp_scheduler::{Action, Config, Retry, Terms};

use crate::scene::{GRACE, ms, of, timeout};
use crate::world::World;

#[test]
fn on_timeout_only_the_late_item_ends() {
    let mut world = World::running(of(1), 4, timeout(100));
    world.pass(ms(100));
    let late = world.worker(0);
    assert!(world.did(&Action::Terminate(late)));
    world.crash(0);
    world.greet();
    assert_eq!(world.run_all(0), [1, 2, 3]);
    assert_eq!(world.words(), ["late", "value", "value", "value"]);
}

#[test]
fn on_timeout_a_prefetched_frame_goes_to_others() {
    let mut world = World::ready(of(2));
    world.submit(4, timeout(100), 1);
    (0..2).for_each(|slot| assert!(world.begin(world.worker(slot)).is_some()));
    world.pass(ms(50));
    let other = world.run_one(1);
    world.pass(ms(50));
    assert_eq!((other, world.states()[0]), (Some(1), "stopping"));
    assert_eq!(world.run_all(1), [3, 2]);
}

#[test]
fn who_ignores_the_request_is_killed_after_the_grace() {
    let mut world = World::running(of(1), 1, timeout(100));
    world.pass(ms(100) + GRACE - ms(1));
    let worker = world.worker(0);
    assert!(!world.did(&Action::Kill(worker)));
    world.pass(ms(1));
    assert!(world.did(&Action::Kill(worker)));
}

#[test]
fn who_finishes_within_the_grace_has_a_value() {
    let mut world = World::running(of(1), 1, timeout(100));
    world.pass(ms(100));
    world.finish(0);
    world.crash(0);
    assert_eq!(world.words(), ["value"]);
}

#[test]
fn on_timeout_a_retry_is_used_up() {
    let mut world = World::running(of(1), 1, Terms { retry: Retry::times(1), ..timeout(100) });
    for word in ["open", "late"] {
        world.pass(ms(100));
        world.crash(0);
        assert_eq!(world.words(), [word]);
        world.greet();
        world.begin(world.worker(0));
    }
}

#[test]
fn the_clock_does_not_run_while_an_item_waits() {
    let mut world = World::starting(of(1));
    world.submit(2, timeout(100), 1);
    world.pass(ms(5000));
    world.greet();
    world.pass(ms(5000));
    world.begin(world.worker(0));
    world.pass(ms(99));
    world.finish(0);
    world.hear(world.worker(0));
    world.begin(world.worker(0));
    world.pass(ms(99));
    world.finish(0);
    world.hear(world.worker(0));
    assert_eq!(world.words(), ["value"; 2]);
}

#[test]
fn a_death_while_late_is_no_crash() {
    let mut world = World::running(of(1), 1, timeout(100));
    world.pass(ms(100));
    world.crash(0);
    assert_eq!(world.states(), ["starting"]);
}

#[test]
fn who_is_late_is_who_runs_not_who_was_heard_of_last() {
    // The first item was short, so its outcome was not sent yet: the second one's worker was blamed for the first.
    let mut world = World::running(of(1), 2, timeout(100));
    world.finish(0);
    world.begin(world.worker(0));
    world.pass(ms(100));
    world.crash(0);
    assert_eq!(world.words(), ["value", "late"]);
}

#[test]
fn a_limit_behind_an_item_without_one_is_watched() {
    // The first item was short, so its outcome was not sent yet: nobody looked after the second one, which hung.
    let mut world = World::ready(of(1));
    (0..3).for_each(|_| world.plain(1));
    (0..3).for_each(|_| world.submit(1, timeout(100), 1));
    assert_eq!((world.run_one(0), world.run_one(0)), (Some(0), Some(1)));
    assert_eq!(world.frames(0), [1, 1, 2, 1], "2 and 3 share a frame");
    world.begin(world.worker(0));
    world.finish(0);
    world.begin(world.worker(0)).expect("the one with a limit");
    world.pass(ms(200));
    world.crash(0);
    assert_eq!(world.words()[2..4], ["value", "late"]);
}

#[test]
fn a_look_at_two_workers_at_once_leaves_both_watched() {
    // What the first look took back went to the second worker, before that was looked at: nobody watched it again.
    let mut world = World::ready(of(2));
    world.submit(3, timeout(100), 1);
    world.begin(world.worker(0));
    world.pass(ms(100));
    world.begin(world.worker(1)).expect("an item");
    world.pass(ms(300));
    assert_eq!(world.states(), ["stopping"; 2]);
}

#[test]
fn an_item_that_runs_while_a_look_took_the_rest_is_found_when_it_dies() {
    // All of the second frame was taken back, so a third was sent: into the claim word of the first, which still ran.
    let mut world = World::ready(of(1));
    world.submit(2, timeout(300), 1);
    world.plain(4);
    world.pass(ms(100));
    world.begin(world.worker(0));
    world.pass(ms(200));
    world.crash(0);
    assert_eq!(world.words()[0], "lost");
}

#[test]
fn a_limit_beyond_all_time_is_none() {
    let for_ever = Terms { timeout: Some(Duration::MAX), ..Terms::default() };
    let patient = Config { grace: Duration::MAX, start_timeout: Duration::MAX, ..of(1) };
    let mut world = World::running(patient, 2, for_ever);
    world.pass(ms(1000));
    assert_eq!(world.run_all(0), [0, 1]);
    world.event(mp_scheduler::Event::Close);
    world.exit(0);
    assert_eq!(world.ends.len(), 1);
}

#[test]
fn the_clock_runs_for_what_is_sent_behind_a_frame_that_was_taken_back() {
    // The worker had no item then, but a frame to walk past; the next frame's limit was never watched.
    let mut world = World::ready(of(1));
    world.submit(1, timeout(100), 1);
    world.cancel(mp_wire::TaskId(0));
    world.submit(1, timeout(100), 1);
    world.begin(world.worker(0)).expect("the second");
    world.pass(ms(100));
    assert!(world.did(&Action::Terminate(world.worker(0))));
}
