//! Rows on their way out: as a table, JSON, comma-separated values, or Parquet.
//!
//! What the cells hold was written by programs, users and servers: a terminal is shown no control characters, and a
//! spreadsheet no formulas.

use std::io::{self, Write};

use serde_json::Value;

use super::parquet::Table;
use super::{Format, when};

/// Rows that are looked at for the widths of columns; those after them are as wide as they come.
const MEASURED: usize = 500;
/// The widest that a column is made for one row.
const WIDTH_MAX: usize = 60;
/// Between columns.
const SPACE: &str = "  ";

/// What a column's cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Time,
    Dollars,
}

/// What stands in one row of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    None,
    Text(String),
    Number(u64),
    /// Microseconds since 1970.
    Time(i64),
    /// Billionths of a dollar.
    Dollars(u64),
}

impl Cell {
    pub(super) fn text(text: Option<impl ToString>) -> Self {
        text.map_or(Self::None, |text| Self::Text(text.to_string()))
    }

    pub(super) fn number(number: Option<impl Into<u64>>) -> Self {
        number.map_or(Self::None, |number| Self::Number(number.into()))
    }

    /// For people.
    fn shown(self) -> String {
        match self {
            Self::Time(micros) => when::show(micros),
            Self::Dollars(nano) => dollars(nano),
            other => printable(&other.exact()),
        }
    }

    /// For programs.
    fn exact(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Time(micros) => when::exact(micros),
            Self::Dollars(nano) => decimal(nano),
        }
    }
}

/// A name and a kind for each column.
pub(super) type Columns<'a> = &'a [(&'a str, Kind)];

/// Where the answer goes.
pub(super) type Out<'a> = &'a mut (dyn Write + Send);

pub(super) struct Sheet<'a> {
    to: To<'a>,
    columns: Vec<(String, Kind)>,
    has_begun: bool,
}

enum To<'a> {
    Table {
        out: Out<'a>,
        /// Rows that wait to be measured.
        waiting: Vec<Vec<String>>,
        widths: Option<Vec<usize>>,
    },
    Json(Out<'a>),
    Jsonl(Out<'a>),
    Csv(Out<'a>),
    Parquet(Table<Out<'a>>),
}

impl<'a> Sheet<'a> {
    pub(super) fn new(
        out: Out<'a>,
        format: Format,
        columns: Columns<'_>,
        is_endless: bool,
    ) -> io::Result<Self> {
        let columns: Vec<_> = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        let to = match format {
            Format::Table => To::Table { out, waiting: Vec::new(), widths: None },
            Format::Json if !is_endless => To::Json(out),
            // A document that has no end is written as lines.
            Format::Json | Format::Jsonl => To::Jsonl(out),
            Format::Csv => {
                values(out, columns.iter().map(|(name, _)| name.clone()))?;
                To::Csv(out)
            }
            Format::Parquet => To::Parquet(Table::new(out, &columns)?),
        };
        Ok(Self { to, columns, has_begun: false })
    }

    /// Takes a row: its cells where the format has cells, or else what `json` makes.
    pub(super) fn row(
        &mut self,
        cells: impl FnOnce() -> Vec<Cell>,
        json: impl FnOnce() -> Value,
    ) -> io::Result<()> {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        match &mut self.to {
            To::Table { waiting, .. } => {
                waiting.push(cells().into_iter().map(Cell::shown).collect());
                if waiting.len() >= MEASURED { self.flush() } else { Ok(()) }
            }
            To::Json(out) => {
                let text = serde_json::to_string_pretty(&json())?;
                write!(out, "{}{text}", if is_first { "[\n" } else { ",\n" })
            }
            To::Jsonl(out) => writeln!(out, "{}", serde_json::to_string(&json())?),
            To::Csv(out) => values(out, cells().into_iter().map(|cell| no_formula(cell.exact()))),
            To::Parquet(table) => table.row(cells()),
        }
    }

    /// Writes what waits, where its reader may be waiting for it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Table { out, waiting, widths } => {
                let rows = std::mem::take(waiting);
                if !rows.is_empty() {
                    let headings: Vec<_> = self.columns.iter().map(|(name, _)| heading(name)).collect();
                    if widths.is_none() {
                        let widths = widths.insert(measure(&headings, &rows));
                        line(out, &headings, widths, &self.columns)?;
                    }
                    let widths = widths.as_deref().unwrap_or_default();
                    rows.iter().try_for_each(|row| line(out, row, widths, &self.columns))?;
                }
                out.flush()
            }
            To::Json(out) | To::Jsonl(out) | To::Csv(out) => out.flush(),
            To::Parquet(_) => Ok(()),
        }
    }

    /// Writes the rest.
    pub(super) fn end(mut self) -> io::Result<()> {
        match self.to {
            To::Json(out) => out.write_all(if self.has_begun { b"\n]\n" } else { b"[]\n" }),
            To::Parquet(table) => table.end(),
            To::Table { .. } | To::Jsonl(_) | To::Csv(_) => self.flush(),
        }
    }
}

/// A line of comma-separated values.
fn values(out: &mut (dyn Write + Send), cells: impl Iterator<Item = String>) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells.map(String::into_bytes)).map_err(io::Error::other)?;
    let line = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&line)
}

/// A line of a table.
fn line(
    out: &mut (dyn Write + Send),
    cells: &[String],
    widths: &[usize],
    columns: &[(String, Kind)],
) -> io::Result<()> {
    let mut line = String::new();
    for ((cell, width), (_, kind)) in cells.iter().zip(widths).zip(columns) {
        if !line.is_empty() {
            line.push_str(SPACE);
        }
        match kind {
            Kind::Text | Kind::Time => line.push_str(&format!("{cell:<width$}")),
            Kind::Number | Kind::Dollars => line.push_str(&format!("{cell:>width$}")),
        }
    }
    writeln!(out, "{}", line.trim_end())
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
fn dollars(nano: u64) -> String {
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
        let mut sheet =
            Sheet::new(&mut out, format, &[("a_name", Kind::Text), ("n", Kind::Number)], false).unwrap();
        for row in rows {
            let cells = || row.map(|cell| Cell::text(Some(cell))).into();
            sheet.row(cells, || json!({ "a": row })).unwrap();
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
