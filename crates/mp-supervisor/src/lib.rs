//! The parent's side: starts workers, gives them tasks, collects what becomes of them, and ends them.
//!
//! Does **not** decide (`mp-scheduler` does), nor know sockets (`mp-link`), nor what a worker does inside (`mp-worker`).
//!
//! ```text
//!  Pool ─┬─ Args, Job ──▶ Engine ──▶ WorkerIo ══▶ worker          three threads for all pools of a process:
//!  Process ┘                │ ▲                                     reactor  hears lines, deaths and the clock
//!  TaskHandle ◀─── Sink ◀───┘ └── reactor ◀══ worker                spawner  starts processes
//! ```

mod arena;
mod args;
mod as_completed;
mod attempts;
mod broadcast;
mod builder;
mod cargo;
mod children;
mod command;
mod completion;
mod cpu;
mod ear;
mod ends;
mod engine;
mod error;
mod evidence;
mod feeder;
mod fork_server;
mod founding;
mod global;
mod handle;
mod hear;
mod histogram;
mod host;
mod imap;
mod inbox;
mod insights;
mod job;
mod ledger;
mod letter;
mod life;
mod log;
mod making;
mod many;
mod map_handle;
mod mapping;
mod named;
mod observe;
mod one;
mod ordered;
mod outcomes;
mod output;
mod overhear;
mod page;
mod perform;
mod pieces;
mod policies;
mod pool;
mod process;
mod process_builder;
mod progress;
mod queue;
mod reactor;
mod said;
mod seats;
mod sent;
mod serial;
mod settings;
mod setup;
mod shared;
mod shared_objects;
mod sink;
mod spare;
mod spawner;
mod starts;
mod state;
mod state_builder;
mod state_pool;
mod stats;
mod streams;
mod suspend;
mod task_builder;
mod trace;
mod trace_event;
mod unread;
mod wait_any;
mod windows;
mod worker_io;

pub use as_completed::{AsCompleted, AsCompletedWithin, Unfinished, as_completed};
pub use broadcast::Broadcast;
pub use builder::PoolBuilder;
pub use children::{ActiveChild, active_children, join_children, join_children_timeout};
pub use command::{Command, CommandError, CommandOutput, RunningCommand};
pub use completion::{Until, Waited, wait};
pub use cpu::cpu_count;
pub use error::{Error, Result, SubmitError};
pub use global::{end_pool, pool, set_pool};
pub use handle::TaskHandle;
pub use histogram::Histogram;
pub use imap::Outcomes;
pub use insights::{Insights, SlowTask, WorkerInsights};
pub use life::Shutdown;
pub use map_handle::MapHandle;
pub use mapping::Mapping;
pub use mp_scheduler::Retry;
pub use output::{OutputLine, OutputStream};
pub use pool::Pool;
pub use process::Process;
pub use process_builder::ProcessBuilder;
pub use queue::{JoinableQueue, PriorityQueue, PutError, Queue, QueueError, SimpleQueue};
pub use said::Said;
pub use settings::{Backend, Output, StartMethod};
pub use shared::{Plain, Shared};
pub use state_builder::StatePoolBuilder;
pub use state_pool::StatePool;
pub use stats::Stats;
pub use streams::Stdio;
pub use suspend::{Suspension, suspend};
pub use task_builder::TaskBuilder;
pub use trace::Trace;
pub use tracing::Level;
#[doc(hidden)]
pub use wait_any::Source;
pub use wait_any::{ByFd, Waitable, wait_any};
