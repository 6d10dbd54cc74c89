//! A file as the rules see it: its text, its code without comments and literals, its dependencies.
//!
//! Does **not** know the rules.

use std::fs;
use std::path::Path;

#[derive(Clone)]
pub(crate) struct Source {
    /// From the repository's root.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text, with comments and the insides of literals as blanks; line by line the same.
    pub(crate) code: String,
}

/// One line of a dependency table in a `Cargo.toml`.
pub(crate) struct Dependency<'a> {
    pub(crate) table: &'a str,
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

impl Dependency<'_> {
    pub(crate) fn is_workspace_table(&self) -> bool {
        self.table == "[workspace.dependencies]"
    }

    pub(crate) fn is_dev(&self) -> bool {
        self.table.ends_with("dev-dependencies]")
    }
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { code_of(text) } else { text.to_owned() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub(crate) fn at(&self, line: usize, what: &str) -> Vec<String> {
        vec![format!("{}:{}: {what}", self.path, line + 1)]
    }

    pub(crate) fn lines_of_code(&self, is_bad: impl Fn(&str) -> bool, what: &str) -> Vec<String> {
        self.bad_lines(&self.code, is_bad, what)
    }

    pub(crate) fn lines_of_text(&self, is_bad: impl Fn(&str) -> bool, what: &str) -> Vec<String> {
        self.bad_lines(&self.text, is_bad, what)
    }

    fn bad_lines(&self, text: &str, is_bad: impl Fn(&str) -> bool, what: &str) -> Vec<String> {
        let bad = text.lines().enumerate().filter(|(_, line)| is_bad(line));
        bad.flat_map(|(number, _)| self.at(number, what)).collect()
    }

    pub(crate) fn dependencies(&self, is_bad: impl Fn(&Dependency) -> bool, what: &str) -> Vec<String> {
        let mut table = "";
        let mut findings = Vec::new();
        for (number, line) in self.text.lines().enumerate() {
            if line.starts_with('[') {
                table = line.trim();
            } else if let Some((name, value)) = line.split_once(['.', '=']).filter(|_| table.ends_with("dependencies]"))
            {
                let dependency = Dependency { table, name: name.trim(), value };
                findings.extend(is_bad(&dependency).then(|| self.at(number, what)).into_iter().flatten());
            }
        }
        findings
    }

    pub(crate) fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// A module of tests in a file of its own.
    pub(crate) fn is_test_module(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/src/tests/")
    }

    pub(crate) fn is_integration_test(&self) -> bool {
        self.path.starts_with("tests/") || (self.path.starts_with("crates/") && self.path.contains("/tests/"))
    }
}

/// `text` with every comment and every literal replaced by blanks.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let blank = blank_len(rest, code.ends_with(is_word));
        let (taken, after) = rest.split_at(blank.max(next.len_utf8()));
        let keep = |c: char| if blank == 0 || c == '\n' { c } else { ' ' };
        code.extend(taken.chars().map(keep));
        rest = after;
    }
    code
}

/// How long the comment or literal at the start of `rest` is; 0 if there is none.
fn blank_len(rest: &str, after_word: bool) -> usize {
    let mut chars = rest.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some('/'), Some('/'), _) => rest.find('\n').unwrap_or(rest.len()),
        (Some('/'), Some('*'), _) => block_comment_len(rest),
        (Some('"'), ..) => quoted_len(rest, '"'),
        (Some('\''), Some('\\'), _) => quoted_len(rest, '\''),
        (Some('\''), Some(one), Some('\'')) => 2 + one.len_utf8(),
        (Some('r' | 'b' | 'c'), ..) if !after_word => raw_string_len(rest).unwrap_or(0),
        _ => 0,
    }
}

fn quoted_len(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string_len(rest: &str) -> Option<usize> {
    let (prefix, body) = rest.split_once('"')?;
    let hashes = ["r", "br", "cr"].iter().find_map(|letters| prefix.strip_prefix(letters))?;
    let end = format!("\"{hashes}");
    let is_raw = hashes.chars().all(|c| c == '#');
    is_raw.then(|| body.find(&end).map_or(rest.len(), |at| prefix.len() + 1 + at + end.len()))
}

fn block_comment_len(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..rest.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(is_word) && !line[at + word.len()..].starts_with(is_word))
}

pub(crate) fn all_files() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder can be read").map(|entry| entry.expect("entry can be read")) {
            let (path, kind) = (entry.path(), entry.file_type().expect("entry has a type"));
            let relative = path.strip_prefix(root).expect("under the root").display().to_string();
            if kind.is_dir() && !["target", ".git"].contains(&relative.as_str()) {
                folders.push(path);
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(&path)
            {
                sources.push(Source::new(&relative, &text));
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

pub(crate) fn one(path: &str) -> Vec<Source> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path);
    vec![Source::new(path, &text)]
}
