//! Workers that are replaced after a number of items, or for their memory.
//!
//! Does **not** know workers that are replaced for any other reason.

use mp_scheduler::{Action, Config, Event, RestartLimit};

use crate::scene::{GRACE, ms, of};
use crate::world::World;

fn each(max: u32) -> Config {
    let none = RestartLimit { deaths: 0, period: ms(5000), count_task_deaths: true };
    Config { max_tasks_per_worker: Some(max), restart_limit: none, ..of(1) }
}

#[test]
fn recycling_is_no_crash() {
    let mut world = World::ready(each(1));
    world.plain(9);
    for item in 0..9 {
        assert_eq!(world.run_all(0), [item]);
        assert!(world.did(&Action::Stop(world.worker(0))));
        world.exit(0);
        world.greet();
    }
    assert_eq!((world.words(), world.generation(0)), (vec!["value"; 9], 10));
}

#[test]
fn recycling_does_not_cut_what_was_prefetched() {
    let mut world = World::ready(each(5));
    world.plain(12);
    for items in [0..5, 5..10, 10..12] {
        assert_eq!(world.run_all(0), items.collect::<Vec<_>>());
        if world.states() == ["stopping"] {
            world.exit(0);
            world.greet();
        }
    }
}

#[test]
fn who_does_not_go_when_recycled_is_killed_after_the_grace() {
    let mut world = World::ready(each(1));
    world.plain(1);
    world.run_all(0);
    world.pass(GRACE);
    assert!(world.did(&Action::Kill(world.worker(0))));
    world.crash(0);
    assert_eq!((world.states(), world.ends.len()), (vec!["starting"], 0));
}

#[test]
fn closing_while_recycling_finishes_what_waits() {
    let mut world = World::ready(each(1));
    world.plain(2);
    world.run_all(0);
    world.event(Event::Close);
    world.exit(0);
    world.greet();
    assert_eq!(world.run_all(0), [1]);
    world.exit(0);
    assert_eq!((world.words(), world.ends), (vec!["value"; 2], vec![None]));
}

#[test]
fn what_was_taken_back_is_not_counted() {
    // A worker whose items were taken over was replaced after fewer items than it was allowed.
    let mut world = World::starting(Config { workers: 2, ..each(2) });
    world.hello(world.worker(0));
    world.plain(2);
    world.begin(world.worker(0));
    world.hello(world.worker(1));
    assert_eq!((world.run_all(1), world.run_all(0)), (vec![1], vec![0]));
    assert_eq!(world.states(), ["idle"; 2]);
}

fn light(workers: u32) -> Config {
    let none = RestartLimit { deaths: 0, period: ms(5000), count_task_deaths: true };
    Config { max_worker_memory: Some(100), restart_limit: none, ..of(workers) }
}

#[test]
fn one_that_has_become_too_large_is_replaced_when_it_is_free() {
    let mut world = World::ready(light(1));
    world.plain(2);
    world.process(world.worker(0)).bytes = 100;
    assert_eq!(world.run_one(0), Some(0));
    assert_eq!(world.states(), ["busy"], "it is as large as it may be");
    world.process(world.worker(0)).bytes = 101;
    assert_eq!(world.run_one(0), Some(1));
    assert!(world.did(&Action::Stop(world.worker(0))));
    world.exit(0);
    world.greet();
    assert_eq!((world.words(), world.scheduler.deaths(), world.scheduler.recycled()), (vec!["value"; 2], 0, 1));
}

#[test]
fn what_one_that_grew_has_not_begun_is_run_by_another() {
    let mut world = World::ready(light(2));
    world.plain(40);
    let worker = world.worker(0);
    world.begin(worker);
    world.process(worker).bytes = 500;
    world.pass(ms(100));
    assert!(world.did(&Action::Weigh(worker)));
    world.run_all(0);
    world.finish(0);
    world.hear(worker);
    world.run_all(0);
    assert_eq!(world.states()[0], "stopping");
    assert_eq!((world.run_all(1).len(), world.words()), (39, vec!["value"; 40]));
}
