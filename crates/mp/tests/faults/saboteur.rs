//! A value that does harm at one place of its way, and only there.
//!
//! ```text
//!  caller: encode args ─▶ worker: decode args ─▶ body ─▶ encode result ─▶ caller: decode result
//! ```

use nix::sys::signal::{Signal, raise};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    EncodeArgs,
    DecodeArgs,
    Body,
    EncodeResult,
    DecodeResult,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum How {
    Error,
    Panic,
    Exit(i32),
    Abort,
    Segfault,
    Kill,
    StackOverflow,
    DoublePanic,
    Hang,
}

/// What travels. As an argument (`RESULT` is false) and as a result it acts at different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Saboteur<const RESULT: bool> {
    pub(crate) place: Place,
    pub(crate) how: How,
}

/// The task: an argument comes, a result goes.
pub(crate) fn sabotage(came: Saboteur<false>) -> Saboteur<true> {
    let Saboteur { place, how } = came;
    if place == Place::Body {
        how.act().expect("a body has its own errors");
    }
    Saboteur { place, how }
}

impl<const RESULT: bool> Saboteur<RESULT> {
    fn act_at(&self, as_argument: Place, as_result: Place) -> Result<(), &'static str> {
        let here = if RESULT { as_result } else { as_argument };
        if self.place == here { self.how.act() } else { Ok(()) }
    }
}

impl<const RESULT: bool> Serialize for Saboteur<RESULT> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.act_at(Place::EncodeArgs, Place::EncodeResult).map_err(S::Error::custom)?;
        (self.place, self.how).serialize(serializer)
    }
}

impl<'de, const RESULT: bool> Deserialize<'de> for Saboteur<RESULT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (place, how) = Deserialize::deserialize(deserializer)?;
        let saboteur = Self { place, how };
        saboteur.act_at(Place::DecodeArgs, Place::DecodeResult).map_err(D::Error::custom)?;
        Ok(saboteur)
    }
}

impl How {
    #[expect(clippy::disallowed_methods, reason = "that is what it is to do")]
    pub(crate) fn act(self) -> Result<(), &'static str> {
        match self {
            Self::Error => Err("sabotage"),
            Self::Panic => panic!("sabotage"),
            Self::Exit(code) => std::process::exit(code),
            Self::Abort => std::process::abort(),
            Self::Segfault => by_signal(Signal::SIGSEGV),
            Self::Kill => by_signal(Signal::SIGKILL),
            Self::StackOverflow => Err(if overflow(1) == 0 { "bottom" } else { "no bottom" }),
            Self::DoublePanic => {
                let _panics_again = PanicsAgain;
                panic!("sabotage")
            }
            Self::Hang => crate::tasks::hang(),
        }
    }
}

/// std's handler for SIGSEGV, where there is one, lets the first pass and steps aside for the second.
fn by_signal(signal: Signal) -> ! {
    loop {
        raise(signal).expect("a signal to oneself");
    }
}

struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        panic!("again");
    }
}

#[expect(unconditional_recursion, reason = "that is what it is to do")]
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    overflow(depth + 1) + room[511]
}
