//! `mp-fuzz [--seconds N] [--seed S] [TARGET..]`: tries each target for so long, two at a time, each in a process of its own.
//!
//! Exit code 1 where something was found; the input is in `target/mp-fuzz/`. `mp-fuzz --replay TARGET FILE` tries one input.
//!
//! Does **not** know targets by name.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program for developers, which starts itself")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use mp_fuzz::{ALL, Campaign, Luck, Target};
use mp_sys::tally::Tally;

#[global_allocator]
static TALLY: Tally = Tally::new();

/// A run that is so much over its time hangs.
const HANGS: Duration = Duration::from_secs(10);

struct Options {
    seconds: u64,
    seed: u64,
    names: Vec<String>,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let ended = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--child", name, seconds, seed] => child(name, seconds, seed),
        ["--replay", name, file] => replay(name, Path::new(file)),
        _ => options(&args).and_then(|options| all(&options)),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn invalid(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what.to_string())
}

fn options(args: &[String]) -> io::Result<Options> {
    let mut options = Options { seconds: 5, seed: 1, names: Vec::new() };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut number =
            || args.next().and_then(|n| n.parse().ok()).ok_or_else(|| invalid(format!("{arg} needs a number")));
        match arg.as_str() {
            "--seconds" => options.seconds = number()?,
            "--seed" => options.seed = number()?,
            name => options.names.push(target(name)?.name.to_owned()),
        }
    }
    if options.names.is_empty() {
        options.names = ALL.iter().map(|target| target.name.to_owned()).collect();
    }
    Ok(options)
}

fn target(name: &str) -> io::Result<&'static Target> {
    let names = || ALL.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    ALL.iter()
        .find(|target| target.name == name)
        .ok_or_else(|| invalid(format!("no target {name}: there are {}", names())))
}

/// `target/mp-fuzz`, beside the program that this is.
fn folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.parent().and_then(Path::parent).ok_or_else(|| invalid("no target folder"))?;
    let folder = target.join("mp-fuzz");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn all(options: &Options) -> io::Result<bool> {
    let mut well = true;
    for names in options.names.chunks(2) {
        let started: Vec<_> = names.iter().map(|name| start(name, options)).collect::<io::Result<_>>()?;
        let deadline = Instant::now() + Duration::from_secs(options.seconds) + HANGS;
        for (name, child) in names.iter().zip(started) {
            well &= judge(name, within(child, deadline)?)?;
        }
    }
    Ok(well)
}

fn start(name: &str, options: &Options) -> io::Result<Child> {
    Command::new(env::current_exe()?)
        .args(["--child", name, &options.seconds.to_string(), &options.seed.to_string()])
        .spawn()
}

/// How it ended; none, where it hung.
fn within(mut child: Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        // Also of one whose neighbour has used up the time.
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            break;
        }
        // sleep: a program for developers that looks at its children now and then.
        thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn judge(name: &str, ended: Option<ExitStatus>) -> io::Result<bool> {
    let how = match ended {
        Some(status) if status.success() => return Ok(true),
        Some(status) => status.to_string(),
        None => format!("no end after {HANGS:?} more"),
    };
    let input = mp_fuzz::last_tried(&folder()?.join(format!("{name}.current")))?;
    let file = folder()?.join(format!("{name}.found"));
    fs::write(&file, &input)?;
    println!("{name}: {how}; the input, {} bytes, is in {}", input.len(), file.display());
    Ok(false)
}

fn campaign(name: &str) -> io::Result<Campaign<'static>> {
    Ok(Campaign { target: target(name)?, tally: Some(&TALLY), current: folder()?.join(format!("{name}.current")) })
}

fn child(name: &str, seconds: &str, seed: &str) -> io::Result<bool> {
    let campaign = campaign(name)?;
    let seeds = campaign.corpus(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"))?;
    let time = Duration::from_secs(seconds.parse().map_err(invalid)?);
    let mut luck = Luck::new(seed.parse().map_err(invalid)?);
    let ended = campaign.run(&seeds, &mut luck, (time, u64::MAX));
    match &ended {
        Ok(done) => println!("{name:14} {:>10} inputs, {:>5} ways: nothing found", done.tried, done.trails),
        Err(found) => println!("{name:14} {found:?}"),
    }
    Ok(ended.is_ok())
}

fn replay(name: &str, file: &Path) -> io::Result<bool> {
    let (campaign, input) = (campaign(name)?, fs::read(file)?);
    let outcome = campaign.attempt(None, &input);
    println!("{name}: {outcome:?}");
    Ok(outcome.is_ok())
}
