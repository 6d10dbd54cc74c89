//! A run over one target: inputs made, given to it, and watched.
//!
//! Does **not** survive what it finds: a finding ends the run, and the input is in the file that was written before it was tried.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mp_sys::tally::Tally;

use crate::mutate::{Luck, mutate};
use crate::targets::Target;

/// More inputs are not kept in memory.
const POOL: usize = 4096;

/// What may be taken beside what the input's length allows: ipc-channel's receive buffer, and room to work.
const BASE: usize = 4 << 20;

/// For each byte of input: a `u128` may stand behind each, in a vector that has doubled.
const EACH: usize = 64;

/// A run over one target.
#[derive(Debug)]
pub struct Campaign<'a> {
    /// What is tried.
    pub target: &'a Target,
    /// Counts memory; `None` where this process does not.
    pub tally: Option<&'a Tally>,
    /// Where the input is written before it is tried.
    pub current: PathBuf,
}

/// What is wrong with an input.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// The target panicked.
    Panicked,
    /// It took so many bytes.
    Took(usize),
}

/// How far a run has come.
#[derive(Debug, Default)]
pub struct Done {
    /// Inputs tried.
    pub tried: u64,
    /// Ways that were different.
    pub trails: usize,
}

impl Campaign<'_> {
    /// The corpus of the target, from `folder`; none is an error: a target without a seed finds nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn corpus(&self, folder: &Path) -> io::Result<Vec<Vec<u8>>> {
        let folder = folder.join(self.target.name);
        let mut paths: Vec<_> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.sort();
        paths.iter().map(fs::read).collect()
    }

    /// Tries the seeds, and then changes of them, for `time` or `most` inputs.
    ///
    /// # Errors
    /// The first finding; its input is in [`Campaign::current`].
    pub fn run(&self, seeds: &[Vec<u8>], luck: &mut Luck, (time, most): (Duration, u64)) -> Result<Done, Found> {
        let end = Instant::now() + time;
        let file = File::create(&self.current).ok();
        let (mut seen, mut kept, mut done) = (HashSet::new(), vec![Vec::new()], Done::default());
        for seed in seeds {
            seen.insert(self.attempt(file.as_ref(), seed)?);
            kept.push(seed.clone());
        }
        while done.tried < most && Instant::now() < end {
            let mut input = kept[luck.below(kept.len())].clone();
            mutate(&mut input, &kept[luck.below(kept.len())], luck);
            done.tried += 1;
            if seen.insert(self.attempt(file.as_ref(), &input)?) && kept.len() < POOL {
                kept.push(input);
            }
        }
        done.trails = seen.len();
        Ok(done)
    }

    /// Tries one input.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn attempt(&self, file: Option<&File>, input: &[u8]) -> Result<crate::Trail, Found> {
        if let Some(file) = file {
            let framed = [&(input.len() as u64).to_le_bytes()[..], input].concat();
            // Without the file a finding has no input; it is found all the same.
            let _ = file.write_all_at(&framed, 0);
        }
        let body = || catch_unwind(AssertUnwindSafe(|| (self.target.run)(input)));
        let (trail, height) = match self.tally {
            Some(tally) => tally.height_of(body),
            None => (body(), 0),
        };
        let trail = trail.map_err(|_| Found::Panicked)?;
        if height > BASE + EACH * input.len() { Err(Found::Took(height)) } else { Ok(trail) }
    }
}

/// The input that was tried last, from the file that it was written to.
///
/// # Errors
/// When it is not there.
pub fn last_tried(current: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::read(current)?;
    let (len, rest) = bytes.split_first_chunk::<8>().ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(rest[..rest.len().min(u64::from_le_bytes(*len) as usize)].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trail;

    #[test]
    fn a_panic_is_found_and_its_input_kept() {
        let trips = |input: &[u8]| {
            assert!(!input.contains(&0xF2), "a mark");
            Trail::default()
        };
        let target = Target { name: "trips", run: trips };
        let current = std::env::temp_dir().join(format!("mp-fuzz-test-{}", std::process::id()));
        let campaign = Campaign { target: &target, tally: None, current: current.clone() };
        let ended = campaign.run(&[b"seed".to_vec()], &mut Luck::new(1), (Duration::from_secs(60), u64::MAX));
        let input = last_tried(&current).expect("written");
        fs::remove_file(&current).expect("there");
        assert_eq!(ended.map(|done| done.tried), Err(Found::Panicked));
        assert!(input.contains(&0xF2));
    }
}
