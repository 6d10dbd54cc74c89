//! What a block of tasks cost beside time: context switches and memory, of this process and its workers.
//!
//! Does **not** measure time. Where `/proc` does not tell, nothing is said.

use std::fs;
use std::path::Path;

/// Notes what was, to tell what has been since.
#[derive(Debug)]
pub(crate) struct Account {
    pids: Vec<u32>,
    switches: u64,
    fresh_peaks: bool,
}

/// What happened since.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// How often a thread of any of the processes gave up its processor, or had to.
    pub(crate) switches: u64,
    /// The most memory that each had at a time, summed up, in bytes.
    pub(crate) peak_bytes: Option<u64>,
}

impl Account {
    /// From now on, for this process and these.
    pub(crate) fn open(workers: &[u32]) -> Self {
        let pids: Vec<_> = std::iter::once(std::process::id()).chain(workers.iter().copied()).collect();
        let fresh_peaks = pids.iter().filter(|pid| forget_peak(**pid)).count() == pids.len();
        Self { switches: pids.iter().map(|pid| switches(*pid)).sum(), pids, fresh_peaks }
    }

    /// Until now.
    pub(crate) fn close(&self) -> Cost {
        let now: u64 = self.pids.iter().map(|pid| switches(*pid)).sum();
        let peaks = || self.pids.iter().map(|pid| peak(*pid)).sum();
        // A peak that could not be forgotten may be of another time.
        Cost { switches: now.saturating_sub(self.switches), peak_bytes: if self.fresh_peaks { peaks() } else { None } }
    }
}

fn forget_peak(pid: u32) -> bool {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").is_ok()
}

fn peak(pid: u32) -> Option<u64> {
    fields(Path::new(&format!("/proc/{pid}/status")), &["VmHWM:"]).first().map(|kb| kb * 1024)
}

fn switches(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let names = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
    threads.map(|thread| fields(&thread.path().join("status"), &names).iter().sum::<u64>()).sum()
}

/// The numbers of the lines that begin with one of `names`.
fn fields(path: &Path, names: &[&str]) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let wanted = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    wanted.filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_given_back_is_in_the_peak() {
        let account = Account::open(&[]);
        drop(std::hint::black_box(vec![1_u8; 64 << 20]));
        let cost = account.close();
        assert!(cost.peak_bytes.is_none_or(|peak| peak > 64 << 20), "{cost:?}");
    }

    #[test]
    fn giving_up_the_processor_is_counted() {
        let account = Account::open(&[]);
        let (sender, receiver) = crossbeam_channel::bounded::<()>(0);
        std::thread::scope(|scope| {
            scope.spawn(move || (0..20).for_each(|_| sender.send(()).unwrap_or_default()));
            assert_eq!(receiver.iter().count(), 20);
            // The other thread's own counts are gone with it: this one waited for it at least once or spun all along.
            assert!(account.close().switches < 100_000);
        });
    }
}
