//! What helpers do: producers, consumers, and those who die in the middle of it.
//!
//! An item is (producer, number, text); the text is checked, so that a torn item shows.

use mp_supervisor::Queue;
use mp_sys::robust;

use crate::harness::{self, LOCK_AT, queues};
use crate::steps;

pub(crate) type Item = (u64, u64, String);

/// From a consumer: how many items of each producer, and the sum of their numbers.
pub(crate) type Report = (u64, u64);

/// The item that tells a consumer to stop.
pub(crate) const STOP: u64 = u64::MAX;

/// Items whose numbers are multiples of this have texts of one length: all take the same instructions.
pub(crate) const ALIKE: u64 = 600;

pub(crate) fn item(producer: u64, number: u64) -> Item {
    (producer, number, "x".repeat((number * 37 % 600) as usize))
}

pub(crate) fn check(item: &Item) {
    assert_eq!(item.2.len() as u64, item.1 * 37 % 600, "item {} of {} is torn", item.1, item.0);
}

pub(crate) fn run(role: &str, arguments: &[String]) {
    let numbers: Vec<u64> = arguments.iter().map(|text| text.parse().expect("a number")).collect();
    match role {
        "produce" => produce(numbers[0], numbers[1]),
        "consume" => consume(numbers[0] as usize),
        "megabytes" => megabytes(numbers[0]),
        "relay" => relay(),
        "produce_forever" => forever(|work, number| work.put(item(1, number)).expect("puts")),
        "produce_alike" => forever(|work, number| work.put(item(1, number * ALIKE)).expect("puts")),
        "consume_forever" => forever(|work, _| check(&work.get().expect("gets"))),
        "die_holding" => die_holding(),
        "get_one" => get_one(),
        "put_one" => put_one(),
        "step_put" => steps::step_put(),
        "step_get" => steps::step_get(),
        other => panic!("no role {other}"),
    }
}

fn produce(producer: u64, items: u64) {
    let (work, _) = queues::<Item, Report>();
    for number in 0..items {
        work.put(item(producer, number)).expect("puts");
    }
}

/// Checks that each producer's items come in order.
fn consume(producers: usize) {
    let (work, reports) = queues::<Item, Report>();
    let (mut last, mut count, mut sum) = (vec![None; producers], 0, 0);
    loop {
        let item = work.get().expect("gets");
        if item.0 == STOP {
            return reports.put((count, sum)).expect("reports");
        }
        check(&item);
        assert!(last[item.0 as usize] < Some(item.1), "out of order");
        last[item.0 as usize] = Some(item.1);
        (count, sum) = (count + 1, sum + item.1);
    }
}

fn megabytes(items: u64) {
    let (work, _) = queues::<String, Report>();
    for number in 0..items {
        work.put(megabyte(number)).expect("puts");
    }
}

pub(crate) fn megabyte(number: u64) -> String {
    char::from(b'0' + (number % 10) as u8).to_string().repeat(1_000_000)
}

/// Hands items on until it is told to stop.
fn relay() {
    let (work, done) = queues::<Item, Item>();
    loop {
        let item = work.get().expect("gets");
        if item.0 == STOP {
            return;
        }
        done.put(item).expect("puts");
    }
}

fn forever(act: impl Fn(&Queue<Item>, u64)) {
    let (work, ready) = queues::<Item, u64>();
    ready.put(0).expect("reports");
    let mut number = 0;
    loop {
        act(&work, number);
        number += 1;
    }
}

fn die_holding() {
    let (work, _) = queues::<Item, u64>();
    robust::hold(harness::page(&work).u32_at(LOCK_AT), None, |_| std::process::abort()).expect("holds");
}

fn get_one() {
    let (work, done) = queues::<u64, u64>();
    done.put(work.get().expect("gets")).expect("reports");
}

fn put_one() {
    let (work, done) = queues::<u64, u64>();
    work.put(7).expect("puts");
    done.put(7).expect("reports");
}
