//! What is urgent is sent before what waits, never before what was sent.
//!
//! Does **not** know deaths beyond one.

use mp_scheduler::{Retry, Terms};

use crate::scene::of;
use crate::world::World;

fn urgent(priority: i32) -> Terms {
    Terms { priority, ..Terms::default() }
}

#[test]
fn what_is_more_urgent_overtakes_what_waits_and_nothing_else() {
    let mut world = World::ready(of(1));
    world.plain(1);
    world.plain(1);
    world.plain(2);
    world.submit(1, urgent(-1), 1);
    world.submit(2, urgent(5), 1);
    world.submit(1, urgent(9), 1);
    assert_eq!(world.run_all(0), [0, 1, 7, 5, 6, 2, 3, 4], "two were sent before");
}

#[test]
fn a_retry_keeps_its_priority() {
    let mut world = World::ready(of(1));
    world.submit(1, Terms { retry: Retry::times(1), ..urgent(3) }, 1);
    world.begin(world.worker(0)).expect("an item");
    world.plain(3);
    world.crash(0);
    world.greet();
    assert_eq!(world.run_all(0), [0, 1, 2, 3]);
}

#[test]
fn what_comes_back_from_a_dead_worker_keeps_its_place() {
    let mut world = World::ready(of(1));
    world.plain(1);
    world.begin(world.worker(0)).expect("an item");
    world.plain(2);
    world.submit(2, urgent(1), 1);
    world.crash(0);
    world.greet();
    assert_eq!(world.run_all(0), [3, 4, 1, 2], "0 is lost, 1 was sent but never began");
}

#[test]
fn who_waits_below_all_others_makes_a_pool_hungry_for_them() {
    let mut world = World::ready(of(1));
    (0..4).for_each(|_| world.plain(1));
    assert!(!world.scheduler.is_hungry());
    world.submit(1, urgent(-1), 1);
    assert!(world.scheduler.is_hungry(), "what comes now overtakes it");
}
