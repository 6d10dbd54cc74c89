//! What was submitted, kept until its last item has an outcome: it may have to be sent again.
//!
//! Does **not** know workers.
//!
//! Small tasks that are submitted one by one, of the same function and on the same terms, are items of one job while they
//! wait: they cross, run and come back as those of a map do, and only their outcomes go different ways.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use mp_scheduler::{JobKey, Span, Terms, WEIGHT_MAX};
use mp_wire::frame::{Body, INLINE_MAX, ITEMS_MAX, Segment};
use mp_wire::{TaskId, TaskLabel};
use mp_worker::{Entry, Show};

use crate::args::{Args, SMALL};
use crate::cargo::Cargo;
use crate::error::SubmitError;
use crate::host::Work;
use crate::ledger::{ARGS_MOST, Asked};
use crate::one::One;
use crate::sink::Sink;

/// What a span takes up in a frame beside its items, at most.
const SEGMENT: u32 = 64;

/// What an item takes up beside its bytes, at most.
const ITEM: u32 = 9;

/// The most that a span can weigh beside [`SEGMENT`].
const MOST_BESIDE: u32 = WEIGHT_MAX - SEGMENT;

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

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Function(a), Self::Function(b)) => std::ptr::eq(*a, *b),
            (Self::Given(a), Self::Given(b)) => Arc::ptr_eq(a, b),
            (Self::Function(_), Self::Given(_)) | (Self::Given(_), Self::Function(_)) => false,
        }
    }
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
    /// How they are shown.
    pub(crate) show: Show,
    pub(crate) sink: Sink,
    /// The place of the first item in the caller's input.
    pub(crate) base: u64,
    pub(crate) terms: Terms,
    /// The first item's id; given when it is accepted.
    pub(crate) first: TaskId,
    /// When it was accepted, once it was.
    pub(crate) since: Option<Instant>,
    /// Since when it waits, in nanoseconds of CLOCK_MONOTONIC, if it is traced.
    pub(crate) traced_ns: Option<u64>,
    /// Items without an outcome.
    pub(crate) open: u32,
}

impl Job {
    /// Not accepted yet.
    pub(crate) fn new(work: Work, args: Args, sink: Sink) -> Self {
        let Work { entry, name, terms, may_wait: _, show } = work;
        Self { entry, name, args, show, sink, base: 0, terms, first: TaskId(0), since: None, traced_ns: None, open: 0 }
    }

    /// The id behind the last item's.
    pub(crate) fn end(&self) -> TaskId {
        self.first.plus(self.args.len())
    }

    pub(crate) fn label(&self, item: TaskId) -> TaskLabel {
        TaskLabel { id: item, name: self.name.as_str().into() }
    }

    /// The arguments of one item, to be shown one day.
    pub(crate) fn asked(&self, index: u32) -> Asked {
        let large = self.args.large(index).map(|large| large.lease.len());
        let bytes = self.args.item(index);
        let kept = large.is_none() && bytes.len() <= ARGS_MOST;
        Asked { show: self.show, bytes: kept.then(|| bytes.into()), len: large.unwrap_or(bytes.len()) as u64 }
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
        if let Some(large) = self.args.large(from) {
            return (from + 1, SEGMENT + large.lease.len().min(MOST_BESIDE as usize) as u32);
        }
        let most = from.saturating_add(ITEMS_MAX as u32).min(self.args.len());
        if let Some(stride) = self.args.stride() {
            let count = ((WEIGHT_MAX - SEGMENT) / stride as u32).min(most - from);
            return (from + count, SEGMENT + count * stride as u32);
        }
        for item in self.args.items(from, most) {
            let next = self.weight(to, item.len());
            if to > from && (weight + next > WEIGHT_MAX || self.args.large(to).is_some()) {
                break;
            }
            weight += next;
            to += 1;
        }
        (to, weight)
    }

    /// An item with descriptors weighs so much that no two of them are in one frame: descriptors of a frame are limited.
    fn weight(&self, index: u32, len: usize) -> u32 {
        let alone = len > INLINE_MAX || self.args.is_alone(index);
        if alone { MOST_BESIDE } else { len as u32 + ITEM }
    }

    /// Takes in one item more, of numbers, which is to be done as `work` says and is encoded by `push`, if it can be one of these.
    pub(crate) fn admit(
        &mut self,
        work: &Work,
        (one, push): (&Arc<One>, impl FnOnce(&mut Args) -> Result<(), SubmitError>),
    ) -> bool {
        let alike = std::ptr::fn_addr_eq(self.entry, work.entry)
            && self.name.is_same(&work.name)
            && self.terms == work.terms
            && self.traced_ns.is_none()
            && self.args.stride().is_some()
            && !matches!(self.sink, Sink::Many(_));
        let fits = self.args.len() < ITEMS_MAX as u32 && self.args.bytes() + SMALL < (WEIGHT_MAX - SEGMENT) as usize;
        alike && fits && push(&mut self.args).is_ok() && self.sink.join(one)
    }

    /// Takes in `other`, whose items' ids follow this one's, if the two can be one. Gives whether it has.
    pub(crate) fn absorb(&mut self, other: &Self) -> bool {
        let alike = std::ptr::fn_addr_eq(self.entry, other.entry)
            && self.name.is_same(&other.name)
            && self.terms == other.terms
            && self.end() == other.first
            && (self.traced_ns, other.traced_ns) == (None, None)
            && self.args.stride() == other.args.stride()
            && self.args.is_plain()
            && other.args.is_plain();
        let fits = self.args.len().saturating_add(other.args.len()) <= ITEMS_MAX as u32
            && self.args.bytes() + other.args.bytes() <= (WEIGHT_MAX - SEGMENT) as usize;
        let absorbed = alike && fits && self.sink.absorb((self.base, self.args.len()), (&other.sink, other.base));
        if absorbed {
            self.args.append(&other.args);
        }
        absorbed
    }

    /// The part of a frame that `span` is; what goes beside the frame is put to the `cargo`.
    pub(crate) fn segment(&self, span: &Span, cargo: &mut Cargo<'_>) -> io::Result<Segment<'_>> {
        let descriptors = &mut cargo.descriptors;
        let before = descriptors.len();
        for fd in self.args.descriptors(span.from) {
            descriptors.push(fd.try_clone().map_err(|error| short("a queue in the arguments", error))?);
        }
        let baggage = (descriptors.len() - before) as u32;
        let args = if let Some(large) = self.args.large(span.from).filter(|_| span.len() == 1) {
            Body::Region(cargo.load(large).map_err(|error| short("the region in which they are", error))?)
        } else if span.len() == 1 && self.args.is_bulk(span.from) {
            let bytes = self.args.item(span.from);
            let file = mp_sys::memory::file_with(bytes);
            descriptors.push(file.map_err(|error| short("a memory file for them", error))?);
            Body::Bulk(bytes.len() as u64)
        } else {
            Body::Inline(self.args.slice(span.from, span.to))
        };
        let entry = mp_sys::image::offset_of(self.entry as usize);
        Ok(Segment {
            entry,
            first: span.first,
            count: span.len(),
            attempt: span.attempt,
            timeout: span.terms.timeout,
            traced: self.traced_ns.is_some(),
            baggage,
            args,
        })
    }

    /// The encoded arguments of one item, for who runs it in place.
    pub(crate) fn item(&self, index: u32) -> &[u8] {
        self.args.item(index)
    }

    /// The descriptors of one item, anew.
    pub(crate) fn descriptors(&self, index: u32) -> io::Result<Vec<OwnedFd>> {
        self.args.descriptors(index).map(|fd| fd.try_clone()).collect()
    }
}
