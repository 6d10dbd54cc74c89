//! All of mpctl's commands over a program's own tasks, in one line of `main`.
//!
//! $ cargo run --example commands -- map greet Ada Grace --workers 2
//!
//! Try also `tasks`, `spawn greet`, `apply shout hello 3`, `man map`, `completions bash`.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::process::ExitCode;

/// A greeting.
#[mp::task(name = "world")]
fn greet(name: String) -> String {
    format!("Hello, {name}, from process {}!", std::process::id())
}

/// The text in capitals, with so many exclamation marks.
#[mp::task(marks = 1)]
pub fn shout(text: String, marks: usize) -> String {
    text.to_uppercase() + &"!".repeat(marks)
}

fn main() -> ExitCode {
    mp_cli::main()
}
