//! Random lives of a pool. Whatever happens in whatever order, every item has one outcome, and every pool an end.
//!
//! Does **not** know what the scheduler should do next: what may never happen is in `world`.
//!
//! ```text
//!  ops: submit, cancel, begin, finish, die, hang up, pass, .. ─▶ World ─▶ after each: what may never happen
//!                                      then all obey, and close or kill ─▶ it ends, and every item has its outcome
//! ```

#[path = "random/obey.rs"]
mod obey;
mod world;

use std::num::NonZeroU32;
use std::time::Duration;

use mp_scheduler::{Action, Config, Event, Inspection, Phase, RestartLimit, Retry, Terms, WEIGHT_MAX};
use mp_wire::{TaskId, WorkerExit, WorkerId};
use proptest::prelude::*;
use world::World;

/// What happens next; numbers choose among those who can.
#[derive(Clone, Debug)]
enum Op {
    Submit { len: u32, timeout_ms: Option<u64>, retry: Retry, weight: u32 },
    Broadcast { timeout_ms: Option<u64>, retry: Retry },
    Cancel(usize),
    Born(usize),
    Trust(usize),
    StartFails(usize),
    Hello(usize),
    Unprepared(usize),
    Begin(usize),
    Finish(usize),
    Panic(usize),
    Ask(usize),
    Hear(usize),
    Work(usize),
    Obey(usize),
    Die(usize),
    HangUp(usize),
    Break(usize),
    Jam,
    Starve,
    Stale(usize),
    Pass(u64),
    Grow(usize),
    Resize(u32),
    Close,
    Stop,
    Kill,
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..64usize;
    let timeout = prop_oneof![3 => Just(None), 1 => (1..50u64).prop_map(Some)];
    let submit = (1..40u32, timeout, retry(), prop_oneof![3 => 1..100u32, 1 => 1..=WEIGHT_MAX])
        .prop_map(|(len, timeout_ms, retry, weight)| Op::Submit { len, timeout_ms, retry, weight });
    let broadcast = (prop::option::weighted(0.3, 1..50u64), retry())
        .prop_map(|(timeout_ms, retry)| Op::Broadcast { timeout_ms, retry });
    prop_oneof![
        10 => submit,
        3 => broadcast,
        4 => any::<usize>().prop_map(Op::Cancel),
        4 => who.clone().prop_map(Op::Born),
        2 => who.clone().prop_map(Op::Trust),
        1 => who.clone().prop_map(Op::StartFails),
        12 => who.clone().prop_map(Op::Hello),
        1 => who.clone().prop_map(Op::Unprepared),
        30 => who.clone().prop_map(Op::Begin),
        20 => who.clone().prop_map(Op::Finish),
        6 => who.clone().prop_map(Op::Panic),
        10 => who.clone().prop_map(Op::Ask),
        14 => who.clone().prop_map(Op::Hear),
        10 => who.clone().prop_map(Op::Work),
        8 => who.clone().prop_map(Op::Obey),
        3 => who.clone().prop_map(Op::Die),
        1 => who.clone().prop_map(Op::HangUp),
        1 => who.clone().prop_map(Op::Break),
        1 => prop_oneof![Just(Op::Jam), Just(Op::Starve)],
        2 => who.prop_map(Op::Stale),
        2 => (0..64usize).prop_map(Op::Grow),
        2 => (1..7u32).prop_map(Op::Resize),
        8 => (0..60u64).prop_map(Op::Pass),
        1 => prop_oneof![30 => Just(Op::Pass(5000)), 3 => Just(Op::Close), 1 => Just(Op::Stop), 1 => Just(Op::Kill)],
    ]
}

fn retry() -> impl Strategy<Value = Retry> {
    let pause = prop_oneof![2 => Just(0), 1 => 1..50u64];
    (0..3u32, any::<[bool; 3]>(), pause).prop_map(|(times, [lost, timed_out, panicked], pause)| {
        let (pause, most) = (Duration::from_millis(pause), Duration::from_millis(70));
        Retry::times(times).lost(lost).timed_out(timed_out).panicked(panicked).backoff(pause, 2, most)
    })
}

fn config() -> impl Strategy<Value = Config> {
    let limit = prop_oneof![4 => Just(1000u32), 1 => 0..4u32];
    let tasks = prop_oneof![2 => Just(None), 1 => (1..6u32).prop_map(Some)];
    let memory = prop::option::weighted(0.3, Just(100));
    let idle = prop::option::weighted(0.3, (10..80u64).prop_map(Duration::from_millis));
    let of_worker = (tasks, 0..3u32, memory, idle);
    (1..5u32, prop::bool::weighted(0.9), limit, any::<[bool; 3]>(), of_worker).prop_map(
        |(workers, restart, deaths, [count_task_deaths, initializer, finalizer], of_worker)| Config {
            workers,
            one_task: false,
            restart,
            restart_limit: RestartLimit { deaths, period: Duration::from_secs(5), count_task_deaths },
            start_timeout: Duration::from_millis(500),
            grace: Duration::from_millis(100),
            max_tasks_per_worker: of_worker.0,
            max_tasks_jitter: of_worker.1,
            max_worker_memory: of_worker.2,
            // What is not replaced does not rest either.
            idle_timeout: of_worker.3.filter(|_| restart),
            initializer: initializer.then_some(Duration::from_millis(300)),
            finalizer: finalizer.then_some(Duration::from_millis(50)),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_item_has_one_outcome_and_every_pool_an_end(
        config in config(),
        threads in prop::bool::weighted(0.2),
        ops in prop::collection::vec(op(), 1..200),
        end in 0..5,
    ) {
        let mut world = World::new(config);
        world.threads = threads;
        world.event(Event::Tick);
        for op in ops {
            happen(&mut world, op);
        }
        let asked = || "asked".to_owned();
        obey::to_the_end(&mut world, match end {
            0 => Event::Kill(asked()),
            1 => Event::Stop(asked()),
            _ => Event::Close,
        });
    }
}

fn happen(world: &mut World, op: Op) {
    match op {
        Op::Submit { len, timeout_ms, retry, weight } => {
            if *world.scheduler.phase() == Phase::Open {
                let chunk = NonZeroU32::new(weight % 7);
                let priority = (weight % 5) as i32 - 2;
                let terms =
                    Terms { timeout: timeout_ms.map(Duration::from_millis), retry, chunk, priority, own: false };
                world.submit(len, terms, weight);
            }
        }
        Op::Broadcast { timeout_ms, retry } => {
            let timeout = timeout_ms.map(Duration::from_millis);
            world.broadcast(Terms { timeout, retry, ..Terms::default() });
        }
        Op::Cancel(which) if !world.items.is_empty() => world.cancel(TaskId((which % world.items.len()) as u64)),
        Op::Cancel(_) => {}
        Op::Jam => world.jammed = true,
        Op::Starve => world.starved = true,
        Op::Stale(which) => stale(world, which),
        Op::Pass(ms) => world.pass(Duration::from_millis(ms)),
        Op::Resize(workers) => world.event(Event::Resize(workers)),
        Op::Close => world.event(Event::Close),
        Op::Stop => world.event(Event::Stop("asked".to_owned())),
        Op::Kill => world.event(Event::Kill("asked".to_owned())),
        Op::Born(n) | Op::Trust(n) | Op::StartFails(n) | Op::Hello(n) | Op::Begin(n) | Op::Finish(n) | Op::Hear(n) => {
            chosen(world, n).into_iter().for_each(|worker| live(world, worker, &op));
        }
        Op::Grow(n)
        | Op::Ask(n)
        | Op::Unprepared(n)
        | Op::Panic(n)
        | Op::Work(n)
        | Op::Obey(n)
        | Op::Die(n)
        | Op::HangUp(n)
        | Op::Break(n) => {
            chosen(world, n).into_iter().for_each(|worker| live(world, worker, &op));
        }
    }
}

fn chosen(world: &World, n: usize) -> Option<WorkerId> {
    let alive = world.processes.len().max(1);
    world.processes.keys().nth(n % alive).copied()
}

fn live(world: &mut World, worker: WorkerId, op: &Op) {
    use world::process::Stage;
    let stage = world.process(worker).stage;
    match op {
        Op::StartFails(_) if stage == Stage::Unborn => world.start_fails(worker),
        Op::Hello(_) if stage != Stage::Serving => world.hello(worker),
        Op::Unprepared(_) if stage != Stage::Serving => world.unprepared(worker),
        Op::Born(_) if stage == Stage::Unborn => world.born(worker),
        Op::Trust(_) if stage == Stage::Unborn => world.trusts(worker),
        _ if stage == Stage::Unborn => {}
        Op::Grow(_) => world.process(worker).bytes += 60,
        Op::Begin(_) => _ = world.begin(worker),
        Op::Finish(_) => world.process(worker).finish(),
        Op::Ask(_) => _ = world.process(worker).ask(),
        Op::Panic(_) => world.process(worker).panic(),
        Op::Hear(_) => world.hear(worker),
        Op::Work(_) => obey::work(world, worker),
        Op::Obey(_) => _ = obey::obey(world, worker),
        Op::Die(_) => world.die(worker, WorkerExit::signaled(9, false)),
        Op::HangUp(_) => world.event(Event::HungUp(worker)),
        Op::Break(_) => world.event(Event::Broke(worker, "wrote rubbish".to_owned())),
        _ => {}
    }
}

/// Whatever is said of a worker that is gone changes nothing (I5).
fn stale(world: &mut World, which: usize) {
    let ids: Vec<_> = world.scheduler.workers().map(|(id, _)| id).collect();
    let mut worker = ids[which % ids.len()];
    if world.processes.contains_key(&worker) {
        worker.generation -= 1;
    }
    let begun = [(1, 1), (2, 1)];
    let seen = Inspection { taken: begun, begun, started: world.now, asked: None };
    let events = [
        Event::Born(worker),
        Event::Trusted(worker),
        Event::Hello(worker),
        Event::Prepared(worker),
        Event::Weighed(worker, u64::MAX),
        Event::StartFailed(worker, "no memory".to_owned()),
        Event::Unprepared(worker, "no model".to_owned()),
        Event::Broke(worker, "wrote rubbish".to_owned()),
        Event::HungUp(worker),
        Event::Exited { worker, exit: WorkerExit::Unknown, begun },
        Event::Inspected(worker, seen),
        Event::Stolen { worker, number: 1, items: 1 },
    ];
    // What may be sent depends on how long tasks have run, and is looked at with the next event, whatever it is.
    world.event(Event::Tick);
    let before = format!("{:?}", world.scheduler);
    let mut actions = Vec::new();
    for event in events {
        world.scheduler.step(world.now, event, &mut actions);
    }
    // An idle worker may look for work again at any time.
    actions.retain(|action| !matches!(action, Action::Steal { .. }));
    assert!(actions.is_empty(), "I5: {actions:?}");
    assert_eq!(format!("{:?}", world.scheduler), before, "I5");
}
