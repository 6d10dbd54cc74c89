//! A map whose caller waits, of items whose encoding cannot fail: its input is encoded and submitted piece by piece, while
//! workers run what was submitted before and its values come back.
//!
//! Does **not** know how items reach workers.
//!
//! ```text
//!  input ─▶ encode a piece ─▶ submit ─▶ .. until WINDOW items are under way
//!     ▲                                          │
//!     └──────── read what has come ◀─────────────┘
//! ```
//!
//! Workers begin with the first piece; and what is encoded takes memory as long as it is under way, which is then used again:
//! fresh memory for all of it would cost more than to encode it.

use mp_wire::Failure;
use mp_worker::Task;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::error::SubmitError;
use crate::host::Work;
use crate::map_handle::{AT_ONCE, MapHandle};
use crate::pool::Pool;
use crate::trace::{Deed, PoolTrace};

/// So many items are submitted together.
const PIECE: usize = 8 * 1024;

/// At most so many are under way: what the slowest part does while the others wait for it.
const WINDOW: usize = 4 * AT_ONCE;

/// Runs `work` on all `items`; gives their values, in their order.
pub(crate) fn map_in_pieces<F, A>(
    pool: &Pool,
    work: &Work,
    items: impl Iterator<Item = A>,
) -> Result<Vec<F::Output>, Failure>
where
    F: Task<A>,
    A: Serialize + DeserializeOwned,
{
    let mut handle = pool.map_handle(work, items.size_hint().0);
    let fed = feed::<F, A>(pool, work, items, &mut handle);
    // An item that failed comes before those that were not accepted.
    let values = handle.get()?;
    fed.map_err(|error| error.into_failure(work.name.as_str()))?;
    Ok(values)
}

fn feed<F, A>(
    pool: &Pool,
    work: &Work,
    items: impl Iterator<Item = A>,
    handle: &mut MapHandle<F::Output>,
) -> Result<(), SubmitError>
where
    F: Task<A>,
    A: Serialize + DeserializeOwned,
{
    let mut items = items.fuse();
    loop {
        let args = piece::<F, A>(pool, work, &mut items)?;
        if args.len() == 0 {
            return Ok(());
        }
        pool.submit_more(work.clone(), args, handle)?;
        if handle.missing() >= WINDOW {
            handle.gather(WINDOW - AT_ONCE, None);
        }
    }
}

fn piece<F, A>(pool: &Pool, work: &Work, items: &mut impl Iterator<Item = A>) -> Result<Args, SubmitError>
where
    F: Task<A>,
    A: Serialize + DeserializeOwned,
{
    let mut args = pool.no_args().with_room_for::<F, A>(PIECE.min(items.size_hint().0));
    let encode = || args.push_all_numbers::<F, A>(items.take(PIECE));
    PoolTrace::time(pool.host().trace(), (Deed::Encode, &work.name, 0), encode)?;
    Ok(args)
}
