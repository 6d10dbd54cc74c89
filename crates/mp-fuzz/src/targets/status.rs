//! Status memory that its worker scribbles over, between any two looks of its supervisor.
//!
//! Does **not** draw conclusions: what follows from the words is `scheduler`'s.

use mp_link::{NOTE_MAX, Status};
use mp_sys::shared::{NOTE, OUTBOX, SharedPage, WORDS};
use mp_wire::frame::from_worker;
use mp_wire::record::Records;

use crate::Trail;

/// Each nine bytes are a word, also of the note, and its value, and then a look; what is left is in the outbox.
pub(super) fn status(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let (status, fd) = Status::create().expect("memory");
    let page = SharedPage::open(&fd).expect("mapped");
    status.publish(1, 100);
    status.publish(2, u16::MAX);
    let (scribbles, outbox) = data.split_at(data.len() / 2);
    let _ = page.keep(outbox, 0);
    for scribble in scribbles.chunks_exact(9) {
        let value = u64::from_le_bytes(scribble[1..].try_into().expect("eight bytes"));
        let at = usize::from(scribble[0]);
        page.word(at % WORDS).store(value, std::sync::atomic::Ordering::Release);
        page.note(at % NOTE).store(value, std::sync::atomic::Ordering::Release);
        look(&status, &mut trail);
    }
    trail
}

fn look(status: &Status, trail: &mut Trail) {
    for begun in status.begun() {
        trail.size(begun.items.into());
        let taken = status.revoke(begun.number, 7);
        assert!(taken <= 7, "more than was asked for");
        // Also a worker finds its own words scribbled over.
        let before = items_of(status, begun.number);
        let claims = (0..40).take_while(|_| status.claim(begun.number)).count();
        assert_eq!(usize::from(before) + claims, usize::from(items_of(status, begun.number)), "each claim counts once");
        trail.size(claims as u64);
    }
    trail.size(status.started_ns());
    if let Some(note) = status.said() {
        assert!(note.bytes.len() <= NOTE_MAX);
        trail.size(note.bytes.len() as u64);
    }
    let unsent = status.unsent();
    assert!(unsent.len() <= OUTBOX);
    trail.size(unsent.len() as u64);
    if let Ok(mp_wire::frame::FromWorkerFrame::Outcomes(_, records)) = from_worker(&unsent) {
        trail.size(Records::new(records).count() as u64);
    }
}

fn items_of(status: &Status, number: u32) -> u16 {
    status.begun()[mp_wire::frame::claim_word(number)].items
}
