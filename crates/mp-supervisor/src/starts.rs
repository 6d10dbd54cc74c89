//! How an engine's workers come: asked for, made in whichever thread may, and settled in their places.
//!
//! Does **not** decide whether. What is done under the engine's lock does not wait; what may wait for the system is done in the
//! spawner's thread, in the forker's, or in that of a caller who would wait for it anyway.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use mp_scheduler::Event;
use mp_sys::child::{Launch, Signal, is_main_thread};
use mp_wire::WorkerId;

use crate::engine::Engine;
use crate::reactor::{Reactor, Registration, Source};
use crate::settings::{Backend, StartMethod};
use crate::spawner;
use crate::state::State;
use crate::worker_io::WorkerIo;

impl Engine {
    pub(crate) fn start(&self, state: &mut State, worker: WorkerId) -> Option<Event> {
        match (self.making.backend, self.making.start_method) {
            (Backend::Threads | Backend::Serial, _) => {
                let made = WorkerIo::thread(worker, &self.making.calling);
                self.settle_in(state, worker, made)
            }
            (Backend::Processes, StartMethod::Fork) => {
                state.to_fork.push(worker);
                None
            }
            (Backend::Processes, StartMethod::Spawn | StartMethod::ForkServer) if state.at_once => {
                state.to_bear.push(worker);
                None
            }
            (Backend::Processes, StartMethod::Spawn | StartMethod::ForkServer) => self.spawn(worker),
        }
    }

    fn spawn(&self, worker: WorkerId) -> Option<Event> {
        let engine = self.this.upgrade()?;
        let start = Box::new(move || {
            let made = engine.launch_process(worker);
            engine.born(worker, made);
            engine.replenish();
        });
        let refused = match &self.making.server {
            Some(server) => server.hand(start).is_err(),
            None => spawner::hand(start).is_err(),
        };
        refused.then(|| Event::StartFailed(worker, "no thread could be made to start it".to_owned()))
    }

    fn launch_process(&self, worker: WorkerId) -> io::Result<WorkerIo> {
        let streams = &self.making.streams;
        if let Some(server) = &self.making.server {
            return WorkerIo::forked_by(server, worker, (&self.making.calling, streams));
        }
        let launch = Launch {
            env: streams.env.clone(),
            stdout: streams.stdout.open()?,
            stderr: streams.stderr.open()?,
            ..Launch::default()
        };
        WorkerIo::spawn(worker, &self.making.calling, launch)
    }

    /// Has the first workers made in this thread, which would only wait for another one to do it. Those who would end with this
    /// thread are started by another one all the same.
    pub(crate) fn bear_at_once(&self) {
        let mut state = self.state.lock();
        state.at_once = false;
        let wanted = std::mem::take(&mut state.to_bear);
        drop(state);
        let here = self.making.server.is_some() || is_main_thread();
        for worker in wanted {
            if here {
                self.born(worker, self.launch_process(worker));
            } else if let Some(event) = self.spawn(worker) {
                self.event(event);
            }
        }
    }

    /// Has the next worker made ahead of time, where one is to be expected to be wanted. To be called when the last has its work.
    pub(crate) fn replenish(&self) {
        if let Some(server) = &self.making.server {
            server.replenish();
        }
    }

    fn born(&self, worker: WorkerId, made: io::Result<WorkerIo>) {
        let mut state = self.state.lock();
        if let Some(event) = self.settle_in(&mut state, worker, made) {
            self.step(&mut state, Instant::now(), event);
        }
        if let Some(Err(error)) = state.worker(worker).map(WorkerIo::let_go) {
            self.step(
                &mut state,
                Instant::now(),
                Event::Broke(worker, format!("could not be told who it is: {error}")),
            );
        }
        self.finish(state);
        self.ended.notify_all();
    }

    /// All at once, before any thread is made to hear them: a fork needs a process with one thread.
    pub(crate) fn fork_all(&self, state: &mut State) {
        let wanted = std::mem::take(&mut state.to_fork);
        let made: Vec<_> = wanted.into_iter().map(|id| (id, WorkerIo::fork(id, &self.making.calling))).collect();
        for (worker, made) in made {
            if let Some(event) = self.settle_in(state, worker, made) {
                self.step(state, Instant::now(), event);
            }
        }
    }

    /// A new worker takes its place, unless it was to end before it was there.
    fn settle_in(&self, state: &mut State, worker: WorkerId, made: io::Result<WorkerIo>) -> Option<Event> {
        let registered = made.and_then(|io| {
            match self.register(&io) {
                Ok(registrations) => Ok((io, registrations)),
                Err(error) => {
                    // Nobody would hear of it.
                    io.child.iter().for_each(|child| child.end());
                    Err(error)
                }
            }
        });
        match registered {
            Ok(entry) => {
                crate::log::debug!(%worker, pid = entry.0.pid(), "worker started");
                let known = entry.0.known;
                state.born = entry.0.child.clone();
                if state.pauses.is_on() {
                    entry.0.child.iter().for_each(|child| child.signal(Signal::SIGSTOP));
                }
                state.workers[worker.slot as usize] = Some(entry);
                match state.is_stopping(worker) {
                    true => self.signal(state, worker, Signal::SIGKILL),
                    false if known => Some(Event::Hello(worker)),
                    // It has one task, which nobody else could run meanwhile.
                    false if self.making.calling.alone => Some(Event::Trusted(worker)),
                    false => Some(Event::Born(worker)),
                }
            }
            Err(error) => {
                let error = mp_sys::descriptors::explain(error);
                let reason = error.to_string();
                state.start_error = Some(error);
                Some(Event::StartFailed(worker, reason))
            }
        }
    }

    fn register(&self, io: &WorkerIo) -> io::Result<Vec<Registration>> {
        let engine = self.this.upgrade().ok_or_else(|| io::Error::other("pool is gone"))?;
        let reactor = Reactor::get()?;
        let line = reactor.add(io.line.as_fd(), (Arc::<Self>::clone(&engine), io.id, Source::Line))?;
        let Some(child) = &io.child else { return Ok(vec![line]) };
        match reactor.add(child.as_fd(), (engine, io.id, Source::Exit)) {
            Ok(exit) => Ok(vec![line, exit]),
            Err(error) => {
                reactor.remove(io.line.as_fd(), line);
                Err(error)
            }
        }
    }
}
