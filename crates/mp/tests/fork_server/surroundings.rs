//! Streams, environment, directory, arguments: a forked worker's are what a spawned one's are.

use std::fs::{self, File};
use std::path::PathBuf;

use mp::{Backend, Pool, Process, StartMethod};

use crate::alone;
use crate::common::{bench, works};

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mp-fork-server-{}-{name}", std::process::id()))
}

#[expect(clippy::print_stdout, reason = "that is what is looked at")]
fn tell(n: u32) -> (Option<String>, String) {
    println!("out {n}");
    eprintln!("err {n}");
    let directory = std::env::current_dir().expect("a directory");
    (std::env::var("MP_TEST_N").ok(), directory.to_string_lossy().into_owned())
}

#[test]
fn each_process_has_its_own() {
    let _one = crate::one_at_a_time();
    bench("surroundings", Backend::Processes, |bench| {
        // It keeps the fork server.
        let pool = bench.pool(1);
        works(&pool);
        let at = format!("{:?}", bench.start_method);
        for (n, directory) in [(1, "/"), (2, "/tmp"), (3, "/")] {
            let (out, err) = (scratch(&format!("{at}-out")), scratch(&format!("{at}-err")));
            let process = Process::builder(tell, (n,))
                .start_method(bench.start_method)
                .env("MP_TEST_N", n.to_string())
                .current_dir(directory)
                .stdout(File::create(&out).expect("a file"))
                .stderr(File::create(&err).expect("a file"))
                .spawn()
                .expect("a process");
            assert_eq!(process.join(), Ok((Some(n.to_string()), directory.to_owned())));
            assert_eq!(fs::read_to_string(&out).expect("written"), format!("out {n}\n"));
            assert_eq!(fs::read_to_string(&err).expect("written"), format!("err {n}\n"));
            fs::remove_file(out).and_then(|()| fs::remove_file(err)).expect("they were there");
        }
        let own = std::env::current_dir().expect("a directory").to_string_lossy().into_owned();
        let process = Process::builder(tell, (4,)).stdout(mp::Stdio::null()).stderr(mp::Stdio::null());
        let process = process.start_method(bench.start_method).spawn().expect("a process");
        assert_eq!(process.join(), Ok((None, own)), "the next one has nothing of it");
    });
}

#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Seen {
    arguments: Vec<String>,
    descriptors: Vec<String>,
    group: i32,
    blocked: String,
}

fn look() -> Seen {
    let status = fs::read_to_string("/proc/self/status").expect("proc");
    let signals = status.lines().filter(|line| line.starts_with("Sig") && !line.starts_with("SigQ"));
    let link = |entry: fs::DirEntry| fs::read_link(entry.path()).map_or_else(|_| String::new(), kind);
    let mut descriptors: Vec<_> = fs::read_dir("/proc/self/fd").expect("proc").flatten().map(link).collect();
    descriptors.sort();
    Seen {
        arguments: std::env::args().skip(1).collect(),
        descriptors,
        group: nix::unistd::getpgrp().as_raw() - std::process::id() as i32,
        blocked: signals.collect(),
    }
}

/// What it is, without the number that tells it from others.
fn kind(path: PathBuf) -> String {
    let text = path.to_string_lossy().into_owned();
    text.split(['[', '(']).next().unwrap_or_default().to_owned()
}

#[test]
fn forked_and_spawned_workers_look_alike() {
    alone("alike", |_| {
        let seen = [StartMethod::Spawn, StartMethod::ForkServer].map(|method| {
            let pool = Pool::builder().name("looks").workers(1).start_method(method).build().expect("a pool");
            let mut seen = pool.apply(look, ()).expect("a value");
            seen.descriptors.retain(|kind| !kind.starts_with("/proc"));
            seen
        });
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[1].arguments, ["mp-worker", "0.1", "looks"]);
    });
}
