//! Every seed of the corpus, and some changes of each, through every target; the long runs are `mp-fuzz`'s.

use std::path::Path;
use std::time::Duration;

use mp_fuzz::{ALL, Campaign, Luck};

const CHANGES: u64 = 300;

#[test]
fn no_decoder_stumbles_over_the_corpus_or_over_changes_of_it() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in ALL {
        let current = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.current", target.name));
        let campaign = Campaign { target, tally: None, current: current.clone() };
        let seeds = campaign.corpus(&corpus).unwrap_or_else(|error| panic!("no corpus for {}: {error}", target.name));
        let ended = campaign.run(&seeds, &mut Luck::new(7), (Duration::from_secs(20), CHANGES));
        assert!(ended.is_ok(), "{}: {ended:?}, the input is in {}", target.name, current.display());
    }
}

#[test]
fn every_folder_of_the_corpus_has_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in std::fs::read_dir(corpus).expect("a corpus") {
        let name = entry.expect("an entry").file_name();
        assert!(ALL.iter().any(|target| *target.name == *name), "{} has seeds and no target", name.display());
    }
}
