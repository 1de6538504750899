//! Where in time the records may be that a question is about, so that no others are looked at.
//!
//! The index `by_time` has all of a record that can be asked for. `hourly` says in which hours anything fits; of dear calls
//! and of findings, which it does not know, indexes of their own do, where they find few.

use std::collections::BTreeSet;
use std::ops::Range;

use rusqlite::{Connection, params_from_iter};

use super::filter::{Conditions, Filter, bound};
use crate::store::StoreError;

/// An hour, in microseconds.
pub(super) const HOUR: i64 = 3_600_000_000;
/// Records that are looked up by themselves; where there are more, reading through all is as fast.
const FEW: usize = 5000;

/// Moments between which the latest `limit` of these records are, the earliest first. They do not overlap.
pub(super) fn ranges(
    connection: &Connection,
    filter: &Filter,
    limit: u64,
) -> Result<Vec<Range<i64>>, StoreError> {
    let mut hours = hours(connection, filter, limit)?;
    let dear = "SELECT time / 3600000000 FROM records INDEXED BY by_cost";
    let found = "SELECT time / 3600000000 FROM records INDEXED BY by_redacted";
    let dear = filter.cost_above.map(|_| (dear, Filter { cost_above: filter.cost_above, ..all() }));
    let found = filter.redacted.clone().map(|class| (found, Filter { redacted: Some(class), ..all() }));
    for (select, part) in [dear, found].into_iter().flatten() {
        if let Some(few) = few(connection, select, &part)? {
            hours.retain(|hour| few.contains(hour));
        }
    }
    let all = filter.since.unwrap_or(i64::MIN)..filter.until.unwrap_or(i64::MAX);
    let mut ranges: Vec<Range<i64>> = Vec::new();
    for hour in hours {
        // Before 1970 SQLite rounds up.
        let begin = if hour <= 0 { i64::MIN } else { hour.saturating_mul(HOUR) };
        let (begin, end) = (begin.max(all.start), (hour + 1).saturating_mul(HOUR).min(all.end));
        match ranges.last_mut() {
            Some(last) if last.end >= begin => last.end = end.max(last.end),
            _ if begin < end => ranges.push(begin..end),
            _ => {}
        }
    }
    Ok(ranges)
}

/// All records, notes as well.
fn all() -> Filter {
    Filter { notes: true, ..Filter::default() }
}

/// The hours in which anything fits as far as `hourly` knows, the earliest first; of those with the latest `limit` records.
fn hours(connection: &Connection, filter: &Filter, limit: u64) -> Result<Vec<i64>, StoreError> {
    let Conditions { sql, values } = filter.of_hours_between();
    let sql = format!("SELECT hour, sum(calls) FROM hourly{sql} GROUP BY hour ORDER BY hour DESC");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut hours, mut calls) = (Vec::new(), 0_u64);
    while let Some(row) = rows.next()? {
        let hour: i64 = row.get(0)?;
        hours.push(hour);
        // Of hours that the question begins or ends within it is not known how many fit.
        let begins_within = filter.since.is_some_and(|since| since > hour.saturating_mul(HOUR));
        let ends_within = filter.until.is_some_and(|until| until < (hour + 1).saturating_mul(HOUR));
        if filter.is_of_hours() && !begins_within && !ends_within {
            calls = calls.saturating_add(row.get(1)?);
        }
        if calls >= limit {
            break;
        }
    }
    hours.reverse();
    Ok(hours)
}

/// The hours of the records that an index has; nothing where they are many.
fn few(connection: &Connection, select: &str, part: &Filter) -> Result<Option<BTreeSet<i64>>, StoreError> {
    let Conditions { sql, mut values } = part.of_records();
    values.push(bound(FEW as u64 + 1));
    let mut statement = connection.prepare(&format!("{select}{sql} LIMIT ?"))?;
    let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
    let hours: Vec<i64> = rows.collect::<Result<_, _>>()?;
    Ok((hours.len() <= FEW).then(|| hours.into_iter().collect()))
}
