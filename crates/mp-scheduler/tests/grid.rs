//! Policy × exit × state: what a pool does, cell by cell.
//!
//! Does **not** know processes: `world` has paper ones.
//!
//! ```text
//!  policy: restart or not, retries, limits, recycling     exit: crash, clean, late, cancelled, rubbish, silent
//!  state:  starting, idle, running, stopping, cooling     phase: open, closing, killing, ended
//! ```

#[path = "grid/broadcast.rs"]
mod broadcast;
#[path = "grid/cancel.rs"]
mod cancel;
#[path = "grid/deaths.rs"]
mod deaths;
#[path = "grid/ends.rs"]
mod ends;
#[path = "grid/late.rs"]
mod late;
#[path = "grid/liars.rs"]
mod liars;
#[path = "grid/prepare.rs"]
mod prepare;
#[path = "grid/priorities.rs"]
mod priorities;
#[path = "grid/recycle.rs"]
mod recycle;
#[path = "grid/resize.rs"]
mod resize;
#[path = "grid/retries.rs"]
mod retries;
#[path = "grid/scene.rs"]
mod scene;
#[path = "grid/spread.rs"]
mod spread;
#[path = "grid/trusted.rs"]
mod trusted;
mod world;
