//! A line whose other end writes what it likes.
//!
//! Does **not** look into the frames that get through.

use mp_link::{Line, LinkError};
use mp_sys::socket::{packet_pair, send_now};
use mp_wire::frame::FRAME_MAX;

use crate::Trail;

/// Packets, each with its length in one byte before it; of a byte of 255, as ipc-channel frames what is left.
pub(super) fn line(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let (frames, their_frames) = packet_pair().expect("a pair");
    let (descriptors, their_descriptors) = packet_pair().expect("a pair");
    let line = Line::over_sockets(frames, descriptors).expect("a line");
    let mut rest = data;
    let mut sent = 0;
    while let Some((len, after)) = rest.split_first() {
        let len = if *len == 255 { after.len() } else { usize::from(*len).min(after.len()) };
        let (packet, after) = after.split_at(len);
        let packet = if rest[0] == 255 { framed(packet) } else { packet.to_vec() };
        sent += usize::from(send_now(&their_frames, &packet).is_ok());
        let _ = send_now(&their_descriptors, &packet);
        rest = after;
    }
    drop((their_frames, their_descriptors));
    for _ in 0..=sent {
        match line.try_recv() {
            Ok(frame) => {
                let frame = frame.expect("a line whose other end is gone is never empty");
                assert!(frame.len() <= FRAME_MAX);
                trail.size(frame.len() as u64);
                assert!(line.descriptors().unwrap_or_default().is_empty(), "descriptors out of nothing");
            }
            Err(LinkError::Gone) => return trail,
            Err(error) => {
                trail.text(&error.to_string());
                return trail;
            }
        }
    }
    panic!("more frames than packets");
}

fn framed(message: &[u8]) -> Vec<u8> {
    let (packet, len) = (message.len() + 16, message.len());
    [&packet.to_ne_bytes(), &len.to_ne_bytes(), message].concat()
}
