//! Placeholder.
pub(crate) fn put_killed_at_each_instruction() {}
pub(crate) fn get_killed_at_each_instruction() {}
