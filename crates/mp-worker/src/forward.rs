//! The `tracing` subscriber of a worker: events and ends of spans become records, and go where they are wanted.
//!
//! Does **not** wait for anybody: what finds no room is dropped and counted, and the next record says how many were.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mp_wire::codec;
use mp_wire::outlets::{TRACE_MAX, TraceLevel, TraceRecord};
use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, dispatcher};

use crate::current_worker;

/// Texts are cut to so many bytes each; four of them fit into a packet.
const TEXT: usize = TRACE_MAX / 4 - 256;

/// So many open spans are remembered.
const SPANS: usize = 4096;

/// Takes a record; `false` where it could not.
type Take = Box<dyn Fn(&TraceRecord) -> bool + Send + Sync>;

/// A `tracing` subscriber that hands records on.
pub struct Forwarder {
    level: TraceLevel,
    take: Take,
    next: AtomicU64,
    dropped: AtomicU64,
    spans: Mutex<HashMap<u64, Span>>,
}

struct Span {
    level: TraceLevel,
    target: &'static str,
    name: &'static str,
    fields: String,
    handles: usize,
    born: Instant,
}

thread_local! {
    /// The spans that this thread is in, the outermost first.
    static WITHIN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Forwarder {
    /// One that takes what is at least as grave as `level`.
    pub fn new(level: TraceLevel, take: impl Fn(&TraceRecord) -> bool + Send + Sync + 'static) -> Self {
        let (next, dropped) = (AtomicU64::new(1), AtomicU64::new(0));
        Self { level, take: Box::new(take), next, dropped, spans: Mutex::default() }
    }

    fn hand_on(&self, mut record: TraceRecord) {
        record.dropped = self.dropped.swap(0, Ordering::Relaxed);
        if !(self.take)(&record) {
            self.dropped.fetch_add(record.dropped + 1, Ordering::Relaxed);
        }
    }

    /// `outer{n=1}:inner`
    fn around(&self, explicit: Option<&Id>) -> String {
        let spans = self.spans.lock();
        let show = |id: &u64| spans.get(id).map(Span::show);
        let names: Vec<_> = match explicit {
            Some(id) => show(&id.into_u64()).into_iter().collect(),
            None => WITHIN.with_borrow(|within| within.iter().filter_map(show).collect()),
        };
        cut(names.join(":"))
    }

    fn span_ended(&self, span: Span) {
        let lived = u64::try_from(span.born.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.hand_on(TraceRecord {
            level: span.level,
            target: cut(span.target.to_owned()),
            message: span.name.to_owned(),
            fields: span.fields,
            spans: self.around(None),
            task: current_worker().map(|worker| worker.task_id),
            lived_ns: Some(lived),
            dropped: 0,
        });
    }
}

impl Span {
    fn show(&self) -> String {
        if self.fields.is_empty() { self.name.to_owned() } else { format!("{}{{{}}}", self.name, self.fields) }
    }
}

impl Subscriber for Forwarder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        level_of(metadata.level()) <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(to_level(self.level)))
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let metadata = span.metadata();
        let mut texts = Texts::default();
        span.record(&mut texts);
        let new = Span {
            level: level_of(metadata.level()),
            target: metadata.target(),
            name: metadata.name(),
            fields: cut(texts.whole()),
            handles: 1,
            born: Instant::now(),
        };
        let mut spans = self.spans.lock();
        if spans.len() < SPANS {
            spans.insert(id, new);
        }
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut texts = Texts::default();
        values.record(&mut texts);
        if let Some(span) = self.spans.lock().get_mut(&span.into_u64()) {
            let separator = if span.fields.is_empty() { "" } else { " " };
            span.fields = cut(format!("{}{separator}{}", span.fields, texts.whole()));
        }
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut texts = Texts::default();
        event.record(&mut texts);
        self.hand_on(TraceRecord {
            level: level_of(metadata.level()),
            target: cut(metadata.target().to_owned()),
            message: cut(texts.message),
            fields: cut(texts.fields),
            spans: self.around(event.parent()),
            task: current_worker().map(|worker| worker.task_id),
            lived_ns: None,
            dropped: 0,
        });
    }

    fn enter(&self, span: &Id) {
        WITHIN.with_borrow_mut(|within| within.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        WITHIN.with_borrow_mut(|within| {
            if let Some(at) = within.iter().rposition(|id| *id == span.into_u64()) {
                within.remove(at);
            }
        });
    }

    fn clone_span(&self, span: &Id) -> Id {
        if let Some(span) = self.spans.lock().get_mut(&span.into_u64()) {
            span.handles += 1;
        }
        span.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut spans = self.spans.lock();
        let Some(span) = spans.get_mut(&id.into_u64()) else { return false };
        span.handles -= 1;
        if span.handles > 0 {
            return false;
        }
        let ended = spans.remove(&id.into_u64());
        drop(spans);
        ended.into_iter().for_each(|span| self.span_ended(span));
        true
    }
}

impl std::fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarder").field("level", &self.level).finish_non_exhaustive()
    }
}

/// The fields of an event or a span, in words.
#[derive(Default)]
struct Texts {
    message: String,
    fields: String,
}

impl Texts {
    fn whole(self) -> String {
        let separator = if self.message.is_empty() || self.fields.is_empty() { "" } else { " " };
        format!("{}{separator}{}", self.message, self.fields)
    }
}

impl Visit for Texts {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write as _;
        let separator = if self.fields.is_empty() { "" } else { " " };
        // Writing to a string does not fail; a Debug that fails has said what it had to say.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, "{separator}{name}={value:?}"),
        };
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT));
    text
}

pub(crate) fn level_of(level: &Level) -> TraceLevel {
    [TraceLevel::Error, TraceLevel::Warn, TraceLevel::Info, TraceLevel::Debug]
        .into_iter()
        .find(|ours| to_level(*ours) == *level)
        .unwrap_or(TraceLevel::Trace)
}

pub(crate) fn to_level(level: TraceLevel) -> Level {
    match level {
        TraceLevel::Error => Level::ERROR,
        TraceLevel::Warn => Level::WARN,
        TraceLevel::Info => Level::INFO,
        TraceLevel::Debug => Level::DEBUG,
        TraceLevel::Trace => Level::TRACE,
    }
}

/// From now on this process's events go through `socket`, one packet each.
pub(crate) fn to_supervisor(level: TraceLevel, socket: OwnedFd) {
    install(Forwarder::new(level, move |record| {
        codec::encode(record).is_ok_and(|packet| mp_sys::socket::send_now(&socket, &packet).is_ok())
    }));
}

pub(crate) fn install(subscriber: impl Subscriber + Send + Sync) -> bool {
    dispatcher::set_global_default(dispatcher::Dispatch::new(subscriber)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    type Kept = Arc<Mutex<Vec<TraceRecord>>>;

    fn kept(room: usize, body: impl FnOnce(&Kept)) -> Vec<TraceRecord> {
        let kept = Kept::default();
        let keep = Arc::clone(&kept);
        let forwarder = Forwarder::new(TraceLevel::Info, move |record| {
            let mut kept = keep.lock();
            let fits = kept.len() < room;
            kept.extend(fits.then(|| record.clone()));
            fits
        });
        tracing::subscriber::with_default(forwarder, || body(&kept));
        let kept = kept.lock();
        kept.clone()
    }

    #[test]
    fn an_event_has_its_fields_and_the_spans_around_it() {
        let records = kept(9, |_| {
            let outer = tracing::info_span!("outer", n = 1);
            let _outer = outer.enter();
            tracing::warn!(left = 3, name = "x", "few are left");
            tracing::debug!("not grave enough");
        });
        let [event, span] = &records[..] else { panic!("{records:?}") };
        assert_eq!((event.level, event.message.as_str()), (TraceLevel::Warn, "few are left"));
        assert_eq!((event.fields.as_str(), event.spans.as_str()), ("left=3 name=\"x\"", "outer{n=1}"));
        assert_eq!((span.message.as_str(), span.fields.as_str()), ("outer", "n=1"));
        assert!(span.lived_ns.is_some() && event.lived_ns.is_none());
    }

    #[test]
    fn what_finds_no_room_is_counted_by_the_next() {
        let records = kept(1, |kept| {
            for n in 0..5 {
                tracing::info!(n, "one");
            }
            kept.lock().clear();
            tracing::info!("the next");
        });
        assert_eq!(records.len(), 1);
        assert_eq!((records[0].message.as_str(), records[0].dropped), ("the next", 4));
    }
}
