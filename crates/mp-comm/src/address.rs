//! Where a listener listens.
//!
//! Does **not** listen or connect.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::CommError;

/// Where a [`crate::Listener`] listens, and a [`crate::Client`] finds it.
///
/// As text it is `local:NAME`, or an IP address and a port: `127.0.0.1:4711`, `[::1]:4711`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Address {
    /// An abstract Unix socket of this name: on this machine, and in no file system, so that nothing is left of it when its
    /// process is killed.
    Local(String),
    /// TCP. Port 0 is any that is free; [`crate::Listener::address`] says which.
    Tcp(SocketAddr),
}

impl Address {
    /// One on this machine that nobody else has, nor guesses.
    ///
    /// # Errors
    /// [`CommError::Os`] when the system has no random numbers.
    pub fn unique() -> Result<Self, CommError> {
        let bytes = mp_sys::random::bytes::<16>().map_err(CommError::os("making a name"))?;
        Ok(Self::Local(format!("mp-{:032x}", u128::from_le_bytes(bytes))))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(name) => write!(out, "local:{name}"),
            Self::Tcp(address) => address.fmt(out),
        }
    }
}

impl FromStr for Address {
    type Err = CommError;

    fn from_str(text: &str) -> Result<Self, CommError> {
        if let Some(name) = text.strip_prefix("local:").filter(|name| !name.is_empty()) {
            return Ok(Self::Local(name.to_owned()));
        }
        text.parse().map(Self::Tcp).map_err(|_| CommError::NoAddress(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for text in ["local:name", "127.0.0.1:80", "[::1]:0"] {
            assert_eq!(text.parse::<Address>().expect("an address").to_string(), text);
        }
        for text in ["local:", "", "localhost", "unix:/x"] {
            assert!(matches!(text.parse::<Address>(), Err(CommError::NoAddress(_))), "{text}");
        }
    }
}
