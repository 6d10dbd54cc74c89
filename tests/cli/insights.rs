//! `--insights`: at the end, on standard error, where the time went; what is on standard output stays as it was.

use serde_json::Value;

use super::mpctl;

/// What a command says on standard output and on standard error.
fn both(args: &[&str]) -> (String, String) {
    let output = mpctl(args).arg("--insights").output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn a_table_of_the_workers_and_the_slowest_tasks() {
    for backend in ["processes", "threads", "serial"] {
        // The long one is the slowest, whatever comes between the others and their processor.
        let args = ["map", "sleep_ms", "1", "2000", "3", "--workers", "2", "--backend", backend];
        let (results, said) = both(&args);
        assert_eq!(results, "1\n2000\n3\n");
        let lines: Vec<_> = said.lines().collect();
        assert!(lines[0].starts_with("mpctl: 3 tasks on "), "{said}");
        assert!(lines[1].starts_with("worker  started     tasks start-up"), "{said}");
        let slowest = lines.iter().position(|line| *line == "slowest tasks:").expect("a list");
        assert_eq!(lines.len() - slowest, 4, "{said}");
        assert!(lines[slowest + 1].contains("mpctl::tasks::sleep_ms(2000), task 2 on worker"), "{said}");
    }
}

#[test]
fn one_object_for_programs() {
    let (results, said) = both(&["apply", "power", "2", "10", "--format", "json"]);
    assert!(results.ends_with("}\n") && results.contains("\"summary\""), "{results}");
    let object: Value = serde_json::from_str(&said).expect("one object");
    let slow = &object["insights"]["slowest"][0];
    assert_eq!((slow["args"].as_str(), slow["name"].as_str()), (Some("(2,10)"), Some("mpctl::tasks::power")));
    assert_eq!(object["insights"]["workers"][0]["tasks"], 1);
    assert!(object["insights"]["workers"][0]["start_up_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
}

#[test]
fn where_all_of_standard_error_is_json_it_is_an_event_and_quiet_does_not_take_it_away() {
    let (_, said) = both(&["apply", "square", "3", "--log-format", "json"]);
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.last().expect("an event")["fields"]["insights"]["workers"][0]["tasks"], 1, "{said}");
    let (_, said) = both(&["apply", "square", "3", "--quiet"]);
    assert!(said.starts_with("worker  started"), "{said}");
}

#[test]
fn a_worker_that_dies_is_counted_with_who_replaced_it() {
    let (_, said) = both(&["map", "crash.exit", "3", "--workers", "1", "--retries", "1", "--format", "json"]);
    let last = said.lines().last().expect("a line");
    let object: Value = serde_json::from_str(last).expect("an object");
    let worker = &object["insights"]["workers"][0];
    assert!(worker["started"].as_u64().is_some_and(|started| started >= 2) && worker["tasks"] == 0, "{said}");
    assert_eq!(object["insights"]["slowest"], Value::Array(Vec::new()), "{said}");
}
