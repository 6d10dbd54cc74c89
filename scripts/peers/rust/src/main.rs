//! The same work on mp, procspawn, rayon and plain threads: `peers POOL WORK` prints microseconds for one task.
//!
//! Does **not** compare: `../run` takes the rounds in turn.

mod ours;
mod procspawned;
mod threads;
mod work;

use work::Work;

/// Has one kind of pool do one kind of work; gives the time of one task, or nothing where it cannot do that.
type Runner = fn(Work) -> Option<f64>;

const POOLS: [(&str, Runner); 6] = [
    ("mp", ours::spawned),
    ("mp (fork server)", ours::forked),
    ("mp (threads)", ours::threads),
    ("procspawn", procspawned::run),
    ("rayon", threads::rayon),
    ("threads + channel", threads::channel),
];

fn main() {
    mp::init();
    procspawn::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pool, work] = &arguments[..] else {
        eprintln!("usage: peers POOL WORK\npools: {:?}\nwork: {:?}", POOLS.map(|(name, _)| name), Work::NAMES);
        std::process::exit(2);
    };
    let runner = POOLS.iter().find(|(name, _)| name == pool);
    let (Some((_, runner)), Some(work)) = (runner, Work::named(work)) else {
        eprintln!("no such pool or work: {pool} {work}");
        std::process::exit(2);
    };
    match runner(work) {
        Some(micros) => println!("{micros:.4}"),
        None => println!("-"),
    }
}
