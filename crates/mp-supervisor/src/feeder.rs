//! The input of a lazy map: read no faster than its outcomes are taken.
//!
//! Does **not** know outcomes, nor their order.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::args::Args;
use crate::error::SubmitError;
use crate::host::{Host, Work};
use crate::many::Many;
use crate::sink::{News, Sink};

/// The most items between input and caller.
const WINDOW_ITEMS: u64 = 4096;

/// The most bytes of encoded arguments between input and caller, but for one item.
const WINDOW_BYTES: u64 = 64 << 20;

/// What the feeder and the caller share.
#[derive(Default)]
pub(crate) struct Window {
    state: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    submitted: u64,
    taken: u64,
    bytes_in: u64,
    /// The feeder waits for room.
    full: bool,
    /// The feeder is done: there are `submitted` items, and perhaps a panic of the input, or a refusal.
    ended: Option<End>,
    abandoned: bool,
}

/// Why there is no more input.
pub(crate) enum End {
    Exhausted,
    Panicked(Box<dyn Any + Send>),
    Refused(SubmitError),
}

/// Reads the input and submits what comes, within the bounds of the window.
pub(crate) struct Feeder<I> {
    window: Arc<Window>,
    many: Arc<Many>,
    work: Work,
    host: Host,
    items: I,
    /// The next item's place in the input.
    next: u64,
}

impl<I: Iterator<Item = Result<Args, SubmitError>>> Feeder<I> {
    pub(crate) fn new((window, many): (&Arc<Window>, &Arc<Many>), work: Work, host: Host, items: I) -> Self {
        Self { window: Arc::clone(window), many: Arc::clone(many), work, host, items, next: 0 }
    }

    pub(crate) fn run(mut self) {
        while self.window.wait_for_room() && self.feed_next() {}
        self.finish(End::Exhausted);
    }

    /// `false` when there is no more to feed.
    pub(crate) fn feed_next(&mut self) -> bool {
        let end = match catch_unwind(AssertUnwindSafe(|| self.items.next())) {
            Ok(Some(args)) => {
                if self.feed(args) {
                    return true;
                }
                End::Exhausted
            }
            Ok(None) => End::Exhausted,
            Err(panic) => End::Panicked(panic),
        };
        self.finish(end);
        false
    }

    /// `false` when the pool takes nothing any more.
    fn feed(&mut self, args: Result<Args, SubmitError>) -> bool {
        let index = self.next;
        self.next += 1;
        self.window.entered(args.as_ref().map_or(0, Args::bytes));
        let mut sink = Sink::Many(Arc::clone(&self.many));
        let submitted = args.and_then(|args| self.host.submit(self.work.clone(), args, (sink.clone(), index)));
        let goes_on = !matches!(submitted, Err(SubmitError::Closed(_)));
        if let Err(error) = submitted {
            let mut news = News::default();
            sink.put_failure(index, error.into_failure(self.work.name.as_str()), &mut news);
            news.tell();
        }
        goes_on
    }

    /// The first end that is told is the end.
    fn finish(&self, end: End) {
        self.window.end(end);
        self.many.nudge();
    }
}

impl Progress {
    /// Whether there are so many items, or so many bytes in at least one, on their way.
    fn holds(&self, items: u64, bytes: u64) -> bool {
        let on_their_way = self.submitted - self.taken;
        on_their_way >= items || (self.bytes_in >= bytes && on_their_way > 0)
    }
}

impl Window {
    /// `false` when nobody wants more.
    fn wait_for_room(&self) -> bool {
        let mut state = self.state.lock();
        state.full = state.holds(WINDOW_ITEMS, WINDOW_BYTES);
        while state.full && !state.abandoned {
            self.changed.wait(&mut state);
        }
        !state.abandoned
    }

    fn entered(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.submitted += 1;
        state.bytes_in += bytes as u64;
    }

    /// An item has left. Of what size is not remembered: an average is. The feeder is woken when half has left, not for
    /// each: two threads that wake each other for every item do little else.
    pub(crate) fn left(&self) {
        let mut state = self.state.lock();
        let average = state.bytes_in / (state.submitted - state.taken).max(1);
        state.taken += 1;
        state.bytes_in -= average;
        if state.full && !state.holds(WINDOW_ITEMS / 2, WINDOW_BYTES / 2) {
            state.full = false;
            self.changed.notify_one();
        }
    }

    pub(crate) fn end(&self, end: End) {
        self.state.lock().ended.get_or_insert(end);
    }

    pub(crate) fn all_taken(&self) -> bool {
        let state = self.state.lock();
        state.ended.is_some() && state.submitted == state.taken
    }

    /// What ended the input, once.
    pub(crate) fn take_end(&self) -> Option<End> {
        self.state.lock().ended.replace(End::Exhausted)
    }

    /// Nobody wants more.
    pub(crate) fn abandon(&self) {
        self.state.lock().abandoned = true;
        self.changed.notify_all();
    }
}
