//! Shared memory with and without a name, and that nothing of it is left.

use mp::{Pool, SharedMemory, SyncError};

#[test]
fn it_travels_and_is_the_same() {
    let pool = Pool::new(1).unwrap();
    let memory = SharedMemory::new(10_000).unwrap();
    let write = |memory: SharedMemory| memory.write(9_000, b"from elsewhere").is_ok();
    assert_eq!(pool.apply(write, (memory.clone(),)), Ok(true));
    let mut bytes = [0; 14];
    memory.read(9_000, &mut bytes).unwrap();
    assert_eq!(&bytes, b"from elsewhere");
    assert!(matches!(memory.read(9_999, &mut bytes), Err(SyncError::OutOfBounds { len: 10_000, .. })));
    assert!(SharedMemory::new(0).is_err());
}

#[test]
fn a_name_is_found_by_others_taken_once_and_gone_with_a_killed_owner_twice_in_a_row() {
    fn own(name: String, there: mp::Event) {
        let memory = SharedMemory::named(&name, 64).expect("the name is free");
        memory.write(0, b"mine").expect("fits");
        there.set();
        loop {
            std::thread::park();
        }
    }
    let name = format!("test-{}", std::process::id());
    for _ in 0..2 {
        let there = mp::Event::new().unwrap();
        let owner = mp::Process::spawn(own, (name.clone(), there.clone())).unwrap();
        there.wait().unwrap();
        let found = SharedMemory::open(&name).unwrap();
        assert!(matches!(SharedMemory::named(&name, 64), Err(SyncError::NameTaken(_))));
        owner.kill();
        let _ = owner.join();
        assert!(matches!(SharedMemory::open(&name), Err(SyncError::NotFound(_))), "its name died with it");
        let mut bytes = [0; 4];
        found.read(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"mine", "what was opened stays");
    }
}
