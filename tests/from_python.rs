//! `docs/FROM_PYTHON.md` names what there is: each `mp::` name is exported, and each test that it points to exists; so do those of
//! `docs/CPYTHON_TESTS.md`.
//!
//! Does **not** know whether a row is true: the tests that it names do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../docs/FROM_PYTHON.md");
const CPYTHON: &str = include_str!("../docs/CPYTHON_TESTS.md");

/// What Python 3.13 exports in the modules of the page, but for what its rows call by another word.
const PYTHON: &str = "Array AuthenticationError Barrier BoundedSemaphore BufferTooShort Condition Event JoinableQueue Lock \
    Manager Pipe Pool Process ProcessError Queue RLock RawArray RawValue Semaphore SimpleQueue TimeoutError Value \
    active_children allow_connection_pickling cpu_count current_process freeze_support get_all_start_methods get_context \
    get_logger get_start_method log_to_stderr parent_process set_executable set_forkserver_preload set_start_method ThreadPool \
    apply apply_async close imap imap_unordered join map map_async starmap starmap_async terminate BaseManager BaseProxy \
    SharedMemoryManager SyncManager Token ShareableList SharedMemory Client Listener wait Namespace dict list register connect \
    get_server shutdown accept address last_accepted notify notify_all wait_for is_set clear set get_value cancel_join_thread \
    empty full get get_nowait join_thread put put_nowait qsize task_done copy synchronized get_lock get_obj ALL_COMPLETED \
    BrokenExecutor CancelledError Executor FIRST_COMPLETED FIRST_EXCEPTION Future InvalidStateError ProcessPoolExecutor \
    ThreadPoolExecutor as_completed submit add_done_callback cancel cancelled done exception result running set_exception \
    set_result set_running_or_notify_cancel authkey daemon exitcode ident is_alive kill name pid run sentinel start buf size \
    unlink abort reset parties n_waiting broken fileno poll readable recv recv_bytes recv_bytes_into send send_bytes writable \
    closed next ready successful";

/// All sources of the workspace, as one text for each file.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in ["crates", "tests", "bin"] {
        read_into(&root.join(directory), &mut files);
    }
    files
}

fn read_into(directory: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_into(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// The rows of all tables: three cells each.
fn rows() -> Vec<[&'static str; 3]> {
    let lines = PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Python"));
    let cells = |line: &'static str| -> Vec<_> { line.trim_matches('|').split(" | ").map(str::trim).collect() };
    lines.map(|line| cells(line).try_into().unwrap_or_else(|cells| panic!("three cells, not {cells:?}"))).collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect()
}

#[test]
fn every_row_names_a_test_or_says_why_it_is_not_here() {
    let without = |row: &&[&str; 3]| row[2].is_empty() && !row[1].starts_with("not here: ");
    assert_eq!(rows().iter().find(without), None);
    assert!(rows().len() > 100, "the tables were read");
}

#[test]
fn every_test_of_the_page_exists() {
    let sources = sources();
    let defined = |name: &str| {
        let (function, entry) = (format!("fn {name}("), format!("(\"{name}\","));
        sources.iter().any(|text| text.contains(&function) || text.contains(&entry))
    };
    let missing: Vec<_> = rows().iter().flat_map(|row| quoted(row[2])).filter(|name| !defined(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_name_of_mp_on_the_page_is_exported() {
    let exported = include_str!("../crates/mp/src/lib.rs");
    let (exported, sources) = (words(exported), sources());
    let is_there = |path: &str| {
        let mut parts = path.split("::").skip(1);
        let first = parts.next().is_some_and(|name| exported.contains(name));
        first && parts.all(|method| sources.iter().any(|text| text.contains(&format!("pub fn {method}"))))
    };
    let named = rows().into_iter().flat_map(|row| quoted(row[1])).filter(|name| name.starts_with("mp::"));
    let missing: Vec<_> = named.filter(|path| !is_there(path)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_public_name_of_python_is_on_the_page() {
    let left: BTreeSet<&str> = rows().iter().flat_map(|row| quoted(row[0])).flat_map(words).collect();
    let missing: Vec<_> = PYTHON.split_whitespace().filter(|name| !left.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Whether `named`, as `backends/calls.rs::map`, is a test in one of the folders that the page tells of.
fn is_test(named: &str) -> bool {
    let (file, name) = named.split_once("::").expect("a file and a name");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = ["crates/mp/tests", "crates", ""].map(|folder| fs::read_to_string(root.join(folder).join(file)));
    let (function, entry) = (format!("fn {name}("), format!("(\"{name}\","));
    texts.into_iter().flatten().any(|text| text.contains(&function) || text.contains(&entry))
}

#[test]
fn every_behaviour_of_cpythons_tests_has_a_test_that_exists_or_a_reason() {
    let rows: Vec<_> = CPYTHON.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| there")).collect();
    assert!(rows.len() > 120, "the tables were read");
    for row in rows {
        let (_, here) = row.trim_matches('|').split_once(" | ").expect("two cells");
        let named: Vec<_> = quoted(here).filter(|name| name.contains(".rs::")).collect();
        assert!(!named.is_empty() || here.starts_with("not here: "), "neither a test nor a reason: {row}");
        assert_eq!(named.into_iter().find(|name| !is_test(name)), None, "{row}");
    }
}
