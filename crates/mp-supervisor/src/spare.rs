//! The thread that may wait for a fork server, and when a worker is made ahead of time.
//!
//! Does **not** know how one is made.
//!
//! ```text
//!  births:  one ─── another soon after ──┬────────── next ─┬───── .. ─ none for KEPT ─▶ the spare one is ended
//!  spare:                                └ ordered ─ is it ┴ ordered ──────────────────────────┘
//! ```
//!
//! A worker that takes the place of another is seldom the last, and its birth takes longer than most of what it does
//! then. So while it works, the next one is made, as far as it goes without knowing who it will be: one, no more. Who is
//! wanted all at once at a pool's start has nobody made ahead.

use std::io;
use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::fork_server::ForkServer;

/// So long a spare worker is kept that nobody wants, and so soon one birth has to follow another for there to be one.
pub(crate) const KEPT: Duration = Duration::from_secs(2);

/// What is run in the thread.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

enum Deed {
    Run(Job),
    Keep(Weak<ForkServer>),
}

/// The way to the thread.
#[derive(Clone, Debug)]
pub(crate) struct Forker(Sender<Deed>);

impl Forker {
    /// Runs `job` there. It is handed back where there is no such thread.
    pub(crate) fn run(&self, job: Job) -> Result<(), Job> {
        self.0.send(Deed::Run(job)).map_err(|refused| match refused.0 {
            Deed::Run(job) => job,
            Deed::Keep(_) => unreachable!("a job was sent"),
        })
    }

    /// Has an eye on the spare worker of `server` from now on, until there is none.
    pub(crate) fn keep(&self, server: &Weak<ForkServer>) {
        // The thread lasts as long as anybody can tell it anything.
        let _ = self.0.send(Deed::Keep(Weak::clone(server)));
    }
}

/// A thread that does what it is told until nobody can tell it anything.
pub(crate) fn forker() -> io::Result<Forker> {
    let (sender, receiver) = channel();
    std::thread::Builder::new().name("mp-forker".to_owned()).spawn(move || work(&receiver))?;
    Ok(Forker(sender))
}

fn work(receiver: &Receiver<Deed>) {
    // Whose spare one it is, while there is one. Without one, nothing wakes this thread.
    let mut keeper: Option<Weak<ForkServer>> = None;
    loop {
        let next = match keeper {
            Some(_) => receiver.recv_timeout(KEPT),
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(Deed::Run(job)) => job(),
            Ok(Deed::Keep(server)) => keeper = Some(server),
            Err(RecvTimeoutError::Timeout) => {
                keeper = keeper.filter(|server| server.upgrade().is_some_and(|server| server.still_keeps()));
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
