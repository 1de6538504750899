#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::fixture::{self, Folder, MIDNIGHT};
use crate::verify::{self, Options};

fn open(folder: &Folder) -> Store {
    Store::open(&folder.store(), fixture::key()).unwrap()
}

fn count(store: &Store) -> u64 {
    store.connection.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).unwrap()
}

fn faults(folder: &Folder) -> Vec<String> {
    let key = fixture::key();
    let connection = read(&folder.store()).unwrap();
    let options = Options { key: Some(&key), ..Options::default() };
    verify::verify(&connection, &options).unwrap().faults.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_written_is_there_when_it_is_opened_again() {
    let folder = Folder::new();
    let mut store = open(&folder);
    store.append(&fixture::exchanges(3)).unwrap();
    store.append(&[]).unwrap();
    let standing = store.standing();
    assert_eq!(standing.number, 3);
    store.close().unwrap();
    let mut store = open(&folder);
    assert_eq!((store.standing(), store.oddity()), (standing, None));
    store.append(&[fixture::unread(9)]).unwrap();
    assert_eq!((store.standing().number, count(&store)), (4, 4));
    drop(store);
    assert_eq!(faults(&folder), [""; 0]);
}

#[test]
fn a_store_that_was_not_closed_loses_nothing() {
    let folder = Folder::new();
    let mut store = open(&folder);
    store.append(&fixture::exchanges(10)).unwrap();
    // As a kill does: neither closed nor put back from its log.
    let (db, wal) = (folder.store(), folder.0.join("audit.db-wal"));
    let copies = [(db.clone(), folder.0.join("copy.db")), (wal, folder.0.join("copy.db-wal"))];
    for (from, to) in &copies {
        fs::copy(from, to).unwrap();
    }
    drop(store);
    let store = Store::open(&copies[0].1, fixture::key()).unwrap();
    assert_eq!((store.standing().number, count(&store)), (10, 10));
}

/// The log cut off anywhere, as a power loss leaves it: each transaction is there whole or not at all, and the chain holds.
#[test]
fn a_log_that_is_cut_off_anywhere_leaves_whole_transactions() {
    let folder = Folder::new();
    let mut store = open(&folder);
    let wal = folder.0.join("audit.db-wal");
    for batch in fixture::exchanges(40).chunks(10) {
        store.append(batch).unwrap();
    }
    let (database, log) = (fs::read(folder.store()).unwrap(), fs::read(&wal).unwrap());
    drop(store);
    let mut seen = std::collections::BTreeSet::new();
    for step in 0..=64 {
        let cut = Folder::new();
        fs::write(cut.store(), &database).unwrap();
        fs::set_permissions(cut.store(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(cut.0.join("audit.db-wal"), &log[..log.len() * step / 64]).unwrap();
        let mut store = open(&cut);
        assert_eq!(store.oddity(), None, "{step}");
        assert_eq!(count(&store), store.standing().number, "{step}");
        seen.insert(store.standing().number);
        drop(store);
        assert_eq!(faults(&cut), [""; 0], "{step}");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 10, 20, 30, 40]);
}

#[test]
fn two_agents_do_not_write_to_one_store() {
    let folder = Folder::new();
    let store = open(&folder);
    assert!(matches!(Store::open(&folder.store(), fixture::key()), Err(StoreError::Locked(_))));
    assert!(read(&folder.store()).is_ok(), "others may read");
    drop(store);
    assert!(Store::open(&folder.store(), fixture::key()).is_ok());
}

#[test]
fn what_others_can_read_or_change_is_refused() {
    let folder = Folder::new();
    drop(open(&folder));
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.store()), 0o600);
    set(&folder.store(), 0o644);
    assert!(matches!(Store::open(&folder.store(), fixture::key()), Err(StoreError::Unsafe(_))));
    set(&folder.store(), 0o600);
    set(&folder.0, 0o777);
    assert!(matches!(Store::open(&folder.store(), fixture::key()), Err(StoreError::Unsafe(_))));
    set(&folder.0, 0o1777);
    drop(open(&folder));
    let link = folder.0.join("link.db");
    symlink(folder.store(), &link).unwrap();
    assert!(matches!(Store::open(&link, fixture::key()), Err(StoreError::Io(..))));
}

#[test]
fn a_folder_that_is_missing_is_made_for_its_owner_alone() {
    let folder = Folder::new();
    let path = folder.0.join("new/audit.db");
    drop(Store::open(&path, fixture::key()).unwrap());
    assert_eq!(fs::metadata(folder.0.join("new")).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(matches!(Store::open(&folder.0.join("a/b/c.db"), fixture::key()), Err(StoreError::Io(..))));
}

#[test]
fn what_is_no_store_is_not_written_to() {
    let folder = Folder::new();
    fs::write(folder.store(), "no database, but a text that is long enough to have a header ".repeat(20))
        .unwrap();
    fs::set_permissions(folder.store(), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Store::open(&folder.store(), fixture::key()), Err(StoreError::Damaged(_))));
    let other = folder.0.join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Store::open(&other, fixture::key()), Err(StoreError::Damaged(_))));
    assert!(matches!(read(&folder.0.join("none.db")), Err(StoreError::Io(..))));
    assert!(!folder.0.join("none.db").exists());
    // It is kept, and a new one stands in its place.
    let aside = set_aside(&folder.store(), 7).unwrap();
    assert!(aside.exists() && aside.display().to_string().ends_with("audit.db.damaged-7"));
    assert_eq!(open(&folder).standing(), Standing::EMPTY);
}

#[test]
fn a_newer_store_is_refused() {
    let folder = Folder::new();
    drop(open(&folder));
    Connection::open(folder.store()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(
        Store::open(&folder.store(), fixture::key()),
        Err(StoreError::Newer { version: 99, .. })
    ));
    assert!(matches!(read(&folder.store()), Err(StoreError::Newer { .. })));
}

#[test]
fn what_is_too_old_goes_and_the_chain_holds() {
    let folder = Folder::new();
    let mut store = open(&folder);
    store.append(&fixture::exchanges(2500)).unwrap();
    let minute = 60_000_000;
    let bounds = Bounds { oldest: Some(MIDNIGHT + 1200 * minute), bytes: None };
    assert_eq!(store.retire(bounds, MIDNIGHT + 3000 * minute, "host-1").unwrap(), 1200);
    assert_eq!(store.retire(bounds, MIDNIGHT + 3000 * minute, "host-1").unwrap(), 0);
    assert_eq!((count(&store), store.standing().number), (1301, 2501));
    store.close().unwrap();
    assert_eq!(faults(&folder), [""; 0]);
    // All of it: the newest stays.
    let mut store = open(&folder);
    let all = Bounds { oldest: Some(i64::MAX), bytes: None };
    assert_eq!(store.retire(all, MIDNIGHT, "host-1").unwrap(), 1300);
    assert_eq!(count(&store), 2);
    store.close().unwrap();
    assert_eq!(faults(&folder), [""; 0]);
}

#[test]
fn what_is_too_much_goes_and_the_file_shrinks() {
    let folder = Folder::new();
    let mut store = open(&folder);
    store.append(&fixture::exchanges(4000)).unwrap();
    let full = store.bytes().unwrap();
    let bounds = Bounds { oldest: None, bytes: Some(full / 2) };
    let mut gone = 0;
    loop {
        match store.retire(bounds, MIDNIGHT, "host-1").unwrap() {
            0 => break,
            some => gone += some,
        }
    }
    assert!(store.bytes().unwrap() <= full / 2);
    assert!((1000..4000).contains(&gone), "{gone}");
    store.close().unwrap();
    let file = fs::metadata(folder.store()).unwrap().len();
    assert!(file < full, "{file} of {full}");
    assert_eq!(faults(&folder), [""; 0]);
}

#[test]
fn a_tail_that_was_cut_off_stays_a_gap() {
    let folder = Folder::new();
    let mut store = open(&folder);
    store.append(&fixture::exchanges(10)).unwrap();
    store.close().unwrap();
    let connection = Connection::open(folder.store()).unwrap();
    connection.execute("DELETE FROM records WHERE number > 7", []).unwrap();
    drop(connection);
    let mut store = open(&folder);
    let oddity = store.oddity().unwrap();
    assert!(oddity.contains("last record was 7,"), "{oddity}");
    store.append(&[fixture::exchange(11)]).unwrap();
    store.close().unwrap();
    assert!(faults(&folder).iter().any(|fault| fault.contains("8 to 10")), "{:?}", faults(&folder));
}

/// A full disk, as SQLite meets it: it may use no page more.
#[test]
fn a_full_disk_changes_nothing_and_is_tried_again() {
    let folder = Folder::new();
    let mut store = open(&folder);
    store.append(&fixture::exchanges(5)).unwrap();
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let before = store.standing();
    assert!(matches!(store.append(&fixture::exchanges(5000)), Err(StoreError::Full)));
    assert_eq!((store.standing(), count(&store)), (before, 5));
    store.connection.pragma_update(None, "max_page_count", i64::from(i32::MAX)).unwrap();
    store.append(&fixture::exchanges(5000)).unwrap();
    assert_eq!(count(&store), 5005);
    store.close().unwrap();
    assert_eq!(faults(&folder), [""; 0]);
}
