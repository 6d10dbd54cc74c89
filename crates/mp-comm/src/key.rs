//! The key that both ends of a connection have, and what is proved with it.
//!
//! Does **not** know who proves what to whom: `handshake.rs` does. Never prints a key.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::error::CommError;

/// A shorter key can be guessed by who has once seen a proof made with it.
const LEAST: usize = 16;

/// A number used once, and a proof.
pub(crate) type Block = [u8; 32];

/// A secret that two ends of a connection share. Python's `authkey`.
///
/// It can be an argument of a task or a process. Whoever has it is trusted; keep it where you keep passwords.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthKey(#[serde(with = "serde_bytes")] Vec<u8>);

impl AuthKey {
    /// A key that nobody else has.
    ///
    /// # Errors
    /// [`CommError::Os`] when the system has no random numbers.
    pub fn random() -> Result<Self, CommError> {
        Ok(Self(block()?.to_vec()))
    }

    /// A key that both ends know from elsewhere: at least 16 bytes, and not a word that can be guessed.
    ///
    /// # Errors
    /// [`CommError::ShortKey`].
    pub fn new(bytes: &[u8]) -> Result<Self, CommError> {
        if bytes.len() < LEAST {
            return Err(CommError::ShortKey { len: bytes.len(), least: LEAST });
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes of the key, to be given to another program.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What only who has the key can make of `parts`, said in this `role`.
    pub(crate) fn prove(&self, role: &[u8], parts: &[&Block]) -> Block {
        self.mac(role, parts).finalize().into_bytes().into()
    }

    /// Whether `proof` is that. Takes as long whatever is wrong with it.
    pub(crate) fn is_proof(&self, role: &[u8], parts: &[&Block], proof: &Block) -> bool {
        self.mac(role, parts).verify_slice(proof).is_ok()
    }

    fn mac(&self, role: &[u8], parts: &[&Block]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(role);
        parts.iter().for_each(|part| mac.update(*part));
        mac
    }
}

/// A number that was never used.
pub(crate) fn block() -> Result<Block, CommError> {
    mp_sys::random::bytes().map_err(CommError::os("making a random number"))
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AuthKey(secret of {} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_key_one_role_and_one_number() {
        let (key, other) = (AuthKey::random().expect("a key"), AuthKey::random().expect("a key"));
        let (one, two) = (block().expect("one"), block().expect("another"));
        let proof = key.prove(b"client", &[&one]);
        assert!(key.is_proof(b"client", &[&one], &proof));
        assert!(!key.is_proof(b"server", &[&one], &proof));
        assert!(!key.is_proof(b"client", &[&two], &proof));
        assert!(!other.is_proof(b"client", &[&one], &proof));
    }

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        // Test case 1: a key of 20 bytes 0x0b, "Hi There".
        let key = AuthKey::new(&[0x0b; 20]).expect("long enough");
        let proof = key.prove(b"Hi There", &[]);
        assert_eq!(proof[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
        assert_eq!(
            proof[24..],
            [0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83, 0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7][8..]
        );
    }

    #[test]
    fn a_key_is_not_printed_and_not_short() {
        let key = AuthKey::new(b"correct horse battery").expect("long enough");
        assert_eq!(format!("{key:?}"), "AuthKey(secret of 21 bytes)");
        assert!(matches!(AuthKey::new(b"secret"), Err(CommError::ShortKey { len: 6, least: 16 })));
    }
}
