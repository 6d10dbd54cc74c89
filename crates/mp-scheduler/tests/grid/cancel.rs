//! Cancelling, wherever the item is.
//!
//! Does **not** know time limits.

use mp_scheduler::{Action, Event, Retry, Terms};
use mp_wire::TaskId;

use crate::scene::{GRACE, ms, of, retries, timeout};
use crate::world::World;

#[test]
fn cancelled_while_queued_it_never_runs() {
    let mut world = World::starting(of(1));
    world.plain(3);
    world.cancel(TaskId(1));
    world.greet();
    assert_eq!(world.run_all(0), [0, 2]);
    assert_eq!(world.words(), ["value", "cancelled", "value"]);
}

#[test]
fn cancelled_at_either_end_of_what_waits_the_others_stay() {
    let mut world = World::starting(of(1));
    world.plain(3);
    world.cancel(TaskId(0));
    world.cancel(TaskId(2));
    world.greet();
    assert_eq!(world.run_all(0), [1]);
}

#[test]
fn cancelled_in_flight_it_never_runs_and_the_others_do() {
    let mut world = World::running(of(1), 3, Terms::default());
    world.cancel(TaskId(2));
    assert_eq!(world.run_all(0), [0, 1]);
    assert_eq!((world.words(), world.generation(0)), (vec!["value", "value", "cancelled"], 1));
}

#[test]
fn cancelled_while_running_its_worker_is_replaced() {
    let mut world = World::running(of(1), 2, retries(3));
    world.cancel(TaskId(0));
    assert!(world.did(&Action::Terminate(world.worker(0))));
    world.crash(0);
    assert_eq!((world.words(), world.states()), (vec!["cancelled", "open"], vec!["starting"]));
}

#[test]
fn cancelled_when_finished_nothing_happens() {
    let mut world = World::ready(of(1));
    world.plain(1);
    world.run_all(0);
    world.cancel(TaskId(0));
    assert_eq!((world.words(), world.states()), (vec!["value"], vec!["idle"]));
}

#[test]
fn cancelled_when_finished_but_not_heard_of_the_next_one_goes_on() {
    // The supervisor had not read the outcome yet: the worker was ended, and the next item was lost with it.
    let mut world = World::running(of(1), 2, Terms::default());
    world.finish(0);
    world.begin(world.worker(0));
    world.cancel(TaskId(0));
    world.finish(0);
    world.hear(world.worker(0));
    assert_eq!((world.words(), world.generation(0)), (vec!["value"; 2], 1));
}

#[test]
fn cancelled_twice_it_has_one_outcome() {
    for begun in [false, true] {
        let mut world = World::ready(of(1));
        world.plain(1);
        if begun {
            world.begin(world.worker(0));
        }
        world.cancel(TaskId(0));
        world.cancel(TaskId(0));
        if begun {
            world.crash(0);
        }
        assert_eq!(world.words(), ["cancelled"]);
    }
}

#[test]
fn cancelled_while_its_worker_ends_it_is_not_given_to_the_next() {
    // The worker had hung up, so that nothing could be asked of it; the item ran again elsewhere.
    let mut world = World::running(of(1), 3, retries(1));
    world.event(Event::HungUp(world.worker(0)));
    world.cancel(TaskId(0));
    world.cancel(TaskId(1));
    world.crash(0);
    world.greet();
    assert_eq!(world.run_all(0), [2]);
    assert_eq!(world.words(), ["cancelled", "cancelled", "value"]);
}

#[test]
fn cancelled_between_two_attempts_it_is_not_tried_again() {
    let mut world = World::running(of(1), 1, retries(3));
    world.crash(0);
    world.cancel(TaskId(0));
    assert_eq!(world.words(), ["cancelled"]);
}

#[test]
fn cancelled_before_it_began_its_worker_still_has_its_number_of_items_to_run() {
    let mut world = World::ready(mp_scheduler::Config { max_tasks_per_worker: Some(1), ..of(1) });
    world.plain(1);
    world.cancel(TaskId(0));
    assert_eq!(world.states(), ["busy"], "the frame still lies before it");
    world.run_all(0);
    assert_eq!((world.states(), world.generation(0)), (vec!["idle"], 1));
}

#[test]
fn cancelled_while_running_who_has_asked_is_told_and_may_end() {
    let mut world = World::running(of(1), 2, retries(3));
    let worker = world.worker(0);
    assert!(!world.process(worker).ask());
    world.cancel(TaskId(0));
    world.cancel(TaskId(0));
    world.pass(GRACE - ms(1));
    assert!(!world.did(&Action::Terminate(worker)) && world.process(worker).ask());
    assert_eq!(world.run_all(0), [0, 1]);
    assert_eq!((world.words(), world.generation(0)), (vec!["value"; 2], 1));
    world.pass(GRACE * 9);
    assert!(!world.did(&Action::Terminate(worker)), "it was about what has ended");
}

#[test]
fn cancelled_while_running_who_is_told_and_goes_on_is_ended_after_the_grace() {
    let mut world = World::running(of(1), 1, retries(3));
    let worker = world.worker(0);
    world.process(worker).ask();
    world.cancel(TaskId(0));
    world.pass(GRACE);
    assert!(world.did(&Action::Terminate(worker)) && !world.did(&Action::Kill(worker)));
    world.pass(GRACE);
    assert!(world.did(&Action::Kill(worker)));
    world.crash(0);
    assert_eq!(world.words(), ["cancelled"]);
}

#[test]
fn cancelled_and_told_a_limit_is_a_limit_still() {
    let mut world = World::running(of(1), 1, timeout(100));
    let worker = world.worker(0);
    world.process(worker).ask();
    world.cancel(TaskId(0));
    world.pass(ms(100));
    assert!(world.did(&Action::Terminate(worker)));
    world.crash(0);
    assert_eq!(world.words(), ["cancelled"]);
}

#[test]
fn cancelled_and_told_a_crash_is_not_tried_again() {
    let mut world = World::running(of(1), 1, retries(3));
    let worker = world.worker(0);
    world.process(worker).ask();
    world.cancel(TaskId(0));
    world.crash(0);
    assert_eq!(world.words(), ["cancelled"]);
}

#[test]
fn what_another_task_asked_is_no_reason_to_wait() {
    let mut world = World::running(of(1), 2, retries(3));
    let worker = world.worker(0);
    world.process(worker).ask();
    world.run_one(0);
    world.begin(worker);
    world.cancel(TaskId(1));
    assert!(world.did(&Action::Terminate(worker)));
}

#[test]
fn one_that_had_panicked_unheard_when_it_was_cancelled_is_not_tried_again() {
    // The cancel found it not running any more, was forgotten, and the panic that was heard then had it run once more.
    let retry = Retry::times(3).panicked(true);
    let mut world = World::running(of(1), 2, Terms { retry, ..Terms::default() });
    let worker = world.worker(0);
    world.process(worker).panic();
    world.begin(worker);
    world.cancel(TaskId(0));
    world.hear(worker);
    assert_eq!(world.words()[0], "panicked");
}
