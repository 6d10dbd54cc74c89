//! Large values: where they are said to be, how long, and how many numbers are said to be in them.
//!
//! Does **not** write over them while they are read: `mp-sys` has a test of that.

use std::fmt::Debug;
use std::io::Write;

use mp_sys::region::{Region, View};
use mp_sys::window::Window;
use mp_wire::Bytes;
use mp_wire::bulk::{decode_value, encode_value, split_value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Trail;

/// Eight bytes are an offset, eight a length; the rest is a value of each kind.
pub(super) fn large(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let Some((offset, rest)) = data.split_first_chunk::<8>() else { return trail };
    let Some((len, value)) = rest.split_first_chunk::<8>() else { return trail };
    let number = |bytes: [u8; 8]| usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX);
    places(number(*offset), number(*len), value, &mut trail);
    row::<Vec<u8>>(value, &mut trail);
    row::<Vec<u16>>(value, &mut trail);
    row::<Vec<i128>>(value, &mut trail);
    row::<String>(value, &mut trail);
    row::<Bytes>(value, &mut trail);
    trail
}

/// What is not wholly within is nothing.
fn places(offset: usize, len: usize, value: &[u8], trail: &mut Trail) {
    let region = Region::create(value.len(), 0).expect("there is room");
    let mut lease = region.lease(value.len()).expect("it is all free");
    lease.write_all(value).expect("as long as it is");
    let readers = region.readers().try_clone_to_owned().expect("a name for it");
    let view = View::open(readers, region.size()).expect("as long as it is");
    let fits = |size: usize| offset.checked_add(len).is_some_and(|end| end <= size);
    let seen = view.slice(offset, len);
    assert_eq!(seen.is_some(), fits(region.size()));
    if let (true, Some(seen)) = (fits(value.len()), seen) {
        assert_eq!(seen, &value[offset..offset + len]);
    }
    let (window, _) = Window::create(value.len()).expect("there is room");
    let mut copy = Vec::new();
    assert_eq!(window.copy_out(len, &mut copy), len <= window.size());
    trail.step(u8::from(seen.is_some()) + 2 * u8::from(!copy.is_empty()));
}

/// What was understood is said again as it was, or shorter: a length can be said in more bytes than it needs.
fn row<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(bytes: &[u8], trail: &mut Trail) {
    match split_value::<T>(bytes) {
        Ok((value, rest)) => {
            let mut again = Vec::new();
            encode_value(&value, &mut again).expect("it was read");
            assert!(again.len() + rest.len() <= bytes.len());
            assert_eq!(decode_value::<T>(&again), Ok(value));
            trail.size(again.len() as u64);
        }
        Err(error) => trail.text(&error.0),
    }
}
