//! The house rules that a compiler does not know, each a test that names the file, the line and what to do.
//!
//! Does **not** know Rust's grammar: sources are text, read with comments and literals blanked out. What clippy
//! can say, clippy says (`clippy.toml`). Each rule is a function from text to findings, and is shown to fail.
//!
//! ```text
//!  files on disk ─▶ Source { path, text, code } ─▶ rule ─▶ ["crates/mp-wire/src/id.rs:7: what to do", ..] ─▶ must be empty
//! ```

#[path = "tidy/samples.rs"]
mod samples;
#[path = "tidy/source.rs"]
mod source;

use source::{Dependency, Source, all_files, has_word, one};

const MAX_LINES: usize = 500;
const NEEDS_PROHIBITION: usize = 30;

/// Who may depend on whom: arrows point down only. The root package may use them all.
const ALLOWED_EDGES: &[(&str, &[&str])] = &[
    ("mp-crash", &[]),
    ("mp-wire", &["mp-crash"]),
    ("mp-sys", &[]),
    ("mp-macros", &[]),
    ("mp-link", &["mp-wire", "mp-sys"]),
    ("mp-scheduler", &["mp-wire"]),
    ("mp-worker", &["mp-wire", "mp-link", "mp-sys"]),
    ("mp-supervisor", &["mp-wire", "mp-link", "mp-sys", "mp-scheduler", "mp-worker"]),
    ("mp-sync", &["mp-link", "mp-sys"]),
    ("mp-comm", &["mp-wire", "mp-link", "mp-sys", "mp-worker", "mp-supervisor"]),
    ("mp", &["mp-sync", "mp-comm", "mp-supervisor", "mp-worker", "mp-wire", "mp-macros"]),
    ("mp-fuzz", &["mp-comm", "mp-sync", "mp-supervisor", "mp-scheduler", "mp-link", "mp-wire", "mp-sys"]),
    ("mp-measure", &["mp", "mp-link", "mp-wire", "mp-sys"]),
    (
        "mp-cli",
        &[
            "mp-measure",
            "mp",
            "mp-supervisor",
            "mp-worker",
            "mp-scheduler",
            "mp-link",
            "mp-wire",
            "mp-sys",
            "mp-macros",
        ],
    ),
];

/// What the scheduler must not reach: it is told the time, and acts through its actions.
const IMPURE: &[&str] = &[
    "std::thread",
    "std::fs",
    "std::process",
    "std::net",
    "std::os",
    "std::env",
    "Instant::now",
    "SystemTime",
    "std::{",
];

#[test]
fn every_file_says_what_it_does_and_what_it_does_not_know() {
    check(&rust_files(), header);
}

#[test]
fn no_file_is_too_long() {
    check(&rust_files(), length);
}

#[test]
fn only_mp_link_names_ipc_channel() {
    check(&rust_files(), |source| names_only_in(source, "ipc_channel", "crates/mp-link/"));
    check(&manifests(), |manifest| depends_only_in(manifest, "ipc-channel", "crates/mp-link/"));
}

#[test]
fn only_the_codec_names_bincode() {
    check(&rust_files(), |source| names_only_in(source, "bincode", "crates/mp-wire/src/codec.rs"));
    check(&manifests(), |manifest| depends_only_in(manifest, "bincode", "crates/mp-wire/"));
}

#[test]
fn only_mp_sys_is_unsafe() {
    check(&rust_files(), |source| names_only_in(source, "unsafe", "crates/mp-sys/"));
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    check(&rust_files(), unsafe_without_reason);
}

#[test]
fn mp_wire_forbids_unsafe_code() {
    check(&one("crates/mp-wire/src/lib.rs"), forbids_unsafe);
}

#[test]
fn nothing_is_left_to_do() {
    check(&rust_files(), left_to_do);
}

#[test]
fn the_scheduler_is_pure() {
    check(&under(&rust_files(), "crates/mp-scheduler/src/"), impure);
}

#[test]
fn crates_depend_downwards_only() {
    check(&manifests(), upward_edges);
}

#[test]
fn every_dependency_comes_from_the_workspace_table() {
    // What is under scripts/ compares us with others, and is no part of the workspace.
    let ours: Vec<_> = manifests().into_iter().filter(|manifest| !manifest.path.starts_with("scripts/")).collect();
    check(&ours, not_from_workspace);
}

#[test]
fn every_dependency_has_its_reason() {
    let reasons = &one("docs/DEPENDENCIES.md")[0];
    check(&one("Cargo.toml"), |manifest| dependencies_without_reason(manifest, &reasons.text));
    check(std::slice::from_ref(reasons), |reasons| reasons_without_dependency(reasons, &one("Cargo.toml")[0].text));
}

#[test]
fn tests_wait_for_events_and_do_not_sleep() {
    let tests: Vec<_> = rust_files().into_iter().filter(Source::is_integration_test).collect();
    check(&tests, sleeps);
}

#[test]
fn examples_hand_errors_on() {
    check(&rust_files(), unwraps_in_examples);
}

#[test]
fn every_test_that_the_catalogue_of_faults_names_is_there() {
    let code: Vec<_> = rust_files()
        .into_iter()
        .filter(|source| {
            source.path.contains("/tests/") || source.path.starts_with("tests/") || source.text.contains("#[cfg(test)]")
        })
        .collect();
    let is_there = |name: &str| {
        let (function, role) = (format!("fn {name}("), format!("(\"{name}\", "));
        code.iter().any(|source| source.text.contains(&function) || source.text.contains(&role))
    };
    check(&one("crates/mp/tests/faults/main.rs"), |catalogue| names_no_test(catalogue, is_there));
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    check(&all_files(), machine_paths);
}

fn check(sources: &[Source], rule: impl Fn(&Source) -> Vec<String>) {
    assert!(!sources.is_empty(), "the rule looks at no file: has what it guards moved?");
    let findings: Vec<_> = sources.iter().flat_map(rule).collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn rust_files() -> Vec<Source> {
    all_files().into_iter().filter(|source| source.path.ends_with(".rs")).collect()
}

fn manifests() -> Vec<Source> {
    all_files().into_iter().filter(|source| source.path.ends_with("Cargo.toml")).collect()
}

fn under(sources: &[Source], folder: &str) -> Vec<Source> {
    sources.iter().filter(|source| source.path.starts_with(folder)).cloned().collect()
}

fn header(source: &Source) -> Vec<String> {
    let path = source.path.as_str();
    let head: Vec<_> = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
    if head.first().is_none_or(|line| line.trim_start_matches("//!").trim().is_empty()) {
        return source.at(0, "open the file with `//!` and a sentence that says what it does");
    }
    let is_library = path.starts_with("crates/") && path.contains("/src/") && !path.ends_with("/main.rs");
    let is_long = source.text.lines().count() > NEEDS_PROHIBITION;
    if is_library && is_long && !source.is_test_module() && !head.iter().any(|line| line.contains("Does **not** ")) {
        return source.at(0, "say in the opening `//!` what this file does not know: `//! Does **not** know …`");
    }
    Vec::new()
}

fn length(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= MAX_LINES {
        return Vec::new();
    }
    source.at(MAX_LINES, &format!("{lines} lines, {MAX_LINES} is the wall: find the second concept and give it a file"))
}

fn names_only_in(source: &Source, word: &str, home: &str) -> Vec<String> {
    if source.path.starts_with(home) {
        return Vec::new();
    }
    source.lines_of_code(|line| has_word(line, word), &format!("only {home} names {word}: call what it offers"))
}

fn depends_only_in(manifest: &Source, name: &str, home: &str) -> Vec<String> {
    let elsewhere = |dependency: &Dependency| {
        dependency.name == name && !dependency.is_workspace_table() && !manifest.path.starts_with(home)
    };
    manifest.dependencies(elsewhere, &format!("only {home} depends on {name}"))
}

fn unsafe_without_reason(source: &Source) -> Vec<String> {
    let lines: Vec<_> = source.text.lines().collect();
    let needs_reason = |line: &str| line.contains("unsafe {") || line.contains("unsafe impl");
    let unexplained = |number: &usize| !has_reason_above(&lines[..*number], "// SAFETY:");
    let blocks = source.code.lines().enumerate().filter(|(_, line)| needs_reason(line)).map(|(number, _)| number);
    blocks
        .filter(unexplained)
        .flat_map(|number| source.at(number, "say why it is sound: `// SAFETY: …` above"))
        .collect()
}

/// Whether the comment above a statement, which may have begun some lines earlier, contains `mark`.
fn has_reason_above(above: &[&str], mark: &str) -> bool {
    let same_statement = |line: &&&str| {
        let line = line.trim();
        line.starts_with("//") || line.starts_with('#') || !(line.is_empty() || line.ends_with([';', '{', '}', ',']))
    };
    above.iter().rev().take_while(same_statement).any(|line| line.trim().starts_with(mark))
}

fn forbids_unsafe(source: &Source) -> Vec<String> {
    if source.code.contains("#![forbid(unsafe_code)]") {
        return Vec::new();
    }
    source.at(0, "write #![forbid(unsafe_code)]: what crosses between processes needs none")
}

fn left_to_do(source: &Source) -> Vec<String> {
    let macros = |line: &str| line.contains("todo!") || line.contains("unimplemented!");
    let mut findings = source.lines_of_code(macros, "write it, or leave the whole thing out");
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let marked = |line: &str| marks.iter().any(|mark| has_word(line, mark));
    findings.extend(source.lines_of_text(marked, "do it now, or file an issue"));
    findings
}

fn impure(source: &Source) -> Vec<String> {
    if source.is_test_module() {
        return Vec::new();
    }
    let own_code = source.code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let source = Source { code: own_code.to_owned(), ..source.clone() };
    let reaches = |line: &str| IMPURE.iter().any(|name| line.contains(name));
    source.lines_of_code(reaches, "the scheduler is pure: pass it in with the event, or return an action")
}

fn upward_edges(manifest: &Source) -> Vec<String> {
    let Some(name) = manifest.crate_name() else { return Vec::new() };
    let Some((_, allowed)) = ALLOWED_EDGES.iter().find(|(of, _)| *of == name) else {
        return manifest
            .at(0, "a new crate: give it a row in ALLOWED_EDGES in tests/tidy.rs and in docs/ARCHITECTURE.md");
    };
    let is_ours = |name: &str| name == "mp" || name.starts_with("mp-");
    let upward = |dependency: &Dependency| {
        !dependency.is_dev() && is_ours(dependency.name) && !allowed.contains(&dependency.name)
    };
    manifest.dependencies(upward, &format!("{name} may depend on {allowed:?} only: arrows point down"))
}

fn not_from_workspace(manifest: &Source) -> Vec<String> {
    let local = |dependency: &Dependency| !dependency.is_workspace_table() && !dependency.value.contains("workspace");
    manifest.dependencies(
        local,
        "put it in [workspace.dependencies] and docs/DEPENDENCIES.md, and write `.workspace = true`",
    )
}

fn dependencies_without_reason(manifest: &Source, reasons: &str) -> Vec<String> {
    let unexplained = |dependency: &Dependency| {
        let name = format!("`{}`", dependency.name);
        let pin = dependency.value.split('"').find(|part| part.starts_with('=') && part.len() > 1).unwrap_or_default();
        dependency.is_workspace_table() && !reasons.lines().any(|row| row.contains(&name) && row.contains(pin))
    };
    manifest.dependencies(unexplained, "give it (and its pinned version) a row with a reason in docs/DEPENDENCIES.md")
}

fn reasons_without_dependency(reasons: &Source, manifest: &str) -> Vec<String> {
    let stale = |row: &str| {
        let name = row.strip_prefix("| `").and_then(|rest| rest.split('`').next());
        name.is_some_and(|name| !manifest.lines().any(|line| line.starts_with(&format!("{name} = "))))
    };
    reasons.lines_of_text(stale, "it is not in [workspace.dependencies] any more: delete the row")
}

fn sleeps(source: &Source) -> Vec<String> {
    let lines: Vec<_> = source.text.lines().collect();
    let sleeping = source.code.lines().enumerate().filter(|(_, line)| line.contains("thread::sleep"));
    let unexplained = sleeping.filter(|(number, _)| !has_reason_above(&lines[..*number], "// sleep:"));
    unexplained.flat_map(|(number, _)| source.at(number, "wait for an event, or say `// sleep: why` above")).collect()
}

fn unwraps_in_examples(source: &Source) -> Vec<String> {
    let unwraps = |line: &str| {
        let line = line.trim_start();
        (line.starts_with("///") || line.starts_with("//!"))
            && [".unwrap()", ".unwrap_err()"].iter().any(|call| line.contains(call))
    };
    source.lines_of_text(unwraps, "an example is copied: write `?`, or `expect(\"why\")`")
}

/// The names between backticks in the rows of a table that are no test's.
fn names_no_test(catalogue: &Source, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let rows = catalogue.text.lines().enumerate().filter(|(_, line)| line.starts_with("//! |"));
    let missing = rows.flat_map(|(number, line)| {
        let names = line.split('`').skip(1).step_by(2).filter(|name| !is_there(name));
        names
            .flat_map(|name| catalogue.at(number, &format!("{name} is no test: has it another name now?")))
            .collect::<Vec<_>>()
    });
    missing.collect()
}

fn machine_paths(source: &Source) -> Vec<String> {
    let paths = [concat!("/wo", "rk/"), concat!("/tm", "p/h/")];
    let named = |line: &str| paths.iter().any(|path| line.contains(path));
    source.lines_of_text(named, "name the file from the repository's root")
}
