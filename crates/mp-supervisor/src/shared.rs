//! `Shared`: plain data that is written once and read by any process where it is.
//!
//! Does **not** know pools or workers: it travels with arguments as a descriptor, as queues do.
//!
//! ```text
//!  from_vec(data) ─ copy, seal ─▶ memory ◀── mapped ── worker: Deref, no copy
//!                                   ▲ └───── mapped ── another worker
//!                                   └─ one descriptor for each process that has it
//! ```

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, LazyLock, Weak};

use bytemuck::Pod;
use mp_link::baggage;
use mp_sys::memfile::PAGE;
use mp_sys::sealed::{Draft, Sealed};
use parking_lot::Mutex;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// So many that came are kept mapped in a process that uses none of them at the moment: the next task may have the same.
const KEPT: usize = 8;

/// What can be shared: `T` or `[T]`, where every byte of a `T` means something and none is a pointer
/// ([`bytemuck::Pod`]: numbers, arrays of them, structs of them that derive it).
pub trait Plain: sealed::Plain {}

impl<T: sealed::Plain + ?Sized> Plain for T {}

mod sealed {
    use super::Pod;

    pub trait Plain {
        /// So many bytes are one element.
        const SIZE: usize;
        /// These bytes, which begin at a page.
        fn over(bytes: &[u8]) -> &Self;
        /// How many elements.
        fn count(&self) -> usize;
    }

    impl<T: Pod> Plain for [T] {
        const SIZE: usize = size_of::<T>();

        fn over(bytes: &[u8]) -> &Self {
            bytemuck::cast_slice(bytes)
        }

        fn count(&self) -> usize {
            self.len()
        }
    }

    impl<T: Pod> Plain for T {
        const SIZE: usize = size_of::<T>();

        fn over(bytes: &[u8]) -> &Self {
            bytemuck::from_bytes(bytes)
        }

        fn count(&self) -> usize {
            1
        }
    }
}

/// Plain data in memory that any process can read where it is: `Shared<[f64]>`, `Shared<MyStruct>`. Python's nearest is a
/// `SharedMemory` with a numpy array over it; this one cannot be written any more, and is gone when nobody has it.
///
/// As an argument of a task, a process or an initializer it costs a descriptor on the way and no copy, however large it is.
/// Clones are the same memory. It has no name: nothing is in `/dev/shm`, and nothing is left when processes are killed.
///
/// A process that was sent one keeps up to eight mapped while it waits for the next task. Each takes one descriptor in each process that has
/// it, however many handles.
///
/// # Examples
/// ```
/// # use mp_supervisor::Shared;
/// let table = Shared::from_vec(vec![1.0_f64, 2.0, 4.0])?;
/// assert_eq!(table.iter().sum::<f64>(), 7.0);
/// # Ok::<(), mp_supervisor::Error>(())
/// ```
///
/// What is not plain is refused when the program is compiled:
/// ```compile_fail,E0277
/// mp_supervisor::Shared::from_vec(vec![String::new()]);
/// ```
pub struct Shared<T: ?Sized> {
    memory: Arc<Sealed>,
    count: usize,
    data: PhantomData<fn() -> Box<T>>,
}

impl<T: Pod> Shared<[T]> {
    /// A copy of `data`, to be shared.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn from_slice(data: &[T]) -> crate::Result<Self> {
        Self::build(data.len(), |to| to.copy_from_slice(data))
    }

    /// As [`Shared::from_slice`]; `data` is dropped.
    ///
    /// # Errors
    /// As [`Shared::from_slice`].
    #[expect(clippy::needless_pass_by_value, reason = "who hands it over does not keep two copies")]
    pub fn from_vec(data: Vec<T>) -> crate::Result<Self> {
        Self::from_slice(&data)
    }

    /// `len` elements, all bytes zero, for `fill` to write where they will be read: what is larger than half of the memory need not
    /// exist twice.
    ///
    /// # Errors
    /// As [`Shared::from_slice`].
    ///
    /// ```
    /// # use mp_supervisor::Shared;
    /// let squares = Shared::<[u64]>::build(1000, |to| (0..).zip(to).for_each(|(n, to)| *to = n * n))?;
    /// assert_eq!(squares[30], 900);
    /// # Ok::<(), mp_supervisor::Error>(())
    /// ```
    pub fn build(len: usize, fill: impl FnOnce(&mut [T])) -> crate::Result<Self> {
        const { assert!(align_of::<T>() <= PAGE as usize && size_of::<T>() > 0, "it lies in pages, and takes some room") }
        let bytes = len.checked_mul(size_of::<T>()).ok_or_else(|| refused(io::ErrorKind::OutOfMemory.into()))?;
        let mut draft = Draft::create(bytes).map_err(refused)?;
        // Of an empty slice the place is not looked at.
        fill(if len == 0 { &mut [] } else { bytemuck::cast_slice_mut(draft.bytes()) });
        Ok(Self::over(known(draft.seal().map_err(refused)?).map_err(refused)?, len))
    }
}

impl<T: Pod> Shared<T> {
    /// A copy of `value`, to be shared.
    ///
    /// # Errors
    /// When descriptors or memory run out.
    pub fn from_value(value: &T) -> crate::Result<Self> {
        let Shared { memory, .. } = Shared::from_slice(std::slice::from_ref(value))?;
        Ok(Self::over(memory, 1))
    }
}

impl<T: ?Sized> Shared<T> {
    fn over(memory: Arc<Sealed>, count: usize) -> Self {
        Self { memory, count, data: PhantomData }
    }
}

fn refused(source: io::Error) -> Error {
    Error::Os { doing: "memory to be shared could not be made", source: mp_sys::descriptors::explain(source) }
}

/// What this process has mapped: a file that arrives again is mapped once.
#[derive(Default)]
struct Known {
    /// By number: no other file has it for as long as this one is there.
    all: HashMap<u64, Weak<Sealed>>,
    /// The last that came.
    kept: VecDeque<Arc<Sealed>>,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

fn inode(fd: &impl AsFd) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::File::from(fd.as_fd().try_clone_to_owned()?).metadata()?.ino())
}

/// Makes it the one that is found when its descriptor arrives here.
fn known(made: Sealed) -> io::Result<Arc<Sealed>> {
    let (number, made) = (inode(&made)?, Arc::new(made));
    let mut known = KNOWN.lock();
    known.all.retain(|_, here| here.strong_count() > 0);
    known.all.insert(number, Arc::downgrade(&made));
    Ok(made)
}

/// The one that is here, or a new mapping, which is kept for the next task.
fn arrived(fd: OwnedFd) -> io::Result<Arc<Sealed>> {
    let here = KNOWN.lock().all.get(&inode(&fd)?).and_then(Weak::upgrade);
    let memory = match here {
        Some(here) => here,
        None => known(Sealed::adopt(fd)?)?,
    };
    let mut known = KNOWN.lock();
    known.kept.retain(|kept| !Arc::ptr_eq(kept, &memory));
    // Only what came from elsewhere: what was made here is kept by whoever made it.
    if mp_worker::is_serving() {
        known.kept.push_back(Arc::clone(&memory));
    }
    let over = if known.kept.len() > KEPT { known.kept.pop_front() } else { None };
    drop(known);
    drop(over);
    Ok(memory)
}

impl<T: Plain + ?Sized> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // Whoever made `self` has seen that there are so many.
        T::over(&self.memory.bytes()[..self.count * T::SIZE])
    }
}

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self::over(Arc::clone(&self.memory), self.count)
    }
}

impl<T: ?Sized> fmt::Debug for Shared<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Shared").field("count", &self.count).finish_non_exhaustive()
    }
}

/// As an argument only: the descriptor travels beside the bytes.
impl<T: Plain + ?Sized> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (baggage::pack(&*self.memory).map_err(S::Error::custom)?, self.count as u64).serialize(serializer)
    }
}

impl<'de, T: Plain + ?Sized> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (number, count) = <(u32, u64)>::deserialize(deserializer)?;
        let memory = arrived(baggage::unpack(number).map_err(D::Error::custom)?).map_err(D::Error::custom)?;
        let count = usize::try_from(count).map_err(D::Error::custom)?;
        let size = memory.bytes().len();
        if count.checked_mul(T::SIZE).is_none_or(|len| len > size) {
            return Err(D::Error::custom(format!("{count} elements of {} bytes are not in {size} bytes", T::SIZE)));
        }
        Ok(Self::over(memory, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp_wire::codec;

    fn crossed<T: Plain + ?Sized>(shared: &Shared<T>) -> Shared<T> {
        let (bytes, fds) = baggage::pack_with(|| codec::encode(shared).expect("encodes"));
        baggage::unpack_with(fds, || codec::decode(&bytes)).expect("decodes")
    }

    #[test]
    fn what_crosses_is_the_same_memory() {
        let data: Vec<u32> = (0..100_000).collect();
        let shared = Shared::from_slice(&data).expect("made");
        let there = crossed(&shared);
        assert_eq!(&*there, &data[..]);
        assert!(std::ptr::eq(&*there, &*shared), "mapped once");
        assert_eq!(*crossed(&Shared::from_value(&[1.5_f64, 2.5]).expect("made")), [1.5, 2.5]);
        assert!(crossed(&Shared::<[u8]>::from_vec(Vec::new()).expect("made")).is_empty());
        assert!(crossed(&Shared::<[u128]>::build(0, |to| assert!(to.is_empty())).expect("made")).is_empty());
    }

    #[test]
    fn more_than_there_is_does_not_arrive() {
        let shared = Shared::from_vec(vec![7_u64; 512]).expect("made");
        let (_, fds) = baggage::pack_with(|| codec::encode(&shared).expect("encodes"));
        for count in [513_u64, u64::MAX, 1 << 61] {
            let bytes = codec::encode(&(0_u32, count)).expect("encodes");
            let fds = fds.iter().map(|fd| fd.try_clone().expect("a name for it")).collect();
            let decoded = baggage::unpack_with(fds, || codec::decode::<Shared<[u64]>>(&bytes));
            assert!(decoded.is_err(), "{count}");
        }
    }

    #[test]
    fn it_is_no_value_to_be_stored() {
        assert!(codec::encode(&Shared::from_vec(vec![1_u8]).expect("made")).is_err());
    }
}
