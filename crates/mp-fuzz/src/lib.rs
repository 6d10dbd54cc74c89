//! Rubbish for every decoder that reads what another process wrote: one function for each, from bytes to nothing.
//!
//! Does **not** need a nightly compiler: the runner in `main.rs` mutates a corpus on its own. Where there is one, each
//! function is the body of a cargo-fuzz target (see `README.md`).
//!
//! ```text
//!  corpus/TARGET/* ─▶ mutate ─▶ target(bytes) ─▶ Trail: a new one? then the input is kept and mutated too
//!                                   └ panic, abort, hang, too much memory: found/TARGET-… , and the run fails
//! ```
//!
//! A target asserts what must hold of any bytes: nothing is read twice or invented, and what was understood is said the
//! same way again.

mod mutate;
mod run;
mod targets;

pub use mutate::{Luck, mutate};
pub use run::{Campaign, Done, Found, last_tried};
pub use targets::{ALL, Target};

/// What a target made of an input, roughly: inputs with different trails went different ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trail(Vec<u8>);

impl Trail {
    /// Goes on with a step of this kind.
    pub fn step(&mut self, kind: u8) {
        if self.0.len() < 64 {
            self.0.push(kind);
        }
    }

    /// Goes on with what a text begins with, where the text says which way was gone.
    pub fn text(&mut self, text: &str) {
        text.bytes().filter(|byte| !byte.is_ascii_digit()).take(24).for_each(|byte| self.step(byte));
    }

    /// Goes on with how large a number is.
    pub fn size(&mut self, number: u64) {
        self.step(number.checked_ilog2().map_or(0, |log| log as u8 + 1));
    }
}
