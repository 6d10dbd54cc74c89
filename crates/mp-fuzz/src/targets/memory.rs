//! Memory files that are not as they were announced.
//!
//! Does **not** try files that are no memory: `mp-sys` has a test of those.

use mp_sys::memfile::MemFile;
use mp_sys::memory::read_file;

use crate::Trail;

/// Eight bytes are what is announced, eight how long the file is beyond what is written to it; the rest is written.
pub(super) fn memory_file(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let Some((announced, rest)) = data.split_first_chunk::<8>() else { return trail };
    let Some((hole, bytes)) = rest.split_first_chunk::<8>() else { return trail };
    let (announced, hole) = (u64::from_le_bytes(*announced), u64::from_le_bytes(*hole));
    let len = (bytes.len() as u64).saturating_add(hole).min(i64::MAX as u64);
    let Ok(file) = MemFile::create(c"mp-fuzz", len) else { return trail };
    file.write_all_at(bytes, 0).expect("there is room");
    match read_file(file.into(), announced) {
        Ok(read) => {
            assert_eq!((read.len() as u64, announced), (len, announced));
            assert!(read.starts_with(bytes) && read[bytes.len()..].iter().all(|byte| *byte == 0));
            trail.size(announced);
        }
        Err(error) => {
            assert!(announced != len || hole > 0, "a file as it was announced: {error}");
            trail.text(&error.to_string());
        }
    }
    trail
}
