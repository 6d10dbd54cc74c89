//! Who gets what: credits, batches, weights, and work that changes hands.
//!
//! Does **not** know deaths.

use mp_scheduler::{Action, Terms, WEIGHT_MAX};
use mp_wire::frame::{CREDITS, ITEMS_MAX};

use crate::scene::of;
use crate::world::World;

#[test]
fn a_free_worker_gets_work_at_once() {
    let mut world = World::ready(of(2));
    world.plain(1);
    world.plain(1);
    assert_eq!((world.frames(0), world.frames(1)), (vec![1], vec![1]));
}

#[test]
fn no_more_frames_than_credits_are_in_flight() {
    // I3
    let mut world = World::ready(of(1));
    (0..50).for_each(|_| world.plain(1));
    assert_eq!((world.frames(0).len(), world.scheduler.waiting()), (CREDITS, 50 - CREDITS));
    world.run_one(0);
    assert_eq!(world.frames(0).len(), CREDITS + 1);
}

#[test]
fn behind_busy_workers_backlog_makes_batches() {
    let mut world = World::ready(of(1));
    (0..50).for_each(|_| world.plain(1));
    assert_eq!(world.run_all(0), (0..50).collect::<Vec<_>>());
    assert_eq!(world.frames(0)[..4], [1, 1, 24, 12]);
}

#[test]
fn no_frame_has_more_items_than_it_can_count() {
    let mut world = World::starting(of(1));
    (0..8).for_each(|_| world.plain(ITEMS_MAX as u32));
    world.greet();
    assert_eq!(world.frames(0), [ITEMS_MAX as u32; 2]);
}

#[test]
fn no_frame_is_heavier_than_it_may_be() {
    let mut world = World::starting(of(1));
    for weight in [WEIGHT_MAX, 1, WEIGHT_MAX, WEIGHT_MAX / 2, WEIGHT_MAX / 2, 1, 1, 1] {
        world.submit(1, Terms::default(), weight);
    }
    world.greet();
    assert_eq!(world.run_all(0), (0..8).collect::<Vec<_>>());
    assert_eq!(world.frames(0)[..2], [1, 1]);
}

#[test]
fn items_come_in_the_order_of_their_submission() {
    let mut world = World::ready(of(1));
    [3, 1, 7, 2].into_iter().for_each(|len| world.plain(len));
    assert_eq!(world.run_all(0), (0..13).collect::<Vec<_>>());
}

#[test]
fn who_runs_dry_takes_half_of_what_another_has_not_begun() {
    let mut world = World::ready(of(2));
    world.crash(1);
    world.plain(16);
    assert_eq!(world.frames(0), [4, 3]);
    world.begin(world.worker(0));
    world.greet();
    while world.scheduler.waiting() > 0 {
        world.run_one(1);
    }
    let others = world.run_one(1).into_iter().chain(world.run_one(1)).collect::<Vec<_>>();
    assert!(world.did(&Action::Steal { worker: world.worker(0), number: 2, most: 2 }), "{others:?}");
}

#[test]
fn what_was_taken_runs_once() {
    let mut world = World::ready(of(2));
    world.crash(1);
    world.plain(16);
    world.begin(world.worker(0));
    world.greet();
    while world.run_one(1).is_some() {}
    world.run_all(0);
    world.run_all(1);
    assert_eq!(world.words(), ["value"; 16]);
    assert!(world.items.iter().all(|item| item.begun == 1));
}

#[test]
fn the_one_item_that_may_run_is_never_taken() {
    let mut world = World::ready(of(2));
    world.plain(1);
    assert!(!world.log.iter().any(|action| matches!(action, Action::Steal { .. })));
}

#[test]
fn a_frame_that_was_taken_back_keeps_its_credit_until_the_one_before_it_has_ended() {
    // The second frame was taken whole, so a third was sent: into the claim word of the first, whose items were lost.
    let mut world = World::ready(of(2));
    world.crash(1);
    world.plain(2);
    world.plain(2);
    world.begin(world.worker(0));
    world.greet();
    while world.run_one(1).is_some() {}
    (0..6).for_each(|_| world.plain(1));
    for _ in 0..20 {
        world.run_one(0);
        world.run_one(1);
    }
    assert_eq!(world.words(), ["value"; 10]);
}

#[test]
fn who_has_nothing_left_to_take_is_not_asked_again() {
    // All that one had been sent had begun, and it was asked each time; the other was spared.
    let mut world = World::ready(of(3));
    world.crash(2);
    world.plain(4);
    world.begin(world.worker(1));
    world.finish(1);
    world.begin(world.worker(1));
    world.begin(world.worker(0));
    world.greet();
    assert_eq!(world.run_one(2), Some(2));
}

#[test]
fn a_chunk_is_a_frame_of_its_own() {
    let chunk = std::num::NonZeroU32::new(7);
    let mut world = World::ready(of(1));
    world.submit(20, Terms { chunk, ..Terms::default() }, 1);
    world.plain(3);
    world.run_all(0);
    assert_eq!((&world.frames(0)[..3], world.words()), (&[7, 7, 6][..], vec!["value"; 23]));
}
