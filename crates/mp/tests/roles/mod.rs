//! A test binary without the test harness, whose tests are roles of the program itself: each is a process of its own.
//!
//! ```text
//!  cargo test ─▶ main ─▶ for each test: this executable, "role:<test>", under a watchdog ─▶ its exit code
//! ```
#![expect(clippy::print_stdout, reason = "a test without the test harness reports by printing")]
#![expect(clippy::disallowed_methods, reason = "each test is this program again, in a role")]

use std::process::{Command, Stdio};

pub(crate) type Test = (&'static str, fn());

/// Runs the role that the arguments name, or all tests that they choose.
pub(crate) fn main(tests: &[Test]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &str| tests.iter().find(|(known, _)| *known == name).map(|(_, test)| test);
    if let Some(test) = arguments.first().and_then(|first| first.strip_prefix("role:")).and_then(named) {
        return test();
    }
    if arguments.iter().any(|argument| argument == "--list") {
        let ignored = arguments.iter().any(|argument| argument == "--ignored");
        return tests.iter().filter(|_| !ignored).for_each(|(name, _)| println!("{name}: test"));
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let wanted = |name: &str| filter.is_none_or(|part| if exact { name == part } else { name.contains(part.as_str()) });
    let chosen: Vec<_> = tests.iter().filter(|(name, _)| wanted(name)).collect();
    let passed = chosen.iter().filter(|(name, _)| passes(name)).count();
    println!("{passed} passed, {} failed", chosen.len() - passed);
    assert_eq!(passed, chosen.len(), "see above");
}

fn passes(name: &str) -> bool {
    let own = std::env::current_exe().expect("a path");
    let mut output = Command::new("timeout");
    output.args(["--kill-after=5", "600"]).arg(own).arg(format!("role:{name}"));
    let output = output.stdin(Stdio::null()).output().expect("coreutils");
    let passed = output.status.success();
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    if !passed {
        println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    passed
}
