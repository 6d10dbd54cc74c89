//! Who a process is, beyond its number, which is used again: whether it is still there, and since when.
//!
//! Does **not** wait, and holds nothing of the process.

/// When process `pid` began, in the kernel's ticks since boot. `None` when it has ended, also if nobody has reaped it.
#[must_use]
pub fn began(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything: what is behind its end counts.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let is_there = !matches!(fields.next()?, "Z" | "X" | "x");
    is_there.then_some(())?;
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_began_once_and_a_number_too_large_for_a_process_never() {
        let own = began(std::process::id());
        assert!(own.is_some());
        assert_eq!(began(std::process::id()), own);
        assert_eq!(began(u32::MAX), None);
    }
}
