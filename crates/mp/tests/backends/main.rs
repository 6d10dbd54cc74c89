//! The same calls, the same results, the same errors: each body runs over processes, spawned or forked by a fork server,
//! threads, and the calling thread.

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod codecs;
mod completions;
mod crowd;
mod ends;
mod long_maps;

use mp::{Backend, StartMethod};

mp::test_support!();

macro_rules! on_each_backend {
    ($($file:ident: $($body:ident)*;)*) => {$($(
        mod $body {
            use super::*;

            #[test]
            fn processes() {
                common::bench_by(StartMethod::Spawn, stringify!($body), Backend::Processes, $file::$body);
            }

            #[test]
            fn fork_server() {
                common::bench_by(StartMethod::ForkServer, stringify!($body), Backend::Processes, $file::$body);
            }

            #[test]
            fn threads() {
                common::bench(stringify!($body), Backend::Threads, $file::$body);
            }

            #[test]
            fn serial() {
                common::bench(stringify!($body), Backend::Serial, $file::$body);
            }
        }
    )*)*};
}

on_each_backend! {
    calls: apply apply_async map map_outcomes starmap map_async imap imap_unordered endless_input arguments closures
        errors_are_values panics a_panic_that_was_caught_is_not_the_next_one chunks_of_nothing;
    ends: close_and_join terminate get_after_terminate futures cancel an_outcome_does_not_wait_for_the_next_task timeouts
        dropped_handles;
    codecs: arguments_that_do_not_cross results_that_do_not_cross unsuitable_types an_item_that_does_not_cross sizes
        a_megabyte a_hundred_megabytes too_large;
    completions: callbacks as_they_complete as_they_complete_within_a_limit the_rest_of_those_who_complete waits;
    long_maps: a_long_map failures_in_a_long_map input_that_panics_amid_a_long_map a_pool_is_closed_amid_a_long_map;
    crowd: ten_threads nested queues_as_arguments;
}
