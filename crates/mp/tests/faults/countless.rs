//! Values that say they have 2^60 elements without a byte, or go 2^22 levels deep: who decodes them fails one task, at once.

use mp::{Backend, CodecStage, Failure};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

use crate::common::{bench, works};

/// It claims more than it has.
#[derive(Debug, PartialEq, Deserialize)]
struct Countless(Vec<()>);

impl Serialize for Countless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let len = if self.0.is_empty() { 1 << 60 } else { self.0.len() };
        let mut elements = serializer.serialize_seq(Some(len))?;
        self.0.iter().try_for_each(|unit| elements.serialize_element(unit))?;
        elements.end()
    }
}

/// As many levels as are asked for; what is one is written without going deep.
#[derive(Debug, PartialEq, Deserialize)]
enum Chain {
    End,
    Link(Box<Chain>),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Deep(Chain);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut levels = serializer.serialize_tuple(1 << 22)?;
        (0..1 << 22).try_for_each(|_| levels.serialize_element(&1_u8))?;
        levels.end()
    }
}

fn is_codec<T: std::fmt::Debug>(outcome: Result<T, Failure>, at: CodecStage, says: &str) {
    match outcome {
        Err(Failure::Codec { stage, reason, .. }) if stage == at && reason.contains(says) => {}
        other => panic!("{says} at {at:?}: {other:?}"),
    }
}

#[test]
fn a_value_of_countless_nothings_is_one_failure() {
    bench("countless", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let says = "1152921504606846976 elements are claimed";
        is_codec(pool.apply(|_: Countless| (), (Countless(vec![]),)), CodecStage::DecodeArgs, says);
        is_codec(pool.apply(|| Countless(vec![]), ()), CodecStage::DecodeResult, says);
        assert_eq!(pool.apply(|units: Vec<()>| units, (vec![(); 1000],)), Ok(vec![(); 1000]));
        works(&pool);
        assert_eq!(pool.stats().deaths, 0, "nobody died of it");
    });
}

#[test]
fn a_value_without_a_bottom_is_one_failure() {
    bench("bottomless", Backend::Processes, |bench| {
        let pool = bench.pool(2);
        let says = "nested so deeply";
        is_codec(pool.apply(|_: Deep| (), (Deep(Chain::End),)), CodecStage::DecodeArgs, says);
        is_codec(pool.apply(|| Deep(Chain::End), ()), CodecStage::DecodeResult, says);
        works(&pool);
        assert_eq!(pool.stats().deaths, 0, "nobody died of it");
    });
}
