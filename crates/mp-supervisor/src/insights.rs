//! What the workers of a pool spent their time on, and which tasks took longest: for who wonders where it went.
//!
//! Does **not** measure: see `ledger`.

use std::fmt;
use std::time::Duration;

use mp_wire::{TaskId, WorkerId};
use serde::{Serialize, Serializer};

use crate::builder::PoolBuilder;
use crate::ledger::Draft;
use crate::pool::Pool;

/// Where the time of a pool went: see [`Pool::insights`](crate::Pool::insights). Its text is a table for people; serialized, times
/// are seconds.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Serialize)]
pub struct Insights {
    /// One for each slot, in their order: a worker and those who replaced it.
    pub workers: Vec<WorkerInsights>,
    /// The tasks that ran longest, the longest first; at most 10. Of those that ended in a value.
    pub slowest: Vec<SlowTask>,
}

/// What the workers of one slot, one after the other, spent their time on, as their supervisor heard of it. What they are just
/// doing counts up to now.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Serialize)]
pub struct WorkerInsights {
    /// Which slot.
    pub slot: u32,
    /// How many workers it has had.
    pub started: u32,
    /// The process of the one that lives.
    pub pid: Option<u32>,
    /// How many tasks ended in a value here.
    pub tasks: u64,
    /// From the order to start to the first word.
    #[serde(rename = "start_up_seconds", serialize_with = "seconds")]
    pub start_up: Duration,
    /// In the initializer, and making the state.
    #[serde(rename = "init_seconds", serialize_with = "seconds")]
    pub init: Duration,
    /// Ready, and without work.
    #[serde(rename = "wait_seconds", serialize_with = "seconds")]
    pub wait: Duration,
    /// With work.
    #[serde(rename = "work_seconds", serialize_with = "seconds")]
    pub work: Duration,
    /// The part of `work` in which tasks that ended in a value ran. The rest is hand-off: decoding, encoding, sockets, wake-ups.
    #[serde(rename = "run_seconds", serialize_with = "seconds")]
    pub run: Duration,
    /// From when it was told to end until it had ended, with the finalizer.
    #[serde(rename = "exit_seconds", serialize_with = "seconds")]
    pub exit: Duration,
}

/// A task that ran long.
#[non_exhaustive]
#[derive(Clone, Debug, Serialize)]
pub struct SlowTask {
    /// Its number.
    pub task: TaskId,
    /// Its name: its function's path, or the one it was given.
    pub name: String,
    /// Who ran it.
    #[serde(serialize_with = "text")]
    pub worker: WorkerId,
    /// From its submission to its beginning.
    #[serde(rename = "wait_seconds", serialize_with = "seconds")]
    pub wait: Duration,
    /// How long its function ran.
    #[serde(rename = "run_seconds", serialize_with = "seconds")]
    pub run: Duration,
    /// Its arguments, as JSON has them, cut after 160 bytes. `None` where they are more than 4 KiB, or carry what
    /// cannot be written: a queue, a pipe.
    pub args: Option<String>,
    /// How many bytes they took on their way.
    pub args_bytes: u64,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn text<S: Serializer>(worker: &WorkerId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(worker)
}

impl PoolBuilder {
    /// Has the pool keep books on where its time goes: see [`Pool::insights`]. mpire: `enable_insights`.
    ///
    /// It costs nothing where it is off, as it is by default. On, each task is timed by itself and brings its times along, and tasks
    /// that are submitted one by one cross as such: some 300 ns for each, which a task of a millisecond does not notice.
    pub fn insights(mut self, on: bool) -> Self {
        self.insights = on;
        self
    }
}

impl Pool {
    /// Where the time of this pool went so far, while it runs or after its end; `None` unless it was built with
    /// [`PoolBuilder::insights`]. mpire: `get_insights`, `print_insights`.
    ///
    /// To show the arguments of the slowest tasks, they are decoded and written as JSON, here and in the calling thread.
    ///
    /// ```no_run
    /// # fn thumbnail(path: String) -> usize { path.len() }
    /// let pool = mp_supervisor::Pool::builder().workers(2).insights(true).build()?;
    /// pool.map(thumbnail, ["a.jpg", "b.jpg"].map(str::to_owned))?;
    /// pool.join()?;
    /// if let Some(insights) = pool.insights() {
    ///     println!("{insights}");
    ///     assert_eq!(insights.slowest.len(), 2);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn insights(&self) -> Option<Insights> {
        self.host().insights().map(Draft::finish)
    }
}

/// The widths of the table's columns.
const WIDTH: usize = 9;

impl Insights {
    /// All slots together.
    fn total(&self) -> WorkerInsights {
        let add = |sum: WorkerInsights, one: &WorkerInsights| WorkerInsights {
            started: sum.started + one.started,
            tasks: sum.tasks + one.tasks,
            start_up: sum.start_up + one.start_up,
            init: sum.init + one.init,
            wait: sum.wait + one.wait,
            work: sum.work + one.work,
            run: sum.run + one.run,
            exit: sum.exit + one.exit,
            ..sum
        };
        self.workers.iter().fold(WorkerInsights::default(), add)
    }
}

impl WorkerInsights {
    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        write!(f, "{name:<7}{:>8}{:>10}", self.started, self.tasks)?;
        let times = [self.start_up, self.init, self.wait, self.work, self.run, self.exit];
        times.iter().try_for_each(|time| write!(f, "{:>WIDTH$}", short(*time)))
    }
}

impl fmt::Display for Insights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<7}{:>8}{:>10}", "worker", "started", "tasks")?;
        ["start-up", "init", "wait", "work", "run", "exit"].iter().try_for_each(|name| write!(f, "{name:>WIDTH$}"))?;
        for worker in &self.workers {
            writeln!(f)?;
            worker.row(f, &worker.slot.to_string())?;
        }
        if self.workers.len() > 1 {
            writeln!(f)?;
            self.total().row(f, "all")?;
        }
        for (n, task) in self.slowest.iter().enumerate() {
            write!(f, "{}", if n == 0 { "\nslowest tasks:" } else { "" })?;
            write!(f, "\n{:>WIDTH$}  {task}", short(task.run))?;
        }
        Ok(())
    }
}

impl fmt::Display for SlowTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, name, worker, wait, args, args_bytes, .. } = self;
        write!(f, "{name}")?;
        match args {
            Some(args) => write!(f, "{args}")?,
            None => write!(f, "({args_bytes} bytes)")?,
        }
        write!(f, ", task {task} on worker {worker}, waited {}", short(*wait))
    }
}

/// Three digits and a unit.
fn short(time: Duration) -> String {
    let ns = time.as_nanos() as f64;
    let (number, unit) = match ns {
        0.0 => return "0s".to_owned(),
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    let digits = if number < 9.995 { 2 } else { usize::from(number < 99.95) };
    format!("{number:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_for_people_and_seconds_for_programs() {
        let worker = |slot, work| WorkerInsights {
            slot,
            started: 1,
            pid: Some(4711),
            tasks: 2,
            start_up: Duration::from_micros(1500),
            work: Duration::from_millis(work),
            run: Duration::from_nanos(999),
            ..WorkerInsights::default()
        };
        let slow = |args: Option<&str>| SlowTask {
            task: TaskId(7),
            name: "squares::square".to_owned(),
            worker: WorkerId { slot: 1, generation: 2 },
            wait: Duration::ZERO,
            run: Duration::from_secs(120),
            args: args.map(str::to_owned),
            args_bytes: 5000,
        };
        let all = Insights { workers: vec![worker(0, 2), worker(1, 10)], slowest: vec![slow(Some("(3)")), slow(None)] };
        let expected = "\
worker  started     tasks start-up     init     wait     work      run     exit
0             1         2   1.50ms       0s       0s   2.00ms    999ns       0s
1             1         2   1.50ms       0s       0s   10.0ms    999ns       0s
all           2         4   3.00ms       0s       0s   12.0ms   2.00µs       0s
slowest tasks:
     120s  squares::square(3), task 7 on worker 1.2, waited 0s
     120s  squares::square(5000 bytes), task 7 on worker 1.2, waited 0s";
        assert_eq!(all.to_string(), expected);
        let json = serde_json::to_value(&all).expect("JSON");
        assert_eq!((&json["workers"][1]["work_seconds"], &json["workers"][1]["pid"]), (&0.01.into(), &4711.into()));
        assert_eq!((&json["slowest"][0]["worker"], &json["slowest"][0]["task"]), (&"1.2".into(), &7.into()));
        assert_eq!((&json["slowest"][0]["args"], &json["slowest"][1]["args"]), (&"(3)".into(), &().into()));
    }
}
