//! What a process has that a pool could leave behind, read from `/proc`.
//!
//! Does **not** know whose it is.

use std::fs;
use std::time::{Duration, Instant};

use serde::Serialize;

/// What there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Child processes, zombies included.
    pub children: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// Memory files that are mapped, and files in `/dev/shm`.
    pub shared: usize,
    /// Resident memory in KiB. It is shown and not judged: an allocator keeps what it was given.
    pub rss_kib: u64,
}

impl Left {
    /// What there is now.
    #[must_use]
    pub fn look() -> Self {
        Self { children: children(), descriptors: entries("/proc/self/fd"), shared: shared(), rss_kib: rss_kib() }
    }

    /// What there is more of in `after`: children, descriptors, shared memory.
    #[must_use]
    pub fn more_in(self, after: Self) -> [usize; 3] {
        [
            after.children.saturating_sub(self.children),
            after.descriptors.saturating_sub(self.descriptors),
            after.shared.saturating_sub(self.shared),
        ]
    }

    /// What there is when nothing is left, or else after `limit`: who was killed is gone a moment later.
    pub(super) fn wait_for(self, limit: Duration) -> Self {
        let deadline = Instant::now() + limit;
        loop {
            let now = Self::look();
            if self.more_in(now) == [0; 3] || Instant::now() >= deadline {
                return now;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn entries(directory: &str) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.map(|list| list.split_whitespace().count()).sum()
}

fn shared() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter(|line| line.contains("/memfd:")).count() + entries("/dev/shm")
}

fn rss_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
