//! Proves that a store says what was written to it, or names what does not fit, and where.
//!
//! One pass over the records in their order, with one record's look ahead: where the chain breaks, what stands behind it
//! tells a record that was changed from one that was put in, taken out or moved. Memory is bounded, whatever the store holds.

mod fault;
mod walk;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::chain::{Hash, SealKey, Sealed, Standing};
use crate::record::Retired;
use crate::schema;
use crate::store::StoreError;
pub use fault::Fault;
use walk::{Row, Walk};

/// Faults that are named; further ones are counted.
pub const FAULTS_MAX: usize = 100;
/// Lines of SQLite's own check that are told.
const DAMAGES_MAX: usize = 10;

/// What a store is measured by.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// The key of its seals. Without it the chain is proven to be consistent, not to be the agent's.
    pub key: Option<&'a SealKey>,
    /// What was noted elsewhere: each must be on the chain.
    pub told: Vec<Standing>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Records that are there.
    pub records: u64,
    /// The first one's number.
    pub first: Option<u64>,
    /// How far the store has come.
    pub standing: Option<Standing>,
    /// Checkpoints whose hash fits, and whose seal does, where there is a key.
    pub checkpoints: u64,
    /// What does not fit, in the order of the records: at most [`FAULTS_MAX`].
    pub faults: Vec<Fault>,
    /// Faults beyond these.
    pub more: u64,
}

impl Report {
    /// Nothing that was written was changed, removed, moved or put in.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    fn add(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }
}

/// Reads a whole store.
///
/// # Errors
/// When it cannot be read at all; what can be read of a damaged one is told with [`Fault::Damaged`].
pub fn verify(connection: &Connection, options: &Options<'_>) -> Result<Report, StoreError> {
    // One state of the store, whatever an agent writes meanwhile.
    connection.execute_batch("BEGIN")?;
    let report = all(connection, options);
    // Nothing was changed.
    let _ = connection.execute_batch("ROLLBACK");
    report
}

fn all(connection: &Connection, options: &Options<'_>) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let standings = Standings::read(connection)?;
    if let Some(key) = options.key {
        for (standing, seal, what) in [
            (standings.base, standings.base_seal, Sealed::Base),
            (standings.head, standings.head_seal, Sealed::Head),
        ] {
            if let Some(standing) = standing
                && seal != Some(key.seal(standing, what))
            {
                report.add(Fault::Unsealed(standing.number));
            }
        }
    }
    let mut walk = Walk::new(standings.base.unwrap_or(Standing::EMPTY));
    let mut checks = Checks::new(connection, options, standings.base)?;
    let mut last_retired: Option<Retired> = None;
    let mut records = connection.prepare("SELECT number, text, hash FROM records ORDER BY number")?;
    let mut rows = records.query([])?;
    let mut last = None;
    loop {
        let next = match rows.next() {
            Ok(row) => row.map(Row::read),
            Err(error) => {
                report.add(Fault::Damaged(format!("records behind {}: {error}", last.unwrap_or(0))));
                None
            }
        };
        let ended = next.is_none();
        if let Some(row) = &next {
            report.records += 1;
            report.first.get_or_insert(row.number);
            last = Some(row.number);
            if let Some(retired) = row.retired() {
                last_retired = Some(retired);
            }
        }
        let passed = walk.step(next, &mut |fault| report.add(fault));
        if let Some(standing) = passed {
            checks.pass(standing, &mut report)?;
        }
        if ended {
            break;
        }
    }
    walk.finish(&mut |fault| report.add(fault));
    checks.finish(&mut report)?;
    report.standing = standings.head;
    tail(&mut report, &standings, last);
    if let Some(base) = standings.base {
        let told = last_retired
            .is_some_and(|retired| retired.last == base.number && retired.hash == base.hash.to_string());
        if !told {
            report.add(Fault::Headless(base.number));
        }
    }
    sums(connection, &mut report);
    damages(connection, &mut report);
    report.faults.sort_by_key(Fault::place);
    Ok(report)
}

/// What stands behind the last record, or should.
fn tail(report: &mut Report, standings: &Standings, last: Option<u64>) {
    let last = last.or(standings.base.map(|base| base.number)).unwrap_or(0);
    match standings.head {
        None if last > 0 => report.add(Fault::Unsealed(last)),
        Some(head) if head.number > last => report.add(Fault::Missing(last + 1, head.number)),
        Some(head) if head.number < last => report.add(Fault::Beyond(head.number + 1, last)),
        _ => {}
    }
}

/// Whether the sums are those of the records.
fn sums(connection: &Connection, report: &mut Report) {
    let made = schema::SUMS.replace("{sign}", "");
    let sql = format!(
        "WITH made AS ({made}) SELECT count(*) FROM (SELECT * FROM (SELECT * FROM made EXCEPT SELECT * FROM hourly) \
         UNION ALL SELECT * FROM (SELECT * FROM hourly EXCEPT SELECT * FROM made))"
    );
    let differ = connection.query_row(&sql, [0, i64::MAX], |row| row.get::<_, u64>(0));
    match differ {
        Ok(0) => {}
        Ok(rows) => report.add(Fault::Sums(format!("{rows} sums of an hour are not those of its records"))),
        Err(error) => report.add(Fault::Sums(format!("they cannot be made anew: {error}"))),
    }
}

/// What SQLite finds wrong with its own pages and indexes.
fn damages(connection: &Connection, report: &mut Report) {
    let check = || {
        let mut statement = connection.prepare(&format!("PRAGMA integrity_check({DAMAGES_MAX})"))?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        lines.collect::<Result<Vec<_>, _>>()
    };
    match check() {
        Ok(lines) => {
            lines.into_iter().filter(|line| line != "ok").for_each(|line| report.add(Fault::Damaged(line)))
        }
        Err(error) => report.add(Fault::Damaged(error.to_string())),
    }
}

/// The head and the base, as the store has them.
struct Standings {
    head: Option<Standing>,
    head_seal: Option<Hash>,
    base: Option<Standing>,
    base_seal: Option<Hash>,
}

impl Standings {
    fn read(connection: &Connection) -> Result<Self, StoreError> {
        let of = |what: &str| {
            connection
                .query_row("SELECT number, hash, seal FROM standings WHERE what = ?1", [what], |row| {
                    let (hash, seal): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
                    let standing =
                        Standing { number: row.get(0)?, hash: Hash::from_bytes(&hash).unwrap_or(Hash::NONE) };
                    Ok((standing, Hash::from_bytes(&seal)))
                })
                .optional()
        };
        let (head, base) = (of("head")?, of("base")?);
        Ok(Self {
            head: head.map(|(standing, _)| standing),
            head_seal: head.and_then(|(_, seal)| seal),
            base: base.map(|(standing, _)| standing),
            base_seal: base.and_then(|(_, seal)| seal),
        })
    }
}

/// Compares what the walk passes with the checkpoints, the head and what was told.
struct Checks<'a> {
    connection: &'a Connection,
    key: Option<&'a SealKey>,
    told: Vec<Standing>,
    head: Option<Standing>,
    /// The next checkpoint's number.
    next: Option<u64>,
    /// The last standing that was proven.
    proven: u64,
}

impl<'a> Checks<'a> {
    fn new(
        connection: &'a Connection,
        options: &Options<'a>,
        base: Option<Standing>,
    ) -> Result<Self, StoreError> {
        let mut told = options.told.clone();
        told.sort_unstable_by_key(|standing| std::cmp::Reverse(standing.number));
        let head = Standings::read(connection)?.head;
        let mut checks = Self { connection, key: options.key, told, head, next: None, proven: 0 };
        checks.proven = base.map_or(0, |base| base.number);
        checks.next = checks.after(0)?;
        Ok(checks)
    }

    fn after(&self, number: u64) -> Result<Option<u64>, StoreError> {
        let mut next =
            self.connection.prepare_cached("SELECT min(number) FROM checkpoints WHERE number > ?1")?;
        Ok(next.query_row(params![number], |row| row.get(0))?)
    }

    /// The chain has come to this standing.
    fn pass(&mut self, standing: Standing, report: &mut Report) -> Result<(), StoreError> {
        while self.told.last().is_some_and(|told| told.number <= standing.number) {
            let Some(told) = self.told.pop() else { break };
            if told != standing {
                report.add(Fault::Other(told));
            }
        }
        while let Some(number) = self.next.filter(|next| *next < standing.number) {
            // Its record is not there: told as missing.
            self.next = self.after(number)?;
        }
        if self.next == Some(standing.number) {
            self.checkpoint(standing, report)?;
            self.next = self.after(standing.number)?;
        }
        if let Some(head) = self.head.filter(|head| head.number == standing.number) {
            if head == standing {
                self.proven = standing.number;
            } else {
                report.add(Fault::Rewritten(self.proven + 1, standing.number));
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, standing: Standing, report: &mut Report) -> Result<(), StoreError> {
        let mut sealed =
            self.connection.prepare_cached("SELECT hash, seal FROM checkpoints WHERE number = ?1")?;
        let (hash, seal): (Vec<u8>, Vec<u8>) =
            sealed.query_row([standing.number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (hash, seal) = (Hash::from_bytes(&hash), Hash::from_bytes(&seal));
        let of = Standing { number: standing.number, hash: hash.unwrap_or(Hash::NONE) };
        if self.key.is_some_and(|key| seal != Some(key.seal(of, Sealed::Checkpoint))) {
            report.add(Fault::Unsealed(standing.number));
        } else if of != standing {
            report.add(Fault::Rewritten(self.proven + 1, standing.number));
        } else {
            report.checkpoints += 1;
            self.proven = standing.number;
        }
        Ok(())
    }

    /// What was told and did not come.
    fn finish(&mut self, report: &mut Report) -> Result<(), StoreError> {
        self.told.drain(..).for_each(|told| report.add(Fault::Other(told)));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
