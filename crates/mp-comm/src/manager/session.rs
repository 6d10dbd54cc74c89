//! The connections of this process to managers: one for each thread and manager, made when it is first needed.
//!
//! Does **not** know objects. A call is a request and its reply; who does not get the reply gives the connection up.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::error::ManagerError;
use super::proxy::Place;
use super::wire::{Refusal, Reply, Request};
use crate::connection::Connection;
use crate::error::CommError;
use crate::listener::Client;
use crate::until::Until;

/// One connection to a manager.
#[derive(Debug)]
pub(super) struct Session {
    place: Arc<Place>,
    /// A forked copy of the process must not speak on it.
    pid: u32,
    /// None when it is broken.
    line: Mutex<Option<Connection<Request, Reply>>>,
    broken: AtomicBool,
}

/// Those of all threads.
static ALL: Mutex<Vec<Weak<Session>>> = Mutex::new(Vec::new());

thread_local! {
    static SESSIONS: RefCell<Vec<Arc<Session>>> = const { RefCell::new(Vec::new()) };
}

/// The connection of this thread to the manager there.
pub(super) fn of(place: &Arc<Place>, until: Until) -> Result<Arc<Session>, ManagerError> {
    let pid = std::process::id();
    let known = SESSIONS.with_borrow_mut(|all| {
        all.retain(|session| session.pid == pid && !session.broken.load(Ordering::Relaxed));
        all.iter().find(|session| session.place == *place).cloned()
    });
    if let Some(session) = known {
        return Ok(session);
    }
    let session = Arc::new(Session::open(place, pid, until)?);
    SESSIONS.with_borrow_mut(|all| all.push(Arc::clone(&session)));
    let mut all = ALL.lock();
    all.retain(|session| session.strong_count() > 0);
    all.push(Arc::downgrade(&session));
    drop(all);
    Ok(session)
}

/// The connections of this process to one manager are closed when this is dropped: it is gone.
#[derive(Debug)]
pub(super) struct Sessions(pub(super) Arc<Place>);

impl Drop for Sessions {
    fn drop(&mut self) {
        let all = std::mem::take(&mut *ALL.lock());
        let of_it = |session: &Arc<Session>| session.place == self.0;
        all.iter().filter_map(Weak::upgrade).filter(of_it).for_each(|session| session.give_up());
        ALL.lock().extend(all);
    }
}

/// One request by the connection of this thread.
pub(super) fn call(place: &Arc<Place>, request: &Request, until: Until) -> Result<Reply, ManagerError> {
    of(place, until)?.call(request, until)
}

impl Session {
    fn open(place: &Arc<Place>, pid: u32, until: Until) -> Result<Self, ManagerError> {
        let timeout = until.left().unwrap_or(Duration::MAX).min(Duration::from_secs(10));
        let line = Client::connect_timeout(&place.address, &place.key, timeout).map_err(|error| gone(place, error))?;
        let (line, broken) = (Mutex::new(Some(line)), AtomicBool::new(false));
        let session = Self { place: Arc::clone(place), pid, line, broken };
        session.call(&Request::Hello { pid }, until)?;
        Ok(session)
    }

    pub(super) fn call(&self, request: &Request, until: Until) -> Result<Reply, ManagerError> {
        let mut place = until.lock(&self.line).map_err(|_| late(until))?;
        let line = place.as_ref().ok_or_else(|| gone(&self.place, CommError::Closed))?;
        let reply = line.send_until(request, until).and_then(|()| line.recv_until(until));
        match reply {
            Ok(Reply::Refused(Refusal::TooManyClients)) => {
                self.broken.store(true, Ordering::Relaxed);
                Err(ManagerError::TooManyClients)
            }
            Ok(Reply::Refused(refusal)) => Err(ManagerError::refused(refusal)),
            Ok(reply) => Ok(reply),
            // Nothing was sent.
            Err(CommError::Encode(error)) => Err(ManagerError::Encode(error)),
            Err(CommError::TooLarge { len, max }) if max == u64::from(u32::MAX) => {
                Err(ManagerError::TooLarge { len, max })
            }
            Err(error) => {
                self.broken.store(true, Ordering::Relaxed);
                *place = None;
                Err(gone(&self.place, error))
            }
        }
    }

    /// A call that is under way ends as well: its manager is gone.
    fn give_up(&self) {
        self.broken.store(true, Ordering::Relaxed);
        if let Some(mut line) = self.line.try_lock_for(Duration::from_secs(1)) {
            *line = None;
        }
    }
}

pub(super) fn late(until: Until) -> ManagerError {
    match until.late() {
        CommError::TimedOut { after } => ManagerError::TimedOut { after },
        other => ManagerError::Connect(other),
    }
}

fn gone(place: &Place, error: CommError) -> ManagerError {
    match error {
        CommError::Closed | CommError::NobodyThere { .. } => ManagerError::Gone { address: place.address.to_string() },
        CommError::TimedOut { after } => ManagerError::TimedOut { after },
        other => ManagerError::Connect(other),
    }
}
