//! The operating system, in pieces, and all of the project's unsafe code.
//!
//! Does **not** decide anything: no policy, no protocol, no task. Each `unsafe` says why it is sound.

pub mod futex;
pub mod image;
pub mod memfile;
pub mod robust;
