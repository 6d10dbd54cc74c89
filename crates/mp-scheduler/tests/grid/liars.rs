//! Workers whose words cannot be true: what they gain is time, and not much.
//!
//! Does **not** know how the words are written.

use std::time::Duration;

use mp_scheduler::Action;
use mp_wire::TaskId;

use crate::scene::{ms, of, timeout};
use crate::world::World;

/// What the scheduler grants to one whose words may still be true.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn who_says_that_it_begins_in_the_future_is_late_all_the_same() {
    let mut world = World::running(of(1), 2, timeout(100));
    let worker = world.worker(0);
    let began = world.now;
    world.process(worker).started = began + Duration::from_secs(1_000_000);
    world.pass(PATIENCE);
    assert!(!world.did(&Action::Terminate(worker)), "so long it may be putting a panic into words");
    world.pass(ms(300));
    assert!(world.did(&Action::Terminate(worker)));
    world.process(worker).started = began;
    world.crash(0);
    world.greet();
    assert_eq!(world.run_all(0), [1]);
    assert_eq!(world.words(), ["late", "value"]);
}

#[test]
fn who_says_that_it_runs_nothing_is_ended() {
    let mut world = World::running(of(1), 1, timeout(100));
    let worker = world.worker(0);
    world.process(worker).words = Default::default();
    world.pass(PATIENCE);
    assert!(!world.did(&Action::Terminate(worker)));
    world.pass(ms(300));
    assert!(world.did(&Action::Terminate(worker)));
}

#[test]
fn who_never_walks_past_what_was_taken_back_is_ended() {
    for walks in [true, false] {
        let mut world = World::ready(of(1));
        let worker = world.worker(0);
        world.plain(1);
        world.cancel(TaskId(0));
        if walks {
            assert_eq!(world.begin(worker), None);
        }
        world.pass(PATIENCE * 3);
        assert_eq!((world.words(), world.did(&Action::Terminate(worker))), (vec!["cancelled"], !walks));
    }
}
