//! What the parts of a crossing cost: encoding and decoding values, putting items together and taking them apart.
//!
//! Does **not** know processes: it is memory to memory.
//!
//! `cargo bench -p mp-wire --bench parts`

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use mp_wire::item::{Items, push_item};
use mp_wire::record::{Records, push_next, push_value};
use mp_wire::{TaskId, codec};
use serde::{Deserialize, Serialize};

const ITEMS: u64 = 1000;

fn main() {
    divan::main();
}

/// What an application might send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    name: String,
    lines: Vec<(u32, f64)>,
}

fn order(lines: u32) -> Order {
    Order { id: 7, name: "a name of some length".to_owned(), lines: (0..lines).map(|n| (n, f64::from(n))).collect() }
}

#[divan::bench]
fn encode_a_number(bencher: Bencher) {
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        codec::encode_into(&black_box(77_u64), &mut out)
    });
}

#[divan::bench]
fn decode_a_number(bencher: Bencher) {
    let bytes = codec::encode(&77_u64).expect("encodes");
    bencher.bench(|| codec::decode::<u64>(black_box(&bytes)));
}

#[divan::bench(args = [1, 100, 10_000])]
fn encode_a_structure(bencher: Bencher, lines: u32) {
    let (order, mut out) = (order(lines), Vec::new());
    bencher.bench_local(|| {
        out.clear();
        codec::encode_into(black_box(&order), &mut out)
    });
}

#[divan::bench(args = [1, 100, 10_000])]
fn decode_a_structure(bencher: Bencher, lines: u32) {
    let bytes = codec::encode(&order(lines)).expect("encodes");
    bencher.counter(BytesCount::new(bytes.len())).bench(|| codec::decode::<Order>(black_box(&bytes)));
}

#[divan::bench]
fn put_a_thousand_items_together(bencher: Bencher) {
    let mut body = Vec::new();
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| {
        body.clear();
        (0..ITEMS).try_for_each(|n| push_item(&mut body, |out| codec::encode_into(&n, out)).map(drop))
    });
}

#[divan::bench]
fn take_a_thousand_items_apart(bencher: Bencher) {
    let mut body = Vec::new();
    for n in 0..ITEMS {
        push_item(&mut body, |out| codec::encode_into(&n, out)).expect("encodes");
    }
    bencher.counter(ItemsCount::new(ITEMS)).bench(|| {
        let (items, _) = Items::of(black_box(&body), ITEMS as u32);
        items.map(|item| codec::decode::<u64>(item).unwrap_or(0)).fold(0, u64::wrapping_add)
    });
}

#[divan::bench]
fn read_a_thousand_records(bencher: Bencher) {
    let mut records = Vec::new();
    push_next(&mut records, TaskId(5));
    (0..ITEMS).for_each(|n| push_value(&mut records, &[n as u8; 8]));
    bencher.counter(ItemsCount::new(ITEMS)).bench(|| Records::new(black_box(&records)).count());
}
