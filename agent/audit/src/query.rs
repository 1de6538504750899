//! Questions to a store: which records, and sums of them by what they have in common.
//!
//! Sums come from the hours of `hourly` where a question asks for nothing that it lacks, and from the records of the hours
//! that a question begins or ends within. Which records are looked at otherwise says [`ranges`].

mod filter;
mod ranges;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::{ControlFlow, Range};
use std::str::FromStr;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use crate::record::Record;
use crate::store::StoreError;
pub use filter::{Column, Filter};
use filter::{Conditions, bound};
use ranges::{HOUR, ranges};

/// The records of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The values of the columns that were asked for; empty where a record has none.
    pub keys: Vec<String>,
    /// Exchanges.
    pub calls: u64,
    /// Of these, that failed.
    pub errors: u64,
    /// Connections that were not read.
    pub unread: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Billionths of a dollar.
    pub cost: u64,
    /// Bytes from clients.
    pub sent: u64,
    /// Bytes to clients.
    pub received: u64,
    /// Microseconds, in all.
    pub duration: u64,
}

/// An endpoint that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name, or else its address.
    pub server: String,
    /// Its port; 0 where it is not known.
    pub port: u16,
    /// Its first use that is still recorded.
    pub first: i64,
    /// Its last.
    pub last: i64,
    /// The providers whose APIs were spoken there.
    pub providers: Vec<String>,
    /// The services that used it: how many.
    pub services: u64,
    /// What went there. It has no keys.
    pub sum: Group,
}

/// Hands over the latest `limit` of these records, the earliest first, each with its number.
///
/// # Errors
/// See [`StoreError`]; a record that cannot be read is [`StoreError::Damaged`].
pub fn list(
    connection: &Connection,
    filter: &Filter,
    limit: u64,
    take: &mut dyn FnMut(u64, Record) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    // One state of the store for all of it.
    let _transaction = connection.unchecked_transaction()?;
    if filter.after.is_some() {
        // What follows goes by number, as it was written; else by time, as it happened.
        let Conditions { sql, mut values } = filter.of_records();
        values.push(bound(limit));
        let sql = format!("SELECT number, text FROM records{sql} ORDER BY number LIMIT ?");
        return take_rows(connection, &sql, values, take).map(drop);
    }
    let ranges = ranges(connection, filter, limit)?;
    let (time, number) = nth_latest(connection, filter, &ranges, limit)?.unwrap_or((i64::MIN, 0));
    for range in ranges.into_iter().filter(|range| range.end > time) {
        let part = Filter { since: Some(range.start.max(time)), until: Some(range.end), ..filter.clone() };
        let mut conditions = part.of_records();
        conditions.add("(time, number) >= (?, ?)", [time.into(), bound(number)]);
        let sql = format!(
            "SELECT number, text FROM records INDEXED BY by_time{} ORDER BY time, number",
            conditions.sql
        );
        if take_rows(connection, &sql, conditions.values, take)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn take_rows(
    connection: &Connection,
    sql: &str,
    values: Vec<Value>,
    take: &mut dyn FnMut(u64, Record) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let (number, record) = record(row)?;
        if take(number, record).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Time and number of the `limit`th of these records, from the latest on; nothing where there are not so many.
fn nth_latest(
    connection: &Connection,
    filter: &Filter,
    ranges: &[Range<i64>],
    limit: u64,
) -> Result<Option<(i64, u64)>, StoreError> {
    let Ok(mut left) = i64::try_from(limit) else { return Ok(None) };
    for range in ranges.iter().rev() {
        let part = Filter { since: Some(range.start), until: Some(range.end), ..filter.clone() };
        let Conditions { sql, mut values } = part.of_records();
        values.push(left.into());
        let sql = format!(
            "SELECT time, number FROM records INDEXED BY by_time{sql} ORDER BY time DESC, number DESC LIMIT ?"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            left -= 1;
            if left == 0 {
                return Ok(Some((row.get(0)?, row.get(1)?)));
            }
        }
    }
    Ok(None)
}

/// The number of the last record that there is.
///
/// # Errors
/// See [`StoreError`].
pub fn last(connection: &Connection) -> Result<u64, StoreError> {
    let number: Option<u64> =
        connection.query_row("SELECT max(number) FROM records", [], |row| row.get(0))?;
    Ok(number.unwrap_or(0))
}

/// What a record is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// Its number.
    Number(u64),
    /// Its span's id: 16 hexadecimal digits.
    Span(String),
    /// Its trace's id, which several may have: 32 hexadecimal digits.
    Trace(String),
}

impl FromStr for Id {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            16 if is_hex => Ok(Self::Span(text.to_ascii_lowercase())),
            32 if is_hex => Ok(Self::Trace(text.to_ascii_lowercase())),
            _ => text.parse().map(Self::Number).map_err(|_| "a record's number, a span id or a trace id"),
        }
    }
}

/// The records of this id, at most `limit`, each with its hash.
///
/// # Errors
/// As [`list`].
pub fn find(connection: &Connection, id: &Id, limit: u64) -> Result<Vec<(u64, Record, String)>, StoreError> {
    let (condition, value) = match id {
        Id::Number(number) => ("number = ?", bound(*number)),
        Id::Span(span) => ("span = ?", Value::Text(span.clone())),
        Id::Trace(trace) => ("trace = ?", Value::Text(trace.clone())),
    };
    let sql = format!(
        "SELECT number, text, lower(hex(hash)) FROM records WHERE {condition} ORDER BY number LIMIT ?"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter([value, bound(limit)]))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, record) = record(row)?;
        found.push((number, record, row.get(2)?));
    }
    Ok(found)
}

fn record(row: &Row<'_>) -> Result<(u64, Record), StoreError> {
    let number: u64 = row.get(0)?;
    let text: String = row.get(1)?;
    match serde_json::from_str(&text) {
        Ok(record) => Ok((number, record)),
        Err(error) => Err(StoreError::Damaged(format!("record {number} cannot be read: {error}"))),
    }
}

/// Sums of what is asked for.
const SUMS: &str = "coalesce(sum(CASE kind WHEN 'exchange' THEN calls END), 0), \
    coalesce(sum(CASE WHEN kind = 'exchange' AND error != '' THEN calls END), 0), \
    coalesce(sum(CASE kind WHEN 'unread' THEN calls END), 0), \
    coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cost), 0), coalesce(sum(sent), 0), \
    coalesce(sum(received), 0), coalesce(sum(duration), 0)";

/// What is grouped: rows like those of `hourly`.
fn source(connection: &Connection, filter: &Filter) -> Result<Conditions, StoreError> {
    let row = "time / 3600000000 AS hour, coalesce(kind, '') AS kind, coalesce(host, '') AS host, \
        coalesce(service, '') AS service, coalesce(user, '') AS user, coalesce(login, '') AS login, \
        coalesce(executable, '') AS executable, coalesce(server, '') AS server, coalesce(port, 0) AS port, \
        coalesce(provider, '') AS provider, coalesce(operation, '') AS operation, coalesce(model, '') AS model, \
        coalesce(error, '') AS error, coalesce(approval, '') AS approval, coalesce(direction, '') AS direction, \
        1 AS calls, \
        coalesce(input_tokens, 0) AS input_tokens, coalesce(output_tokens, 0) AS output_tokens, \
        coalesce(cost, 0) AS cost, coalesce(sent, 0) AS sent, coalesce(received, 0) AS received, \
        coalesce(duration, 0) AS duration";
    if !filter.is_of_hours() {
        let ranges: Vec<_> =
            ranges(connection, filter, u64::MAX)?.into_iter().map(|part| (part.start, part.end)).collect();
        let ranges = serde_json::to_string(&ranges).unwrap_or_default();
        let mut conditions = filter.of_records();
        conditions.add("time >= part.value ->> 0 AND time < part.value ->> 1", []);
        let Conditions { sql, mut values } = conditions;
        values.insert(0, Value::Text(ranges));
        let from = "json_each(?) AS part CROSS JOIN records INDEXED BY by_time";
        return Ok(Conditions { sql: format!("SELECT {row} FROM {from}{sql}"), values });
    }
    // Whole hours from the first to before the second; what is beside them from the records.
    let first = filter.since.map(|since| since.div_euclid(HOUR) + i64::from(since.rem_euclid(HOUR) > 0));
    let last = filter.until.map(|until| until.div_euclid(HOUR));
    let mut hours = filter.of_hours();
    if let Some(first) = first {
        hours.add("hour >= ?", [first.into()]);
    }
    if let Some(last) = last {
        hours.add("hour < ?", [last.into()]);
    }
    let mut all = Conditions { sql: format!("SELECT * FROM hourly{}", hours.sql), values: hours.values };
    let mut edge = |since: Option<i64>, until: Option<i64>| {
        let part = Filter { since, until, ..filter.clone() };
        let Conditions { sql, values } = part.of_records();
        let _ = write!(all.sql, " UNION ALL SELECT {row} FROM records INDEXED BY by_time{sql}");
        all.values.extend(values);
    };
    let borders = (first.map(|first| first * HOUR), last.map(|last| last * HOUR));
    match (filter.since, filter.until) {
        // No whole hour between them.
        (Some(since), Some(until)) if borders.0 > borders.1 => edge(Some(since), Some(until)),
        _ => {
            if let (Some(since), Some(border)) = (filter.since, borders.0)
                && since < border
            {
                edge(Some(since), Some(border));
            }
            if let (Some(until), Some(border)) = (filter.until, borders.1)
                && border < until
            {
                edge(Some(border), Some(until));
            }
        }
    }
    Ok(all)
}

/// Sums of these records by these columns, the dearest first, at most `limit` groups.
///
/// # Errors
/// See [`StoreError`].
pub fn group(
    connection: &Connection,
    filter: &Filter,
    by: &[Column],
    limit: u64,
) -> Result<Vec<Group>, StoreError> {
    let Conditions { sql: from, mut values } = source(connection, filter)?;
    let keys: Vec<_> = by.iter().map(|column| column.sql()).collect();
    let places: Vec<_> = (1..=keys.len()).map(|place| place.to_string()).collect();
    let (keys, places) = (keys.join(", "), places.join(", "));
    let comma = if by.is_empty() { "" } else { ", " };
    let grouping = if by.is_empty() { String::new() } else { format!(" GROUP BY {places}") };
    let count = by.len();
    // By cost, calls, bytes; then by name, so that the order is certain.
    let order = format!("{}, {}, {}{comma}{places}", order(count + 6), order(count + 1), order(count + 7));
    let sql = format!("SELECT {keys}{comma}{SUMS} FROM ({from}){grouping} ORDER BY {order} LIMIT ?");
    values.push(bound(limit));
    let mut statement = connection.prepare(&sql)?;
    let groups = statement.query_map(params_from_iter(values), |row| {
        let keys = (0..count).map(|index| row.get(index)).collect::<Result<_, _>>()?;
        Ok(Group { keys, ..sums(row, count)? })
    })?;
    Ok(groups.collect::<Result<_, _>>()?)
}

fn order(place: usize) -> String {
    format!("{place} DESC")
}

/// The sums of a row, from this column on.
fn sums(row: &Row<'_>, from: usize) -> rusqlite::Result<Group> {
    let at = |offset: usize| row.get::<_, u64>(from + offset);
    Ok(Group {
        keys: Vec::new(),
        calls: at(0)?,
        errors: at(1)?,
        unread: at(2)?,
        input_tokens: at(3)?,
        output_tokens: at(4)?,
        cost: at(5)?,
        sent: at(6)?,
        received: at(7)?,
        duration: at(8)?,
    })
}

/// The endpoints that these records went to, the latest used first, at most `limit`.
///
/// # Errors
/// See [`StoreError`].
pub fn endpoints(connection: &Connection, filter: &Filter, limit: u64) -> Result<Vec<Endpoint>, StoreError> {
    let Conditions { sql: from, mut values } = source(connection, filter)?;
    let sql = format!(
        "SELECT server, port, group_concat(DISTINCT nullif(provider, '')), count(DISTINCT service), {SUMS} \
         FROM ({from}) GROUP BY 1, 2 ORDER BY max(hour) DESC, 1, 2 LIMIT ?"
    );
    values.push(bound(limit));
    let used = used(connection)?;
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut endpoints = Vec::new();
    while let Some(row) = rows.next()? {
        let (server, port): (String, u16) = (row.get(0)?, row.get(1)?);
        let providers: Option<String> = row.get(2)?;
        let mut providers: Vec<_> =
            providers.iter().flat_map(|names| names.split(',')).map(str::to_owned).collect();
        providers.sort_unstable();
        let (first, last) = used.get(&(server.clone(), port)).copied().unwrap_or_default();
        endpoints.push(Endpoint {
            first: used_within(connection, "min", &server, port, first)?,
            last: used_within(connection, "max", &server, port, last)?,
            providers,
            services: row.get(3)?,
            sum: sums(row, 4)?,
            server,
            port,
        });
    }
    endpoints.sort_by(|one, other| other.last.cmp(&one.last).then_with(|| one.server.cmp(&other.server)));
    Ok(endpoints)
}

/// In which hours each endpoint was used first and last, of all records.
type Used = HashMap<(String, u16), (i64, i64)>;

fn used(connection: &Connection) -> Result<Used, StoreError> {
    let sql = "SELECT server, port, min(hour), max(hour) FROM hourly WHERE kind IN ('exchange', 'unread') GROUP BY 1, 2";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first (`min`) or last (`max`) use of an endpoint within an hour; its begin where there is none.
fn used_within(
    connection: &Connection,
    which: &str,
    server: &str,
    port: u16,
    hour: i64,
) -> Result<i64, StoreError> {
    let port = (port > 0).then_some(port);
    let server = (!server.is_empty()).then_some(server);
    let sql = format!(
        "SELECT {which}(time) FROM records INDEXED BY by_time WHERE time >= ?1 AND time < ?2 \
         AND server IS ?3 AND port IS ?4 AND kind IN ('exchange', 'unread')"
    );
    let (begin, end) = (hour.saturating_mul(HOUR), (hour + 1).saturating_mul(HOUR));
    let mut statement = connection.prepare_cached(&sql)?;
    let time: Option<i64> = statement.query_row((begin, end, server, port), |row| row.get(0))?;
    Ok(time.unwrap_or(begin))
}

#[cfg(test)]
mod tests;
