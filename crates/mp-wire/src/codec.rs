//! Values to bytes and back. The one module that names bincode.
//!
//! Does **not** know where bytes come from; trusts none of them (I9): decoding has a limit
//! derived from the input's own length, and bytes left over are an error. What no limit on bytes can bound (elements that
//! take none, and the depth of a type that contains itself) is counted in `bounded.rs`.
//!
//! bincode is pinned to 2.0.1: 3.0.0 is a tombstone and the crate is frozen (see deny.toml).

use std::marker::PhantomData;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::error::{DecodeError, EncodeError};
use bincode::serde::seed_decode_from_slice;
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserialize, Serialize};

use crate::bounded::Bounded;
use crate::budget::Budget;

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
/// When they are not such a value, claim more than they can hold, or leave something over. Of elements that take no bytes
/// they may hold 1,048,576; a type that contains itself may take 1 MiB of stack to decode.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    decode_borrowed(bytes)
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
    let budget = Budget::of(bytes);
    with_limit(bytes, Bounded { inner: PhantomData, budget: &budget })
}

#[inline]
fn refuse_trailing(len: usize, used: usize) -> Result<(), CodecError> {
    if used == len {
        return Ok(());
    }
    Err(CodecError(format!("{} bytes left over after the value", len - used)))
}

type Limited<const N: usize> = Configuration<LittleEndian, Varint, Limit<N>>;

/// bincode's limit is a const generic.
fn limited<const N: usize>() -> Limited<N> {
    bincode::config::standard().with_limit::<N>()
}

/// bincode counts decoded bytes, at most 16 (a `u128`) for one byte of input; each tier leaves that room.
#[inline]
fn with_limit<'de, S: DeserializeSeed<'de>>(bytes: &'de [u8], seed: S) -> Result<(S::Value, usize), CodecError> {
    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;
    let need = bytes.len().saturating_mul(16);
    Ok(match need {
        n if n <= 64 * KIB => seed_decode_from_slice(seed, bytes, limited::<{ 64 * KIB }>())?,
        n if n <= 2 * MIB => seed_decode_from_slice(seed, bytes, limited::<{ 2 * MIB }>())?,
        n if n <= 64 * MIB => seed_decode_from_slice(seed, bytes, limited::<{ 64 * MIB }>())?,
        n if n <= 4096 * MIB => seed_decode_from_slice(seed, bytes, limited::<{ 4096 * MIB }>())?,
        _ => seed_decode_from_slice(seed, bytes, limited::<{ 1 << 46 }>())?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::budget::EMPTY_MAX;

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

    #[test]
    fn elements_without_bytes_are_counted() {
        let hostile = [253, 0, 0, 0, 0, 0, 0, 0, 0x10];
        let claims = "1152921504606846976 elements are claimed where at most 1048585 can be";
        assert_eq!(decode::<Vec<()>>(&hostile), Err(CodecError(claims.to_owned())));
        assert_eq!(decode::<Vec<[u8; 0]>>(&hostile), Err(CodecError(claims.to_owned())));
        assert_eq!(decode::<BTreeMap<(), ()>>(&hostile), Err(CodecError(claims.to_owned())));
        let units = vec![(); EMPTY_MAX];
        assert_eq!(decode::<Vec<()>>(&encode(&units).expect("encodes")), Ok(units));
        // Claims of many sequences are one claim.
        let halves = vec![vec![(); EMPTY_MAX / 2]; 3];
        assert!(decode::<Vec<Vec<()>>>(&encode(&halves).expect("encodes")).is_err());
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Chain {
        End,
        Link(Box<Chain>),
    }

    #[derive(Serialize, Deserialize)]
    struct Nest(Vec<Nest>);

    #[derive(Serialize, Deserialize)]
    struct Perhaps(Option<Box<Perhaps>>);

    #[test]
    fn what_contains_itself_may_not_use_up_the_stack() {
        let deep = vec![1_u8; 1 << 22];
        for error in [decode::<Chain>(&deep).err(), decode::<Nest>(&deep).err(), decode::<Perhaps>(&deep).err()] {
            assert!(error.is_some_and(|error| error.0.starts_with("nested so deeply")));
        }
        let chain = (0..100).fold(Chain::End, |chain, _| Chain::Link(Box::new(chain)));
        assert_eq!(decode::<Chain>(&encode(&chain).expect("encodes")), Ok(chain));
    }

    #[test]
    fn all_kinds_of_values_come_back() {
        type Kinds = (Option<char>, BTreeMap<String, Vec<Option<u8>>>, Result<[u8; 3], String>, Box<(i128, f32, bool)>);
        let map = BTreeMap::from([("a".to_owned(), vec![Some(1), None]), (String::new(), vec![])]);
        let kinds: Kinds = (Some('x'), map, Ok([1, 2, 3]), Box::new((-1, 0.5, true)));
        assert_eq!(decode::<Kinds>(&encode(&kinds).expect("encodes")), Ok(kinds));
        assert_eq!(decode_borrowed::<(&str, &[u8])>(&[1, b'a', 2, 8, 9]), Ok(("a", &[8, 9][..])));
    }
}
