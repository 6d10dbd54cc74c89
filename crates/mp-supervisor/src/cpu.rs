//! How many processors this program may use.
//!
//! Does **not** know pools.

/// The number of processors that this process may use, at least 1: the affinity mask and the cgroup's quota are
/// respected; the environment variable `MP_CPU_COUNT`, a positive number, overrides both.
/// Python: `os.process_cpu_count()`, and loky's `cpu_count()`.
///
/// ```
/// assert!(mp_supervisor::cpu_count() >= 1);
/// ```
#[must_use]
pub fn cpu_count() -> usize {
    let told = std::env::var("MP_CPU_COUNT").ok().and_then(|text| text.trim().parse().ok()).filter(|n| *n > 0);
    told.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1)
}
