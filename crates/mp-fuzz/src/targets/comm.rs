//! Connections, pipes and managers: what comes of a peer that says anything.
//!
//! Does **not** know what crosses: `mp-comm` has the other ends.

use mp_comm::rubbish;

use crate::Trail;

/// Messages in a stream: none is longer than was allowed, or than what came.
pub(super) fn connection(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let (lengths, end) = rubbish::streamed(data);
    let all: usize = lengths.iter().map(|len| len + 4).sum();
    assert!(all <= data.len(), "{lengths:?} in {} bytes", data.len());
    lengths.iter().for_each(|len| trail.size(*len as u64));
    trail.text(&end);
    trail
}

/// Nobody gets in without the key, at either end.
pub(super) fn handshake(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    let refused = rubbish::introduced(data).expect_err("a server without the key");
    trail.text(&refused.to_string());
    assert!(!rubbish::challenged(data), "a client without the key");
    trail
}

/// A packet, alone and with a file; as values that carry descriptors, and as an end of a pipe.
pub(super) fn packet(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    for file in [None, Some(data)] {
        match rubbish::packed::<Vec<String>>(data, file) {
            Ok((texts, _)) => trail.size(texts.len() as u64),
            Err(error) => trail.text(&error.to_string()),
        }
        match rubbish::packed::<rubbish::Travelled>(data, file) {
            Ok(_) => trail.step(1),
            Err(error) => trail.text(&error.to_string()),
        }
    }
    trail
}

/// Requests of two clients.
pub(super) fn manager(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    rubbish::served(data).iter().for_each(|reply| trail.text(reply));
    trail
}

/// What a manager says, and what its owner does.
pub(super) fn manager_words(data: &[u8]) -> Trail {
    let mut trail = Trail::default();
    for words in rubbish::heard(data) {
        let (kind, text) = words.map_or_else(|error| (0, error), |text| (1, text));
        trail.step(kind);
        trail.text(&text);
    }
    trail
}
