//! `mp::Shared`: the same memory in every worker, on every backend, and gone when nobody has it.

use std::fs::{read_dir, read_link, read_to_string};

use mp::{Backend, Pool, Process, Shared};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::alone;
use crate::common::{bench, eventually, works};

const BACKENDS: [Backend; 3] = [Backend::Processes, Backend::Threads, Backend::Serial];
const COUNT: usize = 500_000;

fn table() -> Shared<[u64]> {
    Shared::build(COUNT, |to| (0..).zip(to).for_each(|(n, to)| *to = n)).expect("made")
}

fn part(table: Shared<[u64]>, from: usize) -> u64 {
    table[from..].iter().take(1000).sum()
}

fn expected(from: usize) -> u64 {
    (from as u64..COUNT as u64).take(1000).sum()
}

/// How often memory of this kind is mapped in a process, or is a descriptor there.
fn mappings(pid: u32) -> usize {
    read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default().matches("mp-shared").count()
}

fn descriptors(pid: u32) -> usize {
    let links = read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = links.filter_map(|fd| read_link(fd.path()).ok());
    links.filter(|link| link.to_string_lossy().contains("mp-shared")).count()
}

fn here() -> (usize, usize) {
    (mappings(std::process::id()), descriptors(std::process::id()))
}

fn checks(pool: &Pool, table: &Shared<[u64]>) {
    let items = || (0..40).map(|n| (table.clone(), n * 12_000));
    assert_eq!(pool.starmap(part, items()), Ok(items().map(|(_, from)| expected(from)).collect::<Vec<_>>()));
}

#[test]
fn every_worker_reads_the_same_memory_and_maps_it_once() {
    let _alone = alone();
    for backend in BACKENDS {
        bench("shared", backend, |bench| {
            let (pool, table) = (bench.pool(2), table());
            checks(&pool, &table);
            checks(&pool, &table.clone());
            let pids = pool.worker_pids();
            eventually("once in each, however many tasks", || {
                pids.iter().all(|pid| mappings(*pid) <= 1 && descriptors(*pid) <= 1)
            });
            eventually("one is left here", || here() == (1, 1));
            drop(table);
            eventually("it is gone where it was made", || here() == (0, 0));
            works(&pool);
        });
    }
}

#[test]
fn a_worker_that_is_killed_leaves_nothing_and_the_next_one_reads_on() {
    let _alone = alone();
    bench("killed", Backend::Processes, |bench| {
        let (pool, table) = (bench.pool(2), table());
        for _ in 0..5 {
            checks(&pool, &table);
            pool.worker_pids()
                .iter()
                .for_each(|pid| assert!(kill(Pid::from_raw(*pid as i32), Signal::SIGKILL).is_ok()));
        }
        checks(&pool, &table);
        eventually("one is left here", || here() == (1, 1));
    });
}

/// Many come and go: a worker keeps a few.
#[test]
fn a_worker_keeps_few_of_many() {
    let _alone = alone();
    bench("many_shared", Backend::Processes, |bench| {
        let pool = bench.pool(1);
        for n in 0..50_u32 {
            let shared = Shared::from_vec(vec![n; 1000]).expect("made");
            assert_eq!(pool.apply(|row: Shared<[u32]>| row.iter().sum::<u32>(), (shared,)), Ok(n * 1000));
        }
        let pids = pool.worker_pids();
        eventually("few are kept", || pids.iter().all(|pid| mappings(*pid) <= 8 && descriptors(*pid) <= 8));
        eventually("none is left here", || mappings(std::process::id()) == 0);
    });
}

#[test]
fn initializers_processes_and_values_take_it_too() {
    let _alone = alone();
    bench("initializer", Backend::Processes, |bench| {
        static HERE: std::sync::OnceLock<Shared<[u64]>> = std::sync::OnceLock::new();
        let keep = |table: Shared<[u64]>| drop(HERE.set(table));
        let table = table();
        let pool = bench.build(bench.builder().workers(2).initializer(keep, (table.clone(),)));
        let from_static = |from: usize| HERE.get().map(|table| part(table.clone(), from));
        assert_eq!(pool.apply(from_static, (5,)), Ok(Some(expected(5))));
        let process = Process::spawn(part, (table, 9)).expect("spawned");
        assert_eq!(process.join().expect("it runs"), expected(9));
        let point = Shared::from_value(&[3_i32, 4]).expect("made");
        assert_eq!(pool.apply(|point: Shared<[i32; 2]>| point[0] * point[1], (point,)), Ok(12));
        let nothing = Shared::<[u64]>::from_slice(&[]).expect("made");
        assert_eq!(pool.apply(|row: Shared<[u64]>| row.len(), (nothing,)), Ok(0));
    });
}

/// What was sealed cannot be written through the back door either.
#[test]
fn a_worker_cannot_write_what_is_shared() {
    use std::os::unix::fs::FileExt;
    let _alone = alone();
    bench("sealed", Backend::Processes, |bench| {
        let (pool, table) = (bench.pool(1), table());
        let tries = |table: Shared<[u64]>| {
            let at = (&raw const table[0]) as u64;
            let memory = std::fs::File::options().write(true).open("/proc/self/mem").expect("opened");
            (memory.write_all_at(&[255; 8], at).is_ok(), table[0])
        };
        assert_eq!(pool.apply(tries, (table.clone(),)), Ok((false, 0)));
        assert_eq!(table[0], 0);
    });
}
