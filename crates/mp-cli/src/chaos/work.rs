//! The task of a chaos run, what it is given, and what it must give back.
//!
//! Does **not** know who runs or checks it: all follows from the seed and the task's index.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::marks::{Address, What};

/// What a task is given, beside its payload.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) index: u32,
    marks: Address,
    seed: u64,
    busy_us: u64,
    result_len: usize,
}

/// A sum over the payload as it came, and bytes that follow from seed and index.
pub(super) type Answer = (u64, ByteBuf);

/// The task.
pub(super) fn work(order: Order, payload: ByteBuf) -> Answer {
    order.marks.put(order.index, What::Begun);
    let answer = (sum(&payload), filler(order.seed ^ 1, order.index, order.result_len));
    spend(Duration::from_micros(order.busy_us), order.index);
    order.marks.put(order.index, What::Ended);
    answer
}

/// Some tasks work, some wait.
fn spend(time: Duration, index: u32) {
    if index.is_multiple_of(2) {
        std::thread::sleep(time);
        return;
    }
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// The arguments of task `index`.
pub(super) fn arguments(seed: u64, index: u32, marks: Address) -> (Order, ByteBuf) {
    let mut dice = Dice::of(seed, index);
    let (payload_len, result_len, busy_us) = (length(&mut dice), length(&mut dice), time_us(&mut dice));
    (Order { index, marks, seed, busy_us, result_len }, filler(seed, index, payload_len))
}

/// Whether `answer` is that of task `index`.
pub(super) fn is_right(seed: u64, index: u32, answer: &Answer) -> bool {
    let mut dice = Dice::of(seed, index);
    let (payload_len, result_len) = (length(&mut dice), length(&mut dice));
    answer.0 == sum(&filler(seed, index, payload_len)) && answer.1 == filler(seed ^ 1, index, result_len)
}

/// Nothing, little, or more than a frame holds.
fn length(dice: &mut Dice) -> usize {
    match dice.below(100) {
        0..50 => 0,
        50..85 => dice.below(1 << 10),
        85..97 => dice.below(20 << 10),
        _ => dice.below(300 << 10),
    }
}

/// At once, or up to some milliseconds.
fn time_us(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0..75 => 0,
        75..96 => dice.below(200) as u64,
        _ => dice.below(4000) as u64,
    }
}

fn filler(seed: u64, index: u32, len: usize) -> ByteBuf {
    let mut dice = Dice::of(!seed, index);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&dice.roll().to_ne_bytes());
    }
    bytes.truncate(len);
    ByteBuf::from(bytes)
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(bytes.len() as u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

/// Numbers that look random and follow from a seed (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64, index: u32) -> Self {
        let mut dice = Self(seed ^ u64::from(index).wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.roll();
        dice
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_from_seed_and_index_alone() {
        for index in 0..200 {
            let (order, payload) = arguments(7, index, Address::default());
            let mut answer = (sum(&payload), filler(order.seed ^ 1, index, order.result_len));
            assert!(is_right(7, index, &answer));
            assert!(order.result_len == 0 || !is_right(8, index, &answer));
            answer.0 ^= 1;
            assert!(!is_right(7, index, &answer));
        }
    }
}
