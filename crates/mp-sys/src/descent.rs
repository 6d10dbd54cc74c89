//! The children of a process, and theirs: to be ended with it, also where they have left its process group.
//!
//! Does **not** find those whose parent has died already: they are init's.

use std::fs;

use crate::pidfd::Pidfd;

/// More are not looked for: each is a descriptor.
const MOST: usize = 64;

/// The descendants that the process `pid`, a child of this one whose status was not taken, has now: 64 at most.
#[must_use]
pub fn of(pid: u32) -> Vec<Pidfd> {
    let (mut found, mut parents) = (Vec::new(), vec![pid]);
    while let Some(parent) = parents.pop() {
        for child in children(parent) {
            if found.len() == MOST {
                return found;
            }
            let Ok(pidfd) = Pidfd::open(child) else { continue };
            // Had the number been given to another meanwhile, its parent would be another too.
            if parent_of(child) == Some(parent) {
                found.push(pidfd);
                parents.push(child);
            }
        }
    }
    found
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process with a child, for want of a worker")]
    fn a_child_and_its_child_are_found() {
        let script = "sleep 1000 & echo; wait";
        let mut shell = std::process::Command::new("sh");
        let mut shell = shell.args(["-c", script]).stdout(std::process::Stdio::piped()).spawn().expect("a shell");
        let mut line = [0];
        std::io::Read::read_exact(shell.stdout.as_mut().expect("piped"), &mut line).expect("its child is there");
        let found = of(shell.id());
        found.iter().for_each(|child| child.signal(crate::pidfd::Signal::SIGKILL).expect("it is there"));
        assert_eq!(found.len(), 1);
        assert!(!of(std::process::id()).is_empty(), "the shell is this process's");
        shell.wait().expect("it ends with its child");
    }
}
