//! Queues whose memory somebody writes to. What comes of it is an error, never a panic, a hang or a huge allocation.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use mp_supervisor::{Queue, QueueError};
use mp_sys::memfile::{MemFile, PAGE};

use crate::harness::{LOCK_AT, Random, arrive, file, page, set_size};

/// Of both copies of the state: head, tail, count, freed.
const STATES: [usize; 2] = [128, 192];

/// A queue of two items, with `value` as word `index` of its state.
fn scribbled(index: usize, value: u64) -> Queue<String> {
    let queue = Queue::new().expect("creates");
    queue.put("first".to_owned()).expect("puts");
    queue.put("second".to_owned()).expect("puts");
    let page = page(&queue);
    STATES.iter().for_each(|copy| page.u64_at(copy + 8 * index).store(value, SeqCst));
    queue
}

fn is_corrupted<T>(result: mp_supervisor::Result<T>) -> bool {
    matches!(result, Err(mp_supervisor::Error::Queue(QueueError::Corrupted { .. })))
}

pub(crate) fn scribbled_states_are_errors() {
    for (index, value) in [0, 1, 2, 3].into_iter().flat_map(|index| [0, 1, u64::MAX, 1 << 60].map(|v| (index, v))) {
        let queue = scribbled(index, value);
        assert!(is_corrupted(queue.get()) && is_corrupted(queue.get()), "word {index} is {value}");
    }
    for length in [0, 1, u64::MAX, 0x4d51 << 48 | 1 << 40, 0x4d51 << 48 | 30] {
        let queue = scribbled(3, PAGE);
        file(&queue).write_all_at(&length.to_le_bytes(), PAGE).expect("writes");
        assert!(is_corrupted(queue.get()) && queue.len() == 2, "length {length:x}");
    }
    let queue = scribbled(3, PAGE);
    page(&queue).u32_at(LOCK_AT).store(1, SeqCst);
    assert!(
        matches!(queue.try_get(), Err(mp_supervisor::Error::Queue(QueueError::TimedOut { .. }))),
        "held by a process that never frees it"
    );
}

pub(crate) fn random_scribbles() {
    let mut random = Random(3);
    let start = Instant::now();
    for _ in 0..3000 {
        let queue = scribbled(3, PAGE);
        for _ in 0..=random.below(3) {
            scribble(&queue, &mut random);
        }
        for _ in 0..3 {
            let _ = (queue.try_get(), queue.put_timeout("x".to_owned(), Duration::from_millis(1)), queue.len());
        }
    }
    assert!(start.elapsed() < Duration::from_secs(600), "calls that do not wait, waited");
}

fn scribble(queue: &Queue<String>, random: &mut Random) {
    let value =
        [random.next(), random.below(20), PAGE + random.below(64), 1 << random.below(64)][random.below(4) as usize];
    let offset = 8 * random.below(PAGE / 8 / 16) as usize;
    if random.below(4) == 0 {
        file(queue).write_all_at(&value.to_le_bytes(), PAGE + random.below(24)).expect("writes");
    } else if offset != LOCK_AT {
        page(queue).u64_at(offset).store(value, SeqCst);
    }
}

pub(crate) fn a_claimed_exabyte_is_not_allocated() {
    let queue = scribbled(1, 1 << 60);
    set_size(&queue, 1 << 61).expect("grows");
    let length = 0x4d51 << 48 | 1_u64 << 46;
    file(&queue).write_all_at(&length.to_le_bytes(), PAGE).expect("writes");
    assert!(is_corrupted(queue.get()));
    assert!(set_size(&queue, 0).is_err(), "it would end all who have it mapped");
}

pub(crate) fn what_is_no_queue_is_refused() {
    let empty = MemFile::create(c"empty", 2 * PAGE).expect("creates");
    let short = MemFile::create(c"short", 10).expect("creates");
    let null = std::fs::File::open("/dev/null").expect("opens");
    for fd in [dup(&empty), dup(&short), dup(&null)] {
        let refused = arrive::<u8>(fd).expect_err("refused");
        assert!(refused.to_string().contains("not that of a queue"), "{refused}");
    }
}

fn dup(fd: &impl std::os::fd::AsFd) -> std::os::fd::OwnedFd {
    fd.as_fd().try_clone_to_owned().expect("duplicates")
}
