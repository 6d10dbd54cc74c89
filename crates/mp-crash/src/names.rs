//! From addresses to functions and lines.
//!
//! Does **not** unwind.

use std::collections::HashMap;

use addr2line::{Loader, Location};

use crate::Frame;
use crate::maps::Module;

/// The frames at `addresses`; several for one where functions were inlined.
pub(crate) fn name(addresses: &[u64], modules: &[Module]) -> Vec<Frame> {
    let mut loaders = HashMap::new();
    let mut named = Vec::new();
    for &address in addresses {
        let Some(module) = modules.iter().find(|module| module.range.contains(&address)) else {
            named.push(Frame { address, ..Frame::default() });
            continue;
        };
        let loader = loaders.entry(module.path.as_path()).or_insert_with(|| Loader::new(&module.path).ok());
        let at = address.wrapping_sub(module.bias);
        let found = loader.as_ref().map(|loader| look_up(loader, at)).unwrap_or_default();
        let module = Some(module.name.clone());
        named.extend(found.into_iter().map(|(function, location)| Frame {
            address,
            function,
            location,
            module: module.clone(),
        }));
    }
    named
}

/// Functions and places at `at`, innermost first: at least one, if only of unknowns.
fn look_up(loader: &Loader, at: u64) -> Vec<(Option<String>, Option<String>)> {
    let mut found = Vec::new();
    if let Ok(mut frames) = loader.find_frames(at) {
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.and_then(|name| Some(name.demangle().ok()?.into_owned()));
            found.push((function, frame.location.as_ref().and_then(place)));
        }
    }
    if found.iter().all(|(function, _)| function.is_none()) {
        let symbol = loader.find_symbol(at).map(|name| addr2line::demangle_auto(name.into(), None).into_owned());
        let location = found.pop().and_then(|(_, location)| location);
        found = vec![(symbol, location)];
    }
    found
}

fn place(location: &Location<'_>) -> Option<String> {
    let mut place = location.file?.to_owned();
    for number in [location.line, location.column].into_iter().map_while(|number| number.filter(|number| *number > 0)) {
        place.push_str(&format!(":{number}"));
    }
    Some(place)
}
