//! The operating system, in pieces, and all of the project's unsafe code.
//!
//! Does **not** decide anything: no policy, no protocol, no task. Each `unsafe` says why it is sound.

pub mod alive;
pub mod at_exit;
pub mod birth;
pub mod child;
pub mod clock;
pub mod crash;
mod crash_area;
pub mod descent;
pub mod descriptors;
pub mod dial;
pub mod early;
pub mod futex;
pub mod image;
pub mod latch;
mod launch;
mod list;
mod map;
pub mod memfile;
pub mod memory;
pub mod outlet;
pub mod parcel;
pub mod peer;
pub mod pidfd;
pub mod plate;
pub mod poll;
mod process;
pub mod random;
pub mod region;
pub mod robust;
pub mod room;
pub mod sealed;
pub mod seat;
pub mod shared;
pub mod socket;
pub mod stretch;
pub mod tally;
mod thread;
pub mod title;
pub mod twin;
pub mod window;
pub mod yardstick;
