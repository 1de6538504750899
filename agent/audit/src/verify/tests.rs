#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::fixture::{self, Folder};
use crate::store::{Bounds, Store, read};

/// A closed store with so many records.
fn store(records: u32) -> Folder {
    let folder = Folder::new();
    let mut store = Store::open(&folder.store(), fixture::key()).unwrap();
    for batch in fixture::exchanges(records).chunks(5000) {
        store.append(batch).unwrap();
    }
    store.close().unwrap();
    folder
}

fn copy(of: &Folder) -> Folder {
    let copy = Folder::new();
    fs::copy(of.store(), copy.store()).unwrap();
    copy
}

fn report_told(folder: &Folder, told: Vec<Standing>) -> Report {
    let key = fixture::key();
    verify(&read(&folder.store()).unwrap(), &Options { key: Some(&key), told }).unwrap()
}

/// What does not fit, but for the sums, which every change of a record makes wrong.
fn faults(folder: &Folder) -> Vec<Fault> {
    let faults = report_told(folder, Vec::new()).faults;
    faults.into_iter().filter(|fault| !matches!(fault, Fault::Sums(_))).collect()
}

fn change(folder: &Folder, sql: &str) {
    rusqlite::Connection::open(folder.store()).unwrap().execute_batch(sql).unwrap();
}

/// Numbers all records from this one on anew.
fn move_by(first: u64, by: i32) -> String {
    format!(
        "UPDATE records SET number = -number WHERE number >= {first}; \
         UPDATE records SET number = -number + {by} WHERE number < 0;"
    )
}

const SWAP: &str = "UPDATE records SET number = -1 WHERE number = {a}; UPDATE records SET number = {a} WHERE number = {b}; \
                    UPDATE records SET number = {b} WHERE number = -1;";

fn swap(one: u64, other: u64) -> String {
    SWAP.replace("{a}", &one.to_string()).replace("{b}", &other.to_string())
}

#[test]
fn a_store_that_nobody_touched_is_whole() {
    let report = report_told(&store(2500), Vec::new());
    assert!(report.is_whole(), "{:?}", report.faults);
    assert_eq!((report.records, report.first, report.checkpoints), (2500, Some(1), 3));
    assert_eq!(report.standing.unwrap().number, 2500);
    let empty = Folder::new();
    Store::open(&empty.store(), fixture::key()).unwrap().close().unwrap();
    assert!(report_told(&empty, Vec::new()).is_whole());
}

#[test]
fn each_change_is_named_with_its_place() {
    let whole = store(2500);
    let text = |number: u64| {
        format!("UPDATE records SET text = replace(text, '\"pid\":1', '\"pid\":2') WHERE number = {number};")
    };
    let insert =
        "INSERT INTO records (number, text, hash) SELECT 700, text, hash FROM records WHERE number = 5;";
    let inserted = format!("{} {insert}", move_by(700, 1));
    let deleted = format!("DELETE FROM records WHERE number = 700; {}", move_by(701, -1));
    let cases: Vec<(String, Vec<Fault>)> = vec![
        (text(700), vec![Fault::Changed(700)]),
        (text(1), vec![Fault::Changed(1)]),
        (text(2500), vec![Fault::Changed(2500)]),
        (format!("{}{}", text(7), text(9)), vec![Fault::Changed(7), Fault::Changed(9)]),
        ("UPDATE records SET hash = zeroblob(32) WHERE number = 700".into(), vec![Fault::Changed(700)]),
        ("UPDATE records SET hash = 'x' WHERE number = 700".into(), vec![Fault::Changed(700)]),
        ("DELETE FROM records WHERE number = 700".into(), vec![Fault::Missing(700, 700)]),
        ("DELETE FROM records WHERE number BETWEEN 700 AND 1200".into(), vec![Fault::Missing(700, 1200)]),
        ("DELETE FROM records WHERE number = 1".into(), vec![Fault::Missing(1, 1)]),
        ("DELETE FROM records WHERE number > 2400".into(), vec![Fault::Missing(2401, 2500)]),
        ("DELETE FROM records".into(), vec![Fault::Missing(1, 2500)]),
        (swap(700, 1300), vec![Fault::Swapped(700, 1300)]),
        (swap(700, 701), vec![Fault::Swapped(700, 701)]),
        (swap(700, 702), vec![Fault::Swapped(700, 702)]),
        (swap(1, 2500), vec![Fault::Swapped(1, 2500)]),
        (inserted, vec![Fault::Inserted(700)]),
        (deleted, vec![Fault::Missing(700, 700)]),
        (
            "INSERT INTO records (number, text, hash) SELECT 2501, text, hash FROM records WHERE number = 5"
                .into(),
            vec![Fault::Beyond(2501, 2501)],
        ),
        (
            "DELETE FROM checkpoints WHERE number = 2500; DELETE FROM standings".into(),
            vec![Fault::Unsealed(2500)],
        ),
        (
            "UPDATE checkpoints SET seal = zeroblob(32) WHERE number = 2000".into(),
            vec![Fault::Unsealed(2000)],
        ),
    ];
    for (sql, expected) in cases {
        let folder = copy(&whole);
        change(&folder, &sql);
        let mut found = faults(&folder);
        // What was moved at the end takes its checkpoint or the head with it.
        if !expected.contains(&Fault::Unsealed(2500)) {
            found.retain(|fault| !matches!(fault, Fault::Rewritten(..)));
        }
        if matches!(expected[0], Fault::Inserted(_) | Fault::Beyond(..)) {
            found.retain(|fault| *fault == expected[0]);
        } else if sql.contains("number = -number") {
            found.retain(|fault| *fault != Fault::Missing(2500, 2500));
        } else if expected[0] == Fault::Changed(2500) || expected[0] == Fault::Swapped(1, 2500) {
            found.retain(|fault| !matches!(fault, Fault::Broken(_)));
        }
        assert_eq!(found, expected, "{sql}");
        assert!(!report_told(&folder, Vec::new()).is_whole());
    }
}

/// The issue's own list, at its size: a byte of the file, a row, two rows, one more, the tail.
#[test]
fn in_a_hundred_thousand_records_each_change_is_found() {
    let whole = store(100_000);
    let report = report_told(&whole, Vec::new());
    assert!(report.is_whole() && report.records == 100_000, "{:?}", report.faults);
    let insert =
        "INSERT INTO records (number, text, hash) SELECT 61000, text, hash FROM records WHERE number = 5;";
    for (sql, expected) in [
        ("DELETE FROM records WHERE number = 61000".to_owned(), Fault::Missing(61_000, 61_000)),
        (swap(4000, 61_000), Fault::Swapped(4000, 61_000)),
        (format!("{} {insert}", move_by(61_000, 1)), Fault::Inserted(61_000)),
        ("DELETE FROM records WHERE number > 99000".to_owned(), Fault::Missing(99_001, 100_000)),
    ] {
        let folder = copy(&whole);
        change(&folder, &sql);
        assert!(faults(&folder).contains(&expected), "{sql}");
    }
    let folder = copy(&whole);
    flip(&folder.store(), b"--number 60999");
    assert_eq!(faults(&folder), [Fault::Changed(61_000)]);
}

/// Flips a bit of the last byte of this text, in the file.
fn flip(path: &Path, text: &[u8]) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let bytes = fs::read(path).unwrap();
    let place = bytes.windows(text.len()).position(|window| window == text).unwrap() + text.len() - 1;
    file.write_all_at(&[bytes[place] ^ 1], place as u64).unwrap();
}

/// Who can write the store and has no key makes a chain that holds: the seals show it.
#[test]
fn a_chain_that_was_made_anew_is_not_the_sealed_one() {
    let folder = store(2500);
    let connection = rusqlite::Connection::open(folder.store()).unwrap();
    connection
        .execute(
            "UPDATE records SET text = replace(text, '\"cost\":1000000', '\"cost\":1') WHERE number = 1501",
            [],
        )
        .unwrap();
    let texts: Vec<String> = connection
        .prepare("SELECT text FROM records ORDER BY number")
        .and_then(|mut records| records.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    let mut standing = Standing::EMPTY;
    connection.execute_batch("BEGIN").unwrap();
    for text in texts {
        standing = standing.then(&text);
        let values = params![standing.hash.0, standing.number];
        connection.execute("UPDATE records SET hash = ?1 WHERE number = ?2", values).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    drop(connection);
    let key = fixture::key();
    let found = faults(&folder);
    assert!(found.contains(&Fault::Rewritten(1001, 2000)), "{found:?}");
    assert!(found.contains(&Fault::Rewritten(1001, 2500)), "{found:?}");
    // With seals of another key, too.
    let forged = SealKey::new(&[9; 32]);
    change(
        &folder,
        &format!(
            "UPDATE checkpoints SET hash = (SELECT hash FROM records WHERE records.number = checkpoints.number); \
             UPDATE standings SET hash = x'{}', seal = x'{}'; DELETE FROM checkpoints WHERE number > 1000",
            standing.hash,
            forged.seal(standing, Sealed::Head)
        ),
    );
    assert_eq!(faults(&folder), [Fault::Unsealed(2500)]);
    assert!(key.seal(standing, Sealed::Head) != forged.seal(standing, Sealed::Head));
}

#[test]
fn an_older_copy_is_found_by_what_was_noted() {
    let folder = Folder::new();
    let mut open = Store::open(&folder.store(), fixture::key()).unwrap();
    open.append(&fixture::exchanges(10)).unwrap();
    let early = open.standing();
    open.close().unwrap();
    let older = copy(&folder);
    let mut open = Store::open(&folder.store(), fixture::key()).unwrap();
    open.append(&fixture::exchanges(10)).unwrap();
    let late = open.standing();
    open.close().unwrap();
    assert!(report_told(&folder, vec![late, early]).is_whole());
    assert!(report_told(&older, vec![early]).is_whole());
    assert_eq!(report_told(&older, vec![early, late]).faults, [Fault::Other(late)]);
    let wrong = Standing { number: 5, ..early };
    assert_eq!(report_told(&folder, vec![wrong]).faults, [Fault::Other(wrong)]);
}

#[test]
fn what_retention_took_out_is_told_from_what_others_did() {
    let folder = Folder::new();
    let mut open = Store::open(&folder.store(), fixture::key()).unwrap();
    open.append(&fixture::exchanges(100)).unwrap();
    let bounds = Bounds { oldest: Some(fixture::MIDNIGHT + 40 * 60_000_000), bytes: None };
    open.retire(bounds, fixture::MIDNIGHT, "h").unwrap();
    open.close().unwrap();
    assert!(report_told(&folder, Vec::new()).is_whole());
    let longer = copy(&folder);
    change(&longer, "DELETE FROM records WHERE number <= 50");
    assert_eq!(faults(&longer), [Fault::Missing(41, 50)]);
    change(&longer, "UPDATE standings SET number = 50, hash = (SELECT zeroblob(32)) WHERE what = 'base'");
    let found = faults(&longer);
    assert!(found.contains(&Fault::Headless(50)) && found.contains(&Fault::Unsealed(50)), "{found:?}");
}

#[test]
fn sums_that_were_changed_are_found() {
    let folder = store(100);
    change(&folder, "UPDATE hourly SET cost = cost - 1 WHERE service = 'bot'");
    let found = report_told(&folder, Vec::new()).faults;
    assert!(matches!(found.as_slice(), [Fault::Sums(_)]), "{found:?}");
}

#[test]
fn faults_are_bounded() {
    let folder = store(1500);
    change(&folder, "UPDATE records SET text = '{}'");
    let report = report_told(&folder, Vec::new());
    assert_eq!(report.faults.len(), FAULTS_MAX);
    assert!(report.more > 500, "{}", report.more);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever stands in the file, it is read without a panic, and a change of a used byte is not missed: either the
    /// store cannot be read, or there is a fault, or every record is what it was.
    #[test]
    fn no_flipped_bytes_pass(places in prop::collection::vec((0.0..1.0_f64, 1..=255_u8), 1..4)) {
        let folder = store(60);
        let all = |folder: &Folder| -> Option<Vec<(u64, String)>> {
            let connection = read(&folder.store()).ok()?;
            let mut records = connection.prepare("SELECT number, text FROM records ORDER BY number").ok()?;
            records.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).ok()?.collect::<Result<_, _>>().ok()
        };
        let before = all(&folder);
        let mut bytes = fs::read(folder.store()).unwrap();
        for (place, by) in places {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a test")]
            let place = (place * bytes.len() as f64) as usize;
            bytes[place] ^= by;
        }
        fs::write(folder.store(), bytes).unwrap();
        let key = fixture::key();
        let report = read(&folder.store()).and_then(|connection| {
            verify(&connection, &Options { key: Some(&key), ..Options::default() })
        });
        if report.is_ok_and(|report| report.is_whole()) {
            prop_assert_eq!(all(&folder), before);
        }
    }
}
