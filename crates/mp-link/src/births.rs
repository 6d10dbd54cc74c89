//! The line to a fork server: an order with descriptors one way, an answer the other way.
//!
//! Does **not** know how a worker is made, or why.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use mp_sys::{memory, parcel};
use mp_wire::birth::{Answer, Order};
use mp_wire::codec;

/// Before the bytes of an order: they follow.
const INLINE: u8 = 0;
/// Instead of them: they are in a memory file, the last descriptor, and are as many as follows.
const BULK: u8 = 1;

/// Sends an order without waiting.
///
/// # Errors
/// `BrokenPipe` when the fork server is gone; `WouldBlock` when it does not read.
pub fn send(socket: impl AsFd, order: &Order, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut packet = vec![INLINE];
    codec::encode_into(order, &mut packet).map_err(io::Error::other)?;
    if packet.len() <= parcel::LONGEST {
        return parcel::send(socket, &packet, fds);
    }
    let file = memory::file_with(&packet[1..])?;
    let mut announced = vec![BULK];
    announced.extend((packet.len() as u64 - 1).to_ne_bytes());
    let fds: Vec<_> = fds.iter().copied().chain([file.as_fd()]).collect();
    parcel::send(socket, &announced, &fds)
}

/// Waits for the next order, and its descriptors. `None` when the supervisor has hung up.
///
/// # Errors
/// When what came is no order.
pub fn receive(socket: impl AsFd) -> io::Result<Option<(Order, Vec<OwnedFd>)>> {
    let Some((packet, mut fds)) = parcel::recv(socket)? else { return Ok(None) };
    let bulk;
    let bytes = match packet.split_first() {
        Some((&INLINE, bytes)) => bytes,
        Some((&BULK, len)) => {
            let len = len.try_into().map(u64::from_ne_bytes).map_err(io::Error::other)?;
            let file = fds.pop().ok_or(io::ErrorKind::InvalidData)?;
            bulk = memory::read_file(file, len)?;
            &bulk[..]
        }
        Some(_) | None => return Err(io::ErrorKind::InvalidData.into()),
    };
    let order = codec::decode(bytes).map_err(io::Error::other)?;
    Ok(Some((order, fds)))
}

/// Whether the other end is there, as far as is known without asking it.
///
/// # Errors
/// `BrokenPipe` when it is not.
pub fn still_there(socket: impl AsFd) -> io::Result<()> {
    if parcel::is_hung_up(socket)? { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
}

/// Answers.
///
/// # Errors
/// When the supervisor is gone.
pub fn answer(socket: impl AsFd, answer: &Answer) -> io::Result<()> {
    let packet = codec::encode(answer).map_err(io::Error::other)?;
    parcel::send(socket, &packet, &[])
}

/// Waits for an answer, at most for `limit`.
///
/// # Errors
/// `TimedOut`; `BrokenPipe` when the fork server is gone, and nobody whom it has made is to answer.
pub fn heard(socket: impl AsFd, limit: Duration) -> io::Result<Answer> {
    match parcel::recv_within(socket, limit)? {
        Some((packet, _)) => codec::decode(&packet).map_err(io::Error::other),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp_sys::socket::packet_pair;
    use mp_wire::birth::{Bear, Prepare};
    use mp_wire::frame::{Identity, PROTOCOL};

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn orders_of_any_length_cross_with_their_descriptors() {
        let (here, there) = packet_pair().expect("a pair");
        let identity = Identity { protocol: PROTOCOL, build: 1, registry: 2, token: 3 };
        for len in [0, 10_000, 100_000, 3_000_000] {
            let sent = Order::Prepare(Prepare { identity, preload: Some(4), args: vec![5; len] });
            send(&here, &sent, &[here.as_fd(), there.as_fd()]).expect("sent");
            let (order, fds) = receive(&there).expect("received").expect("an order");
            assert_eq!((order, fds.len()), (sent, 2));
        }
        let sent = Order::Bear(Bear { id: "3.2".to_owned(), pool: "p".to_owned(), env: vec![(vec![1], None)] });
        send(&here, &sent, &[]).expect("sent");
        assert_eq!(receive(&there).expect("received").expect("an order").0, sent);
    }

    #[test]
    fn an_answer_comes_or_the_end_does() {
        let (here, there) = packet_pair().expect("a pair");
        answer(&there, &Answer::Born(7)).expect("sent");
        still_there(&here).expect("it is");
        drop(there);
        assert_eq!(still_there(&here).expect_err("it is not").kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(heard(&here, SOON).expect("heard"), Answer::Born(7));
        assert_eq!(heard(&here, SOON).expect_err("the end").kind(), io::ErrorKind::BrokenPipe);
    }
}
