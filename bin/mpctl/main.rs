//! `mpctl`: the commands of `mp-cli` over the built-in tasks.
//!
//! Does **not** do anything else.

use std::process::ExitCode;

mod crash;
mod tasks;

fn main() -> ExitCode {
    mp_cli::main()
}
