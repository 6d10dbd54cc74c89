//! `--trace FILE`: what was recorded of the tasks, written when they are done.
//!
//! Does **not** record.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::args::Talk;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::report::note;

/// A recorder, and where its timeline goes.
pub(crate) struct Timeline {
    pub(crate) trace: mp::Trace,
    path: PathBuf,
    file: File,
}

impl Timeline {
    /// The file is made before anything runs: that it cannot be is known then.
    pub(crate) fn create(path: Option<&Path>) -> Result<Option<Self>, Problem> {
        let Some(path) = path else { return Ok(None) };
        let file = File::create(path).map_err(|error| {
            Problem::usage(format!("--trace {}: {error}", path.display())).hint("it needs a file that can be written")
        })?;
        Ok(Some(Self { trace: mp::Trace::new(), path: path.to_owned(), file }))
    }

    /// Writes it, where there is one, when its command has ended so: the graver end is the command's.
    pub(crate) fn finish(timeline: Option<Self>, ended: Result<Exit, Problem>, talk: &Talk) -> Result<Exit, Problem> {
        let saved = timeline.map_or(Ok(()), |timeline| timeline.save(talk));
        match (saved, ended) {
            (Ok(()), ended) => ended,
            (Err(problem), Ok(exit)) => Err(Problem { exit: exit.max(problem.exit), ..problem }),
            (Err(problem), Err(ended)) => {
                note(&problem.message);
                Err(Problem { exit: ended.exit.max(problem.exit), ..ended })
            }
        }
    }

    /// Writes it, and says where it is.
    fn save(self, talk: &Talk) -> Result<(), Problem> {
        let mut out = BufWriter::new(&self.file);
        let written = self.trace.write(&mut out).and_then(|()| out.flush());
        let problem =
            |error| Problem { message: format!("--trace {}: {error}", self.path.display()), ..Problem::failed(&error) };
        written.map_err(|error| problem(error).hint("the timeline could not be written"))?;
        if !talk.quiet {
            told(self.trace.tasks(), self.trace.left_out(), &self.path).iter().for_each(|line| note(line));
        }
        Ok(())
    }
}

/// What is said of a timeline: where it is, and what of it is not there.
fn told(tasks: usize, left_out: u64, path: &Path) -> Vec<String> {
    let path = path.display();
    let where_it_is = format!("timeline of {tasks} tasks in {path}: open it at https://ui.perfetto.dev");
    let missing = || format!("{left_out} later attempts at tasks are left out of it: it has no room for more");
    std::iter::once(where_it_is).chain((left_out > 0).then(missing)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_said() {
        let said = told(200_000, 7, Path::new("t.json"));
        assert!(said[0].starts_with("timeline of 200000 tasks in t.json: "), "{said:?}");
        assert!(said[1].starts_with("7 later attempts at tasks are left out"), "{said:?}");
        assert_eq!(told(3, 0, Path::new("t.json")).len(), 1);
    }
}
