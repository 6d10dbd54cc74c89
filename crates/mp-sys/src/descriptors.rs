//! What to say when descriptors run out.
//!
//! Does **not** count those of others: a system that is out of files says so itself.

use std::io;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

/// So many descriptors are free wherever a worker can be started. While it lives it keeps three.
pub const TO_START: usize = 16;

/// `error`, with what is needed and what there is where this process may have no more descriptors.
#[must_use]
pub fn explain(error: io::Error) -> io::Error {
    if error.raw_os_error() != Some(Errno::EMFILE as i32) {
        return error;
    }
    let open = std::fs::read_dir("/proc/self/fd").map(Iterator::count);
    let (Ok((limit, _)), open) = (getrlimit(Resource::RLIMIT_NOFILE), open) else { return error };
    // To count them takes one as well.
    let open = open.map_or_else(|_| "all".to_owned(), |open| open.to_string());
    io::Error::other(format!(
        "{open} of {limit} descriptors are in use, and to start a worker takes {TO_START} more, of which it keeps 3 \
         (ulimit -n)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_want_of_descriptors_is_explained() {
        let text = explain(Errno::EMFILE.into()).to_string();
        assert!(text.contains("descriptors are in use") && text.contains("ulimit -n"), "{text}");
        assert_eq!(explain(Errno::EACCES.into()).raw_os_error(), Some(Errno::EACCES as i32));
    }
}
