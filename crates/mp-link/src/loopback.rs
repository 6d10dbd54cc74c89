//! A line between two threads of one process, with the interface of the line between processes.
//!
//! Does **not** know who is at its ends. The supervisor's end can be polled: the worker's sends ring an eventfd.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};
use mp_sys::poll::Bell;
use parking_lot::Mutex;

use crate::LinkError;

/// Unbounded in type, bounded in fact: by the credits one way; the other way by the items that these brought.
#[derive(Debug)]
pub(crate) struct Loopback {
    out: Mutex<Option<Sender<Vec<u8>>>>,
    out_fds: Sender<Vec<OwnedFd>>,
    into: Receiver<Vec<u8>>,
    into_fds: Receiver<Vec<OwnedFd>>,
    bell: Arc<Bell>,
    rings: bool,
    /// Held while something is sent: what comes after a hang-up is refused, what came before is there to be read.
    ended: Arc<Mutex<bool>>,
}

impl Loopback {
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let bell = Arc::new(Bell::new()?);
        let ended = Arc::new(Mutex::new(false));
        let (to_worker, from_supervisor) = unbounded();
        let (to_supervisor, from_worker) = unbounded();
        let (fds_to_worker, fds_from_supervisor) = unbounded();
        let (fds_to_supervisor, fds_from_worker) = unbounded();
        let end = |out, out_fds, into, into_fds, rings| Self {
            out: Mutex::new(Some(out)),
            out_fds,
            into,
            into_fds,
            bell: Arc::clone(&bell),
            rings,
            ended: Arc::clone(&ended),
        };
        Ok((
            end(to_worker, fds_to_worker, from_worker, fds_from_worker, false),
            end(to_supervisor, fds_to_supervisor, from_supervisor, fds_from_supervisor, true),
        ))
    }

    pub(crate) fn send(&self, frame: &[u8], descriptors: Vec<OwnedFd>) -> Result<(), LinkError> {
        let ended = self.ended.lock();
        if *ended {
            return Err(LinkError::Gone);
        }
        if !descriptors.is_empty() {
            self.out_fds.send(descriptors).map_err(|_| LinkError::Gone)?;
        }
        let sent = self.out.lock().as_ref().map(|out| out.send(frame.to_vec()));
        drop(ended);
        if self.rings {
            self.bell.ring();
        }
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(LinkError::Gone),
        }
    }

    pub(crate) fn recv(&self) -> Result<Vec<u8>, LinkError> {
        self.into.recv().map_err(|_| LinkError::Gone)
    }

    pub(crate) fn try_recv(&self) -> Result<Option<Vec<u8>>, LinkError> {
        match self.into.try_recv() {
            Ok(frame) => Ok(Some(frame)),
            Err(TryRecvError::Disconnected) => Err(LinkError::Gone),
            // The bell is for the supervisor alone: its worker must not silence it.
            Err(TryRecvError::Empty) if self.rings => Ok(None),
            Err(TryRecvError::Empty) => self.look_again(),
        }
    }

    /// Silences the bell, and looks once more: what is sent after that rings anew.
    fn look_again(&self) -> Result<Option<Vec<u8>>, LinkError> {
        self.bell.silence();
        // First this, then the line: what was sent before a hang-up is there by now.
        let ended = *self.ended.lock();
        match self.into.try_recv() {
            Ok(frame) => {
                self.bell.ring();
                Ok(Some(frame))
            }
            Err(TryRecvError::Empty) if !ended => Ok(None),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => Err(LinkError::Gone),
        }
    }

    pub(crate) fn descriptors(&self) -> Result<Vec<OwnedFd>, LinkError> {
        self.into_fds.try_recv().map_err(|_| LinkError::Rubbish("announced descriptors did not come".to_owned()))
    }

    pub(crate) fn hang_up(&self) {
        *self.ended.lock() = true;
        self.out.lock().take();
        self.bell.ring();
    }
}

impl Drop for Loopback {
    /// The supervisor learns that a worker's thread is gone by its end of the line.
    fn drop(&mut self) {
        self.out.lock().take();
        if self.rings {
            self.bell.ring();
        }
    }
}

impl AsFd for Loopback {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cross_and_the_end_is_seen() {
        let (supervisor, worker) = Loopback::pair().expect("a pair");
        supervisor.send(b"task", Vec::new()).expect("sent");
        assert_eq!(worker.recv().expect("received"), b"task");
        worker.send(b"outcome", Vec::new()).expect("sent");
        assert_eq!(supervisor.try_recv().expect("received"), Some(b"outcome".to_vec()));
        assert!(matches!(supervisor.try_recv(), Ok(None)));
        drop(worker);
        assert!(matches!(supervisor.try_recv(), Err(LinkError::Gone)));
    }

    #[test]
    fn a_worker_that_looks_does_not_silence_the_bell() {
        // What it had just sent was never heard.
        let (supervisor, worker) = Loopback::pair().expect("a pair");
        worker.send(b"outcome", Vec::new()).expect("sent");
        assert!(matches!(worker.try_recv(), Ok(None)));
        let poller = mp_sys::poll::Poller::new().expect("a poller");
        poller.add(&supervisor, 7).expect("added");
        let mut ready = Vec::new();
        poller.wait(Some(std::time::Duration::ZERO), &mut ready).expect("looked");
        assert_eq!(ready, [7]);
    }

    #[test]
    fn a_hang_up_ends_the_waiting_worker() {
        let (supervisor, worker) = Loopback::pair().expect("a pair");
        supervisor.hang_up();
        assert!(matches!(worker.recv(), Err(LinkError::Gone)));
        assert!(matches!(worker.send(b"late", Vec::new()), Err(LinkError::Gone)));
    }

    #[test]
    fn who_hangs_up_reads_what_came_before_and_then_the_end() {
        let (supervisor, worker) = Loopback::pair().expect("a pair");
        worker.send(b"outcome", Vec::new()).expect("sent");
        supervisor.hang_up();
        assert_eq!(supervisor.try_recv().expect("received"), Some(b"outcome".to_vec()));
        assert!(matches!(supervisor.try_recv(), Err(LinkError::Gone)), "though the worker is still there");
    }
}
