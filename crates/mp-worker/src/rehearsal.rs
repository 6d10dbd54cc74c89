//! A worker's life in short, played once by the fork server, so that no worker has to do anything for the first time.
//!
//! Does **not** leave anything behind but what it is for: symbols looked up, memory taken from the system, numbers asked for.
//! All that is copied to each worker, which would spend a good part of its birth on it otherwise.

use std::io;

use mp_link::{Line, Spin, Status};
use mp_sys::{image, socket};
use mp_wire::frame::{Body, Identity, Segment, Setup, TaskFrame, ToWorker, Welcome};
use mp_wire::item::push_item;
use mp_wire::outlets::Outlets;
use mp_wire::{TaskId, WorkerId, codec};

use crate::serve::serve;
use crate::task::entry_of;

/// More than ipc-channel takes for a packet. The C library, which hands out as much by a mapping of its own at first,
/// keeps it at hand once it was given back.
const PACKET: usize = 256 * 1024;

fn nothing() {}

/// Plays it. If it fails, workers find out for themselves.
pub(crate) fn rehearse(own: Identity) -> io::Result<()> {
    for _ in 0..2 {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(PACKET)));
    }
    Spin::prepare();
    let (frames, their_frames) = socket::packet_pair()?;
    let (descriptors, their_descriptors) = socket::packet_pair()?;
    let (status, their_status) = Status::create()?;
    let supervisor = Line::over_sockets(frames, descriptors)?;
    status.publish(1, 1);
    for frame in script(own)? {
        supervisor.send(&frame, Vec::new()).map_err(io::Error::other)?;
    }
    let (line, status) = (Line::over_sockets(their_frames, their_descriptors)?, Status::open(&their_status)?);
    let _ = serve(&line, &status, own);
    Ok(())
}

fn script(own: Identity) -> io::Result<[Vec<u8>; 3]> {
    let worker = WorkerId { slot: 0, generation: 1 };
    let (setup, outlets) = (Setup::default(), Outlets::default());
    let (pool, name) = (String::new(), String::new());
    let welcome = Welcome { identity: own, hello: false, worker, pool, name, directory: None, setup, outlets };
    let entry = image::offset_of(entry_of::<_, ()>(nothing) as usize);
    let mut args = Vec::new();
    push_item(&mut args, |out| codec::encode_into(&(), out)).map_err(io::Error::other)?;
    let segment = Segment {
        entry,
        first: TaskId(1),
        count: 1,
        attempt: 1,
        timeout: None,
        traced: false,
        baggage: 0,
        args: Body::Inline(&args),
    };
    let tasks = TaskFrame { number: 1, segments: vec![segment] };
    let encode = |frame: &ToWorker<'_>| codec::encode(frame).map_err(io::Error::other);
    Ok([encode(&ToWorker::Welcome(Box::new(welcome)))?, encode(&ToWorker::Tasks(tasks))?, encode(&ToWorker::Stop(0))?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends() {
        let own = Identity { protocol: 1, build: 2, registry: 3, token: 0 };
        rehearse(own).expect("played");
    }
}
