//! A caller who is awake hears what workers have just found, before they have sent it; and then they need not send it.
//!
//! Does **not** wait. What is long, and what the workers beyond the first sixteen find, comes by the line.
//!
//! ```text
//!  caller:   begins ─▶ overhear ─ overhear ─ .. ─▶ its outcome ─────────────────────────▶ ends
//!                          │ values, accepted as from the line    └▶ none, and must sleep ─▶ ends ─ overhears once more
//!  worker:   value in the outbox ─ is anybody listening? ─ yes: waits for `heard` ─▶ forgets it
//!                                                        └ no, or no more: sends it
//! ```

use std::hint::spin_loop;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::engine::Engine;
use crate::reactor::Reactor;
use crate::state::State;

/// So many workers are listened to.
const LEAN_TO: usize = 16;

/// So often shared memory is looked at before anything else is.
const GLANCES: usize = 16;

/// One caller's listening, which begins with the first look and ends with this.
pub(crate) struct Listening<'a> {
    engine: &'a Weak<Engine>,
    begun: Option<Arc<Engine>>,
}

impl<'a> Listening<'a> {
    pub(crate) const fn new(engine: &'a Weak<Engine>) -> Self {
        Self { engine, begun: None }
    }

    /// Hears what workers say, by the line as well, for as long as it takes to look a few times. Gives whether `done` is.
    pub(crate) fn look(&mut self, done: impl Fn() -> bool) -> bool {
        let Ok(reactor) = Reactor::get() else { return false };
        if self.begun.is_none() {
            self.begun = self.engine.upgrade().filter(|engine| engine.begin_to_listen());
        }
        for engine in self.begun.iter().cycle().take(GLANCES) {
            reactor.guarded(&**engine, || engine.overhear());
            if done() {
                return true;
            }
            spin_loop();
        }
        reactor.lend_an_ear();
        done()
    }

    /// Who sleeps hears nothing. What workers kept to themselves until now is heard.
    pub(crate) fn end(&mut self) {
        if let (Some(engine), Ok(reactor)) = (self.begun.take(), Reactor::get()) {
            reactor.guarded(&*engine, || engine.end_to_listen());
        }
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

impl Engine {
    /// `false` where each task is timed: then its times come behind its value.
    fn begin_to_listen(&self) -> bool {
        if self.making.is_timed() {
            return false;
        }
        let mut state = self.state.lock();
        state.listeners += 1;
        state.say_who_listens();
        true
    }

    fn end_to_listen(&self) {
        let mut state = self.state.lock();
        state.listeners -= 1;
        if state.listeners == 0 {
            state.say_who_listens();
            // Whoever still read that somebody listens had left his record before: it can be seen now.
            let _all = (0..LEAN_TO).take_while(|_| self.overhear_one(&mut state)).count();
        }
        self.finish(state);
    }

    fn overhear(&self) {
        let Some(mut state) = self.state.try_lock() else { return };
        if self.overhear_one(&mut state) {
            self.finish(state);
        }
    }

    /// Takes what one worker has found, if one has.
    fn overhear_one(&self, state: &mut State) -> bool {
        let mut workers = state.workers.iter_mut().take(LEAN_TO).flatten();
        let heard = workers.find_map(|(io, _)| {
            let (heard, frame) = io.status.overhear(io.heard)?;
            io.heard = heard;
            Some((io.id, heard, frame))
        });
        let Some((worker, heard, frame)) = heard else { return false };
        // What it wrote wrongly is judged when it comes by the line: that it will, as it was not heard.
        if self.take_frame(state, Instant::now(), worker, &frame).is_ok() {
            state.worker(worker).iter().for_each(|io| io.status.hear(heard));
        }
        true
    }
}

impl State {
    fn say_who_listens(&self) {
        let listened = self.listeners > 0;
        self.workers.iter().take(LEAN_TO).flatten().for_each(|(io, _)| io.status.set_listened(listened));
    }
}
