//! Locks, conditions, barriers and shared data between real processes, which are killed while they hold and wait.

#![expect(clippy::unwrap_used, reason = "what cannot be made or taken here is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod behaviours;
mod kills;
mod memory;

use mp::{Backend, StartMethod};

mp::test_support!();

macro_rules! on_each {
    ($($file:ident: $($body:ident)*;)*) => {$($(
        mod $body {
            use super::*;

            #[test]
            fn spawned() {
                common::bench_by(StartMethod::Spawn, stringify!($body), Backend::Processes, $file::$body);
            }

            #[test]
            fn forked() {
                common::bench_by(StartMethod::ForkServer, stringify!($body), Backend::Processes, $file::$body);
            }
        }
    )*)*};
}

macro_rules! also_on_threads {
    ($($body:ident)*) => {
        mod threads {
            use super::*;
            $(#[test]
            fn $body() {
                common::bench(stringify!($body), Backend::Threads, behaviours::$body);
            })*
        }
    };
}

on_each! {
    behaviours: locks_exclude semaphores_admit_so_many events_wake_all conditions_notify_exactly_n conditions_wait_for
        barriers_pass_in_lockstep barriers_abort_and_reset barriers_act_in_nobodys_way values_arrays_and_atomics;
    kills: a_killed_holder_is_named locks_survive_a_thousand_kills conditions_survive_a_thousand_kills
        barriers_survive_a_thousand_kills a_barrier_breaks_when_who_acts_is_killed a_killed_permit_comes_back;
}

also_on_threads! {
    locks_exclude semaphores_admit_so_many events_wake_all conditions_notify_exactly_n conditions_wait_for
    barriers_pass_in_lockstep barriers_abort_and_reset barriers_act_in_nobodys_way values_arrays_and_atomics
}
