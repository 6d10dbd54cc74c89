//! Workers that are sent work before they have said anything.
//!
//! Does **not** know why they are trusted.

use mp_scheduler::{Action, Config, Event, Terms};
use mp_wire::TaskId;

use crate::scene::{GRACE, ms, of, timeout};
use crate::world::World;

const START: u64 = 500;

fn of_one_task() -> Config {
    Config { restart: false, one_task: true, start_timeout: ms(START), ..of(1) }
}

/// A worker that is there, has been sent its only task, and has not begun it.
fn trusted(config: Config, terms: Terms) -> World {
    let mut world = World::starting(config);
    world.submit(1, terms, 1);
    world.event(Event::Close);
    world.trusts(world.worker(0));
    world
}

#[test]
fn trusted_it_has_its_work_and_knows_that_no_more_comes_before_it_has_said_anything() {
    let mut world = trusted(of_one_task(), Terms::default());
    assert_eq!((world.states(), world.frames(0)), (vec!["busy"], vec![1]));
    assert!(world.did(&Action::Last(world.worker(0))));
    assert_eq!((world.run_all(0), world.states()), (vec![0], vec!["stopping"]));
    world.exit(0);
    assert_eq!((world.words(), world.ends), (vec!["value"], vec![None]));
}

#[test]
fn trusted_and_never_begun_it_is_ended_when_its_start_has_taken_too_long() {
    let mut world = trusted(of_one_task(), Terms::default());
    world.pass(ms(START - 1));
    assert_eq!(world.states(), ["busy"]);
    world.pass(ms(1));
    assert!(world.did(&Action::Kill(world.worker(0))), "{:?}", world.log);
    world.crash(0);
    assert_eq!((world.words(), world.states()), (vec!["lost"], vec!["retired"]));
}

#[test]
fn trusted_and_begun_in_time_it_may_run_for_as_long_as_it_likes() {
    let mut world = trusted(of_one_task(), Terms::default());
    world.pass(ms(START - 1));
    assert_eq!(world.begin(world.worker(0)), Some(TaskId(0)));
    world.pass(ms(100 * START));
    assert_eq!(world.states(), ["busy"]);
    assert!(!world.did(&Action::Kill(world.worker(0))));
}

#[test]
fn trusted_and_slow_to_start_its_time_limit_counts_from_when_it_begins() {
    // It may take longer than who has been heard of may be silent.
    let config = Config { start_timeout: ms(60_000), ..of_one_task() };
    let mut world = trusted(config, timeout(100));
    let worker = world.worker(0);
    world.pass(ms(30_000));
    assert_eq!(world.states(), ["busy"], "it is late for nothing");
    assert_eq!(world.begin(worker), Some(TaskId(0)));
    world.pass(ms(99));
    assert!(!world.did(&Action::Terminate(worker)));
    world.pass(ms(101));
    assert!(world.did(&Action::Terminate(worker)));
    world.pass(GRACE);
    world.crash(0);
    assert_eq!(world.words(), ["late"]);
}

#[test]
fn trusted_it_may_keep_its_value_until_it_ends_and_is_listened_to_when_that_takes_long() {
    for slow in [false, true] {
        let mut world = trusted(of_one_task(), Terms::default());
        world.begin(world.worker(0)).expect("an item");
        world.finish(0);
        if slow {
            world.pass(ms(5));
            assert_eq!((world.words(), world.states()), (vec!["value"], vec!["stopping"]));
            world.pass(GRACE);
            assert!(world.did(&Action::Kill(world.worker(0))), "it has the grace to end");
        }
        world.exit(0);
        assert_eq!((world.words(), world.ends), (vec!["value"], vec![None]));
    }
}

#[test]
fn trusted_and_cancelled_before_it_began_it_is_stopped() {
    let mut world = trusted(of_one_task(), Terms::default());
    world.cancel(TaskId(0));
    assert_eq!(world.words(), ["cancelled"]);
    world.begin(world.worker(0));
    world.hear(world.worker(0));
    assert!(world.did(&Action::Stop(world.worker(0))));
    world.pass(ms(2 * START));
    world.exit(0);
    assert_eq!(world.ends, [None]);
}

#[test]
fn trusted_with_something_to_prepare_it_says_hello_first() {
    let mut world = trusted(Config { initializer: Some(ms(1000)), ..of_one_task() }, Terms::default());
    assert_eq!((world.states(), world.frames(0)), (vec!["starting"], vec![]));
    world.hello(world.worker(0));
    assert_eq!(world.run_all(0), [0]);
}
