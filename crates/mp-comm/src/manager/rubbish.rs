//! What a manager and its clients make of any bytes: for `mp-fuzz`.
//!
//! Does **not** know sockets: what came is here already.

use std::sync::Arc;

use mp_wire::bulk::decode_value;

use super::objects::{Caller, Object};
use super::server::{answer, look_after};
use super::wire::{BarrierCall, Call, ConditionCall, EventCall, Install, Reply, Report, Request};

/// Requests of two clients by turns, each behind its length in two bytes. Afterwards both are gone, and hold nothing.
pub(crate) fn served(data: &[u8]) -> Vec<String> {
    let mut clients = [1, 2].map(|session| (Caller { session: u64::MAX - session, pid: session as u32 }, Vec::new()));
    let (mut said, mut made) = (Vec::new(), Vec::new());
    for (turn, message) in messages(data).into_iter().enumerate() {
        let (caller, held) = &mut clients[turn % 2];
        let Ok(request) = decode_value::<Request>(message) else { continue };
        let (reply, object) = answer(without_waiting(request, &made), *caller);
        if let Reply::Object(number) = &reply {
            made.push(*number);
        }
        said.push(format!("{reply:?}"));
        object.into_iter().for_each(|object| look_after(object, *caller, held));
    }
    for (caller, held) in clients {
        held.iter().for_each(|object: &Arc<Object>| object.forget(caller));
        assert!(held.iter().all(|object| !object.concerns(caller)), "a client that is gone holds something");
    }
    made.into_iter().for_each(|object| drop(answer(Request::Delete(object), Caller { session: 0, pid: 0 })));
    said
}

/// What a client, an owner and a server hear.
pub(crate) fn heard(data: &[u8]) -> [Result<String, String>; 3] {
    fn read<T: serde::de::DeserializeOwned + std::fmt::Debug + 'static>(data: &[u8]) -> Result<String, String> {
        decode_value::<T>(data).map(|value| format!("{value:?}")).map_err(|error| error.to_string())
    }
    [read::<Reply>(data), read::<Report>(data), read::<Install>(data)]
}

fn messages(mut data: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some((len, rest)) = data.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
        let (message, rest) = rest.split_at(len);
        found.push(message);
        data = rest;
    }
    found
}

/// Objects are numbered from 1 in each input, and nobody is waited for.
fn without_waiting(mut request: Request, made: &[u64]) -> Request {
    if let Request::Call(object, _) | Request::Delete(object) | Request::Publish { object, .. } = &mut request {
        let own = usize::try_from(*object).ok().and_then(|number| made.get(number.checked_sub(1)?));
        *object = own.copied().unwrap_or(u64::MAX);
    }
    if let Request::Call(
        _,
        Call::Put { wait_ms, .. }
        | Call::Take { wait_ms }
        | Call::Join { wait_ms }
        | Call::Acquire { wait_ms }
        | Call::Event(EventCall::Wait { wait_ms, .. })
        | Call::Condition(ConditionCall::Wait { wait_ms })
        | Call::Barrier(BarrierCall::Wait { wait_ms }),
    ) = &mut request
    {
        *wait_ms = 0;
    }
    request
}
