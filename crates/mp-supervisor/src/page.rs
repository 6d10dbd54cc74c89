//! A timeline as trace viewers open it: the trace event format of Chrome, in JSON.
//!
//! Does **not** record, and believes nothing: what cannot be is drawn as the nearest that can.
//!
//! ```text
//!  caller     | encode |                                                                | decode |
//!  attempt    |        | queue ..... | waits ... | wire |                      | return |
//!  worker                                ( task before ) | decode | run | encode |
//!  failed                                ( task before ) | run (lost)            ! lost
//! ```

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use mp_wire::record::Times;
use mp_wire::{TaskId, WorkerId};
use serde_json::json;

use crate::trace::{Attempt, Deed, Done, Ended, Entry, Half, Log};
use crate::trace_event::{Args, End, Event};

/// A process and a thread in it.
type Lane = (u32, u32);

/// Writes all of `log`.
pub(crate) fn write(log: &Log, mut out: impl Write) -> io::Result<()> {
    let mut page = Page::of(log);
    let (left_out, deeds) = (log.attempts.left_out, log.deeds.left_out);
    let other = json!({"left_out": left_out, "encodes_and_decodes_left_out": deeds});
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{other},\"traceEvents\":[")?;
    let mut between = "\n";
    let mut put = |events: Vec<Event<'_>>| {
        events.iter().try_for_each(|event| {
            out.write_all(std::mem::replace(&mut between, ",\n").as_bytes())?;
            Ok::<_, io::Error>(serde_json::to_writer(&mut out, event)?)
        })
    };
    put(page.names(log))?;
    log.deeds.all.iter().try_for_each(|done| put(vec![page.deed(done)]))?;
    log.attempts.all.iter().try_for_each(|(pool, entry)| put(page.entry(*pool, entry)))?;
    writeln!(out, "\n]}}")
}

/// Where events are put.
struct Page {
    /// When everything began.
    first: u64,
    /// This process.
    own: u32,
    /// By pool and worker: the frame of what it ran last, and when that was over.
    before: HashMap<(usize, WorkerId), (u32, u64)>,
    /// By pool and task: when its last attempt was over.
    over: HashMap<(usize, TaskId), u64>,
}

impl Page {
    fn of(log: &Log) -> Self {
        let deeds = log.deeds.all.iter().map(|done| done.time.0);
        let attempts = log.attempts.all.iter().map(|(_, entry)| entry.attempt().submitted_ns);
        let first = deeds.chain(attempts).min().unwrap_or(0);
        Self { first, own: std::process::id(), before: HashMap::new(), over: HashMap::new() }
    }

    /// Microseconds, as the format has it.
    fn at(&self, ns: u64) -> f64 {
        ns.saturating_sub(self.first) as f64 / 1e3
    }

    fn names(&self, log: &Log) -> Vec<Event<'static>> {
        let mut processes = BTreeMap::from([(self.own, "supervisor".to_owned())]);
        let own = |(thread, name): (&u32, &String)| ((self.own, *thread), name.clone());
        let mut threads: BTreeMap<Lane, String> = log.threads.iter().map(own).collect();
        threads.entry((self.own, self.own)).or_insert_with(|| "main".to_owned());
        for (pool, entry) in &log.attempts.all {
            let Entry::Ran(Half { by, .. }, ..) = entry else { continue };
            let (pid, _) = by.lane;
            let name = || worker_name(log, *pool, by.worker);
            processes.entry(pid).or_insert_with(name);
            threads.entry(by.lane).or_insert_with(name);
        }
        let naming = |what: &'static str, pid, tid, name| Event {
            tid,
            args: Some(Args::Name { name }),
            ..Event::new('M', what.into(), pid)
        };
        let processes = processes.into_iter().map(|(pid, name)| naming("process_name", pid, None, name));
        let threads = threads.into_iter().map(|((pid, tid), name)| naming("thread_name", pid, Some(tid), name));
        processes.chain(threads).collect()
    }

    fn deed<'a>(&self, done: &'a Done) -> Event<'a> {
        let what = match done.deed {
            Deed::Encode => "encode",
            Deed::Decode => "decode",
        };
        let (task, items) = (done.name.as_str(), done.items);
        let args = if items == 0 { Args::Deed { task } } else { Args::DeedOn { task, items } };
        self.slice((self.own, done.thread), what.into(), done.time, args)
    }

    fn entry<'a>(&mut self, pool: usize, entry: &'a Entry) -> Vec<Event<'a>> {
        match entry {
            Entry::Ran(half, times) => self.ran(pool, half, times),
            Entry::Waited(attempt, ended, at) => {
                let since = self.queued(pool, attempt, *at);
                let mut events = self.between((pool, attempt), [("queue", since, *at)]);
                events.push(self.mark((self.own, self.own), attempt, (ended, *at)));
                events
            }
        }
    }

    fn ran<'a>(&mut self, pool: usize, half: &'a Half, times: &Times) -> Vec<Event<'a>> {
        let (attempt, by, heard_ns) = (&half.attempt, &half.by, half.heard_ns);
        let done = half.ended.as_ref().map_or(times.done_ns, |_| end(times));
        let since = self.queued(pool, attempt, heard_ns);
        let before = self.before.insert((pool, by.worker), (by.frame, done));
        // Of those that are sent together, only the first may find its worker free.
        let follows = before.is_some_and(|(frame, _)| frame == by.frame);
        let free = before.map_or(0, |(_, over)| over).clamp(by.sent_ns, times.begun_ns.max(by.sent_ns));
        let free = if follows { times.begun_ns } else { free };
        let mut events = self.between((pool, attempt), [("queue", since, by.sent_ns)]);
        let legs = [("waits", by.sent_ns, free), ("wire", free, times.begun_ns), ("return", done, heard_ns)];
        legs.into_iter()
            .filter(|(_, from, to)| to > from)
            .for_each(|leg| events.extend(self.between((pool, attempt), [leg])));
        match &half.ended {
            None => events.extend(self.steps(half, times)),
            Some(ended) => events.extend(self.failed(half, ended, times)),
        }
        events
    }

    /// An attempt with a value, in its worker's lane.
    fn steps<'a>(&self, half: &'a Half, times: &Times) -> [Event<'a>; 3] {
        let (lane, args, ran_to) = (half.by.lane, about(&half.attempt), end(times));
        [
            self.slice(lane, "decode".into(), (times.begun_ns, times.ran_from_ns), args.clone()),
            self.slice(lane, half.attempt.name.as_str().into(), (times.ran_from_ns, ran_to), args.clone()),
            self.slice(lane, "encode".into(), (ran_to, times.done_ns), args),
        ]
    }

    /// One without, in its worker's lane: how far it came in there is not known.
    fn failed<'a>(&self, half: &'a Half, ended: &'a Ended, times: &Times) -> [Event<'a>; 2] {
        let (lane, attempt) = (half.by.lane, &half.attempt);
        let name = format!("{} ({})", attempt.name.as_str(), ended.what);
        let slice = self.slice(lane, name.into(), (times.begun_ns, end(times)), about_end(attempt, ended));
        let slice = Event { cname: Some("terrible"), ..slice };
        [slice, self.mark(lane, attempt, (ended, end(times)))]
    }

    /// When an attempt began to wait: it is over at `over`.
    fn queued(&mut self, pool: usize, attempt: &Attempt, over: u64) -> u64 {
        let last = self.over.insert((pool, attempt.task), over);
        attempt.submitted_ns.max(last.unwrap_or(0))
    }

    /// Times of an attempt that are no lane's.
    fn between<const N: usize>(
        &self,
        (pool, attempt): (usize, &Attempt),
        legs: [(&'static str, u64, u64); N],
    ) -> Vec<Event<'static>> {
        let mut id = format!("{}.{}", pool + 1, attempt.task.0);
        if attempt.number > 1 {
            id = format!("{id}.{}", attempt.number);
        }
        let event = |(ph, name, at): (char, &'static str, u64)| Event {
            cat: Some("task"),
            id: Some(id.clone()),
            tid: Some(self.own),
            ts: Some(self.at(at)),
            ..Event::new(ph, name.into(), self.own)
        };
        legs.into_iter()
            .flat_map(|(name, from, to)| [('b', name, from), ('e', name, to.max(from))])
            .map(event)
            .collect()
    }

    fn mark<'a>(&self, (pid, tid): Lane, attempt: &'a Attempt, (ended, at): (&'a Ended, u64)) -> Event<'a> {
        let args = Some(about_end(attempt, ended));
        Event { s: Some('t'), tid: Some(tid), ts: Some(self.at(at)), args, ..Event::new('i', ended.what.into(), pid) }
    }

    fn slice<'a>(&self, (pid, tid): Lane, name: Cow<'a, str>, (from, to): (u64, u64), args: Args<'a>) -> Event<'a> {
        let (ts, dur) = (Some(self.at(from)), Some(to.saturating_sub(from) as f64 / 1e3));
        Event { tid: Some(tid), ts, dur, args: Some(args), ..Event::new('X', name, pid) }
    }
}

fn worker_name(log: &Log, pool: usize, worker: WorkerId) -> String {
    match log.pools.get(pool) {
        Some(pool) if pool.alone => pool.name.clone(),
        Some(pool) => format!("{}: worker {worker}", pool.name),
        None => format!("worker {worker}"),
    }
}

/// When the function returned, or what ran ended otherwise.
fn end(times: &Times) -> u64 {
    times.ran_from_ns.saturating_add(times.ran_ns)
}

fn about(attempt: &Attempt) -> Args<'static> {
    Args::Attempt { task: attempt.task.0, attempt: attempt.number }
}

fn about_end<'a>(attempt: &'a Attempt, ended: &'a Ended) -> Args<'a> {
    let Attempt { task, number, name, .. } = attempt;
    Args::End(End { task: task.0, attempt: *number, name: name.as_str(), end: ended.what, how: &ended.how })
}

#[cfg(test)]
mod tests {
    use mp_scheduler::Verdict;
    use mp_wire::WorkerExit;
    use serde_json::Value;

    use super::*;
    use crate::job::Name;
    use crate::trace::{PoolTrace, Sending, Trace};

    const WORKER: WorkerId = WorkerId { slot: 1, generation: 2 };

    /// An attempt at `task` that worker 1.2 was sent in frame 1, in microseconds.
    fn half(task: u64, number: u32, sent: u64, frame: u32) -> Half {
        let name = Name::Function("square");
        let attempt = Attempt { task: TaskId(task), number, name, submitted_ns: 1_000 };
        let by = Sending { worker: WORKER, lane: (4711, 4712), frame, sent_ns: sent * 1_000 };
        Half { attempt, by, asked: None, ended: None, heard_ns: 90_000 }
    }

    fn lost(half: Half) -> Half {
        let verdict = Verdict::Lost(WORKER, WorkerExit::Exited(3));
        Half { ended: Some(Box::new(Ended::by(&verdict))), ..half }
    }

    /// Begun, decoded after 1 µs, encoded for 1 µs.
    fn times(begun: u64, done: u64) -> Times {
        let (begun_ns, done_ns) = (begun * 1_000, done * 1_000);
        Times { begun_ns, ran_from_ns: begun_ns + 1_000, ran_ns: done_ns - begun_ns - 2_000, done_ns }
    }

    fn written(trace: &Trace) -> Vec<Value> {
        let mut text = Vec::new();
        trace.write(&mut text).expect("memory");
        let all: Value = serde_json::from_slice(&text).expect("JSON");
        all["traceEvents"].as_array().expect("a list").clone()
    }

    /// What lies between: by id and name, from when to when.
    fn legs(events: &[Value]) -> Vec<(String, String, f64, f64)> {
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let (begun, ended) = (of_kind(events, "b"), of_kind(events, "e"));
        assert_eq!(begun.len(), ended.len(), "each that begins ends");
        let leg = |(from, to): (&Value, &Value)| {
            assert_eq!((&from["id"], &from["name"]), (&to["id"], &to["name"]));
            let at = |event: &Value| event["ts"].as_f64().expect("a time");
            (text(from, "id"), text(from, "name"), at(from), at(to))
        };
        begun.into_iter().zip(ended).map(leg).collect()
    }

    fn of_kind<'a>(events: &'a [Value], ph: &str) -> Vec<&'a Value> {
        events.iter().filter(|event| event["ph"] == ph).collect()
    }

    fn leg(id: &str, name: &str, from: u32, to: u32) -> (String, String, f64, f64) {
        (id.to_owned(), name.to_owned(), f64::from(from), f64::from(to))
    }

    #[test]
    fn a_task_with_a_value_is_three_slices_in_its_workers_lane_and_legs_around_them() {
        let trace = Trace::new();
        let pool = trace.of_pool("squares", false);
        pool.ran(half(7, 1, 4, 1), times(6, 19));
        PoolTrace::time(Some(&pool), (Deed::Encode, &Name::Function("square"), 3), || ());
        let events = written(&trace);
        let run = events.iter().find(|event| event["name"] == "square").expect("it ran");
        assert_eq!(
            (&run["pid"], &run["tid"], &run["ts"], &run["dur"]),
            (&json!(4711), &json!(4712), &json!(6.0), &json!(11.0))
        );
        let lane = json!({"ph": "M", "name": "process_name", "pid": 4711, "args": {"name": "squares: worker 1.2"}});
        assert!(events.contains(&lane), "{events:?}");
        assert_eq!(legs(&events), [leg("1.7", "queue", 0, 3), leg("1.7", "wire", 3, 5), leg("1.7", "return", 18, 89)]);
        let own = (std::process::id(), mp_sys::child::own_thread());
        let encode = of_kind(&events, "X").into_iter().find(|event| event["args"]["items"] == 3).expect("a deed");
        assert_eq!((&encode["pid"], &encode["tid"]), (&json!(own.0), &json!(own.1)), "the thread that did it");
    }

    #[test]
    fn who_is_behind_another_waits_and_only_the_first_of_a_frame_has_a_wire() {
        let trace = Trace::new();
        let pool = trace.of_pool("squares", false);
        pool.ran(half(1, 1, 3, 1), times(11, 21));
        pool.ran(half(2, 1, 3, 1), times(22, 31));
        pool.ran(half(3, 1, 15, 2), times(35, 41));
        pool.ran(half(4, 1, 51, 3), times(54, 61));
        let legs: Vec<_> =
            legs(&written(&trace)).into_iter().filter(|leg| leg.1 != "queue" && leg.1 != "return").collect();
        let expected = [
            leg("1.1", "wire", 2, 10),
            leg("1.2", "waits", 2, 21),
            leg("1.3", "waits", 14, 30),
            leg("1.3", "wire", 30, 34),
            leg("1.4", "wire", 50, 53),
        ];
        assert_eq!(legs, expected);
    }

    #[test]
    fn each_attempt_that_failed_is_a_slice_with_a_mark_and_an_id_of_its_own() {
        let trace = Trace::new();
        let pool = trace.of_pool("squares", false);
        pool.ran(Half { heard_ns: 31_000, ..lost(half(7, 1, 3, 1)) }, times(11, 31));
        pool.ran(half(7, 2, 41, 2), times(45, 51));
        let events = written(&trace);
        let failed = events.iter().find(|event| event["name"] == "square (lost)").expect("it is drawn");
        assert_eq!((&failed["pid"], &failed["ts"], &failed["dur"]), (&json!(4711), &json!(10.0), &json!(19.0)));
        let how = json!("its worker 1.2 exited with code 3");
        assert_eq!((&failed["args"]["attempt"], &failed["args"]["how"]), (&json!(1), &how));
        let marks = of_kind(&events, "i");
        assert_eq!((marks.len(), &marks[0]["name"], &marks[0]["pid"]), (1, &json!("lost"), &json!(4711)));
        assert_eq!(legs(&events)[2..4], [leg("1.7", "return", 29, 30), leg("1.7.2", "queue", 30, 40)]);
        assert_eq!(trace.tasks(), 1, "two attempts at it");
    }

    #[test]
    fn what_nobody_began_waited_until_it_was_over() {
        let trace = Trace::new();
        let stopped = Ended::by(&Verdict::Stopped("it was closed".to_owned()));
        trace.of_pool("squares", false).waited(half(7, 1, 0, 0).attempt, stopped);
        let events = written(&trace);
        assert_eq!(of_kind(&events, "X").len(), 0);
        let marks = of_kind(&events, "i");
        assert_eq!((&marks[0]["name"], &marks[0]["args"]["how"]), (&json!("stopped"), &json!("it was closed")));
        assert_eq!(legs(&events)[0].1, "queue");
    }

    #[test]
    fn pools_that_share_a_timeline_are_told_apart() {
        // Each process's task has number 1: their waits were taken for one.
        let trace = Trace::new();
        for (name, pid) in [("Process-1", 50), ("Process-2", 60)] {
            let half = half(1, 1, 3, 1);
            let by = Sending { lane: (pid, pid), ..half.by };
            trace.of_pool(name, true).ran(Half { by, ..half }, times(5, 9));
        }
        let events = written(&trace);
        let queues: Vec<_> = legs(&events).into_iter().filter(|leg| leg.1 == "queue").map(|leg| leg.0).collect();
        assert_eq!((queues, trace.tasks()), (vec!["1.1".to_owned(), "2.1".to_owned()], 2));
        let names = of_kind(&events, "M").into_iter().filter(|event| event["name"] == "process_name");
        let names: Vec<_> = names.filter_map(|event| event["args"]["name"].as_str()).collect();
        assert!(names.contains(&"Process-1") && names.contains(&"Process-2"), "{names:?}");
    }

    #[test]
    fn lies_of_a_worker_make_an_odd_picture_and_nothing_worse() {
        let trace = Trace::new();
        let pool = trace.of_pool("liars", false);
        let lie = Times { begun_ns: u64::MAX, ran_from_ns: u64::MAX, ran_ns: u64::MAX, done_ns: 0 };
        let ages_ago = Times { begun_ns: 0, ran_from_ns: 0, ran_ns: 0, done_ns: u64::MAX };
        for times in [lie, ages_ago, lie] {
            pool.ran(half(0, 1, 3, 1), times);
            pool.ran(lost(half(1, 1, 3, 2)), times);
        }
        for event in written(&trace) {
            let fine = |key: &str| event[key].is_null() || event[key].as_f64().is_some_and(|us| us >= 0.0);
            assert!(fine("ts") && fine("dur"), "{event}");
        }
    }
}
