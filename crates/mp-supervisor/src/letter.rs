//! What a forked worker is told when it is wanted: who it is, and the surroundings that are its own.
//!
//! Does **not** know how the worker was made, nor what it is sent besides.
//!
//! The worker sleeps until its letter comes. So it is sent last, when all that the worker gets at once lies in its line, which it
//! then reads without a pause; but before the first descriptors, which come the same way as the letter.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use mp_link::{Line, births};
use mp_sys::birth;
use mp_sys::child::Stream;
use mp_wire::birth::{Bear, Order};

use crate::fork_server::Wanted;

/// Who a worker is, and its directory and streams.
#[derive(Debug)]
pub(crate) struct Letter {
    order: Order,
    fds: [OwnedFd; 3],
}

impl Letter {
    /// To the copy of a process that has this environment.
    pub(crate) fn to(wanted: &Wanted<'_>, env: &[(OsString, OsString)]) -> io::Result<Self> {
        let streams = wanted.streams;
        let fds = [birth::directory()?, stream(&streams.stdout.open()?, 1)?, stream(&streams.stderr.open()?, 2)?];
        let own: Vec<_> = streams.env.iter().cloned().chain([mp_worker::depth::for_worker()]).collect();
        let order = Order::Bear(Bear { id: wanted.id.clone(), pool: wanted.pool.to_owned(), env: changes(env, &own) });
        Ok(Self { order, fds })
    }

    /// To the worker at the other end of `line`. One that is gone is noticed by its pidfd.
    pub(crate) fn send(self, line: &Line) -> io::Result<()> {
        let fds: [BorrowedFd<'_>; 3] = self.fds.each_ref().map(AsFd::as_fd);
        match births::send(line.beside()?, &self.order, &fds) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// What a worker is to have as descriptor `number`: this process's own, if it has one, where nothing else was said.
fn stream(stream: &Stream, number: i32) -> io::Result<OwnedFd> {
    let null = || Ok(std::fs::File::options().write(true).open("/dev/null")?.into());
    match stream {
        Stream::To(fd) => fd.try_clone(),
        Stream::Null => null(),
        Stream::Inherit => match number {
            1 => io::stdout().as_fd().try_clone_to_owned().or_else(|_| null()),
            _ => io::stderr().as_fd().try_clone_to_owned().or_else(|_| null()),
        },
    }
}

type Change = (Vec<u8>, Option<Vec<u8>>);

/// How a worker's environment is to differ from the fork server's: as this process's does by now, and `own` on top.
fn changes(servers: &[(OsString, OsString)], own: &[(OsString, OsString)]) -> Vec<Change> {
    let outer = std::env::vars_os().filter(|(name, _)| !own.iter().any(|(told, _)| told == name));
    let now: Vec<_> = outer.chain(own.iter().cloned()).collect();
    let bytes = |text: &OsString| text.as_bytes().to_vec();
    // Mostly nothing has changed at all.
    let same = servers.iter().zip(&now).take_while(|(before, now)| before == now).count();
    let gone = servers[same..].iter().filter(|(name, _)| !now.iter().any(|(kept, _)| kept == name));
    let set = now[same..].iter().filter(|pair| !servers.contains(pair));
    gone.map(|(name, _)| (bytes(name), None))
        .chain(set.map(|(name, value)| (bytes(name), Some(bytes(value)))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_of_the_environment_is_sent() {
        let mut servers: Vec<_> = std::env::vars_os().collect();
        assert_eq!(changes(&servers, &[]), []);
        let (name, value) = servers.pop().expect("tests have an environment");
        servers.push(("MP_TEST_GONE".into(), "1".into()));
        let own = [("MP_TEST_OWN".into(), "2".into())];
        let expected = [
            (b"MP_TEST_GONE".to_vec(), None),
            (name.as_bytes().to_vec(), Some(value.as_bytes().to_vec())),
            (b"MP_TEST_OWN".to_vec(), Some(b"2".to_vec())),
        ];
        assert_eq!(changes(&servers, &own), expected);
    }
}
