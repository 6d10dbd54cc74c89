//! Memory that a copy of this process is going to write to, made its own before it is in a hurry.
//!
//! Does **not** know when a copy is made, nor what it does.
//!
//! A fork shares all memory until somebody writes to it: each page that is written to costs an exception first, in which it is
//! copied. What a worker writes to is much the same as what was written to before: the C library's data, the top of the stack,
//! the heap that is in use. A copy that waits for its orders has those pages copied by a few calls meanwhile.
#![expect(unsafe_code, reason = "memory is named by its address")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::ptr;

use nix::libc;

/// As `/proc/PID/pagemap` counts.
const PAGE: usize = crate::memfile::PAGE as usize;

/// A mapping of more bytes, or with more pages of its own, is data: a copy may write to anything of it or nothing.
const LONGEST: usize = 16 << 20;
const MOST: usize = 24;

/// The bytes of an entry there.
const ENTRY: usize = 8;

/// In an entry: the page is there; it is of a file, or shared.
const PRESENT: u64 = 1 << 63;
const OF_FILE: u64 = 1 << 61;

/// Pages of this process, as addresses.
#[derive(Debug, Default)]
pub struct Foresight(Vec<Range<usize>>);

impl Foresight {
    /// The pages of its own that this process has in each small mapping that can be written to.
    ///
    /// # Errors
    /// Where the system has no `/proc`, or forbids it.
    pub fn new() -> io::Result<Self> {
        let maps = std::fs::read_to_string("/proc/self/maps")?;
        let pages = File::open("/proc/self/pagemap")?;
        let mut all = Vec::new();
        for mapping in maps.lines().filter_map(writable) {
            let own = own_pages(&pages, mapping)?;
            if own.len() <= MOST {
                all.extend(joined(&own));
            }
        }
        Ok(Self(all))
    }

    /// In a copy: has all of them copied. Where the kernel cannot (before 5.14), that is done when they are written to.
    pub fn come_true(&self) {
        for Range { start, end } in &self.0 {
            // SAFETY: it has pages be there as a write to them would, which changes nothing in them.
            unsafe { libc::madvise(ptr::with_exposed_provenance_mut(*start), end - start, libc::MADV_POPULATE_WRITE) };
        }
    }
}

/// The mapping of a line of `/proc/PID/maps`, if it is private, can be written to, and not too long.
fn writable(line: &str) -> Option<Range<usize>> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = address(start)?..address(end)?;
    (rest.starts_with("rw-p") && range.len() <= LONGEST).then_some(range)
}

/// Where the pages lie that are there and nobody else's.
fn own_pages(pages: &File, mapping: Range<usize>) -> io::Result<Vec<usize>> {
    let mut entries = vec![0; mapping.len() / PAGE * ENTRY];
    pages.read_exact_at(&mut entries, (mapping.start / PAGE * ENTRY) as u64)?;
    let (entries, _) = entries.as_chunks::<ENTRY>();
    let is_own = |entry: &[u8; ENTRY]| u64::from_ne_bytes(*entry) & (PRESENT | OF_FILE) == PRESENT;
    Ok(mapping.step_by(PAGE).zip(entries).filter(|(_, entry)| is_own(entry)).map(|(page, _)| page).collect())
}

fn joined(pages: &[usize]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for page in pages {
        match ranges.last_mut() {
            Some(last) if last.end == *page => last.end += PAGE,
            _ => ranges.push(*page..page + PAGE),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_private_mappings_that_can_be_written_to_are_meant() {
        assert_eq!(writable("1000-3000 rw-p 00000000 00:00 0    [heap]"), Some(0x1000..0x3000));
        for other in
            ["1000-3000 r--p 0 0 0 /a", "1000-3000 rw-s 0 0 0 /a", "1000-2001000 rw-p 0 0 0", "", "nonsense rw-p"]
        {
            assert_eq!(writable(other), None, "{other}");
        }
    }

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(joined(&[]), []);
        let (one, two) = (PAGE * 7, PAGE * 9);
        assert_eq!(joined(&[one, one + PAGE, two + PAGE]), [one..one + 2 * PAGE, two + PAGE..two + 2 * PAGE]);
    }

    #[test]
    fn what_was_written_to_is_found_and_stays_as_it_is() {
        let on_stack = std::hint::black_box([7_u8; 64]);
        let address = on_stack.as_ptr().addr();
        let maps = std::fs::read_to_string("/proc/self/maps").expect("proc");
        let mapping = maps.lines().filter_map(writable).find(|range| range.contains(&address)).expect("a stack");
        let pages = own_pages(&File::open("/proc/self/pagemap").expect("proc"), mapping).expect("read");
        assert!(pages.contains(&(address / PAGE * PAGE)), "{pages:x?}");
        Foresight(joined(&pages)).come_true();
        assert_eq!(on_stack, [7; 64]);
    }
}
