//! The worker's life after its birth: frames in, records out, until it is told to stop or its supervisor is gone.
//!
//! Does **not** know whether it is a process or a thread.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use mp_link::{Line, LinkError, Status};
use mp_sys::image::SameImage;
use mp_wire::codec;
use mp_wire::frame::{Body, FromWorker, Hello, Identity, Segment, TaskFrame, ToWorker, Welcome};
use mp_wire::item::Items;

use crate::context;
use crate::outbound::Outbound;
use crate::outlets;
use crate::receiver::Receiver;
use crate::runner::{Run, Runner};
use crate::setup;
use crate::setup::Prepared;
use crate::task::Entry;
use crate::views::Views;

/// The exit code of a worker that is not the supervisor's own program: `EX_SOFTWARE` of sysexits(3).
const MISMATCH: i32 = 70;

/// Serves the supervisor at the other end of `line`; gives the code to exit with.
#[must_use]
pub fn serve(line: &Line, status: &Status, own: Identity) -> i32 {
    // A supervisor that is gone wants nothing any more, least of all an error.
    let greeted = greet(line, own);
    let code = greeted.and_then(|greeted| context::over(status, || work(line, status, greeted)));
    // Not left to the end of the thread: it runs code of the caller's, which may panic, and there that would end the process.
    let _ = setup::drop_kept();
    code.unwrap_or_else(|code| code)
}

/// Who it is, and what it is to do at its end.
struct Greeted {
    welcome: Box<Welcome>,
    image: SameImage,
    prepared: Prepared,
}

fn greet(line: &Line, own: Identity) -> Result<Greeted, i32> {
    let frame = line.recv().map_err(|_| 0)?;
    let Ok(ToWorker::Welcome(welcome)) = codec::decode_borrowed(&frame) else { return Err(MISMATCH) };
    let hello = Hello { identity: Identity { token: welcome.identity.token, ..own }, pid: std::process::id() };
    let mut answer = vec![FromWorker::Hello as u8];
    codec::encode_into(&hello, &mut answer).map_err(|_| MISMATCH)?;
    let same = SameImage::prove(own.build, welcome.identity.build);
    let Some(image) = same.filter(|_| hello.identity == welcome.identity) else {
        // It says who it is, and so who it is not.
        line.send(&answer, Vec::new()).map_err(|_| 0)?;
        return Err(MISMATCH);
    };
    let mut descriptors = setup::handed_over(line, &welcome).map_err(|_| MISMATCH)?;
    outlets::open(&mut descriptors, &welcome).map_err(|_| MISMATCH)?;
    crate::name::note(&welcome);
    if let Some(directory) = &welcome.directory {
        std::env::set_current_dir(directory).map_err(|_| MISMATCH)?;
    }
    if welcome.hello {
        line.send(&answer, Vec::new()).map_err(|_| 0)?;
    }
    let prepared = setup::prepare(line, (&welcome, descriptors), image)?;
    Ok(Greeted { welcome, image, prepared })
}

fn work(line: &Line, status: &Status, greeted: Greeted) -> Result<i32, i32> {
    let Greeted { welcome, image, prepared } = greeted;
    let mut worker = Worker {
        line,
        image,
        runner: Runner::new((welcome.worker, std::process::id()), status, Outbound::new(line, status)),
        views: Views::default(),
        cut: false,
    };
    let mut receiver = Receiver::new(line, status);
    loop {
        let frame = worker.runner.next_frame(&mut receiver).map_err(|_| 0)?;
        match codec::decode_borrowed(&frame) {
            Ok(ToWorker::Tasks(tasks)) => {
                // What is run next may take long.
                worker.runner.hand_on().map_err(|_| 0)?;
                worker.run_frame(&tasks).map_err(|_| 0)?;
            }
            Ok(ToWorker::Lend(lent)) => {
                let fd = line.descriptors().ok().and_then(|mut fds| fds.pop());
                worker.runner.lend(lent, fd);
            }
            Ok(ToWorker::Stop(code)) => {
                worker.runner.hand_on().map_err(|_| 0)?;
                prepared.finish(line);
                return Ok(code);
            }
            // Of what was taken back, something may come again.
            Ok(ToWorker::Last) if std::mem::take(&mut worker.cut) => {}
            Ok(ToWorker::Last) => {
                // Who is told so has one task and no finalizer, and ends now: its end is heard of as soon as its outcome would be.
                worker.runner.leave();
                prepared.finish(line);
                return Ok(i32::from(worker.runner.has_failed()));
            }
            Ok(ToWorker::Welcome(_)) | Err(_) => return Err(MISMATCH),
        }
    }
}

struct Worker<'a> {
    line: &'a Line,
    image: SameImage,
    runner: Runner<'a>,
    views: Views,
    /// Whether something was taken back of what it was sent.
    cut: bool,
}

impl Worker<'_> {
    fn run_frame(&mut self, frame: &TaskFrame<'_>) -> Result<(), LinkError> {
        let announced: usize = frame.segments.iter().map(descriptors_of).sum();
        let mut descriptors = match announced {
            0 => VecDeque::new(),
            _ => VecDeque::from(self.line.descriptors()?),
        };
        let mut whole = true;
        for segment in &frame.segments {
            let own = descriptors.drain(..descriptors_of(segment).min(descriptors.len())).collect();
            if whole {
                whole = self.run_segment(frame.number, segment, own)?;
            } else {
                self.pass_over(segment, own);
            }
        }
        self.cut |= !whole;
        if whole { self.runner.rest() } else { self.runner.walked(self.line, frame.number) }
    }

    /// It was taken back. A region that came with it is known from now on all the same: it does not come again.
    fn pass_over(&mut self, segment: &Segment<'_>, mut own: Vec<OwnedFd>) {
        if let Body::Region(place) = segment.args {
            // What cannot be mapped is missed when it is wanted.
            let _ = self.views.bytes(&place, &mut own);
        }
    }

    /// `false` when the rest of the frame has been taken back.
    fn run_segment(&mut self, number: u32, segment: &Segment<'_>, mut own: Vec<OwnedFd>) -> Result<bool, LinkError> {
        let entry: Entry = self.image.function(segment.entry);
        let run = Run { entry, number, segment };
        match segment.args {
            Body::Inline(bytes) => {
                let (items, rest) = Items::split_off(bytes);
                if items.len() != segment.count || !rest.is_empty() {
                    return Err(LinkError::Rubbish("half an item".to_owned()));
                }
                self.runner.run(&run, items, own)
            }
            Body::Bulk(len) => {
                let file = own.pop().ok_or_else(|| LinkError::Rubbish("no memory file".to_owned()))?;
                let bytes = mp_sys::memory::read_file(file, len);
                self.runner.run_bulk(&run, bytes.as_deref().map_err(|error| (len, error)), own)
            }
            Body::Region(place) => {
                let bytes = self.views.bytes(&place, &mut own);
                self.runner.run_bulk(&run, bytes.as_deref().map_err(|error| (place.len, error)), own)
            }
        }
    }
}

fn descriptors_of(segment: &Segment<'_>) -> usize {
    let beside = match segment.args {
        Body::Inline(_) => false,
        Body::Bulk(_) => true,
        Body::Region(place) => place.size > 0,
    };
    segment.baggage as usize + usize::from(beside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp_wire::frame::{FromWorkerFrame, Place, Setup, from_worker};
    use mp_wire::outlets::Outlets;
    use mp_wire::{TaskId, WorkerId};

    const OWN: Identity = Identity { protocol: 1, build: 2, registry: 3, token: 0 };

    /// Greets a worker so; gives what it answers, and the code it ends with when it is then told to stop with 5.
    fn greeted(identity: Identity) -> (Hello, i32) {
        let (supervisor, worker) = Line::between_threads().expect("a line");
        let worker_id = WorkerId { slot: 0, generation: 1 };
        let welcome = Welcome {
            hello: true,
            identity,
            worker: worker_id,
            pool: "test".to_owned(),
            name: "test-0.1".to_owned(),
            directory: None,
            setup: Setup::default(),
            outlets: Outlets::default(),
        };
        for frame in [ToWorker::Welcome(Box::new(welcome)), ToWorker::Stop(5)] {
            supervisor.send(&codec::encode(&frame).expect("encodes"), Vec::new()).expect("sent");
        }
        let code = serve(&worker, &Status::local().expect("memory"), OWN);
        let answer = supervisor.try_recv().expect("a line").expect("an answer");
        let Ok(FromWorkerFrame::Hello(hello)) = from_worker(&answer) else { panic!("{answer:?}") };
        (hello, code)
    }

    #[test]
    fn a_supervisor_of_the_same_program_is_served() {
        let (hello, code) = greeted(Identity { token: 7, ..OWN });
        assert_eq!((hello.identity, code), (Identity { token: 7, ..OWN }, 5));
    }

    #[test]
    fn a_region_is_known_though_the_segment_it_came_with_was_taken_back() {
        // It was not, and the next arguments that lay in it could not be read: with four workers that were killed again and
        // again, once in some hundred thousand tasks.
        let region = mp_sys::region::Region::create(4096, 0).expect("made");
        let (supervisor, worker) = Line::between_threads().expect("a line");
        let status = Status::local().expect("memory");
        let place = |size| Body::Region(Place { slot: 0, size, offset: 0, len: 16 });
        let entry = mp_sys::image::offset_of(crate::task::entry_of::<_, (u64,)>(|n: u64| n) as usize);
        let segment = |first, args| {
            let first = TaskId(first);
            Segment { entry, first, count: 1, attempt: 1, timeout: None, traced: false, baggage: 0, args }
        };
        let send =
            |frame: ToWorker<'_>, fds| supervisor.send(&codec::encode(&frame).expect("encodes"), fds).expect("sent");
        let welcome = Welcome {
            hello: true,
            identity: OWN,
            worker: WorkerId { slot: 0, generation: 1 },
            pool: "test".to_owned(),
            name: "test-0.1".to_owned(),
            directory: None,
            setup: Setup::default(),
            outlets: Outlets::default(),
        };
        send(ToWorker::Welcome(Box::new(welcome)), Vec::new());
        status.publish(1, 2);
        assert_eq!(status.revoke(1, 2), 2);
        let mut item = Vec::new();
        mp_wire::item::push_item(&mut item, |_| Ok(())).expect("room");
        let segments = vec![segment(1, Body::Inline(&item)), segment(2, place(4096))];
        let fd = region.readers().try_clone_to_owned().expect("a name for it");
        send(ToWorker::Tasks(TaskFrame { number: 1, segments }), vec![fd]);
        status.publish(2, 1);
        send(ToWorker::Tasks(TaskFrame { number: 2, segments: vec![segment(2, place(0))] }), Vec::new());
        send(ToWorker::Stop(0), Vec::new());
        let serving = status.clone();
        assert_eq!(serve(&worker, &serving, OWN), 0);
        let said: Vec<_> = std::iter::from_fn(|| supervisor.try_recv().ok().flatten()).collect();
        let missed = said.iter().any(|frame| String::from_utf8_lossy(frame).contains("no region"));
        assert!(!missed && said.contains(&mp_wire::frame::walked(1).to_vec()), "{said:?}");
    }

    #[test]
    fn a_supervisor_of_another_program_hears_who_it_is_not() {
        for other in [Identity { build: 9, ..OWN }, Identity { registry: 9, ..OWN }, Identity { protocol: 9, ..OWN }] {
            let (hello, code) = greeted(other);
            assert_eq!((hello.identity, code), (OWN, MISMATCH));
        }
    }
}
