//! Completion scripts: what a shell offers after a tab. bash is asked for real, other shells may not be there.

use assert_cmd::Command;

use super::{WATCHDOG, stdout};

/// What bash offers for the last of these words, the first being `mpctl`.
fn offered(words: &[&str]) -> Vec<String> {
    let (last, rest) = words.split_last().expect("a word");
    let program = env!("CARGO_BIN_EXE_mpctl");
    let line = rest.iter().chain([last]).map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let script = stdout(&["completions", "bash"])
        + &format!(
            "COMP_WORDS=({line}); COMP_CWORD={}; COMP_WORDS[0]='{program}'\n\
             _mpctl_or_task '{program}' '{last}' '{}'\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            rest.len(),
            rest.last().expect("the program"),
        );
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-s"]).write_stdin(script).timeout(WATCHDOG);
    let output = bash.assert().success().get_output().clone();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "bash complains");
    String::from_utf8(output.stdout).expect("is text").lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_tasks() {
    assert_eq!(offered(&["mpctl", "apply", "rand"]), ["rand_number", "rand_string"]);
    assert_eq!(offered(&["mpctl", "map", "--workers", "4", "squ"]), ["square"]);
    assert_eq!(offered(&["mpctl", "spawn", "--timeout", "=", "4s", "-q", "cub"]), ["cube"]);
    assert_eq!(offered(&["mpctl", "apply", "crash.s"]), ["crash.segfault", "crash.spin", "crash.stack_overflow"]);
    assert_eq!(offered(&["mpctl", "apply", ""]).len(), stdout(&["tasks", "--format", "lines"]).lines().count());
}

#[test]
fn bash_completes_all_else_as_before() {
    assert_eq!(offered(&["mpctl", "ma"]), ["map", "man"]);
    assert_eq!(offered(&["mpctl", "apply", "--ba"]), ["--backend"]);
    assert_eq!(offered(&["mpctl", "map", "--backend", "s"]), ["serial"]);
    assert!(!offered(&["mpctl", "apply", "square", "s"]).contains(&"square".to_owned()), "the task is there already");
    assert!(!offered(&["mpctl", "map", "--workers", "s"]).contains(&"square".to_owned()), "a number is wanted");
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(&["completions", shell]);
        assert!(script.contains("unordered"), "{shell}: {script}");
    }
    for shell in ["bash", "fish", "zsh"] {
        let script = stdout(&["completions", shell]);
        assert!(script.contains("mpctl") && script.contains("tasks --format lines"), "{shell}: {script}");
        let left = ["PROGRAM", "VALUED", "COMMANDS"].into_iter().find(|place| script.contains(place));
        assert_eq!(left, None, "{shell}: {script}");
    }
}

#[test]
fn zsh_asks_for_the_task_of_each_command_that_takes_one() {
    let script = stdout(&["completions", "zsh"]);
    assert_eq!(script.matches(":_mpctl_task'").count(), 3, "{script}");
    assert!(script.find("_mpctl_task()") < script.find("if [ \"$funcstack[1]\""), "defined before it is used");
}
