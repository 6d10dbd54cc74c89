//! The surroundings of a worker process: where its standard streams go, and its environment.
//!
//! Does **not** know what runs in it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use mp_sys::child::Stream;

/// Where a standard stream of a process goes.
#[derive(Clone, Debug, Default)]
pub struct Stdio(Arc<StdioKind>);

#[derive(Debug, Default)]
enum StdioKind {
    #[default]
    Inherit,
    Null,
    To(OwnedFd),
}

impl Stdio {
    /// Where this process's own goes.
    #[must_use]
    pub fn inherit() -> Self {
        Self::default()
    }

    /// Nowhere.
    #[must_use]
    pub fn null() -> Self {
        Self(Arc::new(StdioKind::Null))
    }

    pub(crate) fn open(&self) -> io::Result<Stream> {
        Ok(match &*self.0 {
            StdioKind::Inherit => Stream::Inherit,
            StdioKind::Null => Stream::Null,
            StdioKind::To(fd) => Stream::To(mp_sys::socket::raise(fd)?),
        })
    }
}

impl Stdio {
    /// As a standard input; `None` is `/dev/null`.
    pub(crate) fn open_for_reading(&self) -> io::Result<Option<OwnedFd>> {
        match &*self.0 {
            StdioKind::Inherit => mp_sys::socket::raise(io::stdin()).map(Some),
            StdioKind::Null => Ok(None),
            StdioKind::To(fd) => mp_sys::socket::raise(fd).map(Some),
        }
    }
}

impl From<File> for Stdio {
    fn from(file: File) -> Self {
        Self(Arc::new(StdioKind::To(file.into())))
    }
}

impl From<OwnedFd> for Stdio {
    fn from(fd: OwnedFd) -> Self {
        Self(Arc::new(StdioKind::To(fd)))
    }
}

/// The surroundings of a worker process, where they are not this process's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) stdout: Stdio,
    pub(crate) stderr: Stdio,
}

impl Streams {
    /// Whether all is as in this process: a fork cannot have it otherwise.
    pub(crate) fn are_inherited(&self) -> bool {
        let inherits = |stdio: &Stdio| matches!(&*stdio.0, StdioKind::Inherit);
        self.env.is_empty() && inherits(&self.stdout) && inherits(&self.stderr)
    }
}
