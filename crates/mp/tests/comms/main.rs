//! Joinable queues, pipes, connections and managers between real processes, spawned and forked, and what is left when one
//! end is killed.
//!
//! What CPython's own tests look at (`_test_multiprocessing.py`), and where it is looked at here:
//!
//! | there | here |
//! |---|---|
//! | `_TestQueue`: put, get, timeouts, qsize, fork | `mp-supervisor/tests/queue_processes` |
//! | `_TestQueue.test_task_done` | `join_returns_when_every_item_is_done`, `task_done_once_too_often_is_an_error` |
//! | `_TestQueue`: feeder thread, import lock, get after close | no feeder thread, no imports; `closing_wakes_who_waits_for_room` |
//! | `_TestConnection`: connection, large messages, spawn and close | `messages_of_any_size_cross_and_come_back`, `an_end_that_is_dropped_is_heard_while_its_process_lives` |
//! | `_TestConnection.test_duplex_false` | the wrong direction does not compile: a doc test of `one_way_pipe` |
//! | `_TestConnection`: fd transfer, many fds, missing fds | `queues_pipes_and_files_go_through_a_pipe`, `two_descriptors_of_one_inode_arrive_as_two` |
//! | `_TestConnection.test_sendbytes`: offsets, readinto | a `Vec<u8>` is a message; parts of buffers are slices in Rust |
//! | `_TestPoll`: poll before and after messages, bounds kept | `messages_of_any_size_cross_and_come_back` |
//! | `_TestPicklingConnections` | `queues_pipes_and_files_go_through_a_pipe` |
//! | `_TestListener`, `_TestListenerClient` | `who_has_the_key_is_served`, `a_killed_client_is_the_end_of_its_connection` |
//! | `OtherTest`: challenge and answer fail | `another_key_is_refused_by_both_sides`, and those beside it |
//! | `_TestContainers`: list, dict, namespace, nested | `what_a_dictionary_does`, `what_a_list_a_value_and_a_namespace_do`, `a_proxy_comes_back_as_a_result_and_is_a_value_of_another_object` |
//! | `_TestContainers`: slices, iterators, `+=`, `copy` | a proxy gives a copy (`to_vec`, `items`), which has all of these |
//! | `_TestMyManager`, `_TestRemoteManager` | `objects_of_ones_own_type_answer_one_request_at_a_time`, `another_tree_reaches_it_with_the_key_and_only_so` |
//! | `_TestManagerRestart`: the same port again | a port of the system's choice, or an abstract name: none is reused |
//! | `TestSyncManagerTypes`: lock, queue, list, dict, value, array, namespace | `a_dictionary_and_a_lock_are_shared_by_processes`, `a_queue_of_a_manager_waits_for_items_and_for_room` |
//! | `TestSyncManagerTypes`: rlock, semaphore, condition, event, barrier, joinable queue | `manager_sync.rs` |
//! | `TestSyncManagerTypes`: pool, set | a pool is no value, but a `Managed` type may have one; a set is a dictionary of `()` |

#[path = "../common/mod.rs"]
mod common;

mod joinable;
mod listener;
mod manager;
mod manager_sync;
mod pipe;

use mp::{Process, StartMethod};

mp::test_support!();

/// The ways in which a process comes to be.
const METHODS: [StartMethod; 2] = [StartMethod::Spawn, StartMethod::ForkServer];

/// Runs `body` for each way, under a watchdog and with a look at what it leaves.
fn each(name: &str, body: impl Fn(StartMethod)) {
    for method in METHODS {
        common::bench_by(method, name, mp::Backend::Processes, |bench| body(bench.start_method));
    }
}

/// A process that runs `task`.
fn start<F, A, R>(method: StartMethod, task: F, args: A) -> Process<R>
where
    F: mp::Task<A, Output = R>,
    A: serde::Serialize + serde::de::DeserializeOwned,
    R: serde::de::DeserializeOwned + 'static,
{
    Process::builder(task, args).start_method(method).spawn().expect("a process")
}
