//! One argument or result to bytes and back: a number as it is in memory, rows of numbers in one copy, all else by `codec`.
//!
//! Does **not** look into values: what is a row is seen from its type. A `Vec<u8>` inside a struct goes element by
//! element as serde says; [`Bytes`] there does not.
//!
//! serde has no word for "these elements are plain memory", and stable Rust no specialization. So the type is asked
//! whether it is one of a few (`Any`, decided when the program is compiled). Both ends are the same program on the same
//! machine, so a number's bytes are its memory.

use std::any::Any;
use std::io::Write;

use bytemuck::{NoUninit, Pod};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bytes::Bytes;
use crate::{CodecError, codec};

/// The numbers of which a `Vec` is a row.
macro_rules! numbers {
    ($then:ident!($($more:tt)*)) => {
        $then!($($more)* u8 f64 f32 u32 i32 u64 i64 u16 i16 i8 usize isize u128 i128)
    };
}

/// A number's bytes: as they are, for what most small tasks take and give. By `codec` it costs three times as much.
#[inline]
fn number_of<T: 'static>(value: &T) -> Option<&[u8]> {
    let any: &dyn Any = value;
    macro_rules! look {
        ($($number:ty)*) => {
            $(if let Some(number) = any.downcast_ref::<$number>() {
                return Some(bytemuck::bytes_of(number));
            })*
        };
    }
    numbers!(look!());
    None
}

/// How many bytes a `T` takes, if it is a number: to encode it cannot fail, nor run code of the caller's.
#[must_use]
#[inline]
pub fn size_of_number<T: 'static>() -> Option<usize> {
    macro_rules! look {
        ($($number:ty)*) => { false $(|| is::<T, $number>())* };
    }
    numbers!(look!()).then_some(size_of::<T>())
}

/// How many numbers, and their bytes.
#[inline]
fn row_of<T: 'static>(value: &T) -> Option<(usize, &[u8])> {
    let any: &dyn Any = value;
    macro_rules! look {
        ($($number:ty)*) => {
            $(if let Some(row) = any.downcast_ref::<Vec<$number>>() {
                return Some(row_bytes(row));
            })*
        };
    }
    numbers!(look!());
    any.downcast_ref::<Bytes>().map(|bytes| row_bytes(bytes))
}

fn row_bytes<N: NoUninit>(row: &[N]) -> (usize, &[u8]) {
    (row.len(), bytemuck::cast_slice(row))
}

/// How many bytes `value` takes at most, if that can be seen at once: it is a row, or a text.
#[must_use]
#[inline]
pub fn size_of_row<T: 'static>(value: &T) -> Option<usize> {
    let text = || (value as &dyn Any).downcast_ref::<String>().map(String::len);
    row_of(value).map(|(_, bytes)| bytes.len()).or_else(text).map(|len| len + LENGTH_MAX)
}

/// What the length of a row or a text takes, at most.
const LENGTH_MAX: usize = 9;

/// Appends the encoded form of `value`.
///
/// # Errors
/// As [`codec::encode_into`], and when `out` takes no more.
#[inline]
pub fn encode_value<T: Serialize + 'static>(value: &T, out: &mut impl Write) -> Result<(), CodecError> {
    if let Some(bytes) = number_of(value) {
        return out.write_all(bytes).map_err(|error| CodecError(error.to_string()));
    }
    match row_of(value) {
        None => codec::encode_to(value, out),
        Some((count, bytes)) => {
            codec::encode_to(&(count as u64), out)?;
            out.write_all(bytes).map_err(|error| CodecError(error.to_string()))
        }
    }
}

/// One value from the front of `bytes`, and what follows it.
///
/// # Errors
/// As [`codec::decode_prefix`].
#[inline]
pub fn split_value<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<(T, &[u8]), CodecError> {
    macro_rules! look {
        ($($number:ty)*) => {
            $(if is::<T, $number>() {
                return split_number::<T, $number, { size_of::<$number>() }>(bytes);
            })*
            $(if is::<T, Vec<$number>>() {
                return split_row(bytes, |row| Ok(numbers_of::<$number>(row)), size_of::<$number>());
            })*
        };
    }
    numbers!(look!());
    if is::<T, Bytes>() {
        return split_row(bytes, |row| Ok(Bytes::from(row.to_vec())), 1);
    }
    if is::<T, String>() {
        let text =
            |row: &[u8]| std::str::from_utf8(row).map(str::to_owned).map_err(|error| CodecError(error.to_string()));
        return split_row(bytes, text, 1);
    }
    let (value, used) = codec::decode_prefix(bytes)?;
    Ok((value, bytes.get(used..).unwrap_or_default()))
}

/// The value that `bytes` encode, all of them.
///
/// # Errors
/// As [`codec::decode`].
#[inline]
pub fn decode_value<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, rest) = split_value(bytes)?;
    refuse_rest(rest)?;
    Ok(value)
}

/// What is left over is an error.
///
/// # Errors
/// When there is something.
#[inline]
pub fn refuse_rest(rest: &[u8]) -> Result<(), CodecError> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(CodecError(format!("{} bytes left over after the value", rest.len())))
}

#[inline]
fn is<T: 'static, U: 'static>() -> bool {
    std::any::TypeId::of::<T>() == std::any::TypeId::of::<U>()
}

/// `T` is this number.
#[inline]
fn split_number<T: 'static, N: Pod, const SIZE: usize>(bytes: &[u8]) -> Result<(T, &[u8]), CodecError> {
    let Some((number, rest)) = bytes.split_first_chunk::<SIZE>() else {
        return Err(CodecError(format!("a number of {SIZE} bytes that is cut short")));
    };
    let mut number = Some(bytemuck::pod_read_unaligned::<N>(number));
    let value = (&mut number as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take);
    value.map(|value| (value, rest)).ok_or_else(|| CodecError("a number of another type".to_owned()))
}

/// `T` is the row that `make` makes of its bytes. No length is believed before as many bytes are seen (I9).
fn split_row<T: 'static, R: 'static>(
    bytes: &[u8],
    make: impl FnOnce(&[u8]) -> Result<R, CodecError>,
    size: usize,
) -> Result<(T, &[u8]), CodecError> {
    let (count, used) = codec::decode_prefix::<u64>(bytes)?;
    let cut = || CodecError(format!("a row of {count} elements that is cut short"));
    let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(size)).ok_or_else(cut)?;
    let (row, rest) = bytes.get(used..).unwrap_or_default().split_at_checked(len).ok_or_else(cut)?;
    let mut row = Some(make(row)?);
    let value = (&mut row as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take);
    value.map(|value| (value, rest)).ok_or_else(cut)
}

fn numbers_of<N: Pod>(bytes: &[u8]) -> Vec<N> {
    // Where they happen to lie as numbers do, it is one copy; else a loop, which is nearly as fast.
    if let Ok(numbers) = bytemuck::try_cast_slice(bytes) {
        return numbers.to_vec();
    }
    bytes.chunks_exact(size_of::<N>()).map(bytemuck::pod_read_unaligned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded<T: Serialize + 'static>(value: &T) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_value(value, &mut bytes).expect("encodes");
        bytes
    }

    fn crosses<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug + 'static>(value: &T) {
        let mut bytes = encoded(value);
        assert!(size_of_row(value).is_none_or(|size| size >= bytes.len()), "{value:?}");
        assert_eq!(decode_value::<T>(&bytes).as_ref(), Ok(value));
        bytes.push(7);
        assert_eq!(split_value::<T>(&bytes).map(|(_, rest)| rest), Ok(&[7][..]));
        assert!(decode_value::<T>(&bytes).is_err(), "bytes left over after {value:?}");
    }

    #[test]
    fn rows_of_all_numbers_cross() {
        for len in [0_usize, 1, 250, 251, 252, 70_000] {
            macro_rules! cross {
                ($($number:ty)*) => { $(crosses::<Vec<$number>>(&(0..len).map(|n| n as $number).collect());)* };
            }
            numbers!(cross!());
            crosses(&"x".repeat(len));
            crosses(&Bytes::from(vec![9; len]));
        }
        crosses(&vec![f64::MIN, f64::INFINITY, -0.0]);
    }

    #[test]
    fn numbers_cross_as_they_are() {
        macro_rules! cross {
            ($($number:ty)*) => { $(for number in [<$number>::MIN, <$number>::MAX, 0 as $number, 7 as $number] {
                crosses(&number);
                assert_eq!(encoded(&number), number.to_ne_bytes());
            })* };
        }
        numbers!(cross!());
        assert!(decode_value::<u64>(&[1, 2, 3]).is_err(), "cut short");
    }

    #[test]
    fn what_is_no_row_goes_by_the_codec() {
        let value = (7_u32, Some("text".to_owned()), vec![(1_u8, 2_i64)]);
        assert_eq!(encoded(&value), codec::encode(&value).expect("encodes"));
        crosses(&value);
        assert_eq!(size_of_row(&value), None);
    }

    #[test]
    fn bytes_of_a_row_are_its_memory() {
        assert_eq!(encoded(&vec![1_u8, 255]), [2, 1, 255]);
        assert_eq!(encoded(&vec![1_u32, u32::MAX]), [&[2][..], &1_u32.to_ne_bytes(), &[255; 4]].concat());
        assert_eq!(encoded(&vec![1_u8, 255]), codec::encode(&vec![1_u8, 255]).expect("encodes"), "as serde has it");
    }

    #[test]
    fn a_row_that_claims_more_than_there_is_fails_without_allocating() {
        let hostile = [253, 0, 0, 0, 0, 0, 0, 0, 0x40, 1];
        assert!(decode_value::<Vec<u8>>(&hostile).is_err());
        assert!(decode_value::<Vec<u64>>(&hostile).is_err());
        assert!(decode_value::<String>(&hostile).is_err());
        assert!(decode_value::<Vec<u32>>(&[1, 0, 0, 0]).is_err(), "one byte short");
        assert!(decode_value::<String>(&[2, 0xFF, 0xFE]).is_err(), "no text");
    }
}
