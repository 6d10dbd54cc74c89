//! Workers that run something before they are ready.
//!
//! Does **not** know what they run.

use mp_scheduler::{Action, Config, Event, RestartLimit};

use crate::scene::{GRACE, ms, of};
use crate::world::World;

/// So many starts may fail in a row.
fn prepared(workers: u32, deaths: u32) -> Config {
    let restart_limit = RestartLimit { deaths, period: ms(5000), count_task_deaths: false };
    Config { workers, initializer: Some(ms(1000)), restart_limit, ..of(1) }
}

fn fail_start(world: &mut World, slot: usize) {
    world.unprepared(world.worker(slot));
    world.exit(slot);
    world.pass(ms(200));
}

#[test]
fn an_initializer_that_always_fails_stops_the_pool_with_its_text() {
    let mut world = World::starting(prepared(1, 2));
    world.plain(3);
    (0..2).for_each(|_| fail_start(&mut world, 0));
    assert_eq!((world.states(), world.words()), (vec!["starting"], vec!["open"; 3]));
    fail_start(&mut world, 0);
    assert_eq!((world.states(), world.words()), (vec!["retired"], vec!["stopped"; 3]));
    let [Some(reason)] = &world.ends[..] else { panic!("{:?}", world.ends) };
    assert!(reason.contains("more than 2 workers in a row") && reason.contains("no model"), "{reason}");
}

#[test]
fn starts_that_fail_slowly_are_counted_however_far_apart() {
    let mut world = World::starting(Config { initializer: Some(ms(9000)), ..prepared(1, 2) });
    for _ in 0..3 {
        assert!(world.ends.is_empty());
        world.greets(world.worker(0));
        world.pass(ms(8000));
        fail_start(&mut world, 0);
    }
    assert_eq!(world.ends.len(), 1);
}

#[test]
fn an_initializer_that_hangs_is_killed_at_its_own_limit() {
    let mut world = World::starting(Config { start_timeout: ms(500), ..prepared(1, 0) });
    world.born(world.worker(0));
    world.pass(ms(400));
    world.greets(world.worker(0));
    world.pass(ms(999));
    assert!(!world.did(&Action::Kill(world.worker(0))));
    world.pass(ms(1));
    assert!(world.did(&Action::Kill(world.worker(0))));
    world.crash(0);
    let [Some(reason)] = &world.ends[..] else { panic!("{:?}", world.ends) };
    assert!(reason.contains("initializer did not end within"), "{reason}");
}

#[test]
fn the_clock_of_a_start_runs_from_the_birth_and_a_hello_ends_it() {
    let mut world = World::starting(Config { start_timeout: ms(500), ..of(1) });
    world.pass(ms(60_000));
    assert_eq!(world.states(), ["starting"], "it waits to be made");
    world.born(world.worker(0));
    world.pass(ms(499));
    assert!(!world.did(&Action::Kill(world.worker(0))));
    world.pass(ms(1));
    assert!(world.did(&Action::Kill(world.worker(0))));
}

#[test]
fn who_is_prepared_before_it_has_said_who_it_is_is_not_believed() {
    let mut world = World::starting(prepared(1, 9));
    let worker = world.worker(0);
    world.born(worker);
    world.event(Event::Prepared(worker));
    assert!(world.did(&Action::Kill(worker)));
}

#[test]
fn a_finalizer_has_its_own_limit() {
    for (finalizer, limit) in [(None, GRACE), (Some(ms(5000)), ms(5000)), (Some(ms(10)), ms(10))] {
        let mut world = World::ready(Config { finalizer, ..of(1) });
        world.event(Event::Close);
        world.pass(limit - ms(1));
        assert!(!world.did(&Action::Kill(world.worker(0))), "{finalizer:?}");
        world.pass(ms(1));
        assert!(world.did(&Action::Kill(world.worker(0))), "{finalizer:?}");
    }
}

#[test]
fn a_crash_or_an_exit_after_the_hello_is_the_initializers() {
    for crash in [true, false] {
        let mut world = World::starting(prepared(1, 0));
        world.greets(world.worker(0));
        if crash {
            world.crash(0)
        } else {
            world.exit(0)
        }
        let [Some(reason)] = &world.ends[..] else { panic!("{:?}", world.ends) };
        assert!(reason.contains("ended before its initializer had"), "{reason}");
    }
}

#[test]
fn a_failed_restart_waits_longer_each_time() {
    let mut world = World::ready(prepared(1, 9));
    world.crash(0);
    for wait in [0, 20, 40, 80, 160, 200, 200] {
        world.pass(ms(wait));
        assert_eq!(world.states(), ["starting"], "after {wait} ms");
        world.unprepared(world.worker(0));
        world.exit(0);
        assert_eq!(world.states(), ["cooling"]);
    }
}

#[test]
fn restarts_that_fail_stop_the_pool_though_another_worker_finishes_tasks() {
    // Each finished task forgave the deaths before it: the pool went on with half of its workers, and restarts for ever.
    let mut world = World::ready(prepared(2, 3));
    world.crash(1);
    for _ in 0..4 {
        assert!(world.ends.is_empty());
        world.plain(1);
        world.run_all(0);
        fail_start(&mut world, 1);
    }
    world.exit(0);
    assert_eq!((world.ends.len(), world.words()), (1, vec!["value"; 4]));
}

#[test]
fn one_that_is_ready_forgives_those_that_failed() {
    let mut world = World::starting(prepared(1, 1));
    for _ in 0..3 {
        fail_start(&mut world, 0);
        world.hello(world.worker(0));
        world.plain(1);
        world.run_all(0);
        world.crash(0);
        world.pass(ms(200));
    }
    assert_eq!((world.ends.len(), world.words()), (0, vec!["value"; 3]));
}

#[test]
fn without_restart_the_pool_ends_with_the_text() {
    let mut world = World::starting(Config { restart: false, ..prepared(1, 9) });
    world.plain(1);
    world.unprepared(world.worker(0));
    world.exit(0);
    assert!(matches!(&world.ends[..], [Some(reason)] if reason.contains("no model")), "{:?}", world.ends);
    assert_eq!(world.words().len(), 1);
    assert_ne!(world.words(), ["open"]);
}

#[test]
fn one_that_failed_and_does_not_end_is_killed_after_the_grace() {
    let mut world = World::starting(prepared(1, 9));
    world.unprepared(world.worker(0));
    world.pass(GRACE);
    assert!(world.did(&Action::Kill(world.worker(0))));
}
