//! What every test here runs under: a watchdog that tells what it sees, and a look at what is left behind.
//!
//! ```text
//!  bench(name, backend, body) ─▶ each start method ─▶ watchdog ─▶ body(&Bench) ─▶ pools dropped
//!     ─▶ nobody of them left
//!         └─▶ no other test runs? then also: no child at all, no descriptor more, nothing new in /dev/shm
//! ```

pub(crate) mod left;

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use mp::{Backend, Pool, PoolBuilder, StartMethod};

/// A test that takes longer hangs. Generous: the machine may be busy with something else.
const LIMIT: Duration = Duration::from_secs(900);

/// What comes at all comes before this.
const LONG: Duration = Duration::from_secs(100);

/// What a test has at hand.
pub(crate) struct Bench {
    pub(crate) backend: Backend,
    pub(crate) start_method: StartMethod,
    name: String,
    pools: Arc<Mutex<Vec<Weak<Pool>>>>,
}

impl Bench {
    /// A pool of this test's backend, to be configured.
    pub(crate) fn builder(&self) -> PoolBuilder {
        Pool::builder().backend(self.backend).start_method(self.start_method).name(&self.name)
    }

    /// Builds a pool, and shows it to the watchdog.
    pub(crate) fn build(&self, builder: PoolBuilder) -> Arc<Pool> {
        let pool = Arc::new(builder.build().expect("a pool"));
        self.pools.lock().expect("no panic under it").push(Arc::downgrade(&pool));
        pool
    }

    /// A pool of so many workers.
    pub(crate) fn pool(&self, workers: usize) -> Arc<Pool> {
        self.build(self.builder().workers(workers))
    }
}

/// Runs `body` over each way in which workers of this backend start.
pub(crate) fn bench(name: &str, backend: Backend, body: impl Fn(&Bench)) {
    let methods = match backend {
        Backend::Processes => &[StartMethod::Spawn, StartMethod::ForkServer][..],
        _ => &[StartMethod::Spawn],
    };
    methods.iter().for_each(|method| bench_by(*method, name, backend, &body));
}

/// Runs `body` under a watchdog, and looks at what it leaves.
pub(crate) fn bench_by(start_method: StartMethod, name: &str, backend: Backend, body: impl FnOnce(&Bench)) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let turn = left::take_turn();
    let name = format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let bench = Bench { backend, start_method, name: name.clone(), pools: Arc::default() };
    let watchdog = watch(name.clone(), Arc::clone(&bench.pools));
    body(&bench);
    drop(bench);
    left::nobody_of(&name);
    left::nothing_at_all(turn);
    drop(watchdog);
}

/// A plain task, and its proof that the pool still runs one.
pub(crate) fn works(pool: &Pool) {
    assert_eq!(pool.apply(|n: u64| n + 1, (41,)), Ok(42), "a plain task afterwards");
}

/// Waits until `condition` holds: for what the kernel shows, and nothing tells.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    found(what, || condition().then_some(()));
}

/// As [`eventually`], and gives what was looked for.
#[track_caller]
pub(crate) fn found<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        // sleep: /proc has no event for its changes; this is the one place that polls it.
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ends the process, with all that can be seen, unless what it gives is dropped in time.
fn watch(name: String, pools: Arc<Mutex<Vec<Weak<Pool>>>>) -> Sender<()> {
    let (alive, ended) = channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            say(&format!("\n{name} hangs: no end after {LIMIT:?}\n{}", left::describe_children()));
            // Whoever hangs may hold a lock that the description of a pool needs.
            std::thread::spawn(move || describe(&pools));
            let _ = ended.recv_timeout(Duration::from_secs(3));
            std::process::abort();
        }
    });
    alive
}

/// Past the capture of the test harness, which ends with the process and shows nothing then.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn describe(pools: &Mutex<Vec<Weak<Pool>>>) {
    for pool in pools.lock().iter().flat_map(|pools| pools.iter()).filter_map(Weak::upgrade) {
        say(&format!("{pool:#?}"));
        // Dropped here, it would wait for what hangs.
        std::mem::forget(pool);
    }
}
