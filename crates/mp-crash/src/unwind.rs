//! From registers and a stack to the addresses of the calls.
//!
//! Does **not** know names.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use framehop::{CacheNative, ExplicitModuleSectionInfo, MayAllocateDuringUnwind, Unwinder as _, UnwinderNative};
use object::{Object as _, ObjectSection as _};

use crate::maps::Module;
use crate::{Left, MOST_FRAMES};

/// Bytes of a section; of all modules of one file the same.
type Bytes = std::sync::Arc<[u8]>;

/// The addresses to be looked up, innermost first: of the instruction, then of the calls that led there.
pub(crate) fn addresses(left: &Left, modules: &[Module]) -> Vec<u64> {
    let mut unwinder = UnwinderNative::<Bytes, MayAllocateDuringUnwind>::new();
    let mut sections = HashMap::new();
    for module in modules {
        let known = sections.entry(module.path.as_path()).or_insert_with(|| sections_of(&module.path));
        let Some(known) = known.clone() else { continue };
        let (name, range) = (module.name.clone(), module.range.clone());
        unwinder.add_module(framehop::Module::new(name, range, module.bias, known));
    }
    let mut cache = CacheNative::<MayAllocateDuringUnwind>::new();
    let mut read = |address| word(left, address).ok_or(());
    let mut frames = unwinder.iter_frames(left.instruction, registers(left), &mut cache, &mut read);
    let mut addresses = Vec::new();
    while let (true, Ok(Some(frame))) = (addresses.len() < MOST_FRAMES, frames.next()) {
        addresses.push(frame.address_for_lookup());
    }
    addresses
}

#[cfg(target_arch = "x86_64")]
fn registers(left: &Left) -> framehop::UnwindRegsNative {
    framehop::UnwindRegsNative::new(left.instruction, left.stack_pointer, left.frame_pointer)
}

#[cfg(target_arch = "aarch64")]
fn registers(left: &Left) -> framehop::UnwindRegsNative {
    framehop::UnwindRegsNative::new(left.link, left.stack_pointer, left.frame_pointer)
}

/// The eight bytes of the stack at `address`, if they were left.
fn word(left: &Left, address: u64) -> Option<u64> {
    let at = usize::try_from(address.checked_sub(left.stack_pointer)?).ok()?;
    left.stack.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// What unwinding needs of a file.
fn sections_of(path: &Path) -> Option<ExplicitModuleSectionInfo<Bytes>> {
    let bytes = object::ReadCache::new(fs::File::open(path).ok()?);
    let file = object::File::parse(&bytes).ok()?;
    let range = |name| {
        let section = file.section_by_name(name)?;
        Some(section.address()..section.address().saturating_add(section.size()))
    };
    let data = |name| file.section_by_name(name)?.data().ok().map(Bytes::from);
    Some(ExplicitModuleSectionInfo {
        text_svma: range(".text"),
        text: data(".text"),
        got_svma: range(".got"),
        eh_frame_svma: range(".eh_frame"),
        eh_frame: data(".eh_frame"),
        eh_frame_hdr_svma: range(".eh_frame_hdr"),
        eh_frame_hdr: data(".eh_frame_hdr"),
        ..ExplicitModuleSectionInfo::default()
    })
}
