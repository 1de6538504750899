//! `spanwire audit`: questions to the audit store, and the answers. It reads the store alone: no agent need run.

mod arguments;
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
use sheet::{Align, Sheet, dollars};

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
    pub fn answer(&self, out: &mut dyn Write, aside: &mut dyn Write) -> anyhow::Result<bool> {
        let connection = store::read(&self.store).with_context(|| {
            format!(
                "cannot read the audit {}: start an agent with `audit: on`, or name its file by --store",
                self.store.display()
            )
        })?;
        match &self.ask {
            Ask::List { filter, follow } => self.list(&connection, filter, *follow, out, aside),
            Ask::Groups { filter, by } => self.groups(&connection, filter, by, out),
            Ask::Endpoints { filter } => self.endpoints(&connection, filter, out),
            Ask::Show { id } => self.show(&connection, id, out),
            Ask::Verify { told } => self.verify(&connection, told, out),
        }
    }

    fn list(
        &self,
        connection: &Connection,
        filter: &Filter,
        follow: bool,
        out: &mut dyn Write,
        aside: &mut dyn Write,
    ) -> anyhow::Result<bool> {
        let columns = if self.format == Format::Csv { records::WIDE } else { records::NARROW };
        let mut sheet = Sheet::new(out, self.format, columns, follow);
        let mut last = query::last(connection)?;
        let mut show = |filter: &Filter, limit| -> anyhow::Result<Option<u64>> {
            let (mut written, mut number) = (Ok(()), None);
            query::list(connection, filter, limit, &mut |at, record| {
                number = Some(at);
                let cells = match self.format {
                    Format::Csv => records::wide(at, &record),
                    Format::Table => records::narrow(at, &record),
                    Format::Json | Format::Jsonl => Vec::new(),
                };
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
        out: &mut dyn Write,
    ) -> anyhow::Result<bool> {
        let groups = query::group(connection, filter, by, self.limit)?;
        let mut columns: Vec<_> = by.iter().map(|column| (column.name(), Align::Left)).collect();
        columns.extend(SUMS);
        let mut sheet = Sheet::new(out, self.format, &columns, false);
        for group in &groups {
            let mut cells = group.keys.clone();
            cells.extend(self.sums(group));
            sheet.row(cells, || {
                let keys =
                    by.iter().zip(&group.keys).map(|(column, key)| (column.name().to_owned(), json!(key)));
                Value::Object(keys.chain(object(group)).collect())
            })?;
        }
        sheet.end()?;
        Ok(!groups.is_empty())
    }

    fn endpoints(
        &self,
        connection: &Connection,
        filter: &Filter,
        out: &mut dyn Write,
    ) -> anyhow::Result<bool> {
        let endpoints = query::endpoints(connection, filter, self.limit)?;
        let mut columns = vec![
            ("endpoint", Align::Left),
            ("port", Align::Right),
            ("list", Align::Left),
            ("first", Align::Left),
            ("last", Align::Left),
            ("providers", Align::Left),
            ("services", Align::Right),
        ];
        columns.extend(SUMS);
        let mut sheet = Sheet::new(out, self.format, &columns, false);
        for endpoint in &endpoints {
            let port = (endpoint.port > 0).then_some(endpoint.port);
            let standing = match self.approved.approve(&endpoint.server, port) {
                Some(true) => "approved",
                Some(false) if !endpoint.server.is_empty() => "unapproved",
                Some(false) | None => "unknown",
            };
            let mut cells = vec![
                endpoint.server.clone(),
                port.map(|port| port.to_string()).unwrap_or_default(),
                standing.to_owned(),
                when::show(endpoint.first),
                when::show(endpoint.last),
                endpoint.providers.join(" "),
                endpoint.services.to_string(),
            ];
            cells.extend(self.sums(&endpoint.sum));
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

    fn show(&self, connection: &Connection, id: &Id, out: &mut dyn Write) -> anyhow::Result<bool> {
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
        let mut sheet = Sheet::new(out, self.format, records::WIDE, false);
        for (number, record, hash) in &found {
            sheet.row(records::wide(*number, record), || {
                let mut value = records::json(*number, record);
                if let Value::Object(members) = &mut value {
                    members.insert("hash".to_owned(), json!(hash));
                }
                value
            })?;
        }
        sheet.end()?;
        Ok(!found.is_empty())
    }

    fn verify(
        &self,
        connection: &Connection,
        told: &[Standing],
        out: &mut dyn Write,
    ) -> anyhow::Result<bool> {
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
        let columns = [("fault", Align::Left), ("record", Align::Right), ("text", Align::Left)];
        if self.format == Format::Json {
            let faults: Vec<_> = report.faults.iter().map(fault).collect();
            let whole = json!({
                "whole": report.is_whole(), "records": report.records, "first": report.first, "standing": standing,
                "checkpoints": report.checkpoints, "faults": faults, "more": report.more, "sealed": unsealed.is_none(),
            });
            writeln!(out, "{}", serde_json::to_string_pretty(&whole)?)?;
            return Ok(report.is_whole());
        }
        let mut sheet = Sheet::new(out, self.format, &columns, false);
        for one in &report.faults {
            let place = if one.place() == u64::MAX { String::new() } else { one.place().to_string() };
            sheet.row(vec![one.name().to_owned(), place, one.to_string()], || fault(one))?;
        }
        sheet.end()?;
        Ok(report.is_whole())
    }

    /// The cells of a sum.
    fn sums(&self, group: &Group) -> [String; SUMS.len()] {
        let cost =
            if self.format == Format::Table { dollars(group.cost) } else { sheet::decimal(group.cost) };
        [
            group.calls.to_string(),
            group.errors.to_string(),
            group.unread.to_string(),
            group.input_tokens.to_string(),
            group.output_tokens.to_string(),
            cost,
            group.sent.to_string(),
            group.received.to_string(),
        ]
    }
}

/// What a sum has, behind what it is of.
const SUMS: [(&str, Align); 8] = [
    ("calls", Align::Right),
    ("errors", Align::Right),
    ("unread", Align::Right),
    ("input_tokens", Align::Right),
    ("output_tokens", Align::Right),
    ("cost", Align::Right),
    ("bytes_sent", Align::Right),
    ("bytes_received", Align::Right),
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
    let place = (fault.place() != u64::MAX).then(|| fault.place());
    json!({ "fault": fault.name(), "record": place, "text": fault.to_string() })
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
