//! `spanwire audit`: questions to the audit store, and the answers. It reads the store alone: no agent need run.

mod arguments;
mod parquet;
mod records;
mod sheet;
mod when;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::Connection;
use serde_json::{Value, json};
use spanwire_audit::chain::{SealKey, Standing};
use spanwire_audit::query::{self, Column, Filter, Group, Id};
use spanwire_audit::record::Entry;
use spanwire_audit::store;
use spanwire_audit::verify::{self, Options};

use crate::config::{Endpoints, KeyBytes};
pub use arguments::{Arguments, Format};
use sheet::{Cell, Kind, Out, Sheet};

/// How often it is looked for new records.
const LOOK: Duration = Duration::from_millis(500);
/// Gaps that are told beside a list.
const GAPS: u64 = 5;
/// Records of one trace that are shown.
const SHOWN: u64 = 1000;

/// What is asked, and how the answer is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    store: PathBuf,
    key: PathBuf,
    approved: Endpoints,
    format: Format,
    limit: u64,
    ask: Ask,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    List { filter: Filter, follow: bool },
    Groups { filter: Filter, by: Vec<Column> },
    Endpoints { filter: Filter },
    Show { id: Id },
    Verify { told: Vec<Standing> },
}

/// Whether who reads the answer has gone.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is))
}

impl Question {
    /// Writes the answer, and what else is to be known to `aside`. Whether there was anything to show, or the store is
    /// as it was written.
    ///
    /// # Errors
    /// When the store cannot be read, or the answer not written.
    pub fn answer(&self, out: &mut (dyn Write + Send), aside: &mut dyn Write) -> anyhow::Result<bool> {
        let connection = store::read(&self.store).with_context(|| {
            format!(
                "cannot read the audit {}: start an agent with `audit: on`, or name its file by --store",
                self.store.display()
            )
        })?;
        let yes = match &self.ask {
            Ask::List { filter, follow } => self.list(&connection, filter, *follow, out, aside)?,
            Ask::Groups { filter, by } => self.groups(&connection, filter, by, out)?,
            Ask::Endpoints { filter } => self.endpoints(&connection, filter, out)?,
            Ask::Show { id } => self.show(&connection, id, out)?,
            Ask::Verify { told } => self.verify(&connection, told, out)?,
        };
        out.flush()?;
        Ok(yes)
    }

    /// Whether the answer is nothing for a terminal.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.format == Format::Parquet
    }

    fn list(
        &self,
        connection: &Connection,
        filter: &Filter,
        follow: bool,
        out: Out<'_>,
        aside: &mut dyn Write,
    ) -> anyhow::Result<bool> {
        let is_table = self.format == Format::Table;
        let columns = if is_table { records::NARROW } else { records::WIDE };
        let mut sheet = Sheet::new(out, self.format, columns, follow)?;
        let mut last = query::last(connection)?;
        let mut show = |filter: &Filter, limit| -> anyhow::Result<Option<u64>> {
            let (mut written, mut number) = (Ok(()), None);
            query::list(connection, filter, limit, &mut |at, record| {
                number = Some(at);
                let cells =
                    || if is_table { records::narrow(at, &record) } else { records::wide(at, &record) };
                written = sheet.row(cells, || records::json(at, &record));
                if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            written?;
            sheet.flush()?;
            Ok(number)
        };
        let any = show(filter, self.limit)?.is_some();
        if !follow {
            sheet.end()?;
            gaps(connection, filter, aside)?;
            return Ok(any);
        }
        // Until Ctrl-C, or until nobody reads any more.
        loop {
            std::thread::sleep(LOOK);
            let latest = query::last(connection)?;
            if latest > last {
                show(&Filter { after: Some(last), until: None, since: None, ..filter.clone() }, u64::MAX)?;
            }
            last = latest;
        }
    }

    fn groups(
        &self,
        connection: &Connection,
        filter: &Filter,
        by: &[Column],
        out: Out<'_>,
    ) -> anyhow::Result<bool> {
        let groups = query::group(connection, filter, by, self.limit)?;
        let mut columns: Vec<_> = by.iter().map(|column| (column.name(), Kind::Text)).collect();
        columns.extend(SUMS);
        let mut sheet = Sheet::new(out, self.format, &columns, false)?;
        for group in &groups {
            let cells = || group.keys.iter().map(|key| Cell::text(Some(key))).chain(sums(group)).collect();
            sheet.row(cells, || {
                let keys =
                    by.iter().zip(&group.keys).map(|(column, key)| (column.name().to_owned(), json!(key)));
                Value::Object(keys.chain(object(group)).collect())
            })?;
        }
        sheet.end()?;
        Ok(!groups.is_empty())
    }

    fn endpoints(&self, connection: &Connection, filter: &Filter, out: Out<'_>) -> anyhow::Result<bool> {
        let endpoints = query::endpoints(connection, filter, self.limit)?;
        let mut columns = vec![
            ("endpoint", Kind::Text),
            ("port", Kind::Number),
            ("list", Kind::Text),
            ("first", Kind::Time),
            ("last", Kind::Time),
            ("providers", Kind::Text),
            ("services", Kind::Number),
        ];
        columns.extend(SUMS);
        let mut sheet = Sheet::new(out, self.format, &columns, false)?;
        for endpoint in &endpoints {
            let port = (endpoint.port > 0).then_some(endpoint.port);
            let standing = match self.approved.approve(&endpoint.server, port) {
                Some(true) => "approved",
                Some(false) if !endpoint.server.is_empty() => "unapproved",
                Some(false) | None => "unknown",
            };
            let cells = || {
                let own = [
                    Cell::text(Some(&endpoint.server)),
                    Cell::number(port),
                    Cell::text(Some(standing)),
                    Cell::Time(endpoint.first),
                    Cell::Time(endpoint.last),
                    Cell::Text(endpoint.providers.join(" ")),
                    Cell::Number(endpoint.services),
                ];
                own.into_iter().chain(sums(&endpoint.sum)).collect()
            };
            sheet.row(cells, || {
                let own = json!({
                    "endpoint": endpoint.server, "port": port, "list": standing, "first": when::exact(endpoint.first),
                    "last": when::exact(endpoint.last), "providers": endpoint.providers, "services": endpoint.services,
                });
                let Value::Object(own) = own else { return own };
                Value::Object(own.into_iter().chain(object(&endpoint.sum)).collect())
            })?;
        }
        sheet.end()?;
        Ok(!endpoints.is_empty())
    }

    fn show(&self, connection: &Connection, id: &Id, out: Out<'_>) -> anyhow::Result<bool> {
        let found = query::find(connection, id, SHOWN.min(self.limit.max(1)))?;
        if self.format == Format::Table {
            for (index, (number, record, hash)) in found.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                records::describe(*number, record, hash, out)?;
            }
            return Ok(!found.is_empty());
        }
        let mut sheet = Sheet::new(out, self.format, records::WIDE, false)?;
        for (number, record, hash) in &found {
            sheet.row(
                || records::wide(*number, record),
                || {
                    let mut value = records::json(*number, record);
                    if let Value::Object(members) = &mut value {
                        members.insert("hash".to_owned(), json!(hash));
                    }
                    value
                },
            )?;
        }
        sheet.end()?;
        Ok(!found.is_empty())
    }

    fn verify(&self, connection: &Connection, told: &[Standing], out: Out<'_>) -> anyhow::Result<bool> {
        let key = KeyBytes::read(&self.key).map(|key| SealKey::new(key.get()));
        let options = Options { key: key.as_ref().ok(), told: told.to_vec() };
        let report = verify::verify(connection, &options)?;
        let unsealed = key.as_ref().err();
        let standing = report.standing.map(|standing| standing.to_string());
        if self.format == Format::Table {
            let first = report.first.unwrap_or(0);
            writeln!(
                out,
                "{} records from number {first} on, {} checkpoints; the audit stands at {}",
                report.records,
                report.checkpoints,
                standing.as_deref().unwrap_or("nothing")
            )?;
            for fault in &report.faults {
                writeln!(out, "  {fault}")?;
            }
            if report.more > 0 {
                writeln!(out, "  and {} more", report.more)?;
            }
            if let Some(why) = unsealed {
                writeln!(
                    out,
                    "not proven to be the agent's own: {why}. Who could write the file could have made it anew as a whole"
                )?;
            }
            writeln!(out, "{}", if report.is_whole() { "whole: nothing was changed" } else { "NOT WHOLE" })?;
            return Ok(report.is_whole());
        }
        let columns = [("fault", Kind::Text), ("record", Kind::Number), ("text", Kind::Text)];
        if self.format == Format::Json {
            let faults: Vec<_> = report.faults.iter().map(fault).collect();
            let whole = json!({
                "whole": report.is_whole(), "records": report.records, "first": report.first, "standing": standing,
                "checkpoints": report.checkpoints, "faults": faults, "more": report.more, "sealed": unsealed.is_none(),
            });
            writeln!(out, "{}", serde_json::to_string_pretty(&whole)?)?;
            return Ok(report.is_whole());
        }
        let mut sheet = Sheet::new(out, self.format, &columns, false)?;
        for one in &report.faults {
            let cells =
                || vec![Cell::text(Some(one.name())), Cell::number(place(one)), Cell::text(Some(one))];
            sheet.row(cells, || fault(one))?;
        }
        sheet.end()?;
        Ok(report.is_whole())
    }
}

/// The cells of [`SUMS`].
fn sums(group: &Group) -> [Cell; SUMS.len()] {
    [
        Cell::Number(group.calls),
        Cell::Number(group.errors),
        Cell::Number(group.unread),
        Cell::Number(group.input_tokens),
        Cell::Number(group.output_tokens),
        Cell::Dollars(group.cost),
        Cell::Number(group.sent),
        Cell::Number(group.received),
    ]
}

/// What a sum has, behind what it is of.
const SUMS: [(&str, Kind); 8] = [
    ("calls", Kind::Number),
    ("errors", Kind::Number),
    ("unread", Kind::Number),
    ("input_tokens", Kind::Number),
    ("output_tokens", Kind::Number),
    ("cost", Kind::Dollars),
    ("bytes_sent", Kind::Number),
    ("bytes_received", Kind::Number),
];

fn object(group: &Group) -> impl Iterator<Item = (String, Value)> + use<> {
    let cost = serde_json::from_str(&sheet::decimal(group.cost)).unwrap_or(Value::Null);
    let members = [
        ("calls", json!(group.calls)),
        ("errors", json!(group.errors)),
        ("unread", json!(group.unread)),
        ("input_tokens", json!(group.input_tokens)),
        ("output_tokens", json!(group.output_tokens)),
        ("cost", cost),
        ("bytes_sent", json!(group.sent)),
        ("bytes_received", json!(group.received)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value))
}

fn fault(fault: &verify::Fault) -> Value {
    json!({ "fault": fault.name(), "record": place(fault), "text": fault.to_string() })
}

/// The record's number where the fault is at one.
fn place(fault: &verify::Fault) -> Option<u64> {
    (fault.place() != u64::MAX).then(|| fault.place())
}

/// Says where records are missing in the time that a list is of.
fn gaps(connection: &Connection, filter: &Filter, aside: &mut dyn Write) -> anyhow::Result<()> {
    let lost = vec![(Column::Kind, "lost".to_owned())];
    let filter =
        Filter { since: filter.since, until: filter.until, columns: lost, notes: true, ..Filter::default() };
    let mut lines = Vec::new();
    query::list(connection, &filter, GAPS, &mut |_, record| {
        if let Entry::Lost(lost) = &record.entry {
            lines.push(format!(
                "{} records are missing between {} and {}: {}",
                lost.records,
                when::show(record.time),
                when::show(lost.until),
                lost.reason
            ));
        }
        ControlFlow::Continue(())
    })?;
    for line in lines {
        writeln!(aside, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
