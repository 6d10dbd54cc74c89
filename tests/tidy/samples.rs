//! Each rule against a sample that breaks it and one that does not: a rule that cannot fail guards nothing.
//!
//! Does **not** know the repository: every sample is a string.

use super::*;

/// Where `rule` finds fault in `text`, were it the file at `path`: line numbers from 1.
fn faults(rule: impl Fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<usize> {
    let findings = rule(&Source::new(path, text));
    let line =
        |finding: &String| finding.split(':').nth(1).and_then(|number| number.parse().ok()).expect("path:line: what");
    findings.iter().map(line).collect()
}

const WIRE: &str = "crates/mp-wire/src/id.rs";
const SYS: &str = "crates/mp-sys/src/image.rs";

#[test]
fn a_file_without_a_header_is_found() {
    assert_eq!(faults(header, WIRE, "use std::fmt;\n"), [1]);
    assert_eq!(faults(header, WIRE, "//!\n//! Late.\n"), [1]);
    assert_eq!(faults(header, WIRE, "//! Ids.\n"), []);
}

#[test]
fn a_long_library_file_must_say_what_it_does_not_know() {
    let body = "\n".repeat(40);
    let text = format!("//! Ids.\n{body}");
    assert_eq!(faults(header, WIRE, &text), [1]);
    assert_eq!(faults(header, "bin/mpctl/main.rs", &text), []);
    assert_eq!(faults(header, WIRE, &format!("//! Ids.\n//!\n//! Does **not** know workers.\n{body}")), []);
}

#[test]
fn a_file_of_501_lines_is_found() {
    assert_eq!(faults(length, WIRE, &"\n".repeat(501)), [501]);
    assert_eq!(faults(length, WIRE, &"\n".repeat(500)), []);
}

#[test]
fn a_name_is_found_in_code_and_not_in_comments_or_literals() {
    let rule = |source: &Source| names_only_in(source, "bincode", "crates/mp-wire/src/codec.rs");
    assert_eq!(faults(rule, WIRE, "// bincode\nuse bincode::config;\n"), [2]);
    assert_eq!(faults(rule, WIRE, "/* a /* b */ bincode */\nlet s = \"\\\"bincode\"; let r = r#\"bincode\"#;\n"), []);
    assert_eq!(faults(rule, WIRE, "let quote = '\"'; bincode::f(); let s = \"\";\n"), [1]);
    assert_eq!(faults(rule, WIRE, "fn f<'a>(bincode: &'a str) {}\nlet bincode_like = 1;\n"), [1]);
    assert_eq!(faults(rule, "crates/mp-wire/src/codec.rs", "use bincode::config;\n"), []);
}

#[test]
fn a_dependency_outside_its_home_is_found() {
    let rule = |manifest: &Source| depends_only_in(manifest, "ipc-channel", "crates/mp-link/");
    let text = "[dev-dependencies]\nipc-channel.workspace = true\n";
    assert_eq!(faults(rule, "crates/mp/Cargo.toml", text), [2]);
    assert_eq!(faults(rule, "crates/mp-link/Cargo.toml", text), []);
    assert_eq!(faults(rule, "Cargo.toml", "[workspace.dependencies]\nipc-channel = \"=0.23.1\"\n"), []);
    assert_eq!(faults(rule, "Cargo.toml", "[dependencies]\nipc-channel = \"=0.23.1\"\n"), [2]);
}

#[test]
fn unsafe_code_is_found_and_the_lint_of_that_name_is_not() {
    let rule = |source: &Source| names_only_in(source, "unsafe", "crates/mp-sys/");
    assert_eq!(faults(rule, WIRE, "#![forbid(unsafe_code)]\nunsafe { f() }\n"), [2]);
    assert_eq!(faults(rule, SYS, "unsafe { f() }\n"), []);
}

#[test]
fn an_unsafe_block_without_a_reason_is_found() {
    assert_eq!(faults(unsafe_without_reason, SYS, "// fast\nunsafe { f() }\n"), [2]);
    assert_eq!(faults(unsafe_without_reason, SYS, "// SAFETY: for a.\na();\nunsafe { f() }\n"), [3]);
    assert_eq!(
        faults(unsafe_without_reason, SYS, "// SAFETY: f has\n// no demands.\nlet x: u64 =\n    unsafe { f() };\n"),
        []
    );
}

#[test]
fn a_missing_forbid_is_found() {
    assert_eq!(faults(forbids_unsafe, WIRE, "// #![forbid(unsafe_code)]\n"), [1]);
    assert_eq!(faults(forbids_unsafe, WIRE, "#![forbid(unsafe_code)]\n"), []);
}

#[test]
fn unfinished_work_is_found() {
    assert_eq!(faults(left_to_do, WIRE, "fn f() { todo!() }\nfn g() { unimplemented!() }\n"), [1, 2]);
    assert_eq!(faults(left_to_do, WIRE, concat!("// FIX", "ME later\n")), [1]);
    assert_eq!(faults(left_to_do, WIRE, "// todo! in a comment\n"), []);
}

#[test]
fn a_scheduler_that_reads_the_clock_is_found() {
    let path = "crates/mp-scheduler/src/lib.rs";
    assert_eq!(faults(impure, path, "use std::thread;\nuse std::{fs, io};\nlet now = Instant::now();\n"), [1, 2, 3]);
    assert_eq!(faults(impure, path, "use std::time::Instant;\n#[cfg(test)]\nmod tests {\n  Instant::now();\n}\n"), []);
}

#[test]
fn an_upward_edge_is_found() {
    let text = "[dependencies]\nserde.workspace = true\nmp-wire.workspace = true\nmp-link = { workspace = true }\n";
    assert_eq!(faults(upward_edges, "crates/mp-scheduler/Cargo.toml", text), [4]);
    assert_eq!(
        faults(upward_edges, "crates/mp-link/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nmp.workspace = true\n"),
        [2]
    );
    assert_eq!(faults(upward_edges, "crates/mp-link/Cargo.toml", "[dev-dependencies]\nmp.workspace = true\n"), []);
    assert_eq!(faults(upward_edges, "crates/mp-new/Cargo.toml", text), [1]);
}

#[test]
fn a_dependency_of_ones_own_is_found() {
    let text = "[dependencies]\nserde = \"1\"\nrand.workspace = true\nclap = { workspace = true }\n";
    assert_eq!(faults(not_from_workspace, "crates/mp/Cargo.toml", text), [2]);
}

#[test]
fn a_dependency_and_a_reason_without_the_other_are_found() {
    let manifest =
        "[workspace.dependencies]\nserde = \"1\"\nbincode = { version = \"=2.0.1\" }\nmp = { path = \"crates/mp\" }\n";
    let reasons = "| `bincode` | `=2.0.0` |\n| `mp` | ours |\n| `slab` | gone |\n";
    let unexplained = |manifest: &Source| dependencies_without_reason(manifest, reasons);
    assert_eq!(faults(unexplained, "Cargo.toml", manifest), [2, 3]);
    let stale = |reasons: &Source| reasons_without_dependency(reasons, manifest);
    assert_eq!(faults(stale, "docs/DEPENDENCIES.md", reasons), [3]);
}

#[test]
fn a_sleep_without_a_reason_is_found() {
    let path = "tests/pool.rs";
    assert_eq!(faults(sleeps, path, "fn f() {\n    std::thread::sleep(LONG);\n}\n"), [2]);
    assert_eq!(
        faults(sleeps, path, "fn f() {\n    // sleep: the task is to be late.\n    std::thread::sleep(LONG);\n}\n"),
        []
    );
}

#[test]
fn an_example_that_unwraps_is_found() {
    let text = "/// let n = f().unwrap();\nlet n = f().unwrap();\n    //! f().unwrap_err();\n/// f().unwrap_or(0);\n";
    assert_eq!(faults(unwraps_in_examples, "crates/mp/src/guide.rs", text), [1, 3]);
}

#[test]
fn a_path_of_one_machine_is_found() {
    assert_eq!(faults(machine_paths, "README.md", concat!("fine\n/wo", "rk/shared\n")), [2]);
}

#[test]
fn a_catalogued_test_that_is_not_there_is_found() {
    let rule = |source: &Source| names_no_test(source, |name| name == "here");
    assert_eq!(faults(rule, "main.rs", "//! In `prose`.\n//! | 1 | `here` `gone` |\n//! | 2 | `here` |\n"), [2]);
}
