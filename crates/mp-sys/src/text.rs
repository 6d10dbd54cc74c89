//! Program text that stays mapped in a copy of this process.
//!
//! Does **not** know when a copy is made.
//!
//! The kernel does not copy where the pages of a file lie when it forks: the copy looks each of them up anew when it first
//! runs there, which costs a fault for every sixteen pages. It does copy that of a mapping in which some page is the process's
//! own, since it would have to look for those anyway. So one page of each mapping of program text is made one: a byte of it is
//! written as it is, by `/proc/self/mem`, which may do so as a debugger may. And since each page that lies there costs something
//! at every fork and every end, those that only the start has needed are let go before.
#![expect(unsafe_code, reason = "memory is named by its address")]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::ptr;

use nix::libc;

/// Has no page of text mapped, and from now on copied what is mapped again. To be called while the process has one thread: a
/// page is exchanged for a copy of itself.
///
/// # Errors
/// Where the system has no `/proc`, or forbids it. Then it costs copies of this process a little more.
pub fn keep_from_now() -> io::Result<()> {
    let maps = std::fs::read_to_string("/proc/self/smaps")?;
    let memory = File::options().read(true).write(true).open("/proc/self/mem")?;
    for (start, len) in texts(&maps) {
        // SAFETY: of a private mapping of a file, in which no page is the process's own, all that is let go comes back as it
        // was. This is the only thread, and runs in one of them at most.
        unsafe { libc::madvise(ptr::with_exposed_provenance_mut(start), len, libc::MADV_DONTNEED) };
        let mut byte = [0];
        memory.read_exact_at(&mut byte, start as u64)?;
        memory.write_all_at(&byte, start as u64)?;
    }
    Ok(())
}

/// The mappings of program text in `/proc/PID/smaps`: private, of a file, not writable, unchanged. Where each begins, and how
/// long it is.
fn texts(maps: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut text = None;
    for line in maps.lines() {
        match line.split_once(':') {
            Some(("Anonymous", amount)) if amount.trim() == "0 kB" => found.extend(text.take()),
            Some((name, _)) if !name.contains(' ') => {}
            Some(_) | None => text = text_at(line),
        }
    }
    found
}

fn text_at(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, rights) = (fields.next()?, fields.next()?);
    let inode = fields.nth(2)?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    (rights == "r-xp" && inode != "0").then_some((start, end.checked_sub(start)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unchanged_text_of_files_is_meant() {
        let of = |head: &str, anonymous: &str| {
            texts(&format!("{head}\nSize: 4 kB\nAnonymous: {anonymous} kB\nVmFlags: rd\n"))
        };
        let head = "7f00-8f00 r-xp 00000000 08:02 173521                     /usr/lib/a b.so";
        assert_eq!(of(head, "0"), [(0x7f00, 0x1000)]);
        assert_eq!(of(head, "4"), [], "a page has been changed: a breakpoint, a relocation");
        for other in ["7f00-8f00 r-xp 0 00:00 0 [vdso]", "7f00-8f00 rw-p 0 08:02 7 /a", "7f00-8f00 r-xs 0 08:02 7 /a"] {
            assert_eq!(of(other, "0"), [], "{other}");
        }
    }

    #[test]
    fn this_test_runs_in_some_text() {
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("proc");
        let here = texts as *const () as usize;
        assert!(texts(&maps).iter().any(|(start, len)| (*start..start + len).contains(&here)), "{maps}");
    }
}
