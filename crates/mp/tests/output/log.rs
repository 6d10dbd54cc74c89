//! `mp::log_to_stderr`: a line for each event, with who says it, in a process whose standard error is a file.

use mp::{Backend, Level, Pool, Process};

use crate::common::bench;

fn resize(width: u32) {
    let span = tracing::info_span!("page", n = 2);
    let _within = span.enter();
    tracing::info!(width, name = "a b", "resized");
    tracing::debug!("not wanted of workers");
}

/// What a program does that wants to see what happens. Gives its worker's process.
fn program() -> Result<u32, String> {
    let installed = (mp::log_to_stderr(Level::DEBUG), mp::log_to_stderr(Level::WARN));
    tracing::warn!(left = 3, "few are left");
    std::thread::spawn(|| tracing::error!("by a thread")).join().map_err(|_| "it panicked")?;
    let pool = Pool::builder().workers(1).forward_tracing(Level::INFO).build().map_err(|error| error.to_string())?;
    pool.apply(resize, (640,)).map_err(|failure| failure.to_string())?;
    let pid = pool.worker_pids()[0];
    pool.join().map_err(|error| error.to_string())?;
    if installed == (true, false) { Ok(pid) } else { Err(format!("{installed:?}")) }
}

#[test]
fn each_line_says_who_whether_here_or_in_a_worker() {
    bench("log", Backend::Processes, |bench| {
        let path = std::env::temp_dir().join(format!("mp-log-{}", std::process::id()));
        let file = std::fs::File::create(&path).expect("a file");
        let process = Process::builder(program, ()).start_method(bench.start_method).stderr(file).spawn();
        let process = process.expect("a process");
        let own = process.pid();
        let worker = process.join().expect("a value").expect("all was well");
        let text = std::fs::read_to_string(&path).expect("written");
        std::fs::remove_file(&path).expect("removed");
        for line in [
            format!("[WARN/worker 0.1 pid {own} task 1] worker::log: few are left left=3"),
            format!("[ERROR/pid {own}] worker::log: by a thread"),
            format!("[INFO/worker 0.1 pid {worker} task 1] page{{n=2}}: worker::log: resized width=640 name=\"a b\""),
        ] {
            let line = line.replace("worker::log", module_path!());
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        assert!(text.contains("worker started") && !text.contains("not wanted"), "{text}");
    });
}
