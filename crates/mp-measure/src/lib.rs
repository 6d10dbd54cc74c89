//! What a task costs as a direct call, on threads, and on worker processes; layer by layer; and from which task on workers pay.
//!
//! Does **not** know a command line. Figures, the conclusions from them, and three ways to show both.
//!
//! ```text
//!  Plan ─ cells ─▶ run: rounds × cells × modes ─ block ─▶ rig ─▶ direct | lane (threads, ipc-channel) | mp's pool
//!                                                  │
//!                         Report ◀─ layers ─ stats ┘       fit, verdict, words: the break-even     table, json, html: shown
//! ```
//!
//! [`Own`] measures a task of one's own beside the grid.
//!
//! How each number comes about is told in `docs/MEASURE.md`.
//!
//! ```no_run
//! fn main() -> Result<(), mp_measure::Error> {
//!     mp::init(); // workers are copies of this program
//!     let report = mp_measure::Plan::quick().run(&mp_measure::Control::none())?;
//!     for sentence in &report.conclusions {
//!         eprintln!("{sentence}");
//!     }
//!     Ok(())
//! }
//! ```

mod account;
mod block;
mod control;
mod error;
mod fit;
mod html;
mod lane;
mod machine;
mod own;
mod own_report;
mod plan;
mod plots;
mod probe;
mod report;
mod rig;
mod run;
mod stats;
mod subject;
mod svg;
mod table;
mod units;
mod verdict;
mod words;

pub use block::Way;
pub use control::{Control, Ended};
pub use error::Error;
pub use fit::{Crossing, Line, Point, crossing};
pub use machine::Machine;
pub use own::Own;
pub use own_report::{OwnFigures, OwnReport};
pub use plan::{Call, Cell, Mode, Paced, Plan, Rhythm};
pub use report::{Figures, Layers, Measured, Report, SCHEMA};
pub use stats::{Spread, median, percentile};
pub use subject::{Function, Named, Subject};
pub use units::{parse_bytes, show_bytes, show_rate, show_round_time, show_time};
pub use verdict::BreakEven;
