//! What one's own function costs on workers, and whether they pay for it.
//!
//! $ cargo run --example measure_own_task -- 200000
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Duration;

use mp_measure::{Control, Function, Mode, Own};

/// The sum of so many square roots.
fn roots(count: u64) -> f64 {
    (0..count).map(|n| (n as f64).sqrt()).sum()
}

fn main() -> Result<(), Box<dyn Error>> {
    mp::init();
    let count = std::env::args().nth(1).map_or(Ok(200_000), |text| text.parse())?;
    let own = Own { workers: 2, rounds: 3, time_budget: Duration::from_secs(3) };
    let report = own.run(&Function::new(roots, (count,)), &Control::none())?;
    print!("{}", report.table());
    let spawned = report.mode(Mode::Spawn).ok_or("the time was too short")?;
    println!("A single call on a worker is {:.0} % overhead.", spawned.overhead_single * 100.0);
    Ok(())
}
