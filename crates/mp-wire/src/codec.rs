//! Values to bytes and back. The one module that names bincode.
//!
//! Does **not** know where bytes come from; trusts none of them (I9): decoding has a limit
//! derived from the input's own length, and bytes left over are an error. What no limit on bytes can bound: elements that
//! take none (`Vec<()>`), and the depth of a type that contains itself. Nothing of our own protocol is of such a type.
//!
//! bincode is pinned to 2.0.1: 3.0.0 is a tombstone and the crate is frozen (see deny.toml).

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::error::{DecodeError, EncodeError};
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

/// Why a value could not be encoded or decoded, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub String);

impl From<EncodeError> for CodecError {
    fn from(error: EncodeError) -> Self {
        Self(match error {
            EncodeError::OtherString(text) => text,
            EncodeError::Other(text) => text.to_owned(),
            other => other.to_string(),
        })
    }
}

impl From<DecodeError> for CodecError {
    fn from(error: DecodeError) -> Self {
        Self(match error {
            DecodeError::OtherString(text) => text,
            DecodeError::Other(text) => text.to_owned(),
            DecodeError::Serde(bincode::serde::DecodeError::AnyNotSupported) => {
                "its type asks the data what it is (untagged enum, flatten, Value): give it a self-describing wrapper"
                    .to_owned()
            }
            other => other.to_string(),
        })
    }
}

/// The encoded form of `value`.
///
/// # Errors
/// When the type's `Serialize` refuses, or needs something bincode does not offer
/// (a sequence of unknown length).
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::new();
    encode_into(value, &mut bytes)?;
    Ok(bytes)
}

/// Appends the encoded form of `value` to `bytes`. After an error `bytes` may end in a part of it.
///
/// # Errors
/// As [`encode`].
pub fn encode_into<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    encode_to(value, bytes)
}

/// As [`encode_into`], for whatever takes bytes.
///
/// # Errors
/// As [`encode`], and when `out` takes no more.
#[inline]
pub fn encode_to<T: Serialize + ?Sized>(value: &T, out: &mut impl std::io::Write) -> Result<(), CodecError> {
    bincode::serde::encode_into_std_write(value, out, bincode::config::standard())?;
    Ok(())
}

/// The value that `bytes` encode, all of them.
///
/// # Errors
/// When they are not such a value, claim more than they can hold, or leave something over.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = with_limit(bytes, Owned(std::marker::PhantomData))?;
    refuse_trailing(bytes.len(), used)?;
    Ok(value)
}

/// As [`decode`], for a value that borrows from `bytes`.
///
/// # Errors
/// As [`decode`].
pub fn decode_borrowed<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, CodecError> {
    let (value, used) = decode_prefix(bytes)?;
    refuse_trailing(bytes.len(), used)?;
    Ok(value)
}

/// One value from the front of `bytes`, and how many bytes it took.
///
/// # Errors
/// As [`decode`], but for bytes left over.
pub fn decode_prefix<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<(T, usize), CodecError> {
    with_limit(bytes, Borrowed(std::marker::PhantomData))
}

#[inline]
fn refuse_trailing(len: usize, used: usize) -> Result<(), CodecError> {
    if used == len {
        return Ok(());
    }
    Err(CodecError(format!("{} bytes left over after the value", len - used)))
}

/// A way to decode under a limit that is a type: bincode's limit is a const generic.
trait Decoder<'de> {
    type Value;
    fn run<const N: usize>(self, bytes: &'de [u8]) -> Result<(Self::Value, usize), DecodeError>;
}

struct Owned<T>(std::marker::PhantomData<T>);
struct Borrowed<T>(std::marker::PhantomData<T>);

type Limited<const N: usize> = Configuration<LittleEndian, Varint, Limit<N>>;

fn limited<const N: usize>() -> Limited<N> {
    bincode::config::standard().with_limit::<N>()
}

impl<'de, T: DeserializeOwned> Decoder<'de> for Owned<T> {
    type Value = T;
    fn run<const N: usize>(self, bytes: &'de [u8]) -> Result<(T, usize), DecodeError> {
        bincode::serde::decode_from_slice(bytes, limited::<N>())
    }
}

impl<'de, T: Deserialize<'de>> Decoder<'de> for Borrowed<T> {
    type Value = T;
    fn run<const N: usize>(self, bytes: &'de [u8]) -> Result<(T, usize), DecodeError> {
        bincode::serde::borrow_decode_from_slice(bytes, limited::<N>())
    }
}

/// bincode counts decoded bytes, at most 16 (a `u128`) for one byte of input; each tier leaves that room.
#[inline]
fn with_limit<'de, D: Decoder<'de>>(bytes: &'de [u8], decoder: D) -> Result<(D::Value, usize), CodecError> {
    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;
    let need = bytes.len().saturating_mul(16);
    Ok(match need {
        n if n <= 64 * KIB => decoder.run::<{ 64 * KIB }>(bytes)?,
        n if n <= 2 * MIB => decoder.run::<{ 2 * MIB }>(bytes)?,
        n if n <= 64 * MIB => decoder.run::<{ 64 * MIB }>(bytes)?,
        n if n <= 4096 * MIB => decoder.run::<{ 4096 * MIB }>(bytes)?,
        _ => decoder.run::<{ 1 << 46 }>(bytes)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_lengths_fail_without_allocating() {
        // A string that claims 2^62 bytes: without a limit, these nine bytes abort the process.
        let hostile = [253, 0, 0, 0, 0, 0, 0, 0, 0x40];
        assert!(decode::<String>(&hostile).is_err());
        assert!(decode::<Vec<u64>>(&hostile).is_err());
        assert!(decode_borrowed::<&str>(&hostile).is_err());
    }

    #[test]
    fn the_limit_leaves_room_for_the_densest_values() {
        let dense = vec![0_u128; 100_000];
        let bytes = encode(&dense).expect("encodes");
        assert_eq!(bytes.len(), 100_005, "one byte for each number: the most that a byte can stand for");
        assert_eq!(decode::<Vec<u128>>(&bytes), Ok(dense));
    }

    #[test]
    fn bytes_left_over_are_an_error() {
        let mut bytes = encode(&7_u64).expect("encodes");
        bytes.push(0);
        assert_eq!(decode::<u64>(&bytes), Err(CodecError("1 bytes left over after the value".to_owned())));
    }
}
