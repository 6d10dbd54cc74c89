//! Deaths: of whom, in which state, under which policy.
//!
//! Does **not** know deaths that were asked for: see `ends`, `late` and `recycle`.

use mp_scheduler::{Action, Config, Event, RestartLimit, Terms};
use mp_wire::{TaskId, WorkerExit};

use crate::scene::{GRACE, ms, of, retries};
use crate::world::World;

fn limited(deaths: u32, count_task_deaths: bool) -> Config {
    Config { restart_limit: RestartLimit { deaths, period: ms(5000), count_task_deaths }, ..of(1) }
}

fn no_restart() -> Config {
    Config { restart: false, ..of(1) }
}

#[test]
fn on_crash_while_starting_is_replaced_at_once() {
    let mut world = World::starting(of(1));
    world.crash(0);
    assert_eq!((world.states(), world.generation(0)), (vec!["starting"], 2));
}

#[test]
fn on_crash_while_idle_is_replaced_at_once() {
    let mut world = World::ready(of(2));
    world.crash(1);
    assert_eq!((world.states(), world.generation(1)), (vec!["idle", "starting"], 2));
}

#[test]
fn on_crash_while_running_the_item_is_lost_and_the_rest_goes_back() {
    let mut world = World::running(of(1), 4, Terms::default());
    world.crash(0);
    world.greet();
    assert_eq!(world.run_all(0), [1, 2, 3]);
    assert_eq!(world.words(), ["lost", "value", "value", "value"]);
}

#[test]
fn on_clean_exit_while_running_the_item_is_lost_as_well() {
    let mut world = World::running(of(1), 1, Terms::default());
    world.exit(0);
    assert_eq!((world.words(), world.states()), (vec!["lost"], vec!["starting"]));
}

#[test]
fn on_crash_between_items_nothing_is_lost() {
    let mut world = World::ready(of(1));
    world.plain(3);
    world.run_one(0);
    world.crash(0);
    assert_eq!(world.words(), ["value", "open", "open"]);
    world.greet();
    assert_eq!(world.run_all(0), [1, 2]);
}

#[test]
fn on_crash_what_had_finished_keeps_its_value() {
    let mut world = World::running(of(1), 2, Terms::default());
    world.finish(0);
    world.crash(0);
    assert_eq!(world.words(), ["value", "open"]);
}

#[test]
fn on_crash_of_all_the_work_waits_for_the_next() {
    let mut world = World::ready(of(3));
    world.plain(3);
    (0..3).for_each(|slot| world.crash(slot));
    assert_eq!(world.words(), ["open"; 3]);
    world.pass(ms(1000));
    world.greet();
    (0..3).for_each(|slot| drop(world.run_all(slot)));
    assert_eq!(world.words(), ["value"; 3]);
}

#[test]
fn who_dies_again_and_again_waits_longer_and_longer() {
    let mut world = World::starting(of(1));
    let mut waits = Vec::new();
    for _ in 0..7 {
        world.crash(0);
        // One that waits to be made needs no waking.
        waits.push(world.scheduler.next_wake().map_or(0, |until| (until - world.now).as_millis()));
        world.pass(ms(200));
    }
    assert_eq!(waits, [0, 20, 40, 80, 160, 200, 200]);
}

#[test]
fn without_restart_a_crash_while_idle_stays_down() {
    let mut world = World::ready(no_restart());
    world.crash(0);
    assert_eq!(
        (world.states(), world.ends.clone()),
        (vec!["retired"], vec![Some("all workers have died, and none is replaced".to_owned())])
    );
}

#[test]
fn without_restart_a_crash_takes_all_work_with_it() {
    let mut world = World::running(no_restart(), 9, retries(5));
    world.plain(1);
    world.crash(0);
    assert_eq!((world.words(), world.ends.len()), (vec!["lost"; 10], 1));
}

#[test]
fn without_restart_a_failed_start_names_the_cause() {
    let mut world = World::starting(no_restart());
    world.plain(2);
    world.start_fails(world.worker(0));
    assert_eq!(world.words(), ["stopped"; 2]);
    assert_eq!(world.ends, [Some("worker 0.1 could not be started: no memory".to_owned())]);
}

#[test]
fn retries_are_counted() {
    let mut world = World::ready(of(1));
    world.submit(1, retries(2), 1);
    for attempt in 1..=3 {
        assert_eq!(world.words(), ["open"], "before attempt {attempt}");
        world.begin(world.worker(0)).expect("it is tried");
        world.crash(0);
        world.greet();
    }
    assert_eq!((world.words(), world.items[0].begun), (vec!["lost"], 3));
}

#[test]
fn what_never_began_uses_up_no_retry() {
    let mut world = World::ready(of(1));
    world.plain(1);
    for _ in 0..5 {
        world.crash(0);
        world.pass(ms(200));
        world.greet();
    }
    assert_eq!((world.run_all(0), world.words()), (vec![0], vec!["value"]));
}

#[test]
fn deaths_beyond_the_limit_stop_the_pool_and_name_the_first() {
    let mut world = World::starting(limited(2, false));
    world.plain(1);
    for code in [3, 4, 5] {
        world.die(world.worker(0), WorkerExit::Exited(code));
        world.pass(ms(200));
    }
    let reason = "more than 2 workers died within 5s, the first: worker 0.1 exited with code 3".to_owned();
    assert_eq!((world.words(), world.ends), (vec!["stopped"], vec![Some(reason)]));
}

#[test]
fn deaths_further_apart_than_the_period_are_no_reason_to_stop() {
    let mut world = World::starting(limited(1, false));
    for _ in 0..9 {
        world.crash(0);
        world.pass(ms(5001));
        world.greet();
    }
    assert_eq!(world.states(), ["idle"]);
}

#[test]
fn deaths_that_ended_an_attempt_count_only_if_they_shall() {
    for (count_task_deaths, ends) in [(false, 0), (true, 1)] {
        let mut world = World::ready(limited(2, count_task_deaths));
        for _ in 0..3 {
            world.plain(1);
            let ran = world.states() == ["busy"] && world.begin(world.worker(0)).is_some();
            assert!(ran, "attempts are bounded by their tasks");
            world.crash(0);
            world.pass(ms(200));
            world.greet();
        }
        assert_eq!((world.ends.len(), world.words()), (ends, vec!["lost"; 3]));
    }
}

#[test]
fn a_finished_item_forgives_unless_every_death_counts() {
    for (count_task_deaths, ends) in [(false, 0), (true, 1)] {
        let mut world = World::ready(limited(1, count_task_deaths));
        for _ in 0..2 {
            world.plain(1);
            world.run_all(0);
            world.crash(0);
            world.greet();
        }
        assert_eq!(world.ends.len(), ends);
    }
}

#[test]
fn failed_starts_are_deaths() {
    let mut world = World::starting(limited(2, false));
    for _ in 0..3 {
        world.start_fails(world.worker(0));
        world.pass(ms(200));
    }
    let reason = "more than 2 workers died within 5s, the first: worker 0.1 could not be started: no memory";
    assert_eq!(world.ends, [Some(reason.to_owned())]);
}

#[test]
fn who_says_no_hello_is_killed_and_replaced() {
    let mut world = World::starting(Config { start_timeout: ms(100), ..of(1) });
    let silent = world.worker(0);
    world.born(silent);
    world.pass(ms(99));
    assert!(!world.did(&Action::Kill(silent)));
    world.pass(ms(1));
    assert!(world.did(&Action::Kill(silent)));
    world.crash(0);
    assert_eq!((world.states(), world.generation(0)), (vec!["starting"], 2));
}

#[test]
fn who_is_not_wanted_any_more_when_it_is_born_is_killed_at_birth() {
    let mut world = World::starting(of(2));
    world.event(Event::Resize(1));
    let worker = world.worker(1);
    world.born(worker);
    assert!(world.process(worker).killed);
}

#[test]
fn who_writes_rubbish_is_killed_and_its_item_is_lost() {
    let mut world = World::running(of(1), 2, Terms::default());
    let worker = world.worker(0);
    world.event(Event::Broke(worker, "wrote rubbish".to_owned()));
    assert!(world.did(&Action::Kill(worker)));
    world.crash(0);
    assert_eq!(world.words(), ["lost", "open"]);
}

#[test]
fn who_closes_its_line_has_the_grace_to_end() {
    let mut world = World::running(of(1), 2, Terms::default());
    let worker = world.worker(0);
    world.event(Event::HungUp(worker));
    world.pass(GRACE - ms(1));
    assert!(!world.did(&Action::Kill(worker)));
    world.pass(ms(1));
    assert!(world.did(&Action::Kill(worker)));
}

#[test]
fn who_cannot_be_sent_work_is_killed_and_the_work_goes_on() {
    let mut world = World::ready(of(1));
    world.jammed = true;
    world.plain(2);
    world.crash(0);
    world.greet();
    assert_eq!(world.run_all(0), [0, 1]);
}

#[test]
fn what_the_supervisor_cannot_send_costs_no_worker() {
    // The worker was killed for the descriptors that its supervisor lacked.
    let mut world = World::ready(of(1));
    world.starved = true;
    world.plain(1);
    assert_eq!(world.words(), ["unsendable"]);
    world.plain(1);
    world.starved = true;
    world.plain(1);
    world.plain(1);
    assert_eq!(world.run_all(0), [1, 3], "the frame after it takes its place");
    assert_eq!(world.words(), ["unsendable", "value", "unsendable", "value"]);
    assert_eq!(world.scheduler.deaths(), 0);
}

#[test]
fn where_none_is_replaced_the_others_go_on_until_the_last_has_died() {
    // A pool of forked workers was stopped by the breaker when one of three had died.
    let mut world = World::ready(Config { restart: false, ..of(2) });
    world.crash(0);
    world.plain(2);
    assert_eq!(world.run_all(1), [0, 1]);
    world.plain(1);
    world.crash(1);
    assert_eq!(world.words(), ["value", "value", "lost"]);
    assert_eq!(world.ends, [Some("all workers have died, and none is replaced".to_owned())]);
}

#[test]
fn an_empty_slot_hears_nothing_of_who_was_there() {
    // I5: the slot cools, so that its number is still that of the dead worker.
    let mut world = World::starting(of(1));
    world.crash(0);
    world.crash(0);
    let dead = world.worker(0);
    world.event(Event::StartFailed(dead, "again".to_owned()));
    world.event(Event::Broke(dead, "wrote rubbish".to_owned()));
    assert_eq!((world.states(), world.generation(0)), (vec!["cooling"], 2));
}

#[test]
fn a_former_worker_changes_nothing() {
    // I5
    let mut world = World::ready(of(1));
    let former = world.worker(0);
    world.crash(0);
    world.greet();
    world.plain(1);
    world.event(Event::Broke(former, "wrote rubbish".to_owned()));
    world.event(Event::HungUp(former));
    world.event(Event::Stolen { worker: former, number: 1, items: 1 });
    world.event(Event::Exited { worker: former, exit: WorkerExit::Unknown, begun: [(1, 1), (0, 0)] });
    assert_eq!(world.scheduler.finished(world.now, former, (TaskId(0), 1), &mut Vec::new()), None);
    assert_eq!(world.run_all(0), [0]);
}

#[test]
fn items_that_were_begun_are_not_run_again_even_if_nobody_heard_of_their_end() {
    // A thread is left behind with outcomes unread. Only its first item was judged; the others ran a second time.
    let mut world = World::ready(of(1));
    world.threads = true;
    world.plain(3);
    let worker = world.worker(0);
    world.begin(worker);
    world.finish(0);
    world.begin(worker);
    world.event(Event::Broke(worker, "wrote rubbish".to_owned()));
    world.greet();
    assert_eq!(world.run_all(0), [2]);
    assert_eq!(world.words(), ["lost", "lost", "value"]);
}
