//! The report as one page.
//!
//! Does **not** need a network, nor scripts.

use crate::report::Report;

impl Report {
    /// One self-contained page.
    #[must_use]
    pub fn html(&self) -> String {
        String::new()
    }
}
