//! What `ps` shows as this process's arguments, and [`std::env::args`] gives, overwritten in place.
//!
//! Does **not** make room: whoever starts the process gives it arguments that are long enough.
#![expect(unsafe_code, reason = "the arguments lie in memory that is known by its address only")]

use std::io;
use std::ptr;

/// The fields of `/proc/self/stat` that say where the arguments begin and end, counted from the one after the name.
const ARG_START: usize = 45;

/// Where the arguments of this process lie.
#[derive(Clone, Copy, Debug)]
pub struct Title {
    start: *mut u8,
    len: usize,
}

impl Title {
    /// Where they lie.
    ///
    /// # Errors
    /// When `/proc` is not mounted or does not tell.
    pub fn find() -> io::Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(ARG_START);
        let mut numbers = fields.map_while(|field| field.parse::<usize>().ok());
        let (start, end) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        match end.checked_sub(start) {
            Some(len) if start != 0 => Ok(Self { start: ptr::with_exposed_provenance_mut(start), len }),
            Some(_) | None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Writes `texts` over the arguments after the program's name, each cut to the length of the one that was there.
    ///
    /// To be called while the process has one thread.
    pub fn write(&self, texts: &[&str]) {
        let mut at = self.past(0);
        for text in texts {
            let end = self.past(at);
            let Some(room) = end.checked_sub(at + 1) else { return };
            let text = &text.as_bytes()[..text.floor_char_boundary(room)];
            for offset in 0..room {
                // SAFETY: `at + offset` is below `len`: within what the kernel says are this process's arguments, which it
                // put into this process's own memory, writable. One thread, so nobody reads them now.
                unsafe { self.start.add(at + offset).write(text.get(offset).copied().unwrap_or(0)) };
            }
            at = end;
        }
    }

    /// Where the argument ends that begins at `at`, its NUL included.
    fn past(&self, at: usize) -> usize {
        // SAFETY: within the arguments, as above.
        let nul = (at..self.len).find(|offset| unsafe { self.start.add(*offset).read() } == 0);
        nul.map_or(self.len, |nul| nul + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_argument_has_the_room_of_the_one_before() {
        let mut area = *b"program\0mp-worker\0first-----\0second\0";
        let title = Title { start: area.as_mut_ptr(), len: area.len() };
        title.write(&["mp-worker", "3.2", "much too long"]);
        assert_eq!(&area, b"program\0mp-worker\x003.2\0\0\0\0\0\0\0\0much t\0");
    }

    #[test]
    fn the_arguments_of_this_process_are_found() {
        let title = Title::find().expect("told");
        // SAFETY: the arguments of this process, as in `past`.
        let first = unsafe { std::ffi::CStr::from_ptr(title.start.cast()) };
        assert_eq!(first.to_bytes(), std::env::args_os().next().expect("a name").as_encoded_bytes());
    }
}
