//! One event of a timeline, as Chrome's trace event format has it.
//!
//! Does **not** know what is drawn by which event.

use std::borrow::Cow;

use serde::Serialize;

/// An event. What is none is not written.
#[derive(Default, Serialize)]
pub(crate) struct Event<'a> {
    /// `X` a slice, `b` and `e` the ends of what is no lane's, `i` a mark, `M` a name.
    pub(crate) ph: char,
    /// Of `b` and `e`: which belong together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cat: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// Of `i`: how wide it is drawn, `t` in its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) s: Option<char>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tid: Option<u32>,
    /// When, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ts: Option<f64>,
    /// How long, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dur: Option<f64>,
    /// A colour, by the name that Chrome gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cname: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) args: Option<Args<'a>>,
}

/// What a viewer shows of an event beside its name.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Args<'a> {
    Name { name: String },
    Deed { task: &'a str },
    DeedOn { task: &'a str, items: u32 },
    Attempt { task: u64, attempt: u32 },
    End(End<'a>),
}

/// How an attempt ended that has no value.
#[derive(Clone, Serialize)]
pub(crate) struct End<'a> {
    pub(crate) task: u64,
    pub(crate) attempt: u32,
    pub(crate) name: &'a str,
    pub(crate) end: &'static str,
    pub(crate) how: &'a str,
}

impl<'a> Event<'a> {
    pub(crate) fn new(ph: char, name: Cow<'a, str>, pid: u32) -> Self {
        Self { ph, name, pid, ..Self::default() }
    }
}
