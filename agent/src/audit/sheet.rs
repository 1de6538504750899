//! Rows on their way out: as a table, JSON, or comma-separated values.
//!
//! What the cells hold was written by programs, users and servers: a terminal is shown no control characters, and a
//! spreadsheet no formulas.

use std::io::{self, Write};

use serde_json::Value;

use super::Format;

/// Rows that are looked at for the widths of columns; those after them are as wide as they come.
const MEASURED: usize = 500;
/// The widest that a column is made for one row.
const WIDTH_MAX: usize = 60;
/// Between columns.
const SPACE: &str = "  ";

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A name and a side for each column.
pub(super) type Columns<'a> = &'a [(&'a str, Align)];

pub(super) struct Sheet<'a> {
    out: &'a mut dyn Write,
    format: Format,
    columns: Vec<(String, Align)>,
    /// Rows of a table that wait to be measured.
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    has_begun: bool,
    /// A document that has no end is written as lines.
    is_endless: bool,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(
        out: &'a mut dyn Write,
        format: Format,
        columns: Columns<'_>,
        is_endless: bool,
    ) -> Self {
        let columns = columns.iter().map(|(name, align)| ((*name).to_owned(), *align)).collect();
        Self { out, format, columns, waiting: Vec::new(), widths: None, has_begun: false, is_endless }
    }

    /// Takes a row: its cells where the format has cells, or else what `json` makes.
    pub(super) fn row(&mut self, cells: Vec<String>, json: impl FnOnce() -> Value) -> io::Result<()> {
        match self.format {
            Format::Table => {
                self.waiting.push(cells.iter().map(|cell| printable(cell)).collect());
                if self.waiting.len() >= MEASURED { self.flush() } else { Ok(()) }
            }
            Format::Csv => {
                if !self.has_begun {
                    let names: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).collect();
                    self.values(&names)?;
                }
                self.has_begun = true;
                let cells: Vec<_> = cells.into_iter().map(no_formula).collect();
                self.values(&cells)
            }
            Format::Json if !self.is_endless => {
                let text = serde_json::to_string_pretty(&json())?;
                let before = if self.has_begun { ",\n" } else { "[\n" };
                self.has_begun = true;
                write!(self.out, "{before}{text}")
            }
            Format::Json | Format::Jsonl => writeln!(self.out, "{}", serde_json::to_string(&json())?),
        }
    }

    fn values(&mut self, cells: &[String]) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(cells).map_err(io::Error::other)?;
        let line = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        self.out.write_all(&line)
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            let rows = std::mem::take(&mut self.waiting);
            let headings: Vec<_> = self.columns.iter().map(|(name, _)| heading(name)).collect();
            let is_first = self.widths.is_none();
            let widths = self.widths.get_or_insert_with(|| measure(&headings, &rows)).clone();
            if is_first {
                self.line(&headings, &widths)?;
            }
            for row in &rows {
                self.line(row, &widths)?;
            }
        }
        self.out.flush()
    }

    fn line(&mut self, cells: &[String], widths: &[usize]) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(&self.columns) {
            if !line.is_empty() {
                line.push_str(SPACE);
            }
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}")),
                Align::Right => line.push_str(&format!("{cell:>width$}")),
            }
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    /// Writes the rest.
    pub(super) fn end(mut self) -> io::Result<()> {
        match self.format {
            Format::Json if !self.is_endless => {
                self.out.write_all(if self.has_begun { b"\n]\n" } else { b"[]\n" })?;
            }
            Format::Csv if !self.has_begun => {
                let names: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).collect();
                self.values(&names)?;
            }
            _ => {}
        }
        self.flush()
    }
}

fn heading(name: &str) -> String {
    name.replace('_', " ").to_uppercase()
}

fn measure(headings: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<_> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count().min(WIDTH_MAX));
        }
    }
    widths
}

/// Without what drives a terminal or turns the order of what is read round.
pub(super) fn printable(text: &str) -> String {
    let drives = |c: char| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().map(|c| if drives(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A cell that a spreadsheet would run gets an apostrophe before it.
fn no_formula(cell: String) -> String {
    let is_number = cell.parse::<f64>().is_ok();
    if !is_number && cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

/// Billionths of a dollar, for people.
pub(super) fn dollars(nano: u64) -> String {
    if nano >= 1_000_000_000 {
        return format!("${}.{:02}", nano / 1_000_000_000, nano / 10_000_000 % 100);
    }
    format!("${}", decimal(nano))
}

/// Billionths as a decimal number, exactly.
pub(super) fn decimal(nano: u64) -> String {
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(format: Format, rows: &[[&str; 2]]) -> String {
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out, format, &[("a_name", Align::Left), ("n", Align::Right)], false);
        for row in rows {
            sheet.row(row.map(str::to_owned).into(), || json!({ "a": row })).unwrap();
        }
        sheet.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_are_written_in_each_format() {
        let rows = [["x", "1"], ["y, z", "20"]];
        assert_eq!(written(Format::Table, &rows), "A NAME   N\nx        1\ny, z    20\n");
        assert_eq!(written(Format::Csv, &rows), "a_name,n\r\nx,1\r\n\"y, z\",20\r\n");
        assert_eq!(written(Format::Jsonl, &rows), "{\"a\":[\"x\",\"1\"]}\n{\"a\":[\"y, z\",\"20\"]}\n");
        let json: Value = serde_json::from_str(&written(Format::Json, &rows)).unwrap();
        assert_eq!(json, json!([{ "a": ["x", "1"] }, { "a": ["y, z", "20"] }]));
    }

    #[test]
    fn nothing_is_written_as_such() {
        assert_eq!(written(Format::Table, &[]), "");
        assert_eq!(written(Format::Csv, &[]), "a_name,n\r\n");
        assert_eq!(written(Format::Jsonl, &[]), "");
        assert_eq!(written(Format::Json, &[]), "[]\n");
    }

    #[test]
    fn neither_terminals_nor_spreadsheets_are_driven() {
        let hostile = [["\u{1b}[2J\u{202e}x", "=cmd()"], ["-5", "-x"]];
        let table = written(Format::Table, &hostile);
        assert!(table.contains("\u{fffd}[2J\u{fffd}x") && table.contains("=cmd()"), "{table:?}");
        assert!(written(Format::Csv, &hostile).ends_with(",'=cmd()\r\n-5,'-x\r\n"));
    }

    #[test]
    fn costs_are_exact_or_short() {
        for (nano, exact, short) in [
            (0, "0", "$0"),
            (1, "0.000000001", "$0.000000001"),
            (1_234_000, "0.001234", "$0.001234"),
            (12_345_678_900, "12.3456789", "$12.34"),
        ] {
            assert_eq!((decimal(nano).as_str(), dollars(nano).as_str()), (exact, short));
        }
    }
}
