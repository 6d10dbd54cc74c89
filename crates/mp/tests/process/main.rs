//! Processes of every kind: named, waited for together with others, left to themselves, and foreign programs.
//!
//! What CPython's own tests look at (`_test_multiprocessing.py`, `test_subprocess.py`), and where it is looked at here:
//!
//! | there | here |
//! |---|---|
//! | `_TestProcess.test_current`, `test_parent_process`, `test_process_mainthread_native_id` | `a_process_knows_its_name_and_its_parent` |
//! | `_TestProcess.test_daemon_argument`, `test_active_children` | `who_is_active_can_be_told_and_ended`, and `program_end` |
//! | `_TestProcess.test_recursion` | `names_tell_the_way_down` |
//! | `_TestProcess.test_sentinel`, `test_wait_for_threads`, `TestWait` | `wait_any.rs` |
//! | `_TestProcess.test_terminate`, `test_kill`, `test_exit`, `test_many_processes`, `test_lose_target_ref` | `faults/`, `starts` |
//! | `_TestSubclassingProcess`: streams, exit codes | `output/`, `fork_server/surroundings.rs` |
//! | `subprocess.run`: input, output, timeout, check, env, cwd | `command.rs` |

#![expect(clippy::unwrap_used, reason = "what cannot be made here is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod active;
mod command;
mod wait_any;

use mp::{Backend, Process, StartMethod};

mp::test_support!();

/// Runs `body` for each way in which a process comes to be, under a watchdog and with a look at what it leaves.
fn each(name: &str, body: impl Fn(StartMethod)) {
    common::bench(name, Backend::Processes, |bench| body(bench.start_method));
}

/// A process that runs `task`.
fn start<F, A, R>(method: StartMethod, task: F, args: A) -> Process<R>
where
    F: mp::Task<A, Output = R>,
    A: serde::Serialize + serde::de::DeserializeOwned,
    R: serde::de::DeserializeOwned + 'static,
{
    Process::builder(task, args).start_method(method).spawn().unwrap()
}
