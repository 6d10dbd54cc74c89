//! What crosses between a supervisor and its fork server.
//!
//! Does **not** fork.

use std::time::Duration;

use mp_link::births;
use mp_sys::socket::{packet_pair, send_now};

use crate::Trail;

/// The same packet as an answer, and as an order.
pub(super) fn births(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let (here, there) = packet_pair().expect("a pair");
    for _ in 0..2 {
        send_now(&there, data).expect("room for two");
    }
    drop(there);
    match births::heard(&here, Duration::ZERO) {
        Ok(answer) => trail.text(&format!("{answer:?}")),
        Err(error) => trail.text(&error.to_string()),
    }
    match births::receive(&here) {
        Ok(Some((order, fds))) => {
            assert!(fds.is_empty(), "none came along");
            trail.text(&format!("{order:?}"));
        }
        Ok(None) => trail.step(0),
        Err(error) => trail.text(&error.to_string()),
    }
    trail
}
