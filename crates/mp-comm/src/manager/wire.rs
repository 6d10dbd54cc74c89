//! What crosses between a manager's server and whoever has a proxy: all of it on one screen.
//!
//! Does **not** know types: keys, items and values are bytes that the proxies encode and decode.

use serde::{Deserialize, Serialize};
pub(super) use serde_bytes::ByteBuf as Bytes;

/// What a client says. To each there is one reply.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// First of all: who it is, for messages.
    Hello {
        pid: u32,
    },
    Make(Make),
    Delete(u64),
    /// Makes an object known by a name, with the types of its proxy in words.
    Publish {
        name: String,
        object: u64,
        types: String,
    },
    Find {
        name: String,
        types: String,
    },
    Call(u64, Call),
}

/// An object to be made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Make {
    Dict,
    List,
    Value(Bytes),
    Queue { capacity: u64 },
    JoinableQueue { capacity: u64 },
    Lock,
    RLock,
    Semaphore { permits: u32, is_bounded: bool },
    Event,
    Condition,
    Barrier { parties: u32 },
}

/// What an object is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Call {
    Dict(DictCall),
    List(ListCall),
    Get,
    Replace(Bytes),
    Put {
        item: Bytes,
        wait_ms: u64,
    },
    Take {
        wait_ms: u64,
    },
    Len,
    /// One item is done.
    TaskDone,
    Join {
        wait_ms: u64,
    },
    Acquire {
        wait_ms: u64,
    },
    Release,
    /// What is held is nobody's any more: a semaphore has one permit less.
    Keep,
    /// A semaphore has one permit more.
    Add,
    Event(EventCall),
    Condition(ConditionCall),
    Barrier(BarrierCall),
    Custom(Bytes),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum EventCall {
    Set,
    Clear,
    Look,
    /// It was set so often when the wait began.
    Wait {
        since: u64,
        wait_ms: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ConditionCall {
    /// Gives the lock back, and waits from now on.
    Enroll,
    Wait {
        wait_ms: u64,
    },
    Withdraw,
    Notify(u64),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum BarrierCall {
    Arrive,
    Wait {
        wait_ms: u64,
    },
    /// Too late: unless all have come, it is broken.
    Leave,
    Abort,
    Reset,
    Look,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum DictCall {
    Get(Bytes),
    Contains(Bytes),
    Insert(Bytes, Bytes),
    GetOrInsert(Bytes, Bytes),
    Extend(Vec<(Bytes, Bytes)>),
    Remove(Bytes),
    Keys,
    Items,
    Clear,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ListCall {
    Get(u64),
    Set(u64, Bytes),
    Insert(u64, Bytes),
    Remove(u64),
    Extend(Vec<Bytes>),
    Pop,
    All,
    Clear,
}

/// What it is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Done,
    Object(u64),
    Count(u64),
    Flag(bool),
    Value(Option<Bytes>),
    Values(Vec<Bytes>),
    Pairs(Vec<(Bytes, Bytes)>),
    /// The lock is held; who held it last, if that process ended with it.
    Acquired {
        abandoned_by: Option<u32>,
    },
    Event {
        is_set: bool,
        sets: u64,
    },
    Arrived {
        index: u32,
        is_last: bool,
    },
    Barrier {
        parties: u32,
        waiting: u32,
        is_broken: bool,
    },
    /// It did not come to that in time.
    Late,
    Refused(Refusal),
}

/// Why it was not done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Refusal {
    NoObject,
    NoName,
    OtherTypes { published: String },
    NotOfThisKind,
    OutOfRange { len: u64 },
    NotHeld,
    TooManyReleases { bound: u32 },
    NothingTaken,
    Abandoned { pid: u32, items: u64 },
    Broken,
    TooManyClients,
    TooLarge { len: u64, max: u64 },
    Codec(String),
    Panicked(String),
}

/// From the owner, on the line that the server was born with: to make an object of the owner's own type.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Install {
    /// Counts them, from 1.
    pub(super) number: u64,
    pub(super) build: u64,
    pub(super) entry: u64,
    pub(super) args: Bytes,
}

/// From the server to its owner.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// It listens at these addresses.
    Ready(Vec<crate::Address>),
    Failed(String),
    Installed {
        number: u64,
        object: u64,
    },
    NotInstalled {
        number: u64,
        reason: String,
    },
}
