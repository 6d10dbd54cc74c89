//! The facts about the machine without which figures say little.
//!
//! Does **not** fail: what the system does not tell is left out.

use std::fs;

use serde::Serialize;

/// What the figures were measured on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// As the processor calls itself.
    pub cpu: Option<String>,
    /// Processors that are there.
    pub cores: usize,
    /// Processors that this process may use, by its affinity mask: `0-3,7`.
    pub affinity: Option<String>,
    /// How many processors' time the control group allows; `None` without limit.
    pub cgroup_cpus: Option<f64>,
    /// How many workers pay at most, by all of that: `mp::cpu_count()`.
    pub usable: usize,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// How the frequency of the processors is governed.
    pub governor: Option<String>,
    /// Whether the processor is a virtual machine's.
    pub virtual_machine: bool,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Average number of running threads in the minute before.
    pub load: Option<f64>,
    /// Whether this program was compiled with optimization.
    pub optimized: bool,
}

impl Machine {
    /// Asks the system, now.
    #[must_use]
    pub fn look() -> Self {
        let info = read("/proc/cpuinfo").unwrap_or_default();
        let cores = info.lines().filter(|line| line.starts_with("processor")).count();
        Self {
            cpu: after(&info, "model name").or_else(|| after(&info, "Hardware")),
            cores: cores.max(1),
            affinity: after(&read("/proc/self/status").unwrap_or_default(), "Cpus_allowed_list"),
            cgroup_cpus: cgroup_cpus(),
            usable: mp::cpu_count(),
            kernel: read("/proc/sys/kernel/osrelease"),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            virtual_machine: after(&info, "flags")
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            memory_bytes: after(&read("/proc/meminfo").unwrap_or_default(), "MemTotal")
                .and_then(|text| kilobytes(&text)),
            load: read("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
            optimized: !cfg!(debug_assertions),
        }
    }

    /// What a reader must know before any figure.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let busy = self.load.filter(|load| *load > 0.5 * self.usable as f64);
        let load =
            busy.map(|load| format!("the machine was busy when this began (load {load:.1}): figures are too large"));
        let slow = (!self.optimized).then(|| "compiled without optimization: use --release".to_owned());
        load.into_iter().chain(slow).collect()
    }

    /// The facts in some words each.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let cores = format!("{} ({} usable)", self.cores, self.usable);
        let quota = self.cgroup_cpus.map_or("none".to_owned(), |cpus| format!("{cpus:.1} processors"));
        let cpu =
            self.cpu.clone().map(|cpu| if self.virtual_machine { format!("{cpu}, virtual machine") } else { cpu });
        let facts = [
            ("processor", cpu),
            ("cores", Some(cores)),
            ("affinity", self.affinity.clone()),
            ("cgroup quota", Some(quota)),
            ("kernel", self.kernel.clone()),
            ("governor", self.governor.clone()),
            ("memory", self.memory_bytes.map(crate::show_bytes)),
            ("load at start", self.load.map(|load| format!("{load:.2}"))),
        ];
        facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What follows the colon in the first line that begins with `name`.
fn after(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn kilobytes(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The least that this process's control group, or one above it, allows (version 2).
fn cgroup_cpus() -> Option<f64> {
    let groups = read("/proc/self/cgroup")?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
    let above = std::iter::successors(Some(path.as_str()), |path| path.rsplit_once('/').map(|(above, _)| above));
    let quotas = above.filter_map(|path| quota(&read(&format!("/sys/fs/cgroup{path}/cpu.max"))?));
    quotas.min_by(f64::total_cmp)
}

/// `200000 100000` allows two processors, `max 100000` all.
fn quota(text: &str) -> Option<f64> {
    let (quota, period) = text.split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_everywhere_is_there() {
        let machine = Machine::look();
        assert!(
            machine.kernel.is_some() && machine.affinity.is_some() && machine.memory_bytes.is_some(),
            "{machine:?}"
        );
        assert!(machine.cores >= 1 && machine.usable >= 1);
    }

    #[test]
    fn quotas_are_read() {
        assert_eq!([quota("150000 100000"), quota("max 100000"), quota("")], [Some(1.5), None, None]);
    }
}
