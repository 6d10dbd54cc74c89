//! What the owner orders on the line that its server was born with, and what is answered to which order.
//!
//! Does **not** know what is made.
//!
//! An order that was given up is answered all the same, later: by its number the answer is known as an old one.

use super::wire::{Bytes, Install, Report};
use crate::connection::Connection;
use crate::error::CommError;
use crate::until::Until;

/// The owner's end.
#[derive(Debug)]
pub(super) struct Orders {
    line: Connection<Install, Report>,
    last: u64,
}

impl Orders {
    pub(super) fn new(line: Connection<Install, Report>) -> Self {
        Self { line, last: 0 }
    }

    /// Has an object made by the function at `entry` of the program `build`, and gives the answer to that.
    pub(super) fn install(
        &mut self,
        (build, entry): (u64, u64),
        args: Bytes,
        until: Until,
    ) -> Result<Report, CommError> {
        self.last += 1;
        self.line.send_until(&Install { number: self.last, build, entry, args }, until)?;
        loop {
            match self.line.recv_until(until)? {
                Report::Installed { number, .. } | Report::NotInstalled { number, .. } if number < self.last => {}
                report => return Ok(report),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connection::pipe;

    /// The first order takes too long. Its answer, when it comes, is not taken for that of the second.
    #[test]
    fn a_late_answer_is_not_taken_for_another() {
        let (line, server) = pipe::<Install, Report>().expect("a pipe");
        let mut orders = Orders::new(line);
        let late = orders.install((0, 0), Bytes::new(), Until::after(Duration::ZERO));
        assert!(matches!(late, Err(CommError::TimedOut { .. })), "{late:?}");
        server.send(Report::NotInstalled { number: 1, reason: "late".to_owned() }).expect("sent");
        server.send(Report::Installed { number: 2, object: 20 }).expect("sent");
        let second = orders.install((0, 0), Bytes::new(), Until::after(Duration::from_secs(9)));
        assert!(matches!(second, Ok(Report::Installed { number: 2, object: 20 })), "{second:?}");
    }
}
