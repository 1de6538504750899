//! The file: who may open it, what is written to it and how, what is taken out of it.
//!
//! A batch of records, the sums and the sealed head are one transaction, which is on the disk when [`Store::append`]
//! returns (write-ahead log, `synchronous = FULL`): after a power loss it is there whole or not at all.

mod files;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, params};

use crate::canonical::{self, FormError};
use crate::chain::{Hash, SealKey, Sealed, Standing};
use crate::record::{Entry, Record, Retired};
use crate::schema;
pub use files::set_aside;

/// Records between two checkpoints.
pub const CHECKPOINT_EVERY: u64 = 1000;
/// Records that are retired in one transaction.
const RETIRED_AT_ONCE: u64 = 5000;
/// How long a statement waits for a reader.
const BUSY: Duration = Duration::from_secs(5);
/// Bytes of the write-ahead log that are kept between checkpoints of SQLite's.
const LOG_BYTES: i64 = 16 << 20;

/// Why a store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another agent writes to it.
    #[error("the audit store {0} is in use by another agent; stop that one, or name another path by `audit`")]
    Locked(PathBuf),
    /// Somebody else could read or change it.
    #[error("the audit store is not safe: {0}")]
    Unsafe(String),
    /// It is of a later release.
    #[error("the audit store {path} is of a newer spanwire (version {version}); use that one")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// It is no audit store, or its pages are damaged.
    #[error("the audit store is damaged, or is none: {0}")]
    Damaged(String),
    /// The disk is full.
    #[error("the disk of the audit store is full")]
    Full,
    /// The file cannot be written.
    #[error("the audit store cannot be written: {0}")]
    Write(String),
    /// A file beside it cannot be used.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// A record has no canonical form.
    #[error("a record cannot be written: {0}")]
    Form(#[from] FormError),
    /// Something else.
    #[error("the audit store: {0}")]
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            Some(ErrorCode::ReadOnly | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
                Self::Write(error.to_string())
            }
            _ => Self::Sql(error),
        }
    }
}

/// What is kept. The newest record is kept always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Records that began before this moment go.
    pub oldest: Option<i64>,
    /// The file is not much larger than this.
    pub bytes: Option<u64>,
}

/// An open store; the only one that writes to its file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    key: SealKey,
    standing: Standing,
    /// Of the last checkpoint.
    checked: u64,
    /// What did not fit when it was opened, for the first record to say.
    oddity: Option<String>,
    _lock: File,
}

impl Store {
    /// Opens a store, or makes an empty one; its folder is made, too, if only that is missing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(path: &Path, key: SealKey) -> Result<Self, StoreError> {
        let lock = files::lock(path)?;
        // SQLite would make it by the umask, and gives its log the same permissions.
        files::private_file(path)?;
        let mut connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        // Holds only before the first table.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        check_version(&connection, path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
        schema::migrate(&mut connection)?;
        let (standing, oddity) = resume(&connection, &key)?;
        let checked: Option<u64> =
            connection.query_row("SELECT max(number) FROM checkpoints", [], |row| row.get(0))?;
        Ok(Self { connection, key, standing, checked: checked.unwrap_or(0), oddity, _lock: lock })
    }

    /// How far it has come.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// What did not fit together when it was opened: told once.
    pub fn oddity(&mut self) -> Option<String> {
        self.oddity.take()
    }

    /// Writes records, all or none. They are on the disk when this returns.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed then, and it may be tried again.
    pub fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let texts = records.iter().map(canonical::text).collect::<Result<Vec<_>, _>>()?;
        let (first, mut standing, mut checked) = (self.standing.number + 1, self.standing, self.checked);
        let transaction = self.connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO records (number, text, hash) VALUES (?1, ?2, ?3)")?;
            for text in &texts {
                standing = standing.then(text);
                insert.execute(params![standing.number, text, standing.hash.0])?;
                if standing.number >= checked + CHECKPOINT_EVERY {
                    checkpoint(&transaction, &self.key, standing)?;
                    checked = standing.number;
                }
            }
        }
        sum(&transaction, "", (first, standing.number))?;
        stand(&transaction, &self.key, Sealed::Head, standing)?;
        transaction.commit()?;
        (self.standing, self.checked) = (standing, checked);
        Ok(())
    }

    /// Takes out what is beyond the bounds, oldest first, and returns how many records that were. What is kept stands
    /// behind the last that went, as a record on its end says, so that the chain is proven still. One call takes out
    /// some thousands; it is called again until it returns 0.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed then.
    pub fn retire(&mut self, bounds: Bounds, now: i64, host: &str) -> Result<u64, StoreError> {
        let Some((first, mut last, reason)) = self.beyond(bounds)? else { return Ok(0) };
        last = last.min(first + RETIRED_AT_ONCE - 1).min(self.standing.number.saturating_sub(1));
        // One for which another comes is no gain.
        if last <= first {
            return Ok(0);
        }
        // The last that is there: numbers may be missing where somebody took some out.
        let base = self.connection.query_row(
            "SELECT number, hash FROM records WHERE number <= ?1 ORDER BY number DESC LIMIT 1",
            [last],
            standing_of,
        )?;
        let retired =
            Retired { first, last: base.number, hash: base.hash.to_string(), reason: reason.to_owned() };
        let text =
            canonical::text(&Record { time: now, host: host.to_owned(), entry: Entry::Retired(retired) })?;
        let standing = self.standing.then(&text);
        let transaction = self.connection.transaction()?;
        sum(&transaction, "-", (first, base.number))?;
        transaction.execute("DELETE FROM hourly WHERE calls = 0", [])?;
        let count = transaction.execute("DELETE FROM records WHERE number <= ?1", [base.number])?;
        transaction.execute("DELETE FROM checkpoints WHERE number <= ?1", [base.number])?;
        stand(&transaction, &self.key, Sealed::Base, base)?;
        transaction.execute(
            "INSERT INTO records (number, text, hash) VALUES (?1, ?2, ?3)",
            params![standing.number, text, standing.hash.0],
        )?;
        sum(&transaction, "", (standing.number, standing.number))?;
        stand(&transaction, &self.key, Sealed::Head, standing)?;
        transaction.commit()?;
        self.standing = standing;
        // Pages that nobody uses go back to the file system; it costs nothing but time where it fails.
        let _ = self.connection.execute_batch("PRAGMA incremental_vacuum");
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Records beyond the bounds: the first, the last, and which bound.
    fn beyond(&self, bounds: Bounds) -> Result<Option<(u64, u64, &'static str)>, StoreError> {
        let first: Option<u64> =
            self.connection.query_row("SELECT min(number) FROM records", [], |row| row.get(0))?;
        let Some(first) = first else { return Ok(None) };
        if let Some(oldest) = bounds.oldest {
            // By number, not by time: a clock that was wrong for a while must not leave a hole in the chain.
            let mut records = self.connection.prepare_cached(
                "SELECT number, time FROM records WHERE number >= ?1 ORDER BY number LIMIT ?2",
            )?;
            let mut rows = records.query(params![first, RETIRED_AT_ONCE])?;
            let mut last = None;
            while let Some(row) = rows.next()? {
                // What has no time that can be read is as old as what is beside it.
                if row.get::<_, Option<i64>>(1).ok().flatten().is_some_and(|time| time >= oldest) {
                    break;
                }
                last = Some(row.get(0)?);
            }
            if let Some(last) = last {
                return Ok(Some((first, last, "age")));
            }
        }
        let Some(most) = bounds.bytes else { return Ok(None) };
        let bytes = self.bytes()?;
        if bytes <= most {
            return Ok(None);
        }
        let kept = self.standing.number.saturating_sub(first) + 1;
        // In proportion, and a tenth more, so that it is not done for each record anew.
        let excess = bytes - most + most / 10;
        let count = (u128::from(kept) * u128::from(excess)).div_ceil(u128::from(bytes.max(1)));
        let count = u64::try_from(count).unwrap_or(kept).clamp(1, kept);
        Ok(Some((first, first + count - 1, "size")))
    }

    /// Bytes of the file that are in use.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let pragma = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
        Ok((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?)
    }

    /// Seals the present standing as a checkpoint, and puts the log back into the file: for the agent's end.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn close(self) -> Result<(), StoreError> {
        if self.standing.number > self.checked {
            checkpoint(&self.connection, &self.key, self.standing)?;
        }
        self.connection.close().map_err(|(_, error)| error.into())
    }
}

/// Opens a store to read.
///
/// # Errors
/// See [`StoreError`]; a store that is not there is a [`StoreError::Io`].
pub fn read(path: &Path) -> Result<Connection, StoreError> {
    let io = |error| StoreError::Io(path.to_owned(), error);
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    check_version(&connection, path)?;
    if schema::version_of(&connection)? == 0 {
        return Err(StoreError::Damaged("it is empty".to_owned()));
    }
    Ok(connection)
}

/// Where the next record stands, and what does not fit.
fn resume(connection: &Connection, key: &SealKey) -> Result<(Standing, Option<String>), StoreError> {
    let last = connection
        .query_row("SELECT number, hash FROM records ORDER BY number DESC LIMIT 1", [], standing_of)
        .optional()?;
    let head = connection
        .query_row("SELECT number, hash, seal FROM standings WHERE what = 'head'", [], |row| {
            Ok((standing_of(row)?, row.get::<_, Vec<u8>>(2)?))
        })
        .optional()?;
    let (head, seal) = match (head, last) {
        (None, None) => return Ok((Standing::EMPTY, None)),
        (None, Some(last)) => return Ok((last, Some("the store had records and no head".to_owned()))),
        (Some(head), _) => head,
    };
    let last = last.unwrap_or(Standing::EMPTY);
    if key.seal(head, Sealed::Head).0.as_slice() != seal {
        let oddity = "the store's head is not sealed by this agent's key".to_owned();
        return Ok((if last.number > head.number { last } else { head }, Some(oddity)));
    }
    if last.number > head.number {
        return Ok((
            last,
            Some(format!("the store had records up to {} behind its head {head}", last.number)),
        ));
    }
    // What is written next stands behind what was there once, so that a tail that was cut off stays a gap.
    let oddity =
        (last != head).then(|| format!("the store's last record was {}, not its head {head}", last.number));
    Ok((head, oddity))
}

fn standing_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Standing> {
    let hash: Vec<u8> = row.get(1)?;
    // One that is none fits nothing.
    Ok(Standing { number: row.get(0)?, hash: Hash::from_bytes(&hash).unwrap_or(Hash::NONE) })
}

/// Adds the sums of these records to `hourly`.
fn sum(transaction: &Transaction<'_>, sign: &str, (first, last): (u64, u64)) -> rusqlite::Result<()> {
    let sql = format!("INSERT INTO hourly {} {}", schema::SUMS.replace("{sign}", sign), schema::ADD);
    transaction.prepare_cached(&sql)?.execute([first, last]).map(drop)
}

fn stand(connection: &Connection, key: &SealKey, what: Sealed, standing: Standing) -> rusqlite::Result<()> {
    let name = if what == Sealed::Base { "base" } else { "head" };
    let seal = key.seal(standing, what);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO standings (what, number, hash, seal) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![name, standing.number, standing.hash.0, seal.0])
        .map(drop)
}

fn checkpoint(connection: &Connection, key: &SealKey, standing: Standing) -> rusqlite::Result<()> {
    let seal = key.seal(standing, Sealed::Checkpoint);
    connection
        .prepare_cached("INSERT OR REPLACE INTO checkpoints (number, hash, seal) VALUES (?1, ?2, ?3)")?
        .execute(params![standing.number, standing.hash.0, seal.0])
        .map(drop)
}

fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let version = schema::version_of(connection)?;
    if version > schema::version() {
        return Err(StoreError::Newer { path: path.to_owned(), version });
    }
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != schema::APPLICATION && (version > 0 || tables > 0) {
        return Err(StoreError::Damaged("it is another program's database".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
