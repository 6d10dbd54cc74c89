//! How a world comes to its end when all obey.
//!
//! Does **not** know the scheduler: it asks each process what it can do.

use mp_scheduler::{Event, Phase};
use mp_wire::{WorkerExit, WorkerId};

use crate::world::World;
use crate::world::process::Stage;

/// More rounds than this need no items that were submitted.
const ROUNDS: usize = 20_000;

/// What hangs goes on hanging, if a time limit will end it; all others work and obey, until everything has ended.
pub(crate) fn to_the_end(world: &mut World, end: Event) {
    world.event(end);
    (world.jammed, world.starved) = (false, false);
    let mut rounds = 0;
    while world.ends.is_empty() {
        rounds += 1;
        assert!(rounds < ROUNDS, "no end: {:#?}", world.scheduler);
        let workers: Vec<_> = world.processes.keys().copied().collect();
        let moved = workers.into_iter().filter(|worker| turn(world, *worker)).count();
        if moved == 0 && world.ends.is_empty() {
            let Some(at) = world.scheduler.next_wake() else { panic!("nothing will happen: {:#?}", world.scheduler) };
            world.now = world.now.max(at);
            world.event(Event::Tick);
        }
    }
    let open = world.items.iter().position(|item| item.outcome.is_none());
    assert_eq!(open, None, "I1: no outcome");
    assert!(matches!(world.scheduler.phase(), Phase::Ended(_)));
    assert_eq!((world.scheduler.waiting(), world.scheduler.next_wake()), (0, None));
}

/// Gives whether anything moved.
fn turn(world: &mut World, worker: WorkerId) -> bool {
    let Some(process) = world.processes.get(&worker) else { return false };
    if process.stage != Stage::Serving && !process.killed && !process.terminated {
        world.hello(worker);
        return true;
    }
    obey(world, worker) || one_item(world, worker)
}

/// Ends, if it was told to.
pub(crate) fn obey(world: &mut World, worker: WorkerId) -> bool {
    let process = world.process(worker);
    let exit = match process {
        process if process.killed => WorkerExit::signaled(9, false),
        process if process.terminated => WorkerExit::signaled(15, false),
        process if process.stopped && process.running.is_none() => WorkerExit::Exited(0),
        _ => return false,
    };
    world.die(worker, exit);
    true
}

/// Every third item with a time limit hangs.
fn one_item(world: &mut World, worker: WorkerId) -> bool {
    let began = world.begin(worker).is_some();
    let Some(piece) = world.process(worker).running else {
        let unheard = !world.process(worker).unheard.is_empty();
        world.hear(worker);
        return unheard;
    };
    // As `Outbound`: outcomes are sent at the latest at their frame's end.
    if world.process(worker).unheard.iter().any(|before| before.frame() != piece.frame) {
        world.hear(worker);
        return true;
    }
    if piece.task.0 % 3 == 0 && world.item(piece.task).terms.timeout.is_some() {
        return began;
    }
    world.process(worker).finish();
    if piece.task.0 % 2 == 0 {
        world.hear(worker);
    }
    true
}

/// Works through all that it has been sent.
pub(crate) fn work(world: &mut World, worker: WorkerId) {
    world.process(worker).finish();
    while world.processes.contains_key(&worker) && world.begin(worker).is_some() {
        world.process(worker).finish();
    }
    if world.processes.contains_key(&worker) {
        world.hear(worker);
    }
}
