//! A callback that keeps what it is given, for who asks later.

use std::sync::{Arc, Mutex};

use mp::{OutputLine, PoolBuilder};

use crate::common::found;

/// What a pool's workers wrote.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<OutputLine>>>);

impl Heard {
    pub(crate) fn by(&self, builder: PoolBuilder) -> PoolBuilder {
        let kept = self.clone();
        builder.on_output(move |line| kept.keep(line))
    }

    pub(crate) fn keep(&self, line: OutputLine) {
        self.0.lock().expect("no panic under it").push(line);
    }

    pub(crate) fn lines(&self) -> Vec<OutputLine> {
        self.0.lock().expect("no panic under it").clone()
    }

    /// Waits for a line with this text.
    pub(crate) fn line(&self, text: &str) -> OutputLine {
        found(&format!("the line {text:?}"), || self.lines().into_iter().find(|line| line.text == text))
    }
}
