//! How two ends prove to each other that they have the same key, before anything else is said.
//!
//! Does **not** wait: what a server does with a stranger is a step for each arrival of bytes.
//!
//! ```text
//!  server                                              client
//!    "mp-auth1" | challenge ─────────────────────────▶
//!    ◀──────── challenge' | HMAC(key, client, both)      first the client proves itself: a stranger learns nothing
//!    HMAC(key, server, both) ────────────────────────▶   then the server does
//! ```
//!
//! - A1 Both challenges are in both proofs, and so is the role: no proof is of use in another connection, nor sent back.
//! - A2 Nothing but the three messages is read or written until both proofs hold. They have one length, so nobody can
//!   announce another.

use std::io;

use mp_sys::poll::Way;

use crate::error::CommError;
use crate::key::{AuthKey, Block, block};
use crate::stream::Socket;
use crate::until::Until;

const MAGIC: [u8; 8] = *b"mp-auth1";
const CLIENT: &[u8] = b"mp-auth1 client";
const SERVER: &[u8] = b"mp-auth1 server";
/// In the place of the server's proof: no.
const REFUSAL: Block = [0; 32];
const BLOCK: usize = size_of::<Block>();

/// A client that has not proved itself.
#[derive(Debug)]
pub(crate) struct Stranger {
    pub(crate) socket: Socket,
    challenge: Block,
    answer: [u8; 2 * BLOCK],
    filled: usize,
}

/// What became of a stranger.
pub(crate) enum Step {
    /// It has to say more.
    Waiting(Stranger),
    /// It has the key.
    Known(Socket),
    /// It has not, or is gone.
    Refused,
}

impl Stranger {
    /// Challenges it. The challenge fits into any socket's buffer.
    pub(crate) fn challenge(socket: Socket) -> Result<Self, CommError> {
        let challenge = block()?;
        let mut greeting = MAGIC.to_vec();
        greeting.extend_from_slice(&challenge);
        let written = socket.write(&greeting).map_err(CommError::os("greeting a client"))?;
        if written != greeting.len() {
            return Err(CommError::Closed);
        }
        Ok(Self { socket, challenge, answer: [0; 2 * BLOCK], filled: 0 })
    }

    /// Reads what has come.
    pub(crate) fn step(mut self, key: &AuthKey) -> Step {
        while self.filled < self.answer.len() {
            match self.socket.read(&mut self.answer[self.filled..]) {
                Ok(0) => return Step::Refused,
                Ok(got) => self.filled += got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Step::Waiting(self),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Step::Refused,
            }
        }
        self.judge(key)
    }

    fn judge(self, key: &AuthKey) -> Step {
        let [theirs, proof] = split(&self.answer);
        let both = [&self.challenge, &theirs];
        if !key.is_proof(CLIENT, &both, &proof) {
            // Only so that a client with an old key is told apart from a server that died.
            let _ = self.socket.write(&REFUSAL);
            return Step::Refused;
        }
        match self.socket.write(&key.prove(SERVER, &both)) {
            Ok(BLOCK) => Step::Known(self.socket),
            Ok(_) | Err(_) => Step::Refused,
        }
    }
}

fn split(answer: &[u8; 2 * BLOCK]) -> [Block; 2] {
    let mut blocks = [[0; BLOCK]; 2];
    blocks.as_flattened_mut().copy_from_slice(answer);
    blocks
}

/// The client's side, until both have proved themselves.
pub(crate) fn introduce(socket: &Socket, key: &AuthKey, until: Until) -> Result<(), CommError> {
    let greeting: [u8; MAGIC.len() + BLOCK] = read(socket, until)?;
    let (magic, challenge) = greeting.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(CommError::Malformed("its greeting is another one"));
    }
    let (mut theirs, ours) = ([0; BLOCK], block()?);
    theirs.copy_from_slice(challenge);
    let both = [&theirs, &ours];
    let answer = [ours, key.prove(CLIENT, &both)];
    socket.write_all(answer.as_flattened(), until)?;
    let proof: Block = read(socket, until)?;
    if proof == REFUSAL {
        return Err(CommError::Authentication("the server refused the key"));
    }
    if key.is_proof(SERVER, &both, &proof) {
        return Ok(());
    }
    Err(CommError::Authentication("the server does not have the key"))
}

fn read<const N: usize>(socket: &Socket, until: Until) -> Result<[u8; N], CommError> {
    let (mut bytes, mut filled) = ([0; N], 0);
    while filled < N {
        match socket.read(&mut bytes[filled..]) {
            Ok(0) => return Err(CommError::Closed),
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => until.wait(socket, Way::Read)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CommError::os("reading a greeting")(error)),
        }
    }
    Ok(bytes)
}
