//! What a worker runs once before its first task, and once after its last.
//!
//! Does **not** know what follows from its failure: the supervisor hears why.
//!
//! ```text
//!  Welcome ─▶ Hello ─▶ seat, shared objects, initializer, state ─┬▶ Prepared ─▶ tasks ─▶ Stop ─▶ finalizer, state dropped ─▶ exit
//!                                                                └▶ Failed(text), exit 72
//! ```

use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use mp_link::{Line, LinkError};
use mp_sys::image::SameImage;
use mp_sys::sealed::Sealed;
use mp_wire::frame::{FromWorker, Given, Seat, Welcome};
use mp_wire::{CodecStage, TaskId, WorkerId, codec, frame};
use serde::de::DeserializeOwned;

use crate::panic::{shorten, watch};
use crate::run::call;
use crate::task::{Call, Entry, Ran, Refused};
use crate::{WorkerInfo, context, home};

/// The exit code of a worker whose initializer failed.
const UNPREPARED: i32 = 72;

/// How an initializer or a finalizer can end: `()` is well, `Result` may be an error that can be shown.
pub trait Done {
    /// What went wrong, if anything.
    fn complaint(self) -> Option<String>;
}

impl Done for () {
    fn complaint(self) -> Option<String> {
        None
    }
}

impl<T, E: Display> Done for Result<T, E> {
    fn complaint(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

/// Functions that can be initializers and finalizers: as [`crate::Task`], but what they return need not cross, so it can be
/// any `Result` whose error can be shown.
///
/// ```
/// fn load(path: String) -> std::io::Result<()> { std::fs::metadata(path).map(drop) }
/// mp_worker::routine_of(load);
/// mp_worker::routine_of(|| {});
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an initializer or a finalizer with the arguments `{Args}`",
    note = "it is a function, or a closure that captures nothing, of 0 to 8 arguments given as a tuple, that returns `()` or a `Result`"
)]
pub trait Routine<Args>: Copy + Send + 'static {
    /// Calls it; gives what went wrong.
    fn run(self, args: Args) -> Option<String>;
}

macro_rules! tuples {
    ($(($($arg:ident $value:ident),*))*) => {$(
        impl<Fun, Out, $($arg),*> Routine<($($arg,)*)> for Fun
        where
            Fun: Fn($($arg),*) -> Out + Copy + Send + 'static,
            Out: Done,
            $($arg: DeserializeOwned + 'static),*
        {
            fn run(self, args: ($($arg,)*)) -> Option<String> {
                let ($($value,)*) = args;
                self($($value),*).complaint()
            }
        }
    )*};
}

tuples! { () (A a) (A a, B b) (A a, B b, C c) (A a, B b, C c, D d) (A a, B b, C c, D d, E e) (A a, B b, C c, D d, E e, F f) (A a, B b, C c, D d, E e, F f, G g) (A a, B b, C c, D d, E e, F f, G g, H h) }

/// The entry point of an initializer or finalizer. Its result is the complaint, an `Option<String>`.
#[must_use]
pub const fn routine_of<F: Routine<Args>, Args: DeserializeOwned>(_routine: F) -> Entry {
    const {
        assert!(
            size_of::<F>() == 0,
            "an initializer or finalizer must be a plain function or a closure that captures nothing: \
             pass what it needs as arguments"
        );
    }
    entry::<F, Args>
}

/// It is only ever run by itself.
fn entry<F: Routine<Args>, Args: DeserializeOwned>(call: Call<'_, '_, '_>) -> Result<Ran, Refused> {
    let Call::One { args: bytes, out, .. } = call else { return Ok(Ran::default()) };
    let args = codec::decode::<Args>(bytes).map_err(|reason| Refused { stage: CodecStage::DecodeArgs, reason })?;
    let complaint = mp_sys::image::conjure::<F>().run(args);
    codec::encode_into(&complaint, out).map_err(|reason| Refused { stage: CodecStage::EncodeResult, reason })?;
    Ok(Ran::default())
}

/// Runs the function behind `entry`, which [`routine_of`] gave, as worker `id`.
///
/// # Errors
/// Why it failed, in words.
pub fn run_routine(entry: Entry, args: (&[u8], Vec<OwnedFd>), id: WorkerId) -> Result<(), String> {
    let who = WorkerInfo::new((id, std::process::id()), TaskId(0), 0);
    let mut out = Vec::new();
    let refused = |refused: Refused| format!("its arguments could not be decoded: {}", refused.reason);
    match context::within(who, || watch(|| call(entry, args, &mut out, false))) {
        Ok(ran) => ran.map_err(refused)?,
        Err(caught) => {
            let panic = caught.into_panic();
            let place = panic.location.map(|place| format!(" at {place}")).unwrap_or_default();
            return Err(format!("panicked{place}: {}", panic.message));
        }
    };
    let complaint = codec::decode::<Option<String>>(&out).map_err(|error| error.to_string())?;
    complaint.map_or(Ok(()), |text| Err(shorten(text)))
}

/// What is left to do at a worker's end.
pub(crate) struct Prepared {
    finalizer: Option<Loaded>,
}

/// A function, and its arguments as they came.
struct Loaded {
    id: WorkerId,
    entry: Entry,
    args: Bytes,
    descriptors: Vec<OwnedFd>,
}

enum Bytes {
    Here(Vec<u8>),
    /// So many of them.
    Sealed(Sealed, usize),
}

/// All of them.
struct Routines {
    shared: Vec<Loaded>,
    initializer: Option<Loaded>,
    state: Option<Loaded>,
    finalizer: Option<Loaded>,
}

/// Runs what is to be run before the first task, if anything is, and says that it has.
///
/// # Errors
/// The code to exit with, when it failed; the supervisor has been told why.
pub(crate) fn prepare(line: &Line, welcome: (&Welcome, VecDeque<OwnedFd>), image: SameImage) -> Result<Prepared, i32> {
    let prepares = welcome.0.setup.prepares();
    sit_down(&welcome.0.setup.seat).map_err(|reason| say(line, &reason))?;
    let routines = load(welcome, image).map_err(|reason| say(line, &reason))?;
    let finalizer = routines.run_first().map_err(|reason| say(line, &reason))?;
    if prepares {
        // A supervisor that is gone wants nothing any more.
        line.send(&[FromWorker::Prepared as u8], Vec::new()).map_err(|_| 0)?;
    }
    Ok(Prepared { finalizer })
}

fn sit_down(seat: &Seat) -> Result<(), String> {
    let Seat { nice, cpus } = seat;
    if *nice != 0 {
        mp_sys::seat::renice(*nice).map_err(|error| format!("worker could not be made nicer by {nice}: {error}"))?;
    }
    if cpus.is_empty() {
        return Ok(());
    }
    mp_sys::seat::pin(cpus).map_err(|error| format!("worker could not be pinned to processors {cpus:?}: {error}"))
}

impl Routines {
    /// Gives what is left: the finalizer.
    fn run_first(self) -> Result<Option<Loaded>, String> {
        self.shared.iter().try_for_each(|shared| shared.run("reading a shared object"))?;
        if let Some(initializer) = self.initializer {
            initializer.run("initializer")?;
        }
        if let Some(state) = self.state {
            state.run(STATE)?;
            keep_remake(move || state.run(STATE));
        }
        Ok(self.finalizer)
    }
}

const STATE: &str = "making the worker's state";

/// How the calling thread's state is made again, when a task has left it broken.
pub fn keep_remake(remake: impl Fn() -> Result<(), String> + 'static) {
    home::keep_remake(Rc::new(remake));
}

impl Prepared {
    /// Runs the finalizer, if there is one, and drops what was kept for tasks.
    pub(crate) fn finish(self, line: &Line) {
        if let Err(reason) = self.finalizer.map_or(Ok(()), |finalizer| finalizer.run("finalizer")) {
            let _ = say(line, &reason);
        }
        if let Err(reason) = drop_kept() {
            let _ = say(line, &reason);
        }
    }
}

/// Drops what the calling thread has kept for tasks.
pub(crate) fn drop_kept() -> Result<(), String> {
    watch(home::end).map_err(|caught| format!("dropping the worker's state panicked: {}", caught.into_panic().message))
}

impl Loaded {
    /// What fails is called `what`.
    fn run(&self, what: &str) -> Result<(), String> {
        let failed = |reason: String| {
            let verb = if reason.starts_with("panicked") { "" } else { "failed: " };
            format!("{what} {verb}{reason}")
        };
        let descriptors = self.descriptors.iter().map(OwnedFd::try_clone).collect::<io::Result<Vec<_>>>();
        let descriptors = descriptors.map_err(|error| failed(error.to_string()))?;
        run_routine(self.entry, (self.args.get(), descriptors), self.id).map_err(failed)
    }
}

impl Bytes {
    fn of(given: &Given, own: &mut Vec<OwnedFd>) -> Result<Self, String> {
        let len = match given {
            Given::Inline(bytes) => return Ok(Self::Here(bytes.clone())),
            Given::Bulk(len) => *len,
        };
        let file = own.pop().ok_or("no memory file for what is to be run at the start or the end")?;
        let sealed = Sealed::adopt(file).map_err(|error| error.to_string())?;
        let there = sealed.bytes().len() as u64;
        if len > there {
            return Err(format!("memory file holds {there} bytes, {len} were announced"));
        }
        Ok(Self::Sealed(sealed, len as usize))
    }

    fn get(&self) -> &[u8] {
        match self {
            Self::Here(bytes) => bytes,
            Self::Sealed(sealed, len) => &sealed.bytes()[..*len],
        }
    }
}

/// The descriptors that came along with the first frame: of the outlets, then of what is run, in the order of the fields.
pub(crate) fn handed_over(line: &Line, welcome: &Welcome) -> Result<VecDeque<OwnedFd>, LinkError> {
    if welcome.setup.descriptors() + welcome.outlets.descriptors() == 0 {
        return Ok(VecDeque::new());
    }
    line.descriptors().map(VecDeque::from)
}

fn load((welcome, mut descriptors): (&Welcome, VecDeque<OwnedFd>), image: SameImage) -> Result<Routines, String> {
    let setup = &welcome.setup;
    let mut load = |routine: &frame::Routine| {
        let mut own: Vec<_> = descriptors.drain(..routine.descriptors().min(descriptors.len())).collect();
        let args = Bytes::of(&routine.args, &mut own)?;
        let entry = image.function(routine.entry);
        Ok::<_, String>(Loaded { id: welcome.worker, entry, args, descriptors: own })
    };
    Ok(Routines {
        shared: setup.shared.iter().map(&mut load).collect::<Result<_, _>>()?,
        initializer: setup.initializer.as_ref().map(&mut load).transpose()?,
        state: setup.state.as_ref().map(&mut load).transpose()?,
        finalizer: setup.finalizer.as_ref().map(&mut load).transpose()?,
    })
}

/// Tells the supervisor; gives the code to exit with.
fn say(line: &Line, reason: &str) -> i32 {
    let frame = [&[FromWorker::Failed as u8], reason.as_bytes()].concat();
    // A supervisor that is gone needs no reason.
    let _ = line.send(&frame, Vec::new());
    UNPREPARED
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: WorkerId = WorkerId { slot: 0, generation: 1 };

    fn run<F: Routine<()>>(routine: F) -> Result<(), String> {
        let args = codec::encode(&()).expect("encodes");
        run_routine(routine_of::<F, ()>(routine), (&args, Vec::new()), ID)
    }

    #[test]
    fn an_error_and_a_panic_are_told_in_words() {
        assert_eq!(run(|| {}), Ok(()));
        assert_eq!(run(|| Ok::<_, String>(7)), Ok(()));
        assert_eq!(run(|| Err::<(), _>("no model")), Err("no model".to_owned()));
        let panicked = run(|| -> () { panic!("no luck") }).expect_err("panicked");
        assert!(panicked.starts_with("panicked at ") && panicked.ends_with(": no luck"), "{panicked}");
    }

    #[test]
    fn it_knows_its_worker_and_no_task() {
        assert_eq!(
            run(|| match crate::current_worker() {
                Some(worker) if worker.task_id == TaskId(0) => Ok(()),
                other => Err(format!("{other:?}")),
            }),
            Ok(())
        );
    }
}
