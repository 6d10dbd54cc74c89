//! Large arguments and results, and memory that is shared: whole and each in its place at every size, whoever dies or lies; and given
//! back.

#[path = "../common/mod.rs"]
mod common;

mod deaths;
mod hostile;
mod kept;
mod shared;
mod sizes;

use std::sync::{Mutex, MutexGuard, PoisonError};

mp::test_support!();

/// Tests that look at the memory or the descriptors of their process run one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that differ from place to place, and from seed to seed.
fn pattern(len: usize, seed: u8) -> Vec<u8> {
    // A prime number of bytes: no page and no line is as another.
    let part: Vec<u8> = (0..251).map(|n: u8| n.wrapping_mul(31).wrapping_add(seed)).collect();
    let mut all = part.repeat(len / part.len() + 1);
    all.truncate(len);
    all
}

fn sum(bytes: &[u8]) -> u64 {
    let some = bytes.iter().step_by(97).zip(1..);
    some.fold(bytes.len() as u64, |sum, (byte, at)| sum.wrapping_add(u64::from(*byte) * at))
}
