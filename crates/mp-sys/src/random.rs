//! Bytes that nobody can guess, from the kernel.
//!
//! Does **not** know what they are for.
#![expect(unsafe_code, reason = "nix has no getrandom")]

use std::io;

use nix::libc;

/// So many random bytes.
///
/// # Errors
/// When the system has none to give: a kernel without the call.
pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    const { assert!(N <= 256, "so many bytes come in one piece, always") }
    let mut bytes = [0; N];
    // SAFETY: the buffer is as long as is said, and outlives the call.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), N, 0) };
    if usize::try_from(got) == Ok(N) { Ok(bytes) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_are_the_same() {
        assert_ne!(super::bytes::<16>().expect("some"), super::bytes::<16>().expect("others"));
    }
}
