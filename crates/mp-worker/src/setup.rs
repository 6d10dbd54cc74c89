//! What a worker runs once before its first task, and once after its last.
//!
//! Does **not** know what follows from its failure: the supervisor hears why.
//!
//! ```text
//!  Welcome{initializer, finalizer} ─▶ Hello ─▶ initializer ─┬▶ Prepared ─▶ tasks ─▶ Stop ─▶ finalizer ─▶ exit
//!                                                           └▶ Failed(text), exit 72
//! ```

use std::collections::VecDeque;
use std::fmt::Display;
use std::os::fd::OwnedFd;

use mp_link::{Line, LinkError};
use mp_sys::image::SameImage;
use mp_wire::frame::{FromWorker, Given, Welcome};
use mp_wire::{CodecStage, TaskId, WorkerId, codec, frame};
use serde::de::DeserializeOwned;

use crate::panic::{shorten, watch};
use crate::run::call;
use crate::task::{Call, Entry, Ran, Refused};
use crate::{WorkerInfo, context};

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
    args: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

/// Runs the initializer, if there is one, and says that it has.
///
/// # Errors
/// The code to exit with, when it failed; the supervisor has been told why.
pub(crate) fn prepare(line: &Line, welcome: (&Welcome, VecDeque<OwnedFd>), image: SameImage) -> Result<Prepared, i32> {
    let (initializer, finalizer) = load(welcome, image).map_err(|reason| say(line, &reason))?;
    if let Some(initializer) = initializer {
        initializer.run().map_err(|reason| say(line, &format!("initializer {reason}")))?;
        // A supervisor that is gone wants nothing any more.
        line.send(&[FromWorker::Prepared as u8], Vec::new()).map_err(|_| 0)?;
    }
    Ok(Prepared { finalizer })
}

impl Prepared {
    /// Runs the finalizer, if there is one.
    pub(crate) fn finish(self, line: &Line) {
        if let Err(reason) = self.finalizer.map_or(Ok(()), Loaded::run) {
            let _ = say(line, &format!("finalizer {reason}"));
        }
    }
}

impl Loaded {
    fn run(self) -> Result<(), String> {
        let failed = |reason: String| if reason.starts_with("panicked") { reason } else { format!("failed: {reason}") };
        run_routine(self.entry, (&self.args, self.descriptors), self.id).map_err(failed)
    }
}

/// The descriptors that came along with the first frame: of the outlets, then of the initializer and the finalizer.
pub(crate) fn handed_over(line: &Line, welcome: &Welcome) -> Result<VecDeque<OwnedFd>, LinkError> {
    let setup = &welcome.setup;
    let own: usize = [&setup.initializer, &setup.finalizer].into_iter().flatten().map(descriptors_of).sum();
    if own + welcome.outlets.descriptors() == 0 {
        return Ok(VecDeque::new());
    }
    line.descriptors().map(VecDeque::from)
}

fn load(
    (welcome, mut descriptors): (&Welcome, VecDeque<OwnedFd>),
    image: SameImage,
) -> Result<(Option<Loaded>, Option<Loaded>), String> {
    let setup = &welcome.setup;
    let mut each = |routine: &Option<frame::Routine>| {
        let Some(routine) = routine else { return Ok(None) };
        let mut own: Vec<_> = descriptors.drain(..descriptors_of(routine).min(descriptors.len())).collect();
        let args = match &routine.args {
            Given::Inline(bytes) => bytes.clone(),
            Given::Bulk(len) => {
                let file = own.pop().ok_or("no memory file for the arguments of the initializer or finalizer")?;
                mp_sys::memory::read_file(file, *len).map_err(|error| error.to_string())?
            }
        };
        Ok::<_, String>(Some(Loaded {
            id: welcome.worker,
            entry: image.function(routine.entry),
            args,
            descriptors: own,
        }))
    };
    Ok((each(&setup.initializer)?, each(&setup.finalizer)?))
}

fn descriptors_of(routine: &frame::Routine) -> usize {
    routine.baggage as usize + usize::from(matches!(routine.args, Given::Bulk(_)))
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
