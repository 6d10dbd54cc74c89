//! Help, the list of tasks, completions and manual pages.

use insta::assert_snapshot;

use super::{mpctl, seen, stdout};

#[test]
fn help_of_the_whole() {
    assert_snapshot!(stdout(&["-h"]), @r"
    Run tasks on worker processes

    Usage: mpctl [OPTIONS] <COMMAND>

    Commands:
      tasks        List the tasks, with their arguments
      spawn        Start N processes that each run the task once; collect the results from one shared
                   queue
      apply        Run a task once on a pool of workers
      map          Run a task on each item, on a pool of workers
      chaos        Kill workers at random under many tasks, and check that each task is accounted for
      measure      Measure what a task costs on workers, layer by layer, and from which task on they pay
      completions  Print a completion script for a shell
      man          Print a manual page, or write all of them to a directory
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Messages:
      -v, --verbose...         Say what happens inside, on standard error; -vv for every frame
      -q, --quiet              No summary, no progress: failures only
          --log-format <FORM>  The form of what is said on standard error [default: text] [possible
                               values: text, json]

    Exit codes:
      0    every task has its result (also when the reader left early: `| head`)
      1    some task failed: it panicked, or a value could not cross
      2    usage: unknown command, option or task; wrong arguments; unreadable input
      3    a worker died while it ran a task
      124  a task timed out
      130  interrupted by Ctrl-C or SIGTERM
      Where several hold, the first of 130, 2, 3, 124, 1 is given.
    ");
}

#[test]
fn help_of_tasks() {
    assert_snapshot!(stdout(&["tasks", "-h"]), @r"
    List the tasks, with their arguments

    Usage: mpctl tasks [OPTIONS] [FILTER]

    Arguments:
      [FILTER]  Only those with this in their name or description

    Options:
          --format <FORM>  `table` and `lines` for people, `json` for programs: one object per task
                           [default: table] [possible values: json, lines, table]
      -h, --help           Print help (see more with '--help')

    Messages:
      -v, --verbose...         Say what happens inside, on standard error; -vv for every frame
      -q, --quiet              No summary, no progress: failures only
          --log-format <FORM>  The form of what is said on standard error [default: text] [possible
                               values: text, json]

    Examples:
      mpctl tasks
      mpctl tasks crash --format json
    ");
}

#[test]
fn help_of_spawn() {
    assert_snapshot!(stdout(&["spawn", "-h"]), @r"
    Start N processes that each run the task once; collect the results from one shared queue

    Usage: mpctl spawn [OPTIONS] <TASK> [ARGS]...

    Arguments:
      <TASK>     The task: its name, or any ending of it that is unique (crash.segfault)
      [ARGS]...  Its arguments: JSON where they parse as JSON, else strings; those with a default may be
                 left out

    Options:
      -h, --help  Print help (see more with '--help')

    Workers:
      -w, --workers <N>            How many workers [default: the processors this program may use]
          --start-method <METHOD>  How a worker process starts [default: spawn] [possible values: spawn,
                                   fork-server, fork]
          --timeout <TIME>         How long a task may run: 5, 500ms, 2m; then its worker is ended
          --trace <FILE>           Record when each task waited, crossed and ran, for ui.perfetto.dev or
                                   chrome://tracing
          --output <WHERE>         Where what worker processes print goes [default: inherit] [possible
                                   values: inherit, null, capture]
          --format <FORM>          `lines`: the bare results; `table`: with their index; `json`: an
                                   object per result, the last one a summary [default: lines] [possible
                                   values: json, lines, table]

    Messages:
      -v, --verbose...         Say what happens inside, on standard error; -vv for every frame
      -q, --quiet              No summary, no progress: failures only
          --log-format <FORM>  The form of what is said on standard error [default: text] [possible
                               values: text, json]

    Examples:
      mpctl spawn --workers 8 rand_string
      mpctl spawn --workers 4 rand_string 12
      mpctl spawn --workers 2 crash.hang --timeout 500ms
    ");
}

#[test]
fn help_of_apply() {
    assert_snapshot!(stdout(&["apply", "-h"]), @r"
    Run a task once on a pool of workers

    Usage: mpctl apply [OPTIONS] <TASK> [ARGS]...

    Arguments:
      <TASK>     The task: its name, or any ending of it that is unique (crash.segfault)
      [ARGS]...  Its arguments: JSON where they parse as JSON, else strings; those with a default may be
                 left out

    Options:
          --async  Hand the task over first (apply_async), then wait for its handle
      -h, --help   Print help (see more with '--help')

    Workers:
      -w, --workers <N>            How many workers [default: the processors this program may use]
          --start-method <METHOD>  How a worker process starts [default: spawn] [possible values: spawn,
                                   fork-server, fork]
          --timeout <TIME>         How long a task may run: 5, 500ms, 2m; then its worker is ended
          --trace <FILE>           Record when each task waited, crossed and ran, for ui.perfetto.dev or
                                   chrome://tracing
          --output <WHERE>         Where what worker processes print goes [default: inherit] [possible
                                   values: inherit, null, capture]
          --backend <KIND>         What the workers are [default: processes] [possible values:
                                   processes, threads, serial]
          --retries <N>            How often a task that was lost with its worker, or timed out, is
                                   tried again [default: 0]
          --max-tasks <N>          After how many tasks a worker is replaced by a fresh one
          --nice <N>               Make the workers so much nicer than this program, up to 19: they run
                                   when others do not want to [default: 0]
          --pin                    Have each worker run on one processor only
          --insights               Say at the end, on standard error, what the workers' time was spent
                                   on, and which tasks were slowest
          --format <FORM>          `lines`: the bare results; `table`: with their index; `json`: an
                                   object per result, the last one a summary [default: lines] [possible
                                   values: json, lines, table]

    Messages:
      -v, --verbose...         Say what happens inside, on standard error; -vv for every frame
      -q, --quiet              No summary, no progress: failures only
          --log-format <FORM>  The form of what is said on standard error [default: text] [possible
                               values: text, json]

    Examples:
      mpctl apply power 2 10
      mpctl apply parallel_sort '[3, 1, 2]'
      mpctl apply crash.hang --timeout 500ms --retries 1
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one text")]
fn help_of_map() {
    assert_snapshot!(stdout(&["map", "--help"]), @r"
    Run a task on each item, on a pool of workers

    Items are arguments, ranges (1..=6 or 1..7), the lines of a file or of standard input; each is JSON
    where it parses as JSON, else a string. They are read as the workers need them. For a task of
    several arguments an item is a JSON array of them.

    Usage: mpctl map [OPTIONS] <TASK> [ITEMS]...

    Arguments:
      <TASK>
              The task: its name, or any ending of it that is unique (crash.segfault)

      [ITEMS]...
              The items; none: the lines of standard input

    Options:
          --from <FILE>
              Read the items from this file, one per line; - is standard input

          --json
              The input is one JSON array, each element an item

          --async
              Submit each item as a task of its own (map_async), then collect their handles

          --unordered
              Show results as they come, not in the order of the input

      -h, --help
              Print help (see a summary with '-h')

    Workers:
      -w, --workers <N>
              How many workers [default: the processors this program may use]

          --start-method <METHOD>
              How a worker process starts

              Possible values:
              - spawn:       Execute this program anew
              - fork-server: Copy a copy that does nothing else: faster, and small
              - fork:        Copy this process (only while it has one thread)
              
              [default: spawn]

          --timeout <TIME>
              How long a task may run: 5, 500ms, 2m; then its worker is ended

          --trace <FILE>
              Record when each task waited, crossed and ran, for ui.perfetto.dev or chrome://tracing

          --output <WHERE>
              Where what worker processes print goes

              Possible values:
              - inherit: Where this program's own goes
              - null:    Nowhere
              - capture: There too, but line by line, each with its worker, process and task in front
              
              [default: inherit]

          --backend <KIND>
              What the workers are

              Possible values:
              - processes: Copies of this program
              - threads:   Threads of this process: a task that crashes takes all with it
              - serial:    No workers: one task after another, here
              
              [default: processes]

          --retries <N>
              How often a task that was lost with its worker, or timed out, is tried again
              
              [default: 0]

          --max-tasks <N>
              After how many tasks a worker is replaced by a fresh one

          --nice <N>
              Make the workers so much nicer than this program, up to 19: they run when others do not
              want to
              
              [default: 0]

          --pin
              Have each worker run on one processor only

          --insights
              Say at the end, on standard error, what the workers' time was spent on, and which tasks
              were slowest

          --format <FORM>
              `lines`: the bare results; `table`: with their index; `json`: an object per result, the
              last one a summary

              Possible values:
              - json:  One JSON object per line
              - lines: One result per line, strings bare
              - table: Columns with a header
              
              [default: lines]

    Messages:
      -v, --verbose...
              Say what happens inside, on standard error; -vv for every frame

      -q, --quiet
              No summary, no progress: failures only

          --log-format <FORM>
              The form of what is said on standard error

              Possible values:
              - text: Lines for people
              - json: One JSON object per line
              
              [default: text]

    Examples:
      mpctl map square 1..=6
      seq 1000000 | mpctl map square --workers 2 --unordered
      mpctl map power '[2, 10]' '[3, 4]'
      mpctl map cube --from numbers.json --json --format json
    ");
}

#[test]
fn help_of_completions_and_man() {
    let both = stdout(&["completions", "-h"]) + &stdout(&["man", "-h"]);
    assert_snapshot!(both, @r"
    Print a completion script for a shell

    Usage: mpctl completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  The shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help  Print help (see more with '--help')

    Messages:
      -v, --verbose...         Say what happens inside, on standard error; -vv for every frame
      -q, --quiet              No summary, no progress: failures only
          --log-format <FORM>  The form of what is said on standard error [default: text] [possible
                               values: text, json]

    Example:
      mpctl completions bash > ~/.local/share/bash-completion/completions/mpctl
    Print a manual page, or write all of them to a directory

    Usage: mpctl man [OPTIONS] [COMMAND]

    Arguments:
      [COMMAND]  The command; none: the page of the whole

    Options:
          --dir <DIR>  Write every page here
      -h, --help       Print help (see more with '--help')

    Messages:
      -v, --verbose...         Say what happens inside, on standard error; -vv for every frame
      -q, --quiet              No summary, no progress: failures only
          --log-format <FORM>  The form of what is said on standard error [default: text] [possible
                               values: text, json]

    Examples:
      mpctl man map | man -l -
      mpctl man --dir /usr/local/share/man/man1
    ");
}

#[test]
fn tasks_are_listed_with_arguments_and_a_line_each() {
    assert_snapshot!(seen(&["tasks"]), @r#"
    mpctl::crash
      abort()                                     Dies of SIGABRT, by abort().
      exit(code: i32 = 3)                         Exits from within the task.
      hang(ms: u64 = 3600000)                     Sleeps for an hour, or so long.
      panic(message: String = "out of luck")      Panics.
      segfault()                                  Dies of SIGSEGV.
      spin(ms: u64 = 3600000)                     Keeps a processor busy for an hour, or so long.
      stack_overflow() -> u64                     Calls itself until the stack is used up.

    mpctl::tasks
      cube(n: i64) -> i64                         n * n * n.
      do_something(size: usize = 1000000) -> f64  Draws so many random numbers between 0 and 1 into a list, and returns their sum.
      parallel_sort(list: Vec<f64>) -> Vec<f64>   The list in order. Map it over pieces of a long one: each worker sorts its own.
      power(base: i64, exponent: u32) -> i64      The base to the power of the exponent.
      rand_number(low: i64, high: i64) -> i64     A random number, at least `low` and at most `high`.
      rand_string(length: usize = 5) -> String    A random string of letters and digits.
      sleep_ms(ms: u64 = 100) -> u64              Sleeps for so many milliseconds, and returns them.
      square(n: i64) -> i64                       n * n.
    --- stderr
    --- exit 0
    "#);
}

#[test]
fn tasks_for_programs_are_an_object_per_line() {
    assert_snapshot!(seen(&["tasks", "rand_string", "--format", "json"]), @r#"
    {"args":[{"default":5,"name":"length","required":false,"type":"usize"}],"doc":"A random string of letters and digits.","name":"mpctl::tasks::rand_string","output":"String","short":"rand_string"}
    --- stderr
    --- exit 0
    "#);
    assert_snapshot!(seen(&["tasks", "rand", "--format", "lines"]), @r"
    do_something(size: usize = 1000000) -> f64
    rand_number(low: i64, high: i64) -> i64
    rand_string(length: usize = 5) -> String
    --- stderr
    --- exit 0
    ");
}

#[test]
fn a_filter_that_finds_nothing_is_a_mistake() {
    assert_snapshot!(seen(&["tasks", "xylophone"]), @r#"
    --- stderr
    mpctl: no task has "xylophone" in its name or description
    hint: mpctl tasks lists them all
    --- exit 2
    "#);
}

#[test]
fn manual_pages_are_printed_and_written() {
    assert!(stdout(&["man", "map"]).contains(".TH mpctl-map 1"));
    let whole = stdout(&["man"]);
    for part in ["Exit codes", "Environment", "MP_CPU_COUNT", "MP_MAX_DEPTH", "RUST_LOG"] {
        assert!(whole.contains(part), "{part}: {whole}");
        assert!(stdout(&["--help"]).contains(part), "{part}");
    }
    let dir = std::env::temp_dir().join(format!("mpctl-man-{}", std::process::id()));
    mpctl(&["man", "--dir"]).arg(&dir).assert().success();
    let mut names: Vec<_> =
        std::fs::read_dir(&dir).expect("is there").map(|entry| entry.expect("is there").file_name()).collect();
    names.sort();
    std::fs::remove_dir_all(&dir).expect("is ours");
    let wanted = ["apply", "chaos", "completions", "man", "map", "measure", "spawn", "tasks"]
        .map(|name| format!("mpctl-{name}.1"));
    assert_eq!(names, wanted.iter().map(String::as_str).chain(["mpctl.1"]).collect::<Vec<_>>());
}
