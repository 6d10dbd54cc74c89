//! Threads beside the caller's, each at the end of a lane of its own: what the worker processes are compared with.
//!
//! Does **not** know `mp`'s pool: no scheduling, no failures, no time limits.
//!
//! ```text
//!  caller ── items, or their bytes ──▶ thread 0      over channels: what crosses is handed over, as values or as bytes
//!         ◀─ stamps, or their bytes ──               over lines: bytes, by ipc-channel; large ones in a memory file
//!         ── .. ──▶ thread 1
//! ```
//!
//! Whoever waits, waits as `mp` does: awake for a moment where answers have come quickly. Without that, a wake-up is most of
//! a hand-off, and differences to `mp` would tell how threads wait, not what a layer costs. A lane has at most two parcels in
//! flight (as a line of `mp` has two frames), so no sender waits for room.

use std::os::fd::OwnedFd;
use std::thread::JoinHandle;
use std::{io, thread};

use crossbeam_channel::{Receiver, Sender, bounded};
use mp_link::{Line, Spin};
use mp_sys::{memory, socket};
use mp_wire::codec;
use mp_wire::frame::FRAME_MAX;
use mp_wire::item::{Items, push_item};

use crate::error::Error;
use crate::probe::{Item, Stamp, probe};

/// So many parcels are in flight on a lane, at most.
const IN_FLIGHT: usize = 2;

/// A parcel with many small items is not longer than this, in bytes, as a frame of `mp` is not.
const PARCEL: usize = 48 << 10;

/// What an item takes beside its payload, in bytes, at most.
const BESIDE: usize = 32;

/// A map is cut into so many parcels for each thread, if nothing else limits them.
const PARCELS: usize = 4;

/// The first byte of a frame: the items follow it, or lie in a memory file of the length that follows.
const INLINE: u8 = 0;
const FILED: u8 = 1;

/// How parcels cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// As values.
    Moved,
    /// Encoded, over a channel.
    Encoded,
    /// Encoded, over ipc-channel.
    Line,
}

/// What crosses, either way.
enum Parcel {
    Items(Vec<Item>),
    Stamps(Vec<Stamp>),
    Bytes(Vec<u8>),
}

enum End {
    Channel(Sender<Parcel>, Receiver<Parcel>),
    Line(Line),
}

impl End {
    fn pair(carrier: Carrier) -> io::Result<(Self, Self)> {
        if carrier == Carrier::Line {
            let (ours, theirs) = socket::packet_pair()?;
            let (our_fds, their_fds) = socket::packet_pair()?;
            let ours = Line::over_sockets(ours, our_fds)?;
            return Ok((Self::Line(ours), Self::Line(Line::over_sockets(theirs, their_fds)?)));
        }
        let (there, arrives) = bounded(IN_FLIGHT);
        let (back, returns) = bounded(IN_FLIGHT);
        Ok((Self::Channel(there, returns), Self::Channel(back, arrives)))
    }

    fn send(&self, parcel: Parcel) -> Result<(), Error> {
        match (self, parcel) {
            (Self::Channel(sender, _), parcel) => sender.send(parcel).map_err(|_| Error::ThreadGone),
            (Self::Line(line), Parcel::Bytes(bytes)) => send_bytes(line, bytes),
            (Self::Line(_), Parcel::Items(_) | Parcel::Stamps(_)) => Err(Error::ThreadGone),
        }
    }

    fn recv(&self, spin: &mut Spin) -> Result<Parcel, Error> {
        match self {
            Self::Channel(_, receiver) => {
                spin.wait(|| receiver.try_recv().ok().map(Ok), || receiver.recv()).map_err(|_| Error::ThreadGone)
            }
            Self::Line(line) => recv_bytes(line, spin).map(Parcel::Bytes),
        }
    }
}

fn send_bytes(line: &Line, mut bytes: Vec<u8>) -> Result<(), Error> {
    if bytes.len() < FRAME_MAX {
        // In front of the items there is room for it: see `encoded`.
        bytes[0] = INLINE;
        return Ok(line.send(&bytes, Vec::new())?);
    }
    let file = memory::file_with(&bytes)?;
    let mut frame = vec![FILED];
    frame.extend((bytes.len() as u64).to_le_bytes());
    Ok(line.send(&frame, vec![file])?)
}

fn recv_bytes(line: &Line, spin: &mut Spin) -> Result<Vec<u8>, Error> {
    let frame = line.recv_soon(spin)?;
    let Some((&FILED, len)) = frame.split_first() else { return Ok(frame) };
    let len = u64::from_le_bytes(len.try_into().map_err(|_| Error::ThreadGone)?);
    let file: OwnedFd = line.descriptors()?.pop().ok_or(Error::ThreadGone)?;
    Ok(memory::read_file(file, len)?)
}

/// One behind the other, after a byte that the line uses.
fn encoded<T: serde::Serialize>(values: impl Iterator<Item = T>) -> Result<Parcel, Error> {
    let mut bytes = vec![INLINE];
    for value in values {
        push_item(&mut bytes, |out| codec::encode_into(&value, out))?;
    }
    Ok(Parcel::Bytes(bytes))
}

fn decoded<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, Error> {
    let (items, _) = Items::split_off(bytes.get(1..).unwrap_or_default());
    Ok(items.map(codec::decode).collect::<Result<_, _>>()?)
}

/// The life of a thread: until the caller's end is gone.
fn serve(end: &End) {
    let mut spin = Spin::new();
    while let Ok(parcel) = end.recv(&mut spin) {
        let Ok(answer) = answer(parcel) else { return };
        if end.send(answer).is_err() {
            return;
        }
    }
}

fn answer(parcel: Parcel) -> Result<Parcel, Error> {
    let run = |(turns, payload)| probe(turns, payload);
    match parcel {
        Parcel::Items(items) => Ok(Parcel::Stamps(items.into_iter().map(run).collect())),
        Parcel::Bytes(bytes) => encoded(decoded::<Item>(&bytes)?.into_iter().map(run)),
        Parcel::Stamps(_) => Err(Error::ThreadGone),
    }
}

struct Lane {
    end: Option<End>,
    thread: Option<JoinHandle<()>>,
    spin: Spin,
}

/// The threads, and the caller's ends of their lanes.
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    carrier: Carrier,
}

impl Lanes {
    pub(crate) fn new(carrier: Carrier, threads: usize) -> Result<Self, Error> {
        let lanes = (0..threads).map(|_| Lane::new(carrier)).collect::<io::Result<_>>()?;
        Ok(Self { lanes, carrier })
    }

    /// One item, on the first thread: alone, it has no use for the others.
    pub(crate) fn single(&mut self, item: Item) -> Result<Stamp, Error> {
        self.send(0, vec![item])?;
        self.recv(0)?.pop().ok_or(Error::ThreadGone)
    }

    /// All items, in turns on all threads.
    pub(crate) fn batch(&mut self, items: Vec<Item>) -> Result<Vec<Stamp>, Error> {
        let (count, mut stamps) = (self.lanes.len(), Vec::with_capacity(items.len()));
        let size = self.parcel_size(&items);
        let (mut sent, mut received) = (0, 0);
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            if sent - received == count * IN_FLIGHT {
                stamps.extend(self.recv(received % count)?);
                received += 1;
            }
            self.send(sent % count, items.by_ref().take(size).collect())?;
            sent += 1;
        }
        for turn in received..sent {
            stamps.extend(self.recv(turn % count)?);
        }
        Ok(stamps)
    }

    fn parcel_size(&self, items: &[Item]) -> usize {
        let longest = items.first().map_or(0, |(_, payload)| payload.len()) + BESIDE;
        items.len().div_ceil(PARCELS * self.lanes.len()).min(PARCEL / longest).max(1)
    }

    fn send(&self, lane: usize, items: Vec<Item>) -> Result<(), Error> {
        let parcel = match self.carrier {
            Carrier::Moved => Parcel::Items(items),
            Carrier::Encoded | Carrier::Line => encoded(items.into_iter())?,
        };
        self.lanes[lane].end()?.send(parcel)
    }

    fn recv(&mut self, lane: usize) -> Result<Vec<Stamp>, Error> {
        let lane = &mut self.lanes[lane];
        let mut spin = lane.spin;
        let parcel = lane.end()?.recv(&mut spin);
        lane.spin = spin;
        match parcel? {
            Parcel::Stamps(stamps) => Ok(stamps),
            Parcel::Bytes(bytes) => decoded(&bytes),
            Parcel::Items(_) => Err(Error::ThreadGone),
        }
    }
}

impl Lane {
    fn new(carrier: Carrier) -> io::Result<Self> {
        let (ours, theirs) = End::pair(carrier)?;
        let thread = thread::Builder::new().name("lane".to_owned()).spawn(move || serve(&theirs))?;
        Ok(Self { end: Some(ours), thread: Some(thread), spin: Spin::new() })
    }

    fn end(&self) -> Result<&End, Error> {
        self.end.as_ref().ok_or(Error::ThreadGone)
    }
}

/// A thread ends when its lane does.
impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(End::Line(line)) = &self.end {
            line.hang_up();
        }
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say, and a panic of it is an error of the caller's already.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Payload;

    #[test]
    fn every_carrier_brings_everything_back() {
        for carrier in [Carrier::Moved, Carrier::Encoded, Carrier::Line] {
            let mut lanes = Lanes::new(carrier, 3).expect("threads");
            for (count, bytes) in [(1, 0), (1000, 8), (7, 200_000)] {
                let payload = Payload::new(bytes);
                let stamps = lanes.batch((0..count).map(|_| (1, payload.clone())).collect()).expect("stamps");
                assert_eq!(stamps.len(), count, "{carrier:?}, {bytes} bytes");
                let stamp = lanes.single((10, payload)).expect("a stamp");
                assert!(stamp.began_ns <= stamp.ended_ns);
            }
        }
    }
}
