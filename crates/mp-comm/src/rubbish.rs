//! What this crate makes of whatever comes: for `mp-fuzz`, and no part of what it offers.
//!
//! Does **not** connect to anybody: the other end is a socket that has said all it will.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use mp_link::baggage;
use serde::de::DeserializeOwned;

use crate::connection::Connection;
use crate::descriptor::Descriptor;
use crate::error::CommError;
use crate::handshake::{Step, Stranger, introduce};
use crate::key::AuthKey;
use crate::packets::Packets;
use crate::stream::{Socket, Stream};
use crate::until::Until;

/// No message is longer, in bytes.
const MOST: u64 = 1 << 16;

/// A socket whose other end has said this, and says no more. That end goes on to listen.
fn after(data: &[u8]) -> (Socket, UnixStream) {
    let (here, mut there) = UnixStream::pair().expect("a pair");
    there.set_nonblocking(true).expect("a socket");
    // What finds no room is not said.
    let _ = there.write(data);
    there.shutdown(std::net::Shutdown::Write).expect("a socket");
    (Socket::Local(here).prepare().expect("a socket"), there)
}

/// A client whose server says this before the client has the proof of its key.
///
/// # Errors
/// Always.
pub fn introduced(data: &[u8]) -> Result<(), CommError> {
    let key = AuthKey::new(b"a key that the other end does not have")?;
    let (socket, _there) = after(data);
    introduce(&socket, &key, Until::after(Duration::ZERO))
}

/// A server to which a client says this, without the key. Whether it is let in.
#[must_use]
pub fn challenged(data: &[u8]) -> bool {
    let Ok(key) = AuthKey::new(b"a key that the other end does not have") else { return true };
    let (socket, _there) = after(data);
    let Ok(stranger) = Stranger::challenge(socket) else { return false };
    matches!(stranger.step(&key), Step::Known(_))
}

/// The messages that are read of a stream of these bytes, by their lengths, and why it ended.
#[must_use]
pub fn streamed(data: &[u8]) -> (Vec<usize>, String) {
    let (socket, _there) = after(data);
    let stream = Stream::new(socket, MOST);
    let mut lengths = Vec::new();
    loop {
        match stream.recv(Until::after(Duration::ZERO), <[u8]>::len) {
            Ok(len) => lengths.push(len),
            Err(error) => return (lengths, error.to_string()),
        }
    }
}

/// What a pipe makes of one packet, as a value that carries descriptors; `file` comes along, if it is given.
///
/// # Errors
/// As the end that receives it.
pub fn packed<T: DeserializeOwned + 'static>(
    data: &[u8],
    file: Option<&[u8]>,
) -> Result<(T, Vec<Descriptor>), CommError> {
    let (here, there) = Packets::pair()?;
    let file = file.map(mp_sys::memory::file_with).transpose().map_err(CommError::os("making a file"))?;
    let fds: Vec<_> = file.iter().map(std::os::fd::AsFd::as_fd).collect();
    mp_sys::parcel::send(&there, data, &fds).map_err(CommError::os("sending a packet"))?;
    let (bytes, carried) = here.recv(Until::after(Duration::ZERO))?;
    baggage::unpack_with(carried, || crate::connection::decode(&bytes))
}

/// An end of a pipe, as it comes in a message.
pub type Travelled = Connection<u32, u32>;

/// As the server of a manager answers requests of two clients, in words.
#[must_use]
pub fn served(data: &[u8]) -> Vec<String> {
    crate::manager::served(data)
}

/// A reply, a report and an order of a manager, in words.
pub fn heard(data: &[u8]) -> [Result<String, String>; 3] {
    crate::manager::heard(data)
}
