//! What tasks say of themselves, for people who do not know their types: a bar, a text.
//!
//! Does **not** know who shows it.

use mp_link::Note;
use mp_wire::{TaskId, codec};
use mp_worker::tag_of;
use serde::de::DeserializeOwned;

use crate::handle::guarded;
use crate::pool::Pool;

/// What a task has said by `mp::progress`, as far as anybody can make something of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Said {
    /// So much is done of so much: a pair of whole numbers of one type. What is below 0 is 0.
    Part {
        /// Done.
        done: u64,
        /// To be done in all.
        total: u64,
    },
    /// So much is done: a whole number.
    Count(u64),
    /// This share of it is done: an `f64` or `f32`.
    Share(f64),
    /// A text.
    Text(String),
}

impl Pool {
    /// As [`Pool::progress`], for those who do not know what the tasks say: of those that run, what each has said last, if it is a pair
    /// of whole numbers, a number or a text. `mpctl` shows this.
    ///
    /// ```no_run
    /// # let pool = mp_supervisor::Pool::new(2)?;
    /// for (task, said) in pool.said() {
    ///     eprintln!("task {task}: {said:?}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn said(&self) -> Vec<(TaskId, Said)> {
        self.notes().iter().filter_map(|note| Some((note.task, Said::of(note)?))).collect()
    }
}

impl Said {
    fn of(note: &Note) -> Option<Self> {
        whole::<u64>(note)
            .or_else(|| whole::<i32>(note))
            .or_else(|| whole::<usize>(note))
            .or_else(|| whole::<u32>(note))
            .or_else(|| whole::<i64>(note))
            .or_else(|| read::<String>(note).map(Self::Text))
            .or_else(|| read::<f64>(note).map(Self::Share))
            .or_else(|| read::<f32>(note).map(|share| Self::Share(share.into())))
    }
}

fn whole<N: DeserializeOwned + TryInto<u64>>(note: &Note) -> Option<Said> {
    let number = |n: N| n.try_into().unwrap_or(0);
    let pair = || read::<(N, N)>(note).map(|(done, total)| Said::Part { done: number(done), total: number(total) });
    pair().or_else(|| read::<N>(note).map(|n| Said::Count(number(n))))
}

/// Nothing that a worker wrote is believed: it is a `P`, or nothing.
fn read<P: DeserializeOwned>(note: &Note) -> Option<P> {
    (note.tag == tag_of::<P>()).then(|| guarded(|| codec::decode(&note.bytes)).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<P: serde::Serialize>(value: &P) -> Option<Said> {
        let bytes = codec::encode(value).expect("encodes");
        Said::of(&Note { task: TaskId(1), tag: tag_of::<P>(), turn: 1, bytes })
    }

    #[test]
    fn what_people_understand_is_shown_whatever_its_type() {
        assert_eq!(said(&(3_u64, 10_u64)), Some(Said::Part { done: 3, total: 10 }));
        assert_eq!(said(&(3, 10)), Some(Said::Part { done: 3, total: 10 }));
        assert_eq!(said(&(-3_i64, 10_i64)), Some(Said::Part { done: 0, total: 10 }));
        assert_eq!((said(&7_usize), said(&8_u32)), (Some(Said::Count(7)), Some(Said::Count(8))));
        assert_eq!((said(&0.25), said(&0.5_f32)), (Some(Said::Share(0.25)), Some(Said::Share(0.5))));
        assert_eq!(said(&"reading"), Some(Said::Text("reading".to_owned())));
        assert_eq!((said(&[1, 2, 3]), said(&(1, 2_u8)), said(&())), (None, None, None));
        let lies = Note { task: TaskId(1), tag: tag_of::<String>(), turn: 1, bytes: vec![250; 9] };
        assert_eq!(Said::of(&lies), None);
    }
}
