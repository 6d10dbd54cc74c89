//! Work for each worker by itself: who gets it, when, and what becomes of it with its worker.
//!
//! Does **not** know processes.

use mp_scheduler::{Action, Config, Event, Retry, Terms};

use crate::scene::{ms, of, timeout};
use crate::world::World;

fn plain(world: &mut World) {
    world.broadcast(Terms::default());
}

#[test]
fn each_worker_runs_it_once() {
    let mut world = World::ready(of(3));
    plain(&mut world);
    assert_eq!([0, 1, 2].map(|slot| world.run_all(slot)), [[0], [1], [2]]);
    assert_eq!(world.words(), ["value"; 3]);
}

#[test]
fn it_comes_after_what_was_sent_before_what_waits_and_before_what_comes_later() {
    let mut world = World::running(of(1), 40, Terms::default());
    assert_eq!(world.frames(0), [20, 10]);
    plain(&mut world);
    world.submit(1, Terms { priority: 9, ..Terms::default() }, 1);
    world.finish(0);
    world.hear(world.worker(0));
    let order = world.run_all(0);
    let place = |task| order.iter().position(|seen| *seen == task).expect("it ran");
    assert!(place(40) == 29 && place(41) > place(40) && place(39) > place(40), "{order:?}");
    assert_eq!(world.words(), ["value"; 42]);
}

#[test]
fn who_is_still_starting_runs_it_first() {
    let mut world = World::starting(Config { initializer: Some(ms(100)), ..of(2) });
    world.plain(10);
    plain(&mut world);
    world.greet();
    assert_eq!((world.run_one(0), world.run_one(1)), (Some(10), Some(11)));
}

#[test]
fn nobody_steals_it_and_what_lies_before_it_can_be_stolen() {
    let mut world = World::ready(of(2));
    world.plain(4);
    world.begin(world.worker(0));
    plain(&mut world);
    let theirs = world.run_all(1);
    assert!(theirs.contains(&5) && !theirs.contains(&4), "{theirs:?}");
    world.finish(0);
    world.hear(world.worker(0));
    assert!(world.run_all(0).contains(&4));
    assert_eq!(world.words(), ["value"; 6]);
}

#[test]
fn a_death_in_it_costs_one_and_who_replaces_it_does_not_run_it() {
    let mut world = World::ready(of(2));
    world.broadcast(Terms { retry: Retry::times(5), ..Terms::default() });
    world.begin(world.worker(0));
    world.crash(0);
    world.greet();
    assert_eq!((world.run_all(0), world.run_all(1)), (vec![], vec![1]));
    assert_eq!((world.words(), world.generation(0)), (vec!["lost", "value"], 2));
}

#[test]
fn a_death_before_it_costs_it_and_nothing_else_that_waits() {
    let mut world = World::running(of(1), 30, Terms::default());
    plain(&mut world);
    plain(&mut world);
    world.crash(0);
    world.greet();
    world.run_all(0);
    let mut words = vec!["value"; 32];
    (words[0], words[30], words[31]) = ("lost", "lost", "lost");
    assert_eq!(world.words(), words);
}

#[test]
fn one_that_never_comes_to_be_loses_it() {
    let mut world = World::starting(of(2));
    plain(&mut world);
    world.start_fails(world.worker(0));
    world.greet();
    (0..2).for_each(|slot| _ = world.run_all(slot));
    assert_eq!(world.words(), ["lost", "value"]);
}

#[test]
fn one_whose_initializer_fails_loses_it() {
    let mut world = World::starting(Config { initializer: Some(ms(100)), ..of(1) });
    plain(&mut world);
    let worker = world.worker(0);
    world.unprepared(worker);
    world.exit(0);
    assert_eq!(world.words(), ["lost"]);
}

#[test]
fn one_that_runs_too_long_is_ended_for_it() {
    let mut world = World::ready(of(1));
    world.broadcast(Terms { retry: Retry::times(3), ..timeout(100) });
    world.begin(world.worker(0));
    world.pass(ms(100));
    assert!(world.did(&Action::Terminate(world.worker(0))));
    world.crash(0);
    assert_eq!(world.words(), ["late"]);
}

#[test]
fn who_is_too_many_after_it_still_runs_it() {
    let mut world = World::ready(of(2));
    let slow = world.worker(1);
    world.plain(2);
    (0..2).for_each(|slot| _ = world.begin(world.worker(slot)));
    plain(&mut world);
    world.event(Event::Resize(1));
    (0..2).for_each(|slot| world.finish(slot));
    (0..2).for_each(|slot| world.hear(world.worker(slot)));
    assert_eq!((world.run_all(0), world.run_all(1)), (vec![2], vec![3]));
    assert_eq!((world.state(slow), world.words()), ("stopping", vec!["value"; 4]));
}

#[test]
fn who_starts_and_is_too_many_after_it_runs_it_and_leaves() {
    let mut world = World::starting(of(2));
    plain(&mut world);
    world.event(Event::Resize(1));
    assert_eq!(world.states(), ["starting"; 2]);
    world.greet();
    (0..2).for_each(|slot| _ = world.run_all(slot));
    assert_eq!((world.words(), world.states()), (vec!["value"; 2], vec!["idle", "stopping"]));
}

#[test]
fn who_is_too_many_before_it_gets_none_and_who_came_does() {
    let mut world = World::running(of(2), 1, Terms::default());
    world.event(Event::Resize(1));
    plain(&mut world);
    assert_eq!(world.items.len(), 2);
    world.event(Event::Resize(3));
    plain(&mut world);
    assert_eq!((world.items.len(), world.states()), (4, vec!["busy", "stopping", "starting"]));
}

#[test]
fn who_has_done_its_number_of_tasks_runs_it_before_it_is_replaced() {
    let mut world = World::ready(Config { max_tasks_per_worker: Some(1), ..of(1) });
    world.plain(3);
    world.begin(world.worker(0));
    plain(&mut world);
    world.finish(0);
    world.hear(world.worker(0));
    assert_eq!((world.run_all(0), world.states()), (vec![3], vec!["stopping"]));
    world.exit(0);
    world.greet();
    world.run_all(0);
    assert_eq!(world.words().iter().filter(|word| **word == "value").count(), 3);
}

#[test]
fn a_pool_that_closes_runs_it_and_one_that_stops_or_is_killed_does_not() {
    for (end, word) in [
        (Event::Close, "value"),
        (Event::Stop("enough".to_owned()), "stopped"),
        (Event::Kill("now".to_owned()), "stopped"),
    ] {
        let mut world = World::running(of(1), 1, Terms::default());
        (0..3).for_each(|_| plain(&mut world));
        world.event(end);
        world.finish(0);
        world.hear(world.worker(0));
        world.run_all(0);
        world.exit(0);
        assert_eq!((&world.words()[1..], world.ends.len()), (&[word; 3][..], 1));
    }
}

#[test]
fn after_the_end_nobody_is_there_for_it() {
    let mut world = World::ready(of(2));
    world.event(Event::Kill("now".to_owned()));
    plain(&mut world);
    assert!(world.items.is_empty());
}

#[test]
fn one_of_them_can_be_cancelled() {
    let mut world = World::running(of(1), 30, Terms::default());
    (0..2).for_each(|_| plain(&mut world));
    world.cancel(mp_wire::TaskId(31));
    assert_eq!((world.words()[30], world.words()[31]), ("open", "cancelled"));
    world.finish(0);
    world.hear(world.worker(0));
    world.run_all(0);
    assert_eq!((world.words()[30], world.words()[31]), ("value", "cancelled"));
}

#[test]
fn who_rests_is_not_woken_for_it() {
    let mut world = World::ready(Config { idle_timeout: Some(ms(100)), ..of(1) });
    world.pass(ms(100));
    world.exit(0);
    plain(&mut world);
    assert_eq!((world.items.len(), world.states()), (0, vec!["resting"]));
}
