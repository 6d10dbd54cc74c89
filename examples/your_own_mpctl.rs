//! Any program's own tasks with all of `mpctl`'s commands, in one line of `main`.
//!
//! $ cargo run --example your_own_mpctl -- map count_words "to be" "or not to be" "that is the question"
//!
//! Try also:
//!
//! ```text
//! cargo run --example your_own_mpctl -- tasks
//! cargo run --example your_own_mpctl -- spawn --workers 4 greet
//! cargo run --example your_own_mpctl -- apply collatz 27
//! cargo run --example your_own_mpctl -- map collatz 1..=20 --format table
//! cargo run --example your_own_mpctl -- measure --task count_down
//! ```
//!
//! ```python
//! # Python has no counterpart. The nearest is a main of one's own for each function:
//! with multiprocessing.Pool() as pool:
//!     print(*pool.map(count_words, sys.argv[1:]), sep="\n")
//! ```
//!
//! Does **not** show a command line with more of its own than tasks: such a program calls `mp::Pool` itself.
// What the attribute writes must not trip the strictest of lints.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::process::ExitCode;

/// How many words the text has.
#[mp::task]
fn count_words(text: String) -> usize {
    text.split_whitespace().count()
}

/// How many steps it takes to reach 1, if even numbers are halved, and odd ones tripled and one added.
#[mp::task]
fn collatz(n: u64) -> u64 {
    assert!(n > 0, "0 never reaches 1");
    let next = |n: &u64| (*n != 1).then(|| if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 });
    std::iter::successors(Some(n), next).count() as u64 - 1
}

/// A greeting from the process that runs the task.
#[mp::task(whom = "world")]
fn greet(whom: String) -> String {
    format!("hello {whom}, from process {}", std::process::id())
}

/// Counts down to nothing, aloud.
#[mp::task(from = 3)]
#[expect(clippy::print_stdout, reason = "workers print where the program does")]
fn count_down(from: u32) -> u32 {
    (0..from).rev().for_each(|n| println!("{n}"));
    from
}

fn main() -> ExitCode {
    mp_cli::main() // begins with mp::init()
}
