//! The table of what is captured of which program: the end-to-end tests leave a row each where they
//! have compared spans with the truth, and `docs/coverage.md` shows them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// What stands round the table in the document; the rest of it is written by hand.
const BEGIN: &str = "<!-- measured by `cargo xtask test`: do not edit -->\n";
const END: &str = "<!-- end of what was measured -->\n";

const HEAD: &str = "| program | TLS | protocol | whole answers | streamed answers |\n|---|---|---|---|---|\n";

/// A row, as `tests/e2e/src/coverage.rs` writes it.
#[derive(Deserialize)]
struct Row {
    program: String,
    tls: String,
    protocol: String,
    answers: Answers,
    captured: u64,
    made: u64,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Answers {
    Whole,
    Streamed,
    Unseen,
}

/// Where the tests leave their rows.
fn rows_folder(root: &Path) -> PathBuf {
    root.join("target/coverage")
}

/// Forgets the rows of earlier runs.
///
/// # Errors
/// If they cannot be removed.
pub(crate) fn begin(root: &Path) -> Result<()> {
    let folder = rows_folder(root);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot empty {}", folder.display()))
        }
        // Made here, so that rows that tests write as root can be removed by whoever runs this.
        _ => fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display())),
    }
}

/// Brings `docs/coverage.md` in line with the rows of a whole run.
///
/// # Errors
/// If it was not in line; then it is now, and waits to be committed.
pub(crate) fn end(root: &Path) -> Result<()> {
    let folder = rows_folder(root);
    let mut rows = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        rows.push(serde_json::from_str(&text).with_context(|| path.display().to_string())?);
    }
    let path = root.join("docs/coverage.md");
    let told = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let measured = with_table(&told, &table(&rows))
        .with_context(|| format!("{} has lost its lines `{}`", path.display(), BEGIN.trim()))?;
    if told != measured {
        fs::write(&path, measured).with_context(|| format!("cannot write {}", path.display()))?;
        bail!("docs/coverage.md did not say what the tests measured; it does now: look at it and commit it");
    }
    println!("docs/coverage.md says what was measured");
    Ok(())
}

/// The document with another table.
fn with_table(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, BEGIN, table, END, after].concat())
}

/// One line for each program, in the order of their names.
fn table(rows: &[Row]) -> String {
    let mut lines: BTreeMap<[&str; 3], BTreeMap<Answers, &Row>> = BTreeMap::new();
    for row in rows {
        lines.entry([&row.program, &row.tls, &row.protocol]).or_default().insert(row.answers, row);
    }
    let mut text = HEAD.to_owned();
    for ([program, tls, protocol], of) in lines {
        let unseen = of.get(&Answers::Unseen);
        let cell = |answers| match (of.get(&answers), unseen) {
            (Some(row), _) => format!("{} of {}", row.captured, row.made),
            (None, Some(_)) => "unseen, and reported so".to_owned(),
            (None, None) => "not tested".to_owned(),
        };
        let (whole, streamed) = (cell(Answers::Whole), cell(Answers::Streamed));
        text.push_str(&format!("| {program} | {tls} | {protocol} | {whole} | {streamed} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(program: &str, answers: Answers) -> Row {
        Row {
            program: program.to_owned(),
            tls: "none".to_owned(),
            protocol: "HTTP/1.1".to_owned(),
            answers,
            captured: 2,
            made: 3,
        }
    }

    #[test]
    fn a_program_has_one_line_and_lines_are_in_order() {
        let rows = [
            row("wget", Answers::Streamed),
            row("curl", Answers::Whole),
            row("wget", Answers::Whole),
            row("java", Answers::Unseen),
        ];
        let expected = [
            HEAD,
            "| curl | none | HTTP/1.1 | 2 of 3 | not tested |\n",
            "| java | none | HTTP/1.1 | unseen, and reported so | unseen, and reported so |\n",
            "| wget | none | HTTP/1.1 | 2 of 3 | 2 of 3 |\n",
        ];
        assert_eq!(table(&rows), expected.concat());
    }

    #[test]
    fn what_is_written_by_hand_stays() {
        let document = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(with_table(&document, "new\n"), Some(format!("a\n{BEGIN}new\n{END}b\n")));
        assert_eq!(with_table("a\nb\n", "new\n"), None);
    }
}
