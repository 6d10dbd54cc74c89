//! Faults that a pool must survive: after each, the exact outcome is named, the pool goes on, and nothing is left.
//!
//! The catalogue, and the tests that go through it. Those that are not in this folder are in `starts.rs`,
//! `supervisor_end.rs`, `backends/`, the queue's and the command line's tests; `tests/tidy.rs` looks whether they are there.
//!
//! | where × how | tests |
//! |---|---|
//! | arguments, body and result × error, panic, exit, abort, signal, hang | `every_fault_has_its_exact_outcome_in_a_pool_of_1` `every_fault_has_its_exact_outcome_in_a_pool_of_2` `every_fault_has_its_exact_outcome_in_a_pool_of_5` `every_fault_has_its_exact_outcome_in_a_pool_of_13` |
//! | the same, in one map | `saboteurs_in_a_map` |
//! | before the first message × hang, exit, abort, rubbish | `a_worker_that_never_says_hello_stops_the_pool` `a_worker_that_exits_before_its_hello_stops_the_pool` `a_worker_that_dies_before_its_hello_stops_the_pool` `a_worker_that_says_rubbish_for_hello_stops_the_pool` |
//!
//! | | fault | tests |
//! |---|---|---|
//! | 1 | an idle worker dies | `an_idle_worker_killed_costs_nothing` |
//! | 2 | one of a hundred tasks | `one_of_a_hundred_is_killed_and_99_have_their_values` |
//! | 3 | all at once; while it starts | `all_workers_are_killed_at_once` `workers_are_killed_while_they_start` |
//! | 4 | amid large payloads | `workers_die_amid_large_payloads` |
//! | 5 | within a batch | `a_death_within_a_batch_is_blamed_on_one_item` |
//! | 6 | while the pool closes, and while its size changes | `workers_are_killed_while_the_pool_closes` `sizes_change_while_tasks_run_and_each_runs_once` `a_kill_right_after_a_resize_costs_its_one_task` `many_sizes_under_kills_lose_nothing_but_what_ran` |
//! | 7 | with a lock or a queue's end in its hands | `killed_while_holding_the_lock` `killed_while_waiting` `the_lock_of_a_dead_holder_is_free_and_says_so` |
//! | 8 | the fork server is killed | `every_task_is_accounted_for_whoever_is_killed` |
//! | 9 | a task that kills each worker it meets | `a_task_that_kills_every_worker_is_given_up_after_its_attempts` `a_retry_that_lives_has_its_value` |
//! | 10 | a crash loop | `a_crash_loop_stops_the_pool_with_its_first_cause` |
//! | 11 | random kills | `random_kills_during_a_long_run` `every_task_is_accounted_for_whoever_is_killed` `ten_threads_submit_while_workers_die` |
//! | 12 | whatever a late task does | `whatever_a_task_does_it_ends_in_time` `a_spinning_task_that_ignores_sigterm_ends_50_ms_after_its_grace` |
//! | 13 | only who is late | `of_a_hundred_only_the_late_ones_are_ended` `the_clock_does_not_run_while_a_task_waits` `a_look_that_comes_too_early_is_not_the_last` `who_was_heard_late_is_not_late` |
//! | 14 | cancelling | `cancel_queued_running_and_finished` |
//! | 15 | grandchildren | `the_children_of_a_late_task_end_as_well` `the_children_of_a_worker_that_dies_end_as_well` `who_left_the_group_of_a_worker_that_died_holds_up_nothing` `a_child_and_its_child_are_found` |
//! | 16 | recycling | `one_that_has_become_too_large_is_replaced_and_nothing_is_lost` `a_fresh_worker_for_each_of_ten_thousand_tasks` `recycling_with_large_results_and_while_closing` |
//! | 17 | what is started | `a_deleted_executable_starts_workers_all_the_same` `a_replaced_executable_starts_workers_of_the_running_program` `an_executable_that_may_not_be_executed_is_said_to_be` `a_worker_of_a_different_build_stops_the_pool` `a_worker_with_a_wrong_token_stops_the_pool` `a_worker_with_another_pid_stops_the_pool` `a_worker_with_half_a_hello_stops_the_pool` |
//! | 18 | the supervisor is killed | `killed_with_spinning_workers` `killed_with_idle_workers` `killed_and_only_the_lifeline_tells` `killed_and_only_the_death_signal_tells` |
//! | 19 | the end of a pool, also by callers' code that hears of outcomes | `a_callback_drops_its_pool` `a_callback_submits_joins_and_terminates` `a_callback_terminates_while_another_task_spins` `a_waker_that_drops_a_pool_stalls_nobody` `a_waker_that_waits_is_refused` `a_callback_for_output_drops_its_pool` `a_task_drops_its_own_pool` `a_pool_ends_with_tasks_running_and_queued` `a_pool_is_dropped_before_its_workers_are_there` `get_after_terminate` |
//! | 20 | the end of a program | `ended_by_exit` `ended_by_exit_in_a_thread` `ended_by_a_panic_in_main` `ended_while_its_workers_start` |
//! | 21 | Ctrl-C, Ctrl-Z | `ctrl_c_at_any_moment_of_its_start_leaves_nobody` `the_first_ctrl_c_stops_the_pool_and_says_so` `the_second_ctrl_c_ends_at_once` `time_that_it_was_stopped_does_not_count_against_limits` |
//! | 22 | pools in pools | `nested` `killed_with_nested_pools` `a_pool_that_starts_itself_without_end_is_refused_at_the_eighth_level` `a_crash_three_deep_is_told_where_it_happened` |
//! | 23 | much at once, input without end | `a_million_tasks_before_any_worker_is_ready` `ten_thousand_submissions_before_any_worker_is_ready` `an_endless_input_is_read_no_faster_than_it_is_wanted` |
//! | 24 | input that panics, or is none | `map` `imap` `chunks_of_nothing` `input_that_panics_amid_a_long_map` |
//! | 25 | sizes | `sizes` `a_megabyte` `a_hundred_megabytes` `too_large` |
//! | 26 | more workers than processors | `more_workers_than_processors` |
//! | 27 | many callers | `ten_threads` `ten_threads_submit_while_workers_die` |
//! | 28 | nobody wants it | `an_abandoned_lazy_map_stops_reading` `the_failure_of_a_dropped_handle_is_counted_and_said_once` `the_failures_of_a_dropped_map_are_counted_and_one_is_said` |
//! | 29 | queues | `a_queue_with_more_than_a_pipe_holds_is_joined_before_it_is_read` `killed_at_random_moments` `killed_consumers_wedge_no_survivor` |
//! | 31 | rubbish | `rubbish_costs_its_writer_and_its_task` `nobody_speaks_for_another` `a_worker_that_closes_its_line_is_ended` |
//! | 31 | values whose work is not in their bytes | `a_value_of_countless_nothings_is_one_failure` `a_value_without_a_bottom_is_one_failure` |
//! | 32 | the command line | `every_refusal_says_what_is_wrong_and_gives_a_hint` `a_reader_that_leaves_ends_it_quietly` |
//! | | the program ignores SIGCHLD | `with_sigchld_ignored_tasks_run_and_deaths_are_noticed` |
//! | | few descriptors | `with_64_descriptors_a_pool_of_8_works_or_says_what_it_needs` `without_descriptors_for_one_worker_the_pool_says_so` |

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/subscriber.rs"]
mod subscriber;

mod callbacks;
mod countless;
mod deaths;
mod dropped;
mod ends;
mod limits;
mod matrix;
mod nested;
mod offspring;
mod resize;
mod rubbish;
mod saboteur;
mod scribble;
mod tasks;
mod volume;

mp::test_support!();
