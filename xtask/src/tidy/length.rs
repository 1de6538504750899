//! File length: a file is about one subject, and a subject that needs more has parts.

use super::Finding;
use super::source::Source;

/// In lines.
const LONGEST: usize = 400;

/// Files that are longer, each with the reason why it is better whole.
const EXCEPTIONS: &[(&str, &str)] = &[];

pub(super) fn check(source: &Source<'_>) -> Vec<Finding> {
    let lines = source.lines.len();
    if lines <= LONGEST || EXCEPTIONS.iter().any(|(path, _)| *path == source.path) {
        return Vec::new();
    }
    let message = format!(
        "{lines} lines, and {LONGEST} is the most; split it by subject, or give the reason why not in \
         xtask/src/tidy/length.rs"
    );
    vec![Finding { path: source.path.to_owned(), line: lines, message }]
}

/// Exceptions that are needed no more.
pub(super) fn stale_exceptions(files: &[(String, String)]) -> Vec<Finding> {
    stale(EXCEPTIONS, files)
}

fn stale(exceptions: &[(&str, &str)], files: &[(String, String)]) -> Vec<Finding> {
    exceptions
        .iter()
        .filter(|(path, _)| !files.iter().any(|(file, text)| file == path && text.lines().count() > LONGEST))
        .map(|(path, _)| Finding {
            path: (*path).to_owned(),
            line: 1,
            message: "no longer too long; remove its exception from xtask/src/tidy/length.rs".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_inclusive() {
        assert_eq!(check(&Source::new("a.rs", &"x\n".repeat(LONGEST))), []);
        assert_eq!(check(&Source::new("a.rs", &"x\n".repeat(LONGEST + 1))).len(), 1);
    }

    #[test]
    fn an_exception_must_be_needed() {
        let file = |name: &str, lines: usize| (name.to_owned(), "x\n".repeat(lines));
        let files = [file("long.rs", LONGEST + 1), file("short.rs", LONGEST)];
        let exceptions = [("long.rs", "a table"), ("short.rs", "a table"), ("absent.rs", "a table")];
        let stale: Vec<_> = stale(&exceptions, &files).into_iter().map(|f| f.path).collect();
        assert_eq!(stale, ["short.rs", "absent.rs"]);
    }
}
