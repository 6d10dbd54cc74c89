//! `mpctl`'s commands as a library, so that any program can have them over its own tasks:
//!
//! ```no_run
//! /// The square of a number.
//! #[mp::task]
//! fn square(n: i64) -> i64 {
//!     n * n
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     mp_cli::main()
//! }
//! ```
//!
//! Does **not** know how tasks travel or workers live: it asks `mp` and shows the answers.
//!
//! ```text
//!  argv ─ args ─▶ commands ─ resolve (which task) ─ arguments, items (with what) ─┐
//!                                                                                 ▼  nothing is started before this
//!  stdout ◀ output ◀─┐                                                        feed, spawn
//!  stderr ◀ report ◀─┴─ session: one loop over what comes ◀── events ──────────────┘
//!  exit code ◀ exit ◀┘                                    ◀── interrupt (Ctrl-C)
//! ```

mod args;
mod arguments;
pub mod chaos;
mod chaos_cmd;
mod commands;
mod completions;
mod duration;
mod exit;
mod feed;
mod interrupt;
mod inventory;
mod items;
mod json_array;
mod logging;
mod manual;
mod measure_cmd;
mod numbers;
mod output;
mod pool_cmds;
mod problem;
mod progress;
mod refusal;
mod rejects;
mod report;
mod resolve;
mod session;
mod set_aside;
mod source;
mod spawn;
mod timeline;

use std::process::ExitCode;

/// All of `mpctl`, from the first statement (`mp::init()`) to the exit code.
#[must_use = "the exit code is how a shell learns what became of the tasks"]
pub fn main() -> ExitCode {
    mp::init();
    commands::run().into()
}
