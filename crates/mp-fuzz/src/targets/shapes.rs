//! Values whose work is not in their bytes: elements that take none, and types that contain themselves.
//!
//! Does **not** look at what the values mean; a decoder that takes too long, or too much stack, is found by the runner.

use std::collections::BTreeMap;

use mp_wire::codec;
use serde::{Deserialize, Serialize};

use crate::Trail;

/// So many elements without bytes may be in one value.
const EMPTY_MAX: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>, Box<Tree>),
    Named { name: String, child: Option<Box<Tree>> },
    Many(Vec<Tree>),
}

#[derive(Serialize, Deserialize)]
struct Nest(Vec<Nest>);

#[derive(Serialize, Deserialize)]
struct Nothing {
    unit: (),
    none: [u64; 0],
}

/// The first byte says which type the others claim to be.
pub(super) fn shapes(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let Some((which, data)) = data.split_first() else { return trail };
    trail.step(which % 8);
    let elements = match which % 8 {
        0 => said(codec::decode::<Vec<()>>(data).map(|units| units.len()), &mut trail),
        1 => said(codec::decode::<Vec<[u8; 0]>>(data).map(|empty| empty.len()), &mut trail),
        2 => said(codec::decode::<Vec<Vec<()>>>(data).map(|all| all.iter().map(Vec::len).sum()), &mut trail),
        3 => said(
            codec::decode::<BTreeMap<u8, Vec<Nothing>>>(data).map(|map| map.values().map(Vec::len).sum()),
            &mut trail,
        ),
        4 => said(codec::decode::<BTreeMap<(), ()>>(data).map(|map| map.len()), &mut trail),
        5 => said(
            codec::decode::<(Vec<()>, Option<Vec<()>>)>(data).map(|(a, b)| a.len() + b.map_or(0, |b| b.len())),
            &mut trail,
        ),
        6 => said(codec::decode::<Tree>(data).map(|tree| again(&tree, data)), &mut trail),
        _ => said(codec::decode::<Nest>(data).map(|nest| again(&nest, data)), &mut trail),
    };
    assert!(elements <= EMPTY_MAX + data.len(), "{elements} elements of {} bytes", data.len());
    trail
}

fn said(outcome: Result<usize, mp_wire::CodecError>, trail: &mut Trail) -> usize {
    match outcome {
        Ok(elements) => {
            trail.size(elements as u64);
            elements
        }
        Err(error) => {
            trail.text(&error.0);
            0
        }
    }
}

/// What was understood can be said; how many bytes it had, at least one for each part.
fn again<T: Serialize>(value: &T, data: &[u8]) -> usize {
    codec::encode(value).expect("it was decoded");
    data.len()
}
