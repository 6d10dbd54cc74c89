//! Every decision of a pool: who gets a task, what a death means, who is late, whether to restart.
//!
//! Does **not** know a clock, a thread, a process, a descriptor or a value: time comes in with each event, and what
//! is to be done goes out as actions. So every decision can be tested without a process.
//!
//! ```text
//!            start                ready                  send                         asked to end, or late
//!  Vacant ─────────▶ Starting ───────────▶ Idle ◀══════════════════▶ Busy ──────────────────────▶ Stopping
//!     ▲                 │                   │     last outcome         │                              │
//!     │                 │ exited, late      │ exited                   │ exited                       │ exited
//!     │                 ▼                   ▼                          ▼                              ▼
//!     │              ┌──────────────────────── what had begun is judged; the rest goes back ─────────────┐
//!     └── restart_at ── Cooling  ◀── died without having run anything         died, or ended as asked ──▶ Vacant
//!                          └──────────────── no work will come any more ──▶ Retired
//!  Idle ── nothing to do for the idle timeout ──▶ Stopping ──▶ Resting ── work waits ──▶ Vacant
//!  any slot beyond the pool's size: gets nothing more, ends when free ──▶ Retired ── the pool grows ──▶ Starting
//! ```
//!
//! One function, [`Scheduler::step`], takes every event. Counts are derived from the states, never stored beside them.
//!
//! Invariants: I1 every item that was submitted ends in exactly one [`Action::Settle`] or one accepted outcome;
//! I3 a worker has at most [`mp_wire::frame::CREDITS`] frames in flight; I5 an event of an earlier generation changes
//! nothing.

mod backlog;
mod breaker;
mod config;
mod dispatch;
mod event;
mod judge;
mod load;
mod own;
mod pace;
mod recall;
mod resize;
mod retry;
mod scheduler;
mod slot;
mod span;
mod start;
mod step;

pub use config::{Config, RestartLimit};
pub use event::{Action, Event, Inspection, Verdict};
pub use retry::Retry;
pub use scheduler::{Phase, Scheduler};
pub use slot::{Busy, Stage, Stopping, WorkerState};
pub use span::{JobKey, Span, Terms, WEIGHT_MAX};
