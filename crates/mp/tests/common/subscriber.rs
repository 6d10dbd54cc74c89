//! A subscriber that hands on what it hears.
//!
//! Does **not** know spans.

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Which events it wants, and what is done with each.
pub(crate) struct Hands {
    pub(crate) wants: fn(&Metadata<'_>) -> bool,
    pub(crate) on: fn(&Event<'_>),
}

impl Subscriber for Hands {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (self.wants)(metadata)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        (self.on)(event);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Has `hands` hear all events of this process from now on, which may be said once.
pub(crate) fn install(hands: Hands) {
    tracing::subscriber::set_global_default(hands).expect("the only one");
}
