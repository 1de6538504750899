//! The tables, and how older ones become the present ones.
//!
//! Of a record only its number, text and hash are stored; what is asked for by is computed from the text by SQLite itself
//! (generated columns) and kept in indexes, so that no column can say anything else than the text that the chain proves.
//! `hourly` has the sums of all records, by hour and by what they are grouped by; they are changed in the transaction that
//! changes the records, and [`crate::verify`] makes them anew.

use rusqlite::Connection;

/// `SpwA`: says that a file is an audit store (`PRAGMA application_id`).
pub(crate) const APPLICATION: i32 = 0x5370_7741;

/// What makes each version out of the one before; a store's `user_version` is how many it has had. A step that was
/// released is never changed.
const MIGRATIONS: &[&str] = &[FIRST, SECOND, THIRD];

const FIRST: &str = "
CREATE TABLE records (
    number INTEGER PRIMARY KEY,
    text TEXT NOT NULL,
    hash BLOB NOT NULL,
    time INTEGER AS (text ->> '$.time'),
    kind TEXT AS (text ->> '$.kind'),
    host TEXT AS (text ->> '$.host'),
    service TEXT AS (text ->> '$.actor.service'),
    pid INTEGER AS (text ->> '$.actor.pid'),
    user TEXT AS (CAST(coalesce(text ->> '$.actor.user.name', text ->> '$.actor.user.id') AS TEXT)),
    login TEXT AS (CAST(coalesce(text ->> '$.actor.login.name', text ->> '$.actor.login.id') AS TEXT)),
    executable TEXT AS (text ->> '$.actor.executable'),
    server TEXT AS (coalesce(text ->> '$.peer.name', text ->> '$.peer.address')),
    port INTEGER AS (text ->> '$.peer.port'),
    provider TEXT AS (text ->> '$.provider'),
    operation TEXT AS (text ->> '$.operation'),
    model TEXT AS (text ->> '$.model'),
    input_tokens INTEGER AS (text ->> '$.input_tokens'),
    output_tokens INTEGER AS (text ->> '$.output_tokens'),
    cost INTEGER AS (text ->> '$.cost'),
    status INTEGER AS (text ->> '$.status'),
    error TEXT AS (text ->> '$.error'),
    sent INTEGER AS (text ->> '$.bytes.sent'),
    received INTEGER AS (text ->> '$.bytes.received'),
    duration INTEGER AS (text ->> '$.duration'),
    redacted TEXT AS (text -> '$.redacted'),
    approval TEXT AS (text ->> '$.approval'),
    trace TEXT AS (text ->> '$.trace'),
    span TEXT AS (text ->> '$.span')
);
CREATE INDEX by_time ON records (time);
CREATE INDEX by_service ON records (service, time);
CREATE INDEX by_user ON records (user, time);
CREATE INDEX by_executable ON records (executable, time);
CREATE INDEX by_server ON records (server, port, time);
CREATE INDEX by_model ON records (model, time);
CREATE INDEX by_trace ON records (trace) WHERE trace IS NOT NULL;
CREATE INDEX by_span ON records (span) WHERE span IS NOT NULL;
CREATE INDEX by_error ON records (time) WHERE error IS NOT NULL;
CREATE INDEX by_redacted ON records (time) WHERE redacted IS NOT NULL;
CREATE INDEX by_unapproved ON records (time) WHERE approval = 'unapproved';
CREATE INDEX by_kind ON records (kind, time) WHERE kind != 'exchange';
CREATE INDEX by_cost ON records (cost) WHERE cost IS NOT NULL;

CREATE TABLE hourly (
    hour INTEGER NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    service TEXT NOT NULL,
    user TEXT NOT NULL,
    login TEXT NOT NULL,
    executable TEXT NOT NULL,
    server TEXT NOT NULL,
    port INTEGER NOT NULL,
    provider TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    error TEXT NOT NULL,
    approval TEXT NOT NULL,
    calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    PRIMARY KEY (hour, kind, host, service, user, login, executable, server, port, provider, operation, model, error,
        approval)
) WITHOUT ROWID;

CREATE TABLE standings (
    what TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seal BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE checkpoints (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    seal BLOB NOT NULL
);
";

/// Who asked and who was asked are told apart in sums: what a process of this host serves another of it counts twice otherwise.
const SECOND: &str = "
ALTER TABLE records ADD COLUMN direction TEXT AS (text ->> '$.direction');
DROP TABLE hourly;
CREATE TABLE hourly (
    hour INTEGER NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    service TEXT NOT NULL,
    user TEXT NOT NULL,
    login TEXT NOT NULL,
    executable TEXT NOT NULL,
    server TEXT NOT NULL,
    port INTEGER NOT NULL,
    provider TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    error TEXT NOT NULL,
    approval TEXT NOT NULL,
    direction TEXT NOT NULL,
    calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    PRIMARY KEY (hour, kind, host, service, user, login, executable, server, port, provider, operation, model, error,
        approval, direction)
) WITHOUT ROWID;
INSERT INTO hourly
SELECT time / 3600000000, coalesce(kind, ''), coalesce(host, ''), coalesce(service, ''), coalesce(user, ''),
    coalesce(login, ''), coalesce(executable, ''), coalesce(server, ''), coalesce(port, 0), coalesce(provider, ''),
    coalesce(operation, ''), coalesce(model, ''), coalesce(error, ''), coalesce(approval, ''), coalesce(direction, ''),
    count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cost), 0),
    coalesce(sum(sent), 0), coalesce(sum(received), 0), coalesce(sum(duration), 0)
FROM records GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15;
";

/// One index has all that is asked for, hour behind hour, and is written at its end alone; several by one column each were read to
/// and fro, and each was written at a place of its own for each record.
const THIRD: &str = "
DROP INDEX by_time;
DROP INDEX by_service;
DROP INDEX by_user;
DROP INDEX by_executable;
DROP INDEX by_server;
DROP INDEX by_model;
DROP INDEX by_error;
DROP INDEX by_redacted;
DROP INDEX by_unapproved;
DROP INDEX by_kind;
DROP INDEX by_cost;
CREATE INDEX by_time ON records (time, kind, host, service, pid, user, login, executable, server, port, provider,
    operation, model, error, approval, direction, input_tokens, output_tokens, cost, sent, received, duration, redacted);
CREATE INDEX by_cost ON records (cost, time) WHERE cost IS NOT NULL;
CREATE INDEX by_redacted ON records (time, redacted) WHERE redacted IS NOT NULL;
";

/// What `hourly` holds of the records from one number to another, as rows of that table; `{sign}` is nothing, or a minus
/// for records that go.
pub(crate) const SUMS: &str = "
SELECT time / 3600000000, coalesce(kind, ''), coalesce(host, ''), coalesce(service, ''), coalesce(user, ''),
    coalesce(login, ''), coalesce(executable, ''), coalesce(server, ''), coalesce(port, 0), coalesce(provider, ''), coalesce(operation, ''),
    coalesce(model, ''), coalesce(error, ''), coalesce(approval, ''), coalesce(direction, ''),
    {sign}count(*), {sign}coalesce(sum(input_tokens), 0), {sign}coalesce(sum(output_tokens), 0),
    {sign}coalesce(sum(cost), 0), {sign}coalesce(sum(sent), 0), {sign}coalesce(sum(received), 0),
    {sign}coalesce(sum(duration), 0)
FROM records WHERE number BETWEEN ?1 AND ?2
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15";

/// Adds these rows to what is there.
pub(crate) const ADD: &str = "
ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, input_tokens = input_tokens + excluded.input_tokens,
    output_tokens = output_tokens + excluded.output_tokens, cost = cost + excluded.cost, sent = sent + excluded.sent,
    received = received + excluded.received, duration = duration + excluded.duration";

/// The version that this release reads and writes.
pub(crate) fn version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The version of a store; 0 of an empty file.
pub(crate) fn version_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a store to the present version, in one transaction.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let had = usize::try_from(version_of(connection)?).unwrap_or(usize::MAX);
    let steps = MIGRATIONS.get(had..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", version())?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_store_of_the_first_version_becomes_one_of_the_present_with_its_sums() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(FIRST).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        for (number, direction) in [(1, "client"), (2, "server"), (3, "server")] {
            let text = format!(r#"{{"time":7,"kind":"exchange","direction":"{direction}","cost":5}}"#);
            connection
                .execute("INSERT INTO records (number, text, hash) VALUES (?, ?, x'')", (number, text))
                .unwrap();
        }
        migrate(&mut connection).unwrap();
        assert_eq!(version_of(&connection).unwrap(), version());
        let sum = |direction: &str| {
            let sql = "SELECT calls, cost FROM hourly WHERE direction = ?";
            connection.query_row(sql, [direction], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
        };
        assert_eq!((sum("client"), sum("server")), ((1, 5), (2, 10)));
        // As it is made anew.
        let made = SUMS.replace("{sign}", "");
        let differs = format!("SELECT count(*) FROM (SELECT * FROM hourly EXCEPT {made})");
        assert_eq!(connection.query_row(&differs, (1, 3), |row| row.get::<_, u64>(0)).unwrap(), 0);
    }
}
