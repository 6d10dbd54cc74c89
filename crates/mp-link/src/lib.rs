//! A two-way line to one worker: over ipc-channel, or between threads.
//!
//! Does **not** know tasks: it carries frames, and file descriptors beside them. It alone names ipc-channel.

pub mod baggage;
