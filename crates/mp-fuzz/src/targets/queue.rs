//! A queue whose memory another process has written to.
//!
//! Does **not** try a lock that is held: who holds it for ever is waited for as long as the caller says, and that is all.

use std::os::fd::OwnedFd;

use mp_link::baggage;
use mp_supervisor::{Error, Queue, QueueError};
use mp_sys::memfile::{MemFile, PAGE};
use mp_wire::codec;

use crate::Trail;

/// The words of the header that are not the lock's: `mp-supervisor/src/queue/header.rs` says which.
const HEADER: &[u64] = &[8, 16, 32, 40, 64, 128, 136, 144, 152, 192, 200, 208, 216];

/// The rest is behind the header.
pub(super) fn queue(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let file = MemFile::create(c"mp-fuzz", PAGE).expect("memory");
    file.write_all_at(b"mp-queue", 0).expect("room");
    let (words, items) = data.split_at(data.len().min(8 * HEADER.len()));
    for (at, word) in HEADER.iter().zip(words.chunks(8)) {
        file.write_all_at(word, *at).expect("room");
    }
    file.write_all_at(items, PAGE).expect("room");
    let fd = OwnedFd::from(file);
    let queue = baggage::unpack_with(vec![fd], || codec::decode::<Queue<String>>(&[0]));
    let queue = queue.expect("it looks like one");
    trail.size(queue.len() as u64);
    for turn in 0..4 {
        note(queue.try_get().map(drop), &mut trail);
        if turn == 1 {
            note(queue.try_put("item".to_owned()).map_err(|refused| Error::Queue(refused.error)), &mut trail);
        }
    }
    trail
}

fn note(outcome: Result<(), Error>, trail: &mut Trail) {
    match outcome {
        Ok(()) => trail.step(1),
        Err(Error::Queue(QueueError::TimedOut { after })) => panic!("waited {after:?} for a lock that nobody holds"),
        Err(error) => trail.text(&format!("{error:?}")),
    }
}
