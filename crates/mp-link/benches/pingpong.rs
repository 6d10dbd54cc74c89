//! Times bare ipc-channel between two processes: so many bytes there, so many back, one round trip after the other.
//!
//! Does **not** know mp: it is the least that a task over ipc-channel can cost, for who compares. Prints a line a size: name,
//! tab, microseconds for a round trip (the median of some rounds).
//!
//! `cargo bench -p mp-link --bench pingpong`; `scripts/side-by-side` runs it in turn with mp's pool.
#![expect(clippy::print_stdout, reason = "its output is the result")]

use std::env;
use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender, bytes_channel};

/// In the environment of the other process: where it says that it is there.
const PEER: &str = "MP_PINGPONG_PEER";

/// As many bytes as a `u64` and its square take in mp's frames, there and back.
const TASK: (usize, usize) = (32, 24);

const COUNT: u32 = 5_000;
const ROUNDS: usize = 5;

/// What the other process gives this one: the way there, and the way back.
type Ways = (IpcBytesSender, IpcBytesReceiver);

#[expect(clippy::disallowed_methods, reason = "its peer is no worker")]
fn main() -> Result<(), Box<dyn Error>> {
    if let Ok(name) = env::var(PEER) {
        return answer(&name);
    }
    let (server, name) = IpcOneShotServer::<Ways>::new()?;
    let mut peer = Command::new(env::current_exe()?).env(PEER, name).spawn()?;
    let (_, (there, back)) = server.accept()?;
    let question = vec![7; TASK.0];
    let mut rounds = (0..ROUNDS).map(|_| round(&question, (&there, &back))).collect::<Result<Vec<_>, _>>()?;
    rounds.sort();
    println!("ipc-channel\t{:.3}", rounds[ROUNDS / 2].as_secs_f64() * 1e6);
    drop(there);
    peer.wait()?;
    Ok(())
}

/// The median of single round trips, as mp's own bench takes it.
fn round(question: &[u8], (there, back): (&IpcBytesSender, &IpcBytesReceiver)) -> Result<Duration, Box<dyn Error>> {
    let mut taken = Vec::new();
    for _ in 0..COUNT {
        let began = Instant::now();
        there.send(question)?;
        let answer = back.recv().map_err(|error| format!("no answer: {error:?}"))?;
        taken.push(began.elapsed());
        assert_eq!(answer.len(), TASK.1);
    }
    taken.sort();
    Ok(taken[taken.len() / 2])
}

/// The other process: answers until nobody asks any more.
fn answer(name: &str) -> Result<(), Box<dyn Error>> {
    let (there, questions) = bytes_channel()?;
    let (answers, back) = bytes_channel()?;
    IpcSender::<Ways>::connect(name.to_owned())?.send((there, back))?;
    let answer = vec![7; TASK.1];
    while questions.recv().is_ok() {
        answers.send(&answer)?;
    }
    Ok(())
}
