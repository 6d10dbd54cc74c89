//! What was submitted, kept until its last item has an outcome: it may have to be sent again.
//!
//! Does **not** know workers.
//!
//! ```text
//!   args:  | len a | a.. | len b | b.. | len c | c.. |        ends: [ end of a, end of b ]
//!   span 0..2 is one slice of it, ready for a frame
//! ```

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Weak};

use mp_link::baggage;
use mp_scheduler::{JobKey, Span, Terms, WEIGHT_MAX};
use mp_wire::frame::{Body, INLINE_MAX, ITEMS_MAX, Segment, push_item};
use mp_wire::{CodecError, TaskId, TaskLabel, codec};
use mp_worker::Entry;
use parking_lot::Mutex;
use serde::Serialize;

use crate::error::SubmitError;
use crate::sink::Sink;

/// Room for one item, in bytes, that saves most arguments from being moved.
const SMALL: usize = 32;

/// What a span takes up in a frame beside its items, at most.
const SEGMENT: u32 = 64;

/// The name of a task: that of its function, or one of the submitter's.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Function(&'static str),
    Given(Arc<str>),
}

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Function(name) => name,
            Self::Given(name) => name,
        }
    }
}

/// The encoded arguments of one or many items.
#[derive(Debug, Default)]
pub(crate) struct Args {
    bytes: Vec<u8>,
    count: u32,
    /// Where all but the last item end: a single one, the common case, needs no list.
    ends: Vec<usize>,
    baggage: BTreeMap<u32, Vec<Arc<OwnedFd>>>,
}

impl Args {
    /// Encodes one item more, in the caller's thread.
    pub(crate) fn push<T: Serialize>(&mut self, args: &T, max: usize) -> Result<(), SubmitError> {
        let encode = |out: &mut Vec<u8>| codec::encode_into(args, out);
        self.push_with(max, |out| {
            catch_unwind(AssertUnwindSafe(|| encode(out)))
                .unwrap_or_else(|_| Err(CodecError("its Serialize panicked".to_owned())))
        })
    }

    /// One item more that is encoded already.
    pub(crate) fn push_encoded(&mut self, args: &[u8], max: usize) -> Result<(), SubmitError> {
        self.push_with(max, |out| {
            out.extend_from_slice(args);
            Ok(())
        })
    }

    fn push_with(
        &mut self,
        max: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), SubmitError> {
        if self.count == u32::MAX {
            return Err(SubmitError::Full);
        }
        let start = self.bytes.len();
        self.bytes.reserve(SMALL);
        let (written, descriptors) = baggage::pack_with(|| push_item(&mut self.bytes, write));
        written.map_err(SubmitError::Codec)?;
        let len = self.bytes.len() - start - 4;
        if len > max {
            self.bytes.truncate(start);
            return Err(SubmitError::TooLarge { len, max });
        }
        if !descriptors.is_empty() {
            let kept = descriptors.into_iter().map(shared).collect::<io::Result<_>>();
            let kept = kept.map_err(|error| {
                self.bytes.truncate(start);
                SubmitError::Codec(CodecError(error.to_string()))
            })?;
            self.baggage.insert(self.count, kept);
        }
        if self.count > 0 {
            self.ends.push(start);
        }
        self.count += 1;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    fn start(&self, index: u32) -> usize {
        match index.checked_sub(1) {
            None => 0,
            Some(_) if index == self.count => self.bytes.len(),
            Some(before) => self.ends[before as usize],
        }
    }

    fn slice(&self, from: u32, to: u32) -> &[u8] {
        &self.bytes[self.start(from)..self.start(to)]
    }

    fn is_bulk(&self, index: u32) -> bool {
        self.slice(index, index + 1).len() > INLINE_MAX
    }
}

/// One descriptor for all values that carry the same queue, however many wait (I6).
fn shared(fd: OwnedFd) -> io::Result<Arc<OwnedFd>> {
    /// By device and inode.
    type Kept = HashMap<(u64, u64), Weak<OwnedFd>>;
    static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);
    let file = std::fs::File::from(fd);
    let metadata = file.metadata()?;
    let mut kept = KEPT.lock();
    kept.retain(|_, weak| weak.strong_count() > 0);
    let key = (metadata.dev(), metadata.ino());
    if let Some(known) = kept.get(&key).and_then(Weak::upgrade) {
        return Ok(known);
    }
    let new = Arc::new(OwnedFd::from(file));
    kept.insert(key, Arc::downgrade(&new));
    Ok(new)
}

/// `error`, and what was to be made when it happened.
fn short(what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// One submission.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) entry: Entry,
    pub(crate) name: Name,
    pub(crate) args: Args,
    pub(crate) sink: Sink,
    /// The place of the first item in the caller's input.
    pub(crate) base: u64,
    pub(crate) terms: Terms,
    /// The first item's id; given when it is accepted.
    pub(crate) first: TaskId,
    /// Items without an outcome.
    pub(crate) open: u32,
}

impl Job {
    pub(crate) fn label(&self, item: TaskId) -> TaskLabel {
        TaskLabel { id: item, name: self.name.as_str().into() }
    }

    /// The piece of the job from item `from` that fits into a frame; none after the last.
    pub(crate) fn next_span(&self, key: JobKey, from: u32) -> Option<Span> {
        if from == self.args.len() {
            return None;
        }
        let (to, weight) = self.cut(from);
        let first = self.first.plus(from);
        Some(Span { job: key, from, to, first, weight, attempt: 1, terms: self.terms })
    }

    fn cut(&self, from: u32) -> (u32, u32) {
        let mut weight = SEGMENT;
        let mut to = from;
        while to < self.args.len() && (to - from) < ITEMS_MAX as u32 {
            let next = self.weight(to);
            if to > from && weight + next > WEIGHT_MAX {
                break;
            }
            weight += next;
            to += 1;
        }
        (to, weight)
    }

    /// An item with descriptors weighs so much that no two of them are in one frame: descriptors of a frame are limited.
    fn weight(&self, index: u32) -> u32 {
        if self.args.is_bulk(index) || self.args.baggage.contains_key(&index) {
            return WEIGHT_MAX - SEGMENT;
        }
        self.args.slice(index, index + 1).len() as u32
    }

    /// The part of a frame that `span` is; its descriptors are appended to `descriptors`.
    pub(crate) fn segment(&self, span: &Span, descriptors: &mut Vec<OwnedFd>) -> io::Result<Segment<'_>> {
        let before = descriptors.len();
        if let Some(own) = self.args.baggage.get(&span.from) {
            for fd in own {
                descriptors.push(fd.try_clone().map_err(|error| short("a queue in the arguments", error))?);
            }
        }
        let baggage = (descriptors.len() - before) as u32;
        let items = self.args.slice(span.from, span.to);
        let args = if self.args.is_bulk(span.from) {
            let file = mp_sys::memory::file_with(&items[4..]);
            descriptors.push(file.map_err(|error| short("a memory file for them", error))?);
            Body::Bulk(items.len() as u64 - 4)
        } else {
            Body::Inline(items)
        };
        let entry = mp_sys::image::offset_of(self.entry as usize);
        Ok(Segment { entry, first: span.first, count: span.len(), attempt: span.attempt, baggage, args })
    }

    /// The encoded arguments of one item, for who runs it in place.
    pub(crate) fn item(&self, index: u32) -> &[u8] {
        &self.args.slice(index, index + 1)[4..]
    }

    /// The descriptors of one item, anew.
    pub(crate) fn descriptors(&self, index: u32) -> io::Result<Vec<OwnedFd>> {
        self.args.baggage.get(&index).into_iter().flatten().map(|fd| fd.try_clone()).collect()
    }
}
