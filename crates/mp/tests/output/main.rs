//! What workers say beside their outcomes: lines, last words, events, and what is known of a death.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/subscriber.rs"]
mod subscriber;

mod capture;
mod clumsy;
mod crash;
mod events;
mod evidence;
mod heard;
mod log;
mod memory;

mp::test_support!();
