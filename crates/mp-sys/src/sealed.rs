//! Memory that is written once, sealed, and from then on the same for all who have it.
//!
//! Does **not** know what is in it.
//!
//! - E1 Of a sealed file nobody can change a byte or its length, nor lift the seals; so its bytes are plain memory to whoever maps it,
//!   whatever other processes do.
#![expect(unsafe_code, reason = "mapped memory is given out as slices")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::map::{Access, Map};
use crate::memfile::PAGE;

/// While it is written.
#[derive(Debug)]
pub struct Draft {
    map: Map,
    file: OwnedFd,
    len: usize,
}

/// When it is written.
#[derive(Debug)]
pub struct Sealed {
    map: Map,
    file: OwnedFd,
}

fn seals() -> SealFlag {
    SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL
}

impl Draft {
    /// `len` zero bytes.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn create(len: usize) -> io::Result<Self> {
        let file = memfd_create(c"mp-shared", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        let file = crate::socket::raised(file)?;
        let size = len.max(1).checked_next_multiple_of(PAGE as usize).ok_or(io::ErrorKind::OutOfMemory)?;
        let file = File::from(file);
        file.set_len(size as u64)?;
        Ok(Self { map: Map::new(&file, size, Access::Write)?, file: file.into(), len })
    }

    /// To be written.
    pub fn bytes(&mut self) -> &mut [u8] {
        let Some(at) = self.map.bytes_at(0, self.len) else { return &mut [] };
        // SAFETY: the mapping is as long and lives as long as `self`, and nobody else has the file yet.
        unsafe { std::slice::from_raw_parts_mut(at.as_ptr(), self.len) }
    }

    /// From now on nobody can write.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn seal(self) -> io::Result<Sealed> {
        let Self { map, file, .. } = self;
        // Sealing needs that nobody could write through a mapping.
        drop(map);
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals()))?;
        Sealed::adopt(file)
    }
}

impl Sealed {
    /// What another process has sealed.
    ///
    /// # Errors
    /// `InvalidInput` when it is anything else; when it cannot be mapped.
    pub fn adopt(file: OwnedFd) -> io::Result<Self> {
        let has = fcntl(&file, FcntlArg::F_GET_SEALS).map(SealFlag::from_bits_retain);
        if !has.is_ok_and(|has| has.contains(seals())) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let file = File::from(file);
        let size = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        Ok(Self { map: Map::new(&file, size, Access::Read)?, file: file.into() })
    }

    /// Its bytes: what was written, and zeros to the end of the last page. They begin at a page.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let len = self.map.len();
        // SAFETY: mapped as long as `self` lives, and by E1 nobody can change what is there.
        self.map.bytes_at(0, len).map_or(&[], |at| unsafe { std::slice::from_raw_parts(at.as_ptr(), len) })
    }
}

impl AsFd for Sealed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_sealed_can_be_read_and_nothing_else() {
        let mut draft = Draft::create(5).expect("made");
        draft.bytes().copy_from_slice(b"hello");
        let sealed = draft.seal().expect("sealed");
        let file = File::from(sealed.as_fd().try_clone_to_owned().expect("a name for it"));
        assert!((&file).write(b"x").is_err() && file.set_len(0).is_err() && file.set_len(1 << 20).is_err());
        assert!(Map::new(&file, 1, Access::Write).is_err());
        let again = Sealed::adopt(file.into()).expect("adopted");
        assert_eq!((&again.bytes()[..5], again.bytes().len()), (&b"hello"[..], 4096));
    }

    #[test]
    fn what_can_still_be_written_is_not_adopted() {
        let draft = Draft::create(5).expect("made");
        assert!(Sealed::adopt(draft.file.try_clone().expect("a name for it")).is_err());
        assert!(Sealed::adopt(File::open("/proc/self/exe").expect("opened").into()).is_err());
    }
}
