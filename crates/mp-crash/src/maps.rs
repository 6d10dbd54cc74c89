//! Which files had code where, read from the text of `/proc/PID/maps`.
//!
//! Does **not** believe it: of the files it names only those count from which this process has mapped code itself (X1).

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use object::{Object as _, ObjectSegment as _};

/// A program or library.
#[derive(Debug)]
pub(crate) struct Module {
    /// As the process had it.
    pub(crate) name: String,
    /// By which it can be opened here.
    pub(crate) path: PathBuf,
    /// Its code, in the process that is gone.
    pub(crate) range: Range<u64>,
    /// What is to be taken from an address there to have the one in the file.
    pub(crate) bias: u64,
}

/// A line of maps that names a file with code.
struct Line<'a> {
    range: Range<u64>,
    offset: u64,
    name: &'a str,
}

/// The modules of a process with such `maps`, of the same program as this one.
pub(crate) fn modules(maps: &str) -> Vec<Module> {
    let own_maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let own: HashSet<&str> = own_maps.lines().filter_map(line).map(|line| line.name).collect();
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    let module = |line: Line<'_>| {
        // What was replaced since it was started has another name by now, and is found by this one.
        let is_program = program.to_str() == Some(line.name);
        let path = PathBuf::from(if is_program { "/proc/self/exe" } else { line.name });
        let bias = line.range.start.wrapping_sub(address_in(&path, line.offset)?);
        Some(Module { name: line.name.to_owned(), path, range: line.range, bias })
    };
    maps.lines().filter_map(line).filter(|line| own.contains(line.name)).filter_map(module).collect()
}

fn line(text: &str) -> Option<Line<'_>> {
    let mut words = text.splitn(6, ' ');
    let (range, permissions, offset) = (words.next()?, words.next()?, words.next()?);
    let name = words.nth(2)?.trim_start();
    let (start, end) = range.split_once('-')?;
    let [start, end, offset] = [start, end, offset].map(|number| u64::from_str_radix(number, 16).ok());
    let is_code = permissions.as_bytes().get(2) == Some(&b'x') && name.starts_with('/');
    is_code.then_some(Line { range: start?..end?, offset: offset?, name })
}

/// The address at which the file itself says that the byte at `offset` lies.
fn address_in(path: &PathBuf, offset: u64) -> Option<u64> {
    let bytes = object::ReadCache::new(fs::File::open(path).ok()?);
    let file = object::File::parse(&bytes).ok()?;
    let has = |segment: &object::Segment<'_, '_, _>| {
        let (start, len) = segment.file_range();
        (start & !0xfff..start.saturating_add(len)).contains(&offset)
    };
    let segment = file.segments().filter(has).last()?;
    Some(segment.address().wrapping_add(offset).wrapping_sub(segment.file_range().0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_code_of_a_file_are_read_and_no_others() {
        let read = |text| line(text).map(|line| (line.range, line.offset, line.name));
        let code = "7f00-7f80 r-xp 00001000 08:01 42                 /usr/lib/with space.so";
        assert_eq!(read(code), Some((0x7f00..0x7f80, 0x1000, "/usr/lib/with space.so")));
        for other in
            ["7f00-7f80 rw-p 0 08:01 42 /a", "7f00-7f80 r-xp 0 00:00 0 [vdso]", "7f00-7f80 r-xp 0 00:00 0", "", "x"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_that_is_not_mapped_here_is_never_opened() {
        assert!(modules("1000-2000 r-xp 00000000 00:00 0 /etc/passwd\n").is_empty());
    }
}
