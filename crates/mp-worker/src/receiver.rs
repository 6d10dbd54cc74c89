//! Waiting for the next frame: awake for a moment where that pays, by the mailbox or by the line.
//!
//! Does **not** know what frames say.
//!
//! ```text
//!  awake:   mailbox open ─▶ mail? ─▶ more by the line? ─▶ was the answer heard? does still somebody listen? ─┐
//!               ▲                                                                                           │
//!               └────────────────────────────── a moment long ──────────────────────────────────────────────┘
//!  asleep:  mailbox closed ─▶ mail? ─▶ answers sent ─▶ the line
//! ```

use std::hint::spin_loop;

use mp_link::{Line, LinkError, Spin, Status};

use crate::outbound::Outbound;

/// So many looks at shared memory before others are let through.
const GLANCES: u32 = 16;

type Frame = Result<Vec<u8>, LinkError>;

/// The receiving end of a worker.
pub(crate) struct Receiver<'a> {
    line: &'a Line,
    status: &'a Status,
    spin: Spin,
    /// How many frames have come by the line.
    taken: u32,
}

impl<'a> Receiver<'a> {
    pub(crate) fn new(line: &'a Line, status: &'a Status) -> Self {
        Self { line, status, spin: Spin::new(), taken: 0 }
    }

    /// Waits for the next frame. Answers that nobody has heard are sent before. Only who finds a second frame behind his first
    /// is given that at once: if it says that it was the last, he need not send them; else he does it himself.
    pub(crate) fn next(&mut self, back: &mut Outbound<'_>) -> Frame {
        if self.taken == 1 && self.status.is_sent_more(self.taken) {
            return self.take();
        }
        back.offer()?;
        let mut spin = self.spin;
        self.status.open_mailbox(self.taken);
        let frame = match spin.awake(|| self.look(back)) {
            Some(frame) => frame,
            None => self.sleep(&mut spin, back),
        };
        self.spin = spin;
        frame
    }

    /// Looks a few times at what needs no system call. The mailbox is closed when a frame is found.
    fn look(&mut self, back: &mut Outbound<'_>) -> Option<Frame> {
        for _ in 0..GLANCES {
            if let Some(frame) = self.status.take_mail() {
                return Some(Ok(frame));
            }
            if self.status.is_sent_more(self.taken) {
                return Some(self.by_line_unless_mail());
            }
            if let Err(error) = back.hand_on_unless_listened() {
                return Some(Err(error));
            }
            spin_loop();
        }
        None
    }

    fn sleep(&mut self, spin: &mut Spin, back: &mut Outbound<'_>) -> Frame {
        back.flush()?;
        spin.asleep(|| self.by_line_unless_mail())
    }

    fn by_line_unless_mail(&mut self) -> Frame {
        self.status.close_mailbox().map_or_else(|| self.take(), Ok)
    }

    fn take(&mut self) -> Frame {
        let frame = self.line.recv()?;
        self.taken = self.taken.wrapping_add(1);
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::JoinHandle;
    use std::time::Duration;

    use mp_link::Heard;
    use mp_sys::poll::{Way, wait_one};
    use mp_wire::TaskId;
    use mp_wire::frame::{FromWorkerFrame, from_worker};
    use mp_wire::record::{Records, Word};

    use crate::pace::Lap;

    const LIMIT: Duration = Duration::from_secs(100);

    /// The supervisor's side.
    struct There {
        line: Line,
        status: Status,
        sent: u32,
    }

    impl There {
        /// And a worker's thread, which does `work`.
        fn beside<T: Send + 'static>(work: fn(&Line, &Status) -> T) -> (Self, JoinHandle<T>) {
            let (line, worker) = Line::between_threads().expect("a line");
            let status = Status::local().expect("memory");
            let there = status.clone();
            (Self { line, status, sent: 0 }, std::thread::spawn(move || work(&worker, &there)))
        }

        /// By the mailbox if that is allowed and it is open, else by the line.
        fn send(&mut self, frame: &[u8], by_mail: bool) {
            if !by_mail || !self.status.post(frame, self.sent) {
                self.line.send(frame, Vec::new()).expect("sent");
                self.sent += 1;
                self.status.sent_by_line(self.sent);
            }
        }
    }

    fn number(frame: &[u8]) -> u64 {
        u64::from_le_bytes(frame[..8].try_into().expect("eight bytes"))
    }

    /// What differs from one round to the next, so that each side finds the other looking, at work, and asleep.
    fn dawdle(round: u64) {
        let turns = [0, 1, 30, 400, 3_000][(round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % 5];
        (0..turns).for_each(|_| spin_loop());
        if round.is_multiple_of(97) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn frames_are_taken_once_and_in_their_order_whichever_way_they_come() {
        const FRAMES: u64 = 5_000;
        let (mut there, taken) = There::beside(|line, status| {
            let (mut receiver, mut back) = (Receiver::new(line, status), Outbound::new(line, status));
            for round in 0..FRAMES {
                assert_eq!(number(&receiver.next(&mut back).expect("a frame")), round);
                dawdle(round ^ 0x55);
            }
            receiver.taken
        });
        for round in 0..FRAMES {
            dawdle(round);
            // Some are not for the mailbox, as those with descriptors.
            there.send(&[round.to_le_bytes(), [7; 8]].concat(), round % 7 != 3);
        }
        assert_eq!(taken.join().expect("no panic"), there.sent);
    }

    /// The numbers of the values in a frame of outcomes, from the first that is not known.
    fn values(frame: &[u8], known: &mut u64) -> Vec<u64> {
        let Ok(FromWorkerFrame::Outcomes(mut number, records)) = from_worker(frame) else { panic!("{frame:?}") };
        assert!(number <= *known, "something was left out");
        let mut new = Vec::new();
        for word in Records::new(records) {
            if let Word::Values(first, values) = word.expect("whole") {
                for offset in 0..values.len() {
                    if number == *known {
                        new.push(first.plus(offset).0);
                        *known += 1;
                    }
                    number += 1;
                }
            }
        }
        new
    }

    #[test]
    fn what_a_worker_keeps_to_itself_is_heard_by_who_listens_or_sent() {
        // One frame, one answer, while a listener comes and goes: each answer comes, and none is waited for in vain.
        const ROUNDS: u64 = 1_000;
        let (mut there, serving) = There::beside(|line, status| {
            let (mut receiver, mut back) = (Receiver::new(line, status), Outbound::new(line, status));
            while let Ok(frame) = receiver.next(&mut back) {
                let task = TaskId(number(&frame));
                let _more = back.put_short(task, task.0 & 0x7f, 1);
                dawdle(task.0);
                back.lap(Lap { spent_ns: 5, long: false }).and_then(|()| back.offer()).expect("a line");
            }
        });
        let (mut known, mut heard) = (0, Heard::default());
        for round in 0..ROUNDS {
            there.send(&round.to_le_bytes(), true);
            let (line, status) = (&there.line, &there.status);
            status.set_listened(true);
            let mut came = Vec::new();
            let mut listen = |known: &mut u64| {
                let Some((now, frame)) = status.overhear(heard) else { return Vec::new() };
                heard = now;
                let new = values(&frame, known);
                status.hear(now);
                new
            };
            // Some give up at once, some look for long.
            for _ in 0..[0, 1, 50, 5_000][round as usize % 4] {
                came.extend(listen(&mut known));
                if !came.is_empty() {
                    break;
                }
            }
            status.set_listened(false);
            if came.is_empty() {
                came.extend(listen(&mut known));
            }
            while came.is_empty() {
                // Nobody listens: it must come by the line.
                assert!(wait_one(line, Way::Read, Some(LIMIT)).expect("polled"), "round {round} is kept back");
                let frame = line.try_recv().expect("a line");
                came.extend(frame.map(|frame| values(&frame, &mut known)).unwrap_or_default());
            }
            assert_eq!(came, [round]);
        }
        there.line.hang_up();
        serving.join().expect("no panic");
    }
}
