//! Closing and killing, in every state of a worker.
//!
//! Does **not** know why somebody ends a pool.

use mp_scheduler::{Action, Config, Event, Terms, Verdict};
use mp_wire::{TaskId, WorkerExit};

use crate::scene::{GRACE, ms, of, retries, timeout};
use crate::world::World;

fn close(world: &mut World) {
    world.event(Event::Close);
}

fn kill(world: &mut World) {
    world.event(Event::Kill("asked".to_owned()));
}

fn killed() -> Vec<Option<String>> {
    vec![Some("asked".to_owned())]
}

fn cooling() -> World {
    let mut world = World::starting(of(1));
    world.crash(0);
    world.crash(0);
    assert_eq!(world.states(), ["cooling"]);
    world
}

#[test]
fn closed_before_the_first_tick_it_ends_with_it() {
    let mut world = World::new(of(2));
    close(&mut world);
    world.event(Event::Tick);
    assert_eq!((world.states(), world.ends), (vec!["retired"; 2], vec![None]));
}

#[test]
fn closed_while_starting_it_waits_for_the_hello() {
    let mut world = World::starting(of(1));
    close(&mut world);
    world.greet();
    assert!(world.did(&Action::Stop(world.worker(0))));
    world.exit(0);
    assert_eq!(world.ends, [None]);
}

#[test]
fn closed_while_starting_what_waits_is_finished() {
    let mut world = World::starting(of(1));
    world.plain(3);
    close(&mut world);
    world.greet();
    assert_eq!(world.run_all(0), [0, 1, 2]);
    world.exit(0);
    assert_eq!(world.ends, [None]);
}

#[test]
fn closed_while_idle_it_stops_at_once() {
    let mut world = World::ready(of(1));
    close(&mut world);
    assert!(world.did(&Action::Stop(world.worker(0))));
    world.exit(0);
    assert_eq!(world.ends, [None]);
}

#[test]
fn closed_while_running_it_finishes_first() {
    let mut world = World::running(of(1), 2, Terms::default());
    close(&mut world);
    assert_eq!(world.states(), ["busy"]);
    world.run_all(0);
    world.exit(0);
    assert_eq!((world.words(), world.ends), (vec!["value"; 2], vec![None]));
}

fn of_one_task() -> Config {
    Config { restart: false, one_task: true, ..of(1) }
}

/// How often the worker was told that nothing more comes, and that it is to stop.
fn told(world: &World) -> (usize, usize) {
    let worker = world.worker(0);
    let count = |action: &Action| world.log.iter().filter(|did| *did == action).count();
    (count(&Action::Last(worker)), count(&Action::Stop(worker)))
}

#[test]
fn closed_with_its_one_task_it_is_told_at_once_and_never_again() {
    for early in [false, true] {
        let mut world = if early { World::starting(of_one_task()) } else { World::ready(of_one_task()) };
        world.plain(1);
        close(&mut world);
        if early {
            assert_eq!(told(&world), (0, 0));
            world.greet();
        }
        assert_eq!(told(&world), (1, 0));
        assert_eq!((world.run_all(0), world.states()), (vec![0], vec!["stopping"]));
        world.exit(0);
        assert_eq!((told(&world), world.words(), world.ends), ((1, 0), vec!["value"], vec![None]));
    }
}

#[test]
fn closed_with_its_one_task_taken_back_it_is_told_once_more() {
    let mut world = World::ready(of_one_task());
    world.submit(1, timeout(100), 1);
    close(&mut world);
    // It has not come to it: it is late for nothing, and gets it again.
    world.pass(ms(100));
    assert_eq!(told(&world), (2, 0));
    assert_eq!(world.run_all(0), [0]);
    world.exit(0);
    assert_eq!((world.words(), world.ends), (vec!["value"], vec![None]));
}

#[test]
fn closed_with_its_one_task_cancelled_it_is_stopped() {
    let mut world = World::ready(of_one_task());
    world.plain(1);
    close(&mut world);
    world.cancel(TaskId(0));
    world.hear(world.worker(0));
    world.begin(world.worker(0));
    world.hear(world.worker(0));
    assert_eq!(told(&world), (1, 1));
    world.exit(0);
    assert_eq!((world.words(), world.ends), (vec!["cancelled"], vec![None]));
}

#[test]
fn closed_with_its_one_task_to_be_tried_again_it_is_stopped_when_that_is_over() {
    let mut world = World::ready(of_one_task());
    world.submit(1, retries(1), 1);
    close(&mut world);
    assert_eq!(told(&world), (0, 0));
    world.run_all(0);
    assert_eq!(told(&world), (0, 1));
}

#[test]
fn closed_while_cooling_with_nothing_to_do_it_ends_at_once() {
    // It waited for its time, only to find that nobody needed it.
    let mut world = cooling();
    close(&mut world);
    assert_eq!((world.states(), world.ends), (vec!["retired"], vec![None]));
}

#[test]
fn closed_while_cooling_what_waits_is_finished() {
    let mut world = cooling();
    world.plain(1);
    close(&mut world);
    world.pass(ms(200));
    world.greet();
    assert_eq!(world.run_all(0), [0]);
}

#[test]
fn closed_and_crashed_while_running_the_rest_is_finished_by_the_next() {
    let mut world = World::running(of(1), 2, Terms::default());
    close(&mut world);
    world.crash(0);
    world.greet();
    assert_eq!(world.run_all(0), [1]);
    world.exit(0);
    assert_eq!((world.words(), world.ends), (vec!["lost", "value"], vec![None]));
}

#[test]
fn closed_who_does_not_go_is_killed_after_the_grace() {
    let mut world = World::ready(of(1));
    close(&mut world);
    world.pass(GRACE);
    assert!(world.did(&Action::Kill(world.worker(0))));
}

#[test]
fn closed_a_free_worker_stays_while_there_is_something_to_take_over() {
    // It was told to stop in the same breath in which work was fetched for it: the last items all ran on one worker.
    let mut world = World::ready(of(2));
    world.crash(1);
    world.plain(2);
    world.begin(world.worker(0));
    close(&mut world);
    world.greet();
    assert_eq!(world.states(), ["busy"; 2]);
    assert_eq!((world.run_all(1), world.states()), (vec![1], vec!["busy", "stopping"]));
    assert_eq!((world.run_all(0), world.states()), (vec![0], vec!["stopping"; 2]));
}

#[test]
fn killed_before_the_first_tick_it_ends_at_once() {
    let mut world = World::new(of(2));
    world.plain(1);
    kill(&mut world);
    assert_eq!((world.words(), world.ends), (vec!["stopped"], killed()));
}

#[test]
fn killed_while_starting_it_has_no_grace() {
    let mut world = World::starting(of(1));
    kill(&mut world);
    assert!(world.did(&Action::Kill(world.worker(0))));
    world.crash(0);
    assert_eq!(world.ends, killed());
}

#[test]
fn killed_while_starting_a_failed_start_is_the_end_of_it() {
    let mut world = World::starting(of(2));
    kill(&mut world);
    (0..2).for_each(|slot| world.start_fails(world.worker(slot)));
    assert_eq!(world.ends, killed());
}

#[test]
fn killed_while_idle_it_is_asked_and_then_killed() {
    let mut world = World::ready(of(1));
    kill(&mut world);
    assert!(world.did(&Action::Terminate(world.worker(0))));
    world.pass(GRACE);
    assert!(world.did(&Action::Kill(world.worker(0))));
    world.crash(0);
    assert_eq!(world.ends, killed());
}

#[test]
fn killed_while_running_all_is_settled_at_once() {
    let mut world = World::running(of(1), 9, Terms::default());
    kill(&mut world);
    assert_eq!((world.words(), world.ends.len()), (vec!["stopped"; 9], 0));
    let verdict = world.scheduler.verdict(world.worker(0), TaskId(0), WorkerExit::signaled(15, false));
    assert_eq!(verdict, Verdict::Stopped("asked".to_owned()), "no death of its own");
    world.finish(0);
    world.crash(0);
    assert_eq!((world.words(), world.ends), (vec!["stopped"; 9], killed()));
}

#[test]
fn killed_while_an_item_is_late_it_has_one_outcome() {
    let mut world = World::running(of(1), 1, timeout(100));
    world.pass(ms(100));
    kill(&mut world);
    world.crash(0);
    assert_eq!((world.words(), world.ends), (vec!["stopped"], killed()));
}

#[test]
fn killed_while_cooling_it_ends_at_once() {
    let mut world = cooling();
    kill(&mut world);
    assert_eq!(world.ends, killed());
}

#[test]
fn killed_while_closing_it_does_not_finish() {
    let mut world = World::running(of(1), 2, Terms::default());
    close(&mut world);
    kill(&mut world);
    world.crash(0);
    assert_eq!((world.words(), world.ends), (vec!["stopped"; 2], killed()));
}

#[test]
fn killed_twice_the_first_reason_counts_and_closing_is_milder() {
    let mut world = World::ready(of(1));
    kill(&mut world);
    world.event(Event::Kill("again".to_owned()));
    close(&mut world);
    world.crash(0);
    assert_eq!(world.ends, killed());
}

#[test]
fn killed_rubbish_does_not_make_it_a_crash() {
    // It was counted as a death, and the slot cooled before the pool could end.
    let mut world = World::ready(of(2));
    kill(&mut world);
    (0..2).for_each(|slot| world.event(Event::Broke(world.worker(slot), "wrote rubbish".to_owned())));
    (0..2).for_each(|slot| world.crash(slot));
    assert_eq!(world.ends, killed());
}

#[test]
fn ended_it_takes_nothing_and_does_nothing() {
    let mut world = World::ready(of(1));
    kill(&mut world);
    world.crash(0);
    world.plain(1);
    world.cancel(TaskId(0));
    close(&mut world);
    kill(&mut world);
    world.event(Event::Tick);
    assert_eq!((world.words(), world.ends), (vec!["stopped"], killed()));
}

#[test]
fn rubbish_from_a_late_worker_does_not_change_what_its_item_died_of() {
    let mut world = World::running(Config { ..of(1) }, 1, timeout(100));
    world.pass(ms(100));
    world.event(Event::Broke(world.worker(0), "wrote rubbish".to_owned()));
    world.crash(0);
    assert_eq!(world.words(), ["late"]);
}
