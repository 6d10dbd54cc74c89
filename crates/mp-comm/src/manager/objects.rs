//! The objects that a manager's server holds, and what each does when it is called.
//!
//! Does **not** know connections, nor the types of what it holds. An object is locked for one call at a time.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::bulletin::{Condition, Event};
use super::lock::Lock;
use super::managed::Handler;
use super::meeting::Meeting;
use super::permits::Permits;
use super::store::Store;
use super::wire::{BarrierCall, Bytes, Call, ConditionCall, DictCall, EventCall, ListCall, Make, Refusal, Reply};

/// An object, shared by all connections.
pub(super) enum Object {
    Dict(Mutex<Dict>),
    List(Mutex<Vec<Bytes>>),
    Value(Mutex<Bytes>),
    Queue(Store),
    Lock(Lock),
    Semaphore(Permits),
    Event(Event),
    Condition(Condition),
    Barrier(Meeting),
    Custom(Mutex<Box<dyn Handler>>),
}

/// The client that calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) session: u64,
    pub(super) pid: u32,
}

impl Object {
    pub(super) fn make(make: Make) -> Self {
        match make {
            Make::Dict => Self::Dict(Mutex::default()),
            Make::List => Self::List(Mutex::default()),
            Make::Value(value) => Self::Value(Mutex::new(value)),
            Make::Queue { capacity } => Self::Queue(Store::new(capacity)),
            Make::JoinableQueue { capacity } => Self::Queue(Store::joinable(capacity)),
            Make::Lock => Self::Lock(Lock::default()),
            Make::RLock => Self::Lock(Lock::reentrant()),
            Make::Semaphore { permits, is_bounded } => Self::Semaphore(Permits::new(permits, is_bounded)),
            Make::Event => Self::Event(Event::default()),
            Make::Condition => Self::Condition(Condition::default()),
            Make::Barrier { parties } => Self::Barrier(Meeting::new(parties)),
        }
    }

    pub(super) fn call(&self, call: Call, caller: Caller) -> Reply {
        match (self, call) {
            (Self::Dict(dict), Call::Dict(call)) => dict.lock().call(call),
            (Self::Dict(dict), Call::Len) => Reply::Count(dict.lock().items.len() as u64),
            (Self::List(list), Call::List(call)) => list_call(&mut list.lock(), call),
            (Self::List(list), Call::Len) => Reply::Count(list.lock().len() as u64),
            (Self::Value(value), Call::Get) => Reply::Value(Some(value.lock().clone())),
            (Self::Value(value), Call::Replace(new)) => Reply::Value(Some(std::mem::replace(&mut *value.lock(), new))),
            (Self::Queue(queue), call) => queue_call(queue, call, caller),
            (Self::Lock(lock), call) => lock_call(lock, &call, caller),
            (Self::Semaphore(permits), call) => permits_call(permits, &call, caller),
            (Self::Event(event), Call::Event(call)) => event_call(event, &call),
            (Self::Condition(condition), Call::Condition(call)) => condition_call(condition, &call, caller),
            (Self::Condition(condition), Call::Acquire { wait_ms }) => condition.acquire(caller, wait(wait_ms)),
            (Self::Condition(condition), Call::Release) => condition.release(caller),
            (Self::Barrier(meeting), Call::Barrier(call)) => barrier_call(meeting, &call, caller),
            (Self::Custom(handler), Call::Custom(request)) => handler.lock().handle(&request),
            _ => Reply::Refused(Refusal::NotOfThisKind),
        }
    }

    /// The reply to this call did not arrive: what it took is put back.
    pub(super) fn take_back(&self, reply: Reply, caller: Caller) {
        match (self, reply) {
            (Self::Queue(queue), Reply::Value(Some(item))) => queue.put_back(item, caller),
            (Self::Lock(lock), Reply::Acquired { abandoned_by }) => drop(lock.let_go(caller, abandoned_by)),
            (Self::Semaphore(permits), Reply::Acquired { abandoned_by }) => drop(permits.let_go(caller, abandoned_by)),
            (Self::Condition(condition), Reply::Acquired { abandoned_by }) => {
                condition.take_back(caller, abandoned_by);
            }
            _ => {}
        }
    }

    /// The client is gone.
    pub(super) fn forget(&self, caller: Caller) {
        match self {
            Self::Lock(lock) => lock.forget(caller),
            Self::Semaphore(permits) => permits.forget(caller),
            Self::Condition(condition) => condition.forget(caller),
            Self::Barrier(meeting) => meeting.forget(caller),
            Self::Queue(queue) => queue.forget(caller),
            Self::Dict(_) | Self::List(_) | Self::Value(_) | Self::Event(_) | Self::Custom(_) => {}
        }
    }

    /// Whether the client has, or waits for, something that is to be forgotten with it.
    pub(super) fn concerns(&self, caller: Caller) -> bool {
        match self {
            Self::Lock(lock) => lock.is_held_by(caller),
            Self::Semaphore(permits) => permits.is_held_by(caller),
            Self::Condition(condition) => condition.concerns(caller),
            Self::Barrier(meeting) => meeting.concerns(caller),
            Self::Queue(queue) => queue.concerns(caller),
            Self::Dict(_) | Self::List(_) | Self::Value(_) | Self::Event(_) | Self::Custom(_) => false,
        }
    }
}

fn queue_call(queue: &Store, call: Call, caller: Caller) -> Reply {
    match call {
        Call::Put { item, wait_ms } => queue.put(item, wait(wait_ms)),
        Call::Take { wait_ms } => queue.take(caller, wait(wait_ms)),
        Call::Len => Reply::Count(queue.len()),
        Call::TaskDone => queue.done(caller),
        Call::Join { wait_ms } => queue.join(wait(wait_ms)),
        _ => Reply::Refused(Refusal::NotOfThisKind),
    }
}

fn lock_call(lock: &Lock, call: &Call, caller: Caller) -> Reply {
    match call {
        Call::Acquire { wait_ms } => lock.acquire(caller, wait(*wait_ms)),
        Call::Release => lock.release(caller),
        _ => Reply::Refused(Refusal::NotOfThisKind),
    }
}

fn permits_call(permits: &Permits, call: &Call, caller: Caller) -> Reply {
    match call {
        Call::Acquire { wait_ms } => permits.acquire(caller, wait(*wait_ms)),
        Call::Release => permits.release(caller),
        Call::Keep => permits.keep(caller),
        Call::Add => permits.add(),
        Call::Len => Reply::Count(permits.free()),
        _ => Reply::Refused(Refusal::NotOfThisKind),
    }
}

fn event_call(event: &Event, call: &EventCall) -> Reply {
    match call {
        EventCall::Set => event.set(),
        EventCall::Clear => event.clear(),
        EventCall::Look => event.look(),
        EventCall::Wait { since, wait_ms } => event.wait(*since, wait(*wait_ms)),
    }
}

fn condition_call(condition: &Condition, call: &ConditionCall, caller: Caller) -> Reply {
    match call {
        ConditionCall::Enroll => condition.enroll(caller),
        ConditionCall::Wait { wait_ms } => condition.wait(caller, wait(*wait_ms)),
        ConditionCall::Withdraw => condition.withdraw(caller),
        ConditionCall::Notify(count) => condition.notify(caller, *count),
    }
}

fn barrier_call(meeting: &Meeting, call: &BarrierCall, caller: Caller) -> Reply {
    match call {
        BarrierCall::Arrive => meeting.arrive(caller),
        BarrierCall::Wait { wait_ms } => meeting.wait(caller, wait(*wait_ms)),
        BarrierCall::Leave => meeting.leave(caller),
        BarrierCall::Abort => meeting.abort(),
        BarrierCall::Reset => meeting.reset(),
        BarrierCall::Look => meeting.look(),
    }
}

/// No request of a client keeps a thread of the server longer: a client asks again, or is gone.
const SLICE: Duration = Duration::from_secs(1);

fn wait(wait_ms: u64) -> Duration {
    Duration::from_millis(wait_ms).min(SLICE)
}

/// A dictionary that remembers in which order its keys came.
#[derive(Default)]
pub(super) struct Dict {
    items: HashMap<Bytes, (u64, Bytes)>,
    next: u64,
}

impl Dict {
    fn call(&mut self, call: DictCall) -> Reply {
        match call {
            DictCall::Get(key) => Reply::Value(self.items.get(&key).map(|(_, value)| value.clone())),
            DictCall::Contains(key) => Reply::Flag(self.items.contains_key(&key)),
            DictCall::Insert(key, value) => Reply::Value(self.insert(key, value)),
            DictCall::GetOrInsert(key, value) => Reply::Value(Some(self.get_or_insert(key, value))),
            DictCall::Extend(items) => {
                items.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
                Reply::Done
            }
            DictCall::Remove(key) => Reply::Value(self.items.remove(&key).map(|(_, value)| value)),
            DictCall::Keys => Reply::Values(self.in_order().into_iter().map(|(key, _)| key).collect()),
            DictCall::Items => Reply::Pairs(self.in_order()),
            DictCall::Clear => {
                self.items.clear();
                Reply::Done
            }
        }
    }

    fn insert(&mut self, key: Bytes, value: Bytes) -> Option<Bytes> {
        if let Some((_, here)) = self.items.get_mut(&key) {
            return Some(std::mem::replace(here, value));
        }
        self.next += 1;
        self.items.insert(key, (self.next, value));
        None
    }

    fn get_or_insert(&mut self, key: Bytes, value: Bytes) -> Bytes {
        if let Some((_, here)) = self.items.get(&key) {
            return here.clone();
        }
        self.insert(key, value.clone());
        value
    }

    fn in_order(&self) -> Vec<(Bytes, Bytes)> {
        let mut items: Vec<_> = self.items.iter().collect();
        items.sort_by_key(|(_, (number, _))| *number);
        items.into_iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect()
    }
}

fn list_call(list: &mut Vec<Bytes>, call: ListCall) -> Reply {
    let len = list.len() as u64;
    let out = || Reply::Refused(Refusal::OutOfRange { len });
    let place = |index: u64, end: u64| usize::try_from(index).ok().filter(|_| index < end);
    match call {
        ListCall::Get(index) => Reply::Value(place(index, len).map(|index| list[index].clone())),
        ListCall::Set(index, item) => match place(index, len) {
            Some(index) => Reply::Value(Some(std::mem::replace(&mut list[index], item))),
            None => out(),
        },
        ListCall::Insert(index, item) => match place(index, len + 1) {
            Some(index) => {
                list.insert(index, item);
                Reply::Done
            }
            None => out(),
        },
        ListCall::Remove(index) => place(index, len).map_or_else(out, |index| Reply::Value(Some(list.remove(index)))),
        ListCall::Extend(items) => {
            list.extend(items);
            Reply::Done
        }
        ListCall::Pop => Reply::Value(list.pop()),
        ListCall::All => Reply::Values(list.clone()),
        ListCall::Clear => {
            list.clear();
            Reply::Done
        }
    }
}
