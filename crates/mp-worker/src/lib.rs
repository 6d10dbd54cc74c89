//! The child's side: a copy of the program that serves instead of running `main`.
//!
//! Does **not** know pools, scheduling or other workers: it meets the supervisor in frames alone.
//!
//! ```text
//!  exec ─▶ init ─▶ bind to parent ─▶ Welcome ─▶ compare ─▶ Hello ─▶ serve: recv, claim, decode, run, encode, send
//!                                                  └─ differs: Hello all the same, then exit 70
//! ```

mod after_fork;
mod burst;
mod clock;
mod context;
pub mod depth;
mod foreign;
mod fork_server;
mod forward;
mod home;
mod init;
mod log;
mod name;
mod outbound;
mod outlets;
mod pace;
mod panes;
mod panic;
mod receiver;
pub mod registry;
mod rehearsal;
mod run;
mod runner;
mod said;
mod serve;
mod setup;
mod shift;
mod show;
mod state;
mod task;
mod views;

pub use after_fork::after_fork;
pub use context::{WorkerInfo, current_worker, deadline, is_cancelled};
pub use foreign::{ADOPTS, COMMAND};
pub use fork_server::{FORK_SERVER, is_preloading, run_preload};
pub use forward::Forwarder;
pub use home::{at_home, leave_home, shared, try_shared};
pub use init::{ENV, Sockets, init, initialized, is_serving, is_worker, own_identity, serve_forked};
pub use log::log_to_stderr;
pub use name::{CurrentProcess, child_name, current_process};
pub use panic::Caught;
pub use run::{Reported, run_item};
pub use said::{progress, tag_of};
pub use serve::serve;
pub use setup::{Done, Routine, keep_remake, routine_of, run_routine};
pub use shift::Shift;
pub use show::{SHOWN_MOST, Show, show_args, show_task};
pub use state::{Maker, StateTask, WithState, fallible_maker_of, maker_of, shared_of};
pub use task::{Arguments, Call, Entry, Ran, Refused, Task, entry_of};

#[doc(hidden)]
pub use linkme;
#[doc(hidden)]
pub use mp_sys::before_main;
