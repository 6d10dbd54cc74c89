//! The supervisor's regions, as this worker has mapped them: large arguments are read where they were written.
//!
//! Does **not** know tasks. A region stays mapped until another takes its slot: to map one costs more than to read it.

use std::io;
use std::os::fd::OwnedFd;

use mp_sys::region::View;
use mp_wire::frame::Place;

/// More slots than a supervisor has regions.
const MOST: usize = 1024;

/// By slot.
#[derive(Debug, Default)]
pub(crate) struct Views(Vec<Option<View>>);

impl Views {
    /// The bytes of a value. Its region is the last of `descriptors`, if it is new.
    ///
    /// # Errors
    /// When there is no such region, or not so much of it.
    pub(crate) fn bytes(&mut self, place: &Place, descriptors: &mut Vec<OwnedFd>) -> io::Result<&[u8]> {
        let slot = place.slot as usize;
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{what} {slot}: {place:?}"));
        if slot >= MOST {
            return Err(wrong("no slot for region"));
        }
        if place.size > 0 {
            self.0.resize_with(self.0.len().max(slot + 1), || None);
            // The one that was there is not read any more, whether or not the new one can be mapped.
            self.0[slot] = None;
            let fd = descriptors.pop().ok_or_else(|| wrong("no descriptor for region"))?;
            self.0[slot] = Some(View::open(fd, usize::try_from(place.size).map_err(io::Error::other)?)?);
        }
        let view = self.0.get(slot).and_then(Option::as_ref).ok_or_else(|| wrong("no region"))?;
        let (offset, len) = (usize::try_from(place.offset), usize::try_from(place.len));
        let bytes = offset.ok().zip(len.ok()).and_then(|(offset, len)| view.slice(offset, len));
        bytes.ok_or_else(|| wrong("not so much in region"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp_sys::region::Region;
    use std::io::Write;

    #[test]
    fn a_region_is_read_until_another_takes_its_slot() {
        let mut views = Views::default();
        let mut read = |place: Place, region: Option<&Region>| {
            let fds = region.map(|region| region.readers().try_clone_to_owned().expect("a name for it"));
            views.bytes(&place, &mut fds.into_iter().collect()).map(<[u8]>::to_vec)
        };
        let regions = [b'a', b'b'].map(|byte| {
            let region = Region::create(4096, 0).expect("made");
            let mut lease = region.lease(4096).expect("room");
            lease.write_all(&[byte; 4096]).expect("fits");
            (region, lease)
        });
        let place = |slot, size, offset, len| Place { slot, size, offset, len };
        assert!(read(place(3, 0, 0, 1), None).is_err(), "nothing is there yet");
        assert_eq!(read(place(3, 4096, 4090, 6), Some(&regions[0].0)).expect("read"), [b'a'; 6]);
        assert_eq!(read(place(3, 0, 0, 2), None).expect("read"), [b'a'; 2]);
        for (offset, len) in [(0, 4097), (4096, 1), (u64::MAX, 2), (1, u64::MAX)] {
            assert!(read(place(3, 0, offset, len), None).is_err(), "{offset} {len}");
        }
        assert_eq!(read(place(3, 4096, 0, 2), Some(&regions[1].0)).expect("read"), [b'b'; 2]);
        assert!(read(place(3, 8192, 0, 2), Some(&regions[0].0)).is_err(), "it is shorter");
        assert!(read(place(3, 0, 0, 2), None).is_err(), "and what was there is gone");
        assert!(read(place(MOST as u32, 4096, 0, 2), Some(&regions[0].0)).is_err());
    }
}
