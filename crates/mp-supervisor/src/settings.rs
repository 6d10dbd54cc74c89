//! What a pool is told when it is built, beside the scheduler's own policies.
//!
//! Does **not** know what is done with it.

/// What runs the tasks. The same calls give the same results and errors on each.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Worker processes: a crash costs one task.
    #[default]
    Processes,
    /// Threads of this process: no isolation. A crash is this process's own; a task that runs too long is reported
    /// and left behind, since a thread cannot be ended.
    Threads,
    /// The calling thread: `apply_async` and `map` return when the work is done. For debugging.
    Serial,
}

/// How a worker process comes to be.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StartMethod {
    /// A fresh copy of the program: `exec` of `/proc/self/exe`, also where the file has been replaced since.
    #[default]
    Spawn,
    /// A fork of a copy of the program that does nothing else: it has one thread, which makes a fork safe, and may have
    /// loaded what all workers need ([`crate::PoolBuilder::preload`]). A third of what [`StartMethod::Spawn`] takes, and
    /// a fraction of the memory. Streams, environment and directory are as with `Spawn`; other things that are
    /// inherited (limits, `umask`, priorities) are as they were when the copy was started, with the first worker.
    ForkServer,
    /// A `fork(2)` of this process. Only while this process has one thread, so only for the workers that a pool starts
    /// with: one that dies is not replaced, and the pool stops when the last has died. The copies share what was in
    /// memory, random generators included: seed them in the task.
    Fork,
}

/// Where the standard output and standard error of worker processes go. Threads write where their process does.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Output {
    /// Where this process's own go.
    #[default]
    Inherit,
    /// Nowhere.
    Null,
    /// To this process, line by line, with the worker and the task that wrote each. Without a callback, lines are written to
    /// this process's standard output and standard error, with a tag in front.
    Capture,
}
