//! `spanwire redact`: what would be taken out of a text, and why.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use anyhow::{Context as _, bail};
use serde::Serialize;
use spanwire_detect::{Detectors, Found, Redacted, Replacing, Scope};

/// Bytes of a text that are read: as many as the agent keeps of a body at the most.
pub const INPUT_MAX_BYTES: usize = 16 << 20;

/// Reads a text; what is not UTF-8 in it is replaced by U+FFFD, as in what the agent exports.
///
/// # Errors
/// If it cannot be read, or is longer than [`INPUT_MAX_BYTES`]: half a text would not show what the whole does.
pub fn read(input: &mut impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    input.take(INPUT_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).context("cannot read the text")?;
    if bytes.len() > INPUT_MAX_BYTES {
        bail!("the text is longer than {} MiB; give a part of it", INPUT_MAX_BYTES >> 20);
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// A text as it would leave, with what was found in it.
#[derive(Debug)]
pub struct Shown {
    redacted: Redacted,
    rows: Vec<Row>,
}

/// One finding, without its text.
#[derive(Debug, Serialize)]
struct Row {
    /// Counted from 1, in lines and characters of the text as it came.
    line: usize,
    column: usize,
    /// Counted from 0.
    begin: usize,
    end: usize,
    class: &'static str,
    rule: String,
    /// How it was read, from the outside in.
    read: String,
    replacement: String,
}

#[derive(Serialize)]
struct Report<'s> {
    text: &'s str,
    counts: BTreeMap<&'static str, u64>,
    findings: &'s [Row],
}

impl Shown {
    /// Redacts a text.
    #[must_use]
    pub fn new(text: &str, scope: Scope, detectors: &Detectors, replacing: &Replacing) -> Self {
        let redacted = detectors.redact(text, scope, replacing);
        let mut position = Position::default();
        let rows = redacted.found.iter().map(|found| row(text, found, replacing, &mut position)).collect();
        Self { redacted, rows }
    }

    /// Writes the text.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn text(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(self.redacted.text.as_bytes())?;
        out.flush()
    }

    /// Writes everything as one JSON object.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let mut counts = BTreeMap::new();
        for (class, count) in &self.redacted.counts {
            *counts.entry(class.name()).or_default() += count;
        }
        let report = Report { text: &self.redacted.text, counts, findings: &self.rows };
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)
    }

    /// Writes a table of the findings, or that there is none.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn why(&self, out: &mut impl Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return writeln!(out, "Nothing was found.");
        }
        let cells = |row: &Row| {
            let place = format!("{}:{}", row.line, row.column);
            [place, row.class.to_owned(), row.rule.clone(), row.read.clone(), row.replacement.clone()]
        };
        let head = ["WHERE", "CLASS", "RULE", "READ AS", "REPLACED BY"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(self.rows.iter().map(cells)).collect();
        let widths: Vec<usize> = (0..5)
            .map(|column| {
                rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        for row in rows {
            let cells: Vec<_> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}", width = *width))
                .collect();
            writeln!(out, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// Where findings begin, told in one pass since they are in order.
struct Position {
    at: usize,
    line: usize,
    column: usize,
}

impl Default for Position {
    fn default() -> Self {
        Self { at: 0, line: 1, column: 1 }
    }
}

fn row(text: &str, found: &Found, replacing: &Replacing, position: &mut Position) -> Row {
    let range = &found.finding.range;
    for char in text.get(position.at..range.start).unwrap_or_default().chars() {
        if char == '\n' {
            position.line += 1;
            position.column = 1;
        } else {
            position.column += 1;
        }
    }
    position.at = range.start;
    let places: Vec<_> = found.places.iter().map(|place| place.name()).collect();
    Row {
        line: position.line,
        column: position.column,
        begin: range.start,
        end: range.end,
        class: found.finding.class.name(),
        rule: found.finding.rule.clone().into_owned(),
        read: if places.is_empty() { "plain".to_owned() } else { places.join(" > ") },
        replacement: replacing.replacement(&found.finding, &found.value),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use spanwire_detect::{Class, Detector, DetectorOptions, Finding};

    use super::*;

    struct Bob;

    impl Detector for Bob {
        fn find(&self, text: &str, found: &mut Vec<Finding>) {
            let finding =
                |at: usize| Finding { range: at..at + 3, class: Class::Rule(0), rule: "bob".into() };
            found.extend(text.match_indices("bob").map(|(at, _)| finding(at)));
        }
    }

    fn shown(text: &str) -> Shown {
        let options = DetectorOptions { rules: vec![Box::new(Bob)], ..DetectorOptions::default() };
        Shown::new(text, Scope::All, &Detectors::new(options), &Replacing::default())
    }

    fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_text_and_the_reasons() {
        let shown = shown("ä bob\n\nsaid: b%6Fb bob\n");
        assert_eq!(written(|out| shown.text(out)), "ä [BOB]\n\nsaid: [BOB] [BOB]\n");
        let expected = "\
WHERE  CLASS  RULE  READ AS  REPLACED BY
1:3    rule   bob   plain    [BOB]
3:7    rule   bob   escaped  [BOB]
3:13   rule   bob   plain    [BOB]
";
        assert_eq!(written(|out| shown.why(out)), expected);
    }

    #[test]
    fn machines_are_told_the_same_and_not_what_was_taken_out() {
        let shown = shown("x bob");
        let written = written(|out| shown.json(out));
        let report: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(report["text"], "x [BOB]");
        assert_eq!(report["counts"], serde_json::json!({"rule": 1}));
        let expected = serde_json::json!({"line": 1, "column": 3, "begin": 2, "end": 5, "class": "rule", "rule": "bob",
            "read": "plain", "replacement": "[BOB]"});
        assert_eq!(report["findings"], serde_json::json!([expected]));
        assert!(!written.contains("x bob"));
    }

    #[test]
    fn a_text_is_read_whole_or_not_at_all() {
        assert_eq!(read(&mut &b"a\xffb"[..]).unwrap(), "a\u{FFFD}b");
        assert_eq!(read(&mut &vec![b'a'; INPUT_MAX_BYTES][..]).unwrap().len(), INPUT_MAX_BYTES);
        assert!(read(&mut &vec![b'a'; INPUT_MAX_BYTES + 1][..]).is_err());
    }
}
