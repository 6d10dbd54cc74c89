//! Pools that grow, shrink, rest, wake, and stop what waits.
//!
//! Does **not** know processes.

use mp_scheduler::{Action, Config, Event};

use crate::scene::{ms, of, retries};
use crate::world::World;

#[test]
fn growing_starts_what_is_missing() {
    let mut world = World::ready(of(1));
    world.event(Event::Resize(3));
    assert_eq!(world.states(), ["idle", "starting", "starting"]);
}

#[test]
fn shrinking_ends_who_is_free_and_lets_who_runs_finish() {
    let mut world = World::ready(of(3));
    world.plain(3);
    (1..3).for_each(|slot| _ = world.begin(world.worker(slot)));
    world.run_all(0);
    world.event(Event::Resize(1));
    assert_eq!(world.states(), ["idle", "busy", "busy"]);
    (1..3).for_each(|slot| world.finish(slot));
    (1..3).for_each(|slot| world.hear(world.worker(slot)));
    assert_eq!((world.states(), world.words()), (vec!["idle", "stopping", "stopping"], vec!["value"; 3]));
    (1..3).for_each(|slot| world.exit(slot));
    assert_eq!(world.states(), ["idle", "retired", "retired"]);
}

#[test]
fn what_a_surplus_worker_has_not_begun_is_run_by_the_others_once() {
    let mut world = World::ready(of(2));
    world.plain(40);
    world.begin(world.worker(1));
    world.event(Event::Resize(1));
    world.finish(1);
    world.hear(world.worker(1));
    assert_eq!(world.run_all(0).len(), 39);
    assert_eq!(world.words(), vec!["value"; 40]);
}

#[test]
fn up_and_down_with_work_loses_nothing() {
    let mut world = World::ready(of(12));
    world.plain(200);
    for workers in [2, 1, 12, 6, 1] {
        (0..12).for_each(|slot| _ = world.run_one_of(slot));
        world.event(Event::Resize(workers));
        world.leave();
        world.greet();
    }
    world.run_all(0);
    world.leave();
    assert_eq!(world.words(), vec!["value"; 200]);
    assert_eq!(world.states().iter().filter(|state| **state == "idle").count(), 1);
}

#[test]
fn a_death_right_after_shrinking_costs_its_one_item() {
    let mut world = World::ready(of(2));
    world.plain(2);
    (0..2).for_each(|slot| _ = world.begin(world.worker(slot)));
    world.event(Event::Resize(1));
    world.crash(1);
    world.run_all(0);
    world.finish(0);
    world.hear(world.worker(0));
    assert_eq!((world.words(), world.states()), (vec!["value", "lost"], vec!["idle", "retired"]));
}

#[test]
fn who_starts_when_there_are_too_many_is_ended_and_is_no_crash() {
    let mut world = World::starting(of(2));
    world.event(Event::Resize(1));
    assert!(world.did(&Action::Kill(world.worker(1))));
    world.crash(1);
    assert_eq!((world.states(), world.scheduler.deaths()), (vec!["starting", "retired"], 0));
}

fn resting() -> Config {
    Config { idle_timeout: Some(ms(100)), ..of(2) }
}

#[test]
fn who_has_nothing_to_do_for_long_rests_until_there_is_work() {
    let mut world = World::ready(resting());
    world.pass(ms(99));
    assert_eq!(world.states(), ["idle"; 2]);
    world.pass(ms(1));
    assert_eq!(world.states(), ["stopping"; 2]);
    (0..2).for_each(|slot| world.exit(slot));
    assert_eq!((world.states(), world.scheduler.next_wake()), (vec!["resting"; 2], None));
    assert!(world.scheduler.is_hungry());
    world.plain(1);
    assert_eq!(world.states(), ["starting", "resting"]);
    world.greet();
    world.run_all(0);
    assert_eq!((world.words(), world.scheduler.deaths()), (vec!["value"], 0));
}

#[test]
fn work_behind_a_busy_worker_wakes_one_that_rests() {
    let mut world = World::ready(resting());
    world.plain(1);
    let busy = (0..2).find(|slot| world.states()[*slot] == "busy").expect("one is busy");
    world.begin(world.worker(busy));
    world.pass(ms(100));
    world.exit(1 - busy);
    assert_eq!(world.states()[1 - busy], "resting");
    world.plain(1);
    assert_eq!(world.states()[1 - busy], "starting");
}

#[test]
fn a_pool_that_rests_can_be_closed() {
    let mut world = World::ready(resting());
    world.pass(ms(100));
    (0..2).for_each(|slot| world.exit(slot));
    world.event(Event::Close);
    assert_eq!(world.ends, [None]);
}

#[test]
fn a_stop_ends_what_waits_and_keeps_what_runs() {
    let mut world = World::ready(of(1));
    world.submit(5, retries(3), 1);
    world.begin(world.worker(0));
    world.event(Event::Stop("enough".to_owned()));
    assert_eq!(world.words(), ["open", "stopped", "stopped", "stopped", "stopped"]);
    world.run_all(0);
    world.finish(0);
    world.hear(world.worker(0));
    world.exit(0);
    assert_eq!((world.words()[0], &world.ends[..]), ("value", &[None][..]));
}

#[test]
fn what_is_lost_after_a_stop_is_not_tried_again() {
    let mut world = World::ready(of(1));
    world.submit(1, retries(3), 1);
    world.begin(world.worker(0));
    world.event(Event::Stop("enough".to_owned()));
    world.crash(0);
    assert_eq!((world.words(), world.ends.len()), (vec!["lost"], 1));
}

#[test]
fn a_graver_end_overtakes_a_milder_one_and_not_the_other_way() {
    let mut world = World::ready(of(1));
    world.plain(2);
    world.begin(world.worker(0));
    world.event(Event::Kill("now".to_owned()));
    world.event(Event::Stop("enough".to_owned()));
    world.event(Event::Close);
    assert_eq!(world.words(), ["stopped"; 2]);
    assert!(world.did(&Action::Terminate(world.worker(0))));
}
