//! Descriptors that travel with items, of each queue or map one.
//!
//! Does **not** know items.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, LazyLock, Weak};

use mp_sys::memfile::MemFile;
use parking_lot::Mutex;

/// One descriptor for all values that carry the same queue, however many wait (I6). What is no memory is its own: of files
/// and pipes, several that differ are one inode.
pub(super) fn kept(fd: OwnedFd) -> io::Result<Arc<OwnedFd>> {
    /// By device and inode.
    type Kept = HashMap<(u64, u64), Weak<OwnedFd>>;
    static ALL: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);
    let fd = match MemFile::adopt(fd.try_clone()?) {
        Ok(memory) => OwnedFd::from(memory),
        Err(_) => return Ok(Arc::new(fd)),
    };
    let file = std::fs::File::from(fd);
    let metadata = file.metadata()?;
    let mut all = ALL.lock();
    all.retain(|_, weak| weak.strong_count() > 0);
    let key = (metadata.dev(), metadata.ino());
    if let Some(known) = all.get(&key).and_then(Weak::upgrade) {
        return Ok(known);
    }
    let new = Arc::new(OwnedFd::from(file));
    all.insert(key, Arc::downgrade(&new));
    Ok(new)
}
