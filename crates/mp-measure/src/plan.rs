//! What is to be measured: the grid, and how much time there is for it.
//!
//! Does **not** measure.

use std::time::Duration;

use serde::Serialize;

/// A way of running a task. In this order each adds one thing to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A call in the caller's own thread: one thread, no matter how many workers.
    Direct,
    /// Threads of a plain pool, to which values are handed over as they are.
    Threads,
    /// The same threads; arguments and results cross encoded, as they would to a process.
    ThreadsEncoded,
    /// The same, and the bytes cross by ipc-channel, within one process.
    Ipc,
    /// `mp`'s pool on threads: only for a task of one's own.
    PoolThreads,
    /// `mp`'s pool of worker processes, started by `Spawn`.
    Spawn,
    /// `mp`'s pool of worker processes, forked by a fork server.
    ForkServer,
}

impl Mode {
    /// Those that the grid compares.
    pub const GRID: [Self; 6] =
        [Self::Direct, Self::Threads, Self::ThreadsEncoded, Self::Ipc, Self::Spawn, Self::ForkServer];
    /// Those that are compared for a task of one's own.
    pub const OWN: [Self; 4] = [Self::Direct, Self::PoolThreads, Self::Spawn, Self::ForkServer];

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct call",
            Self::Threads => "threads",
            Self::ThreadsEncoded => "threads, encoded",
            Self::Ipc => "ipc in one process",
            Self::PoolThreads => "pool of threads",
            Self::Spawn => "workers, spawned",
            Self::ForkServer => "workers, forked",
        }
    }

    /// Whether tasks run in processes of their own.
    #[must_use]
    pub fn is_workers(self) -> bool {
        matches!(self, Self::Spawn | Self::ForkServer)
    }
}

/// How tasks are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// One after the other, each waited for: `apply`.
    Single,
    /// Many at once: `map`.
    Batch,
}

/// What comes between two single calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rhythm {
    /// Nothing: everybody is still awake.
    Hot,
    /// A pause of 2 ms, in which everybody falls asleep.
    Paced,
}

/// A place in the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Cell {
    /// How many bytes a task's argument has.
    pub payload_bytes: u64,
    /// How long a task is to work, in nanoseconds.
    pub task_ns: u64,
    /// How many threads or processes.
    pub workers: usize,
    /// How tasks are handed over.
    pub call: Call,
    /// What comes between two of them.
    pub rhythm: Rhythm,
}

/// What is to be measured, and in which time.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Sizes of the argument, in bytes.
    pub payloads: Vec<u64>,
    /// How long tasks work, in nanoseconds.
    pub task_ns: Vec<u64>,
    /// Numbers of workers.
    pub workers: Vec<usize>,
    /// Handed over how.
    pub calls: Vec<Call>,
    /// Whether the shortest tasks are also measured with pauses between them, or all single ones.
    pub paced: Paced,
    /// How often each cell has its turn.
    pub rounds: u32,
    /// All of it ends after this time, or a little later.
    #[serde(rename = "time_budget_seconds", serialize_with = "seconds")]
    pub time_budget: Duration,
}

/// Which single calls are measured with pauses as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Paced {
    /// Those of the shortest task with the smallest payload.
    Shortest,
    /// All of tasks up to a millisecond.
    All,
    /// None.
    None,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// With a pause, tasks longer than this have nothing new to say.
const PACED_UP_TO_NS: u64 = 1_000_000;

impl Plan {
    /// A first answer, in some 15 s.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            payloads: vec![8, 64 << 10, 1 << 20],
            task_ns: vec![1_000, 10_000, 100_000, 1_000_000],
            workers: vec![mp::cpu_count()],
            calls: vec![Call::Single, Call::Batch],
            paced: Paced::Shortest,
            rounds: 3,
            time_budget: Duration::from_secs(15),
        }
    }

    /// All of it, in some minutes.
    #[must_use]
    pub fn full() -> Self {
        let most = mp::cpu_count();
        let powers = std::iter::successors(Some(1), |workers| Some(workers * 2)).take_while(|workers| *workers < most);
        Self {
            payloads: vec![0, 8, 1 << 10, 64 << 10, 1 << 20, 16 << 20, 64 << 20],
            task_ns: vec![1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000],
            workers: powers.chain([most]).collect(),
            paced: Paced::All,
            rounds: 5,
            time_budget: Duration::from_secs(300),
            ..Self::quick()
        }
    }

    /// The grid.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &workers in &self.workers {
            for &payload_bytes in &self.payloads {
                for &task_ns in &self.task_ns {
                    let cell = Cell { payload_bytes, task_ns, workers, call: Call::Single, rhythm: Rhythm::Hot };
                    cells.extend(self.calls.iter().map(|&call| Cell { call, ..cell }));
                    if self.calls.contains(&Call::Single) && self.is_paced(cell) {
                        cells.push(Cell { rhythm: Rhythm::Paced, ..cell });
                    }
                }
            }
        }
        cells
    }

    fn is_paced(&self, cell: Cell) -> bool {
        let least = |values: &[u64], value| values.iter().min() == Some(&value);
        match self.paced {
            Paced::None => false,
            Paced::All => cell.task_ns <= PACED_UP_TO_NS,
            Paced::Shortest => least(&self.payloads, cell.payload_bytes) && least(&self.task_ns, cell.task_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_grid_has_every_pair_and_one_pause() {
        let cells = Plan { workers: vec![2], ..Plan::quick() }.cells();
        assert_eq!(cells.len(), 3 * 4 * 2 + 1);
        let paced: Vec<_> = cells.iter().filter(|cell| cell.rhythm == Rhythm::Paced).collect();
        assert_eq!(paced.len(), 1);
        assert_eq!((paced[0].payload_bytes, paced[0].task_ns), (8, 1_000));
    }

    #[test]
    fn the_full_grid_counts_workers_up_to_the_processors() {
        let plan = Plan::full();
        assert_eq!((plan.workers.first(), plan.workers.last()), (Some(&1), Some(&mp::cpu_count())));
        assert!(plan.workers.is_sorted());
    }
}
