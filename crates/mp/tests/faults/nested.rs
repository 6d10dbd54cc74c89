//! Pools in tasks of pools: as deep as is sensible, and no deeper.

use mp::{Backend, Failure, Pool};

use crate::common::{bench, works};

/// How deep it came, and what stopped it.
fn recurse(workers: usize) -> (u32, String) {
    let pool = match Pool::new(workers) {
        Ok(pool) => pool,
        Err(error) => return (0, error.to_string()),
    };
    match pool.apply(recurse, (workers,)) {
        Ok((depth, text)) => (depth + 1, text),
        Err(failure) => (1, failure.to_string()),
    }
}

/// A task that starts a pool for itself, and so on: once that filled the machine with processes.
#[test]
fn a_pool_that_starts_itself_without_end_is_refused_at_the_eighth_level() {
    bench("recursion", Backend::Processes, |bench| {
        for workers in [1, 2] {
            let pool = bench.pool(workers);
            let (depth, text) = pool.apply(recurse, (workers,)).expect("a value");
            assert_eq!(depth, 7, "{text}");
            assert!(text.starts_with("workers of workers are 8 deep here"), "{text}");
            works(&pool);
        }
    });
}

/// A crash three deep is a failure there, and a value further up.
#[test]
fn a_crash_three_deep_is_told_where_it_happened() {
    bench("deep_crash", Backend::Processes, |bench| {
        fn down(levels: u32) -> Result<u32, String> {
            if levels == 0 {
                std::process::abort();
            }
            let pool = Pool::new(2).map_err(|error| error.to_string())?;
            match pool.apply(down, (levels - 1,)) {
                Ok(inner) => inner,
                Err(Failure::Lost { .. }) => Ok(levels),
                Err(other) => Err(other.to_string()),
            }
        }
        for workers in [1, 2, 5, 13] {
            let pool = bench.pool(workers);
            assert_eq!(pool.apply(down, (2,)), Ok(Ok(1)));
            works(&pool);
        }
    });
}
