//! How items become bytes, in the thread of who submits them.
//!
//! Does **not** know where an item is found again.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mp_link::baggage;
use mp_wire::bulk::encode_value;
use mp_wire::item::{only_item, push_bytes, push_item};
use mp_wire::{CodecError, codec};
use mp_worker::Task;
use serde::Serialize;

use super::kept::kept;
use super::{Args, MARK, SMALL};
use crate::arena::Large;
use crate::error::SubmitError;

/// Room in bytes for what is beside the rows of a large item.
const BESIDE: usize = 256;

/// So many tasks of numbers are encoded before the bytes of all are taken in: what is grown for each costs more than to encode it.
const BLOCK: usize = 64;

/// What encodes calls code of the caller's.
fn guarded(encode: impl FnOnce() -> Result<(), CodecError>) -> Result<(), CodecError> {
    catch_unwind(AssertUnwindSafe(encode)).unwrap_or_else(|_| Err(CodecError("its Serialize panicked".to_owned())))
}

/// How many bytes the arguments of one task take, if they are numbers.
#[inline]
fn stride_of<F: Task<A>, A>() -> usize {
    1 + F::fixed_size().unwrap_or_default().min(SMALL)
}

/// Encodes numbers as an item that fills `item`.
#[inline]
fn write_numbers<F: Task<A>, A>(args: &A, item: &mut [u8]) -> Result<(), SubmitError> {
    let (len, mut bytes) = item.split_first_mut().ok_or(SubmitError::Full)?;
    *len = bytes.len() as u8;
    F::encode(args, &mut bytes).map_err(SubmitError::Codec)
}

impl Args {
    /// Whether the arguments are numbers, and few: to encode them cannot fail, nor run code of the caller's.
    pub(crate) fn can_always<F: Task<A>, A>(max: usize) -> bool {
        F::fixed_size().is_some_and(|size| size <= max.min(SMALL))
    }

    /// Encodes the arguments of one task more, in the caller's thread.
    pub(crate) fn push_task<F: Task<A>, A>(&mut self, args: &A, max: usize) -> Result<(), SubmitError> {
        if Self::can_always::<F, A>(max) {
            return self.push_numbers::<F, A>(args);
        }
        let rows = F::rows(args);
        if self.is_large(rows) && self.push_in_place(rows, max, |out| F::encode(args, out))? {
            return Ok(());
        }
        self.push_with(max, |bytes| push_item(bytes, |out| guarded(|| F::encode(args, out))))
    }

    /// As [`Args::push_task`], where that [can always be](Self::can_always): most of what is done for others need not be.
    #[inline]
    pub(crate) fn push_numbers<F: Task<A>, A>(&mut self, args: &A) -> Result<(), SubmitError> {
        let stride = stride_of::<F, A>();
        let mut item = [0; 1 + SMALL];
        write_numbers::<F, A>(args, &mut item[..stride])?;
        self.push_row(&item[..stride], stride)
    }

    /// As [`Args::push_numbers`], of the arguments of many tasks.
    #[inline]
    pub(crate) fn push_all_numbers<F: Task<A>, A>(
        &mut self,
        mut tasks: impl Iterator<Item = A>,
    ) -> Result<(), SubmitError> {
        let stride = stride_of::<F, A>();
        let mut block = [0; BLOCK * (1 + SMALL)];
        loop {
            let mut filled = 0;
            for (item, args) in block.chunks_exact_mut(stride).take(BLOCK).zip(&mut tasks) {
                write_numbers::<F, A>(&args, item)?;
                filled += stride;
            }
            if filled == 0 {
                return Ok(());
            }
            self.push_row(&block[..filled], stride)?;
        }
    }

    /// What is encoded already, of so many bytes each.
    fn push_row(&mut self, row: &[u8], stride: usize) -> Result<(), SubmitError> {
        self.bytes.extend_from_slice(row);
        self.stride = Some(stride);
        let count = u32::try_from(row.len() / stride).ok();
        self.count = count.and_then(|count| self.count.checked_add(count)).ok_or(SubmitError::Full)?;
        Ok(())
    }

    fn is_large(&self, len: usize) -> bool {
        len > 0 && self.arena.as_ref().is_some_and(|arena| arena.wants(len))
    }

    /// Encodes one item more, in the caller's thread.
    pub(crate) fn push<T: Serialize>(&mut self, args: &T, max: usize) -> Result<(), SubmitError> {
        self.push_with(max, |bytes| push_item(bytes, |out| guarded(|| codec::encode_into(args, out))))
    }

    /// As [`Args::push`], for a value by itself, which is copied where it is a row of numbers.
    pub(crate) fn push_value<T: Serialize + 'static>(&mut self, value: &T) -> Result<(), SubmitError> {
        self.push_with(usize::MAX, |bytes| push_item(bytes, |out| guarded(|| encode_value(value, out))))
    }

    /// Encodes an item of about `size` bytes where it will be read. `false`, with nothing pushed, where that does not go.
    fn push_in_place(
        &mut self,
        size: usize,
        max: usize,
        encode: impl FnOnce(&mut mp_sys::region::Lease) -> Result<(), CodecError>,
    ) -> Result<bool, SubmitError> {
        let room = || self.arena.as_ref()?.lease(size.checked_add(BESIDE)?);
        let Some(mut large) = room() else { return Ok(false) };
        let (encoded, descriptors) = baggage::pack_with(|| guarded(|| encode(&mut large.lease)));
        if encoded.is_err() {
            return Ok(false);
        }
        let len = large.lease.len();
        if len > max {
            return Err(SubmitError::TooLarge { len, max });
        }
        self.pack(descriptors)?;
        self.count_large(large)?;
        Ok(true)
    }

    /// One item more that is encoded already.
    pub(crate) fn push_encoded(&mut self, args: &[u8], max: usize) -> Result<(), SubmitError> {
        self.push_with(max, |bytes| {
            push_bytes(bytes, args);
            Ok(())
        })
    }

    fn push_with(
        &mut self,
        max: usize,
        push: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), SubmitError> {
        let start = self.bytes.len();
        self.bytes.reserve(SMALL);
        let (pushed, descriptors) = baggage::pack_with(|| push(&mut self.bytes));
        pushed.map_err(SubmitError::Codec)?;
        let len = only_item(&self.bytes[start..]).len();
        if len > max {
            self.bytes.truncate(start);
            return Err(SubmitError::TooLarge { len, max });
        }
        let counted = self.pack(descriptors).and_then(|()| match self.move_out(start) {
            Some(large) => self.count_large(large),
            None => self.count_item(),
        });
        counted.inspect_err(|_| self.bytes.truncate(start))
    }

    /// A copy of the item that was pushed last, if it is large, where it will be read.
    fn move_out(&mut self, start: usize) -> Option<Large> {
        let item = only_item(&self.bytes[start..]);
        let arena = self.arena.as_ref().filter(|arena| arena.wants(item.len()))?;
        let mut large = arena.lease(item.len())?;
        large.lease.write_all(item).ok()?;
        self.bytes.truncate(start);
        Some(large)
    }

    /// The descriptors of the next item.
    fn pack(&mut self, descriptors: Vec<OwnedFd>) -> Result<(), SubmitError> {
        if !descriptors.is_empty() {
            let all = descriptors.into_iter().map(kept).collect::<io::Result<_>>();
            let all = all.map_err(|error| SubmitError::Codec(CodecError(error.to_string())))?;
            self.baggage.insert(self.count, all);
        }
        Ok(())
    }

    fn count_large(&mut self, large: Large) -> Result<(), SubmitError> {
        self.large.insert(self.count, Arc::new(large));
        push_bytes(&mut self.bytes, &[]);
        self.count_item()
    }

    /// What was pushed last is an item.
    #[inline]
    fn count_item(&mut self) -> Result<(), SubmitError> {
        self.count = self.count.checked_add(1).ok_or(SubmitError::Full)?;
        if self.count.is_multiple_of(MARK) {
            self.marks.push(self.bytes.len());
        }
        Ok(())
    }
}
