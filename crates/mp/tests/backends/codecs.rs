//! What can cross and what cannot, and of what size.

use std::fmt::Debug;

use mp::{CodecStage, Failure, Pool, SubmitError};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteBuf;

use crate::common::{Bench, works};

const KIB: usize = 1024;

/// Crosses as a number, unless `HOW` says otherwise.
#[derive(Clone, Debug, PartialEq)]
struct Odd<const HOW: u8>(u32);

const REFUSES_ENCODING: u8 = 1;
const PANICS_ENCODING: u8 = 2;
const REFUSES_DECODING: u8 = 3;
const PANICS_DECODING: u8 = 4;

impl<const HOW: u8> Serialize for Odd<HOW> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match HOW {
            REFUSES_ENCODING => Err(S::Error::custom("no encoding")),
            PANICS_ENCODING => panic!("encoding panics"),
            _ => self.0.serialize(serializer),
        }
    }
}

impl<'de, const HOW: u8> Deserialize<'de> for Odd<HOW> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match HOW {
            REFUSES_DECODING => Err(D::Error::custom("no decoding")),
            PANICS_DECODING => panic!("decoding panics"),
            _ => u32::deserialize(deserializer).map(Self),
        }
    }
}

#[track_caller]
fn is_codec<T: Debug>(outcome: Result<T, Failure>, at: CodecStage, text: &str) {
    match outcome.expect_err("it does not cross") {
        Failure::Codec { stage, reason, .. } => {
            assert_eq!(stage, at);
            assert!(reason.contains(text), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn is_panic<T: Debug>(outcome: Result<T, Failure>, text: &str) {
    let failure = outcome.expect_err("it does not cross");
    assert!(matches!(&failure, Failure::Panicked { message, .. } if message == text), "{failure:?}");
}

pub(crate) fn arguments_that_do_not_cross(bench: &Bench) {
    fn take<const HOW: u8>(odd: Odd<HOW>) -> u32 {
        odd.0
    }
    let pool = bench.pool(2);
    is_codec(pool.apply(take, (Odd::<REFUSES_ENCODING>(1),)), CodecStage::EncodeArgs, "no encoding");
    is_codec(pool.apply(take, (Odd::<PANICS_ENCODING>(1),)), CodecStage::EncodeArgs, "panicked");
    let refused = pool.apply_async(take, (Odd::<REFUSES_ENCODING>(1),)).expect_err("refused");
    assert!(matches!(refused, SubmitError::Codec(_)), "{refused:?}");
    is_codec(pool.apply(take, (Odd::<REFUSES_DECODING>(1),)), CodecStage::DecodeArgs, "no decoding");
    is_panic(pool.apply(take, (Odd::<PANICS_DECODING>(1),)), "decoding panics");
    works(&pool);
}

pub(crate) fn results_that_do_not_cross(bench: &Bench) {
    fn make<const HOW: u8>(n: u32) -> Odd<HOW> {
        Odd(n)
    }
    let pool = bench.pool(2);
    is_codec(pool.apply(make::<REFUSES_ENCODING>, (1,)), CodecStage::EncodeResult, "no encoding");
    is_panic(pool.apply(make::<PANICS_ENCODING>, (1,)), "encoding panics");
    is_codec(pool.apply(make::<REFUSES_DECODING>, (1,)), CodecStage::DecodeResult, "no decoding");
    is_codec(pool.apply(make::<PANICS_DECODING>, (1,)), CodecStage::DecodeResult, "panicked");
    let lazily: Vec<_> = pool.imap(make::<PANICS_DECODING>, 0..3).collect();
    assert!(lazily.iter().all(|outcome| matches!(outcome, Err(Failure::Codec { .. }))), "{lazily:?}");
    works(&pool);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    a: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    inner: Inner,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Skips {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u32>,
    second: u32,
}

/// A value that comes back changed would be worse than one that does not come back.
fn echo<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned + 'static>(pool: &Pool, value: T, at: CodecStage) {
    match pool.apply(|value: T| value, (value.clone(),)) {
        Ok(back) => assert_eq!(back, value),
        Err(failure) => is_codec::<()>(Err(failure), at, ""),
    }
}

pub(crate) fn unsuitable_types(bench: &Bench) {
    let pool = bench.pool(1);
    echo(&pool, Flat { inner: Inner { a: 1 } }, CodecStage::EncodeArgs);
    is_codec(pool.apply(|a: u32| Flat { inner: Inner { a } }, (1,)), CodecStage::EncodeResult, "");
    echo(&pool, Untagged::Number(1), CodecStage::DecodeArgs);
    echo(&pool, Untagged::Text("1".to_owned()), CodecStage::DecodeArgs);
    is_codec(pool.apply(Untagged::Number, (1,)), CodecStage::DecodeResult, "self-describing");
    for second in [0, 1, 5, 300] {
        echo(&pool, Skips { first: None, second }, CodecStage::DecodeArgs);
        echo(&pool, Skips { first: Some(1), second }, CodecStage::DecodeArgs);
    }
    works(&pool);
}

/// One item of many cannot be sent: the others have their outcomes all the same.
pub(crate) fn an_item_that_does_not_cross(bench: &Bench) {
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct NoThrees(u32);
    impl Serialize for NoThrees {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0 == 3 { Err(S::Error::custom("three")) } else { self.0.serialize(serializer) }
        }
    }
    let pool = bench.pool(2);
    let eager = pool.map_outcomes(|n: NoThrees| n.0, (0..6).map(NoThrees));
    let lazy: Vec<_> = pool.imap(|n: NoThrees| n.0, (0..6).map(NoThrees)).collect();
    for outcomes in [eager, lazy] {
        assert_eq!(outcomes.len(), 6, "one outcome for every item");
        for (n, outcome) in (0..).zip(outcomes) {
            if n == 3 { is_codec(outcome, CodecStage::EncodeArgs, "three") } else { assert_eq!(outcome, Ok(n)) }
        }
    }
    works(&pool);
}

fn reverse(bytes: ByteBuf) -> ByteBuf {
    let mut bytes = bytes.into_vec();
    bytes.reverse();
    ByteBuf::from(bytes)
}

fn pattern(len: usize) -> ByteBuf {
    // A prime number of bytes, repeated: no page is as another, and it is made fast without an optimizer too.
    let part: Vec<u8> = (0..251).map(|n: u8| n.wrapping_mul(31)).collect();
    let mut all = part.repeat(len / part.len() + 1);
    all.truncate(len);
    all.into()
}

#[track_caller]
fn crosses(pool: &Pool, len: usize) {
    let sent = pattern(len);
    let back = pool.apply(reverse, (sent.clone(),)).expect("crosses");
    assert!(back.iter().rev().eq(sent.iter()), "{len} bytes came back changed");
}

pub(crate) fn sizes(bench: &Bench) {
    let pool = bench.pool(2);
    let around = |limit: usize| (limit - 80..=limit + 8).step_by(4).chain(limit - 6..=limit + 2);
    let sizes: Vec<_> = [0, 1].into_iter().chain([48, 60, 64].into_iter().flat_map(|kib| around(kib * KIB))).collect();
    for len in &sizes {
        crosses(&pool, *len);
    }
    // Together: what fits into one frame with what.
    let back = pool.map(reverse, sizes.iter().map(|len| pattern(*len))).expect("all cross");
    assert_eq!(back.iter().map(|bytes| bytes.len()).collect::<Vec<_>>(), sizes);
    let pair = |a: ByteBuf, b: ByteBuf| (a.len(), b.len());
    for (a, b) in [(24 * KIB, 24 * KIB), (48 * KIB, 12 * KIB), (60 * KIB, 4 * KIB), (0, 64 * KIB)] {
        assert_eq!(pool.apply(pair, (pattern(a), pattern(b))), Ok((a, b)));
    }
    // One way only.
    assert_eq!(pool.apply(|len: usize| pattern(len), (60 * KIB,)).map(|bytes| bytes.len()), Ok(60 * KIB));
    assert_eq!(pool.apply(|bytes: ByteBuf| bytes.len(), (pattern(60 * KIB),)), Ok(60 * KIB));
}

pub(crate) fn a_megabyte(bench: &Bench) {
    let pool = bench.pool(3);
    let back = pool.map(reverse, (0..20).map(|n| pattern(1024 * KIB + n))).expect("all cross");
    assert!(back.iter().zip(0..).all(|(bytes, n)| bytes.len() == 1024 * KIB + n));
    crosses(&pool, 1024 * KIB);
    // More than the 64 MiB of arguments that are on their way at once.
    let lazy = pool.imap(reverse, (0..70).map(|n| pattern(1024 * KIB + n)));
    assert!(lazy.zip(0..).all(|(bytes, n)| bytes.is_ok_and(|bytes| bytes.len() == 1024 * KIB + n)));
}

pub(crate) fn a_hundred_megabytes(bench: &Bench) {
    let pool = bench.pool(1);
    let len = 100 << 20;
    let back = pool.apply(|bytes: ByteBuf| bytes, (ByteBuf::from(vec![7; len]),)).expect("crosses");
    assert!(back.len() == len && back[len - 1] == 7);
    works(&pool);
}

pub(crate) fn too_large(bench: &Bench) {
    let pool = bench.build(bench.builder().workers(1).max_payload(1000));
    let refused = pool.apply_async(reverse, (pattern(2000),)).expect_err("above the maximum");
    assert!(matches!(refused, SubmitError::TooLarge { len: 2003, max: 1000 }), "{refused:?}");
    is_codec(pool.apply(reverse, (pattern(2000),)), CodecStage::EncodeArgs, "2003");
    crosses(&pool, 900);
    let outcomes = pool.map_outcomes(reverse, [pattern(10), pattern(2000), pattern(10)]);
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}
