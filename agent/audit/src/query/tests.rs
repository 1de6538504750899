#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::fixture::{self, Folder, MIDNIGHT};
use crate::record::{Agent, Approval, Entry};
use crate::store::{Store, read};

const MINUTE: i64 = 60_000_000;

/// 300 exchanges, one a minute from midnight on, two connections that were not read, and a word of the agent's.
fn filled() -> (Folder, Connection) {
    let folder = Folder::new();
    let mut store = Store::open(&folder.store(), fixture::key()).unwrap();
    store.append(&fixture::exchanges(300)).unwrap();
    store.append(&[fixture::unread(10), fixture::unread(200)]).unwrap();
    let agent = Agent { event: "started".to_owned(), version: "1".to_owned(), detail: None };
    store
        .append(&[Record { time: MIDNIGHT, host: "host-1".to_owned(), entry: Entry::Agent(agent) }])
        .unwrap();
    store.close().unwrap();
    let connection = read(&folder.store()).unwrap();
    (folder, connection)
}

fn numbers(connection: &Connection, filter: &Filter, limit: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut take = |number, _| {
        numbers.push(number);
        ControlFlow::Continue(())
    };
    list(connection, filter, limit, &mut take).unwrap();
    numbers
}

fn with(columns: &[(Column, &str)]) -> Filter {
    let columns = columns.iter().map(|(column, value)| (*column, (*value).to_owned())).collect();
    Filter { columns, ..Filter::default() }
}

fn total(connection: &Connection, filter: &Filter) -> Group {
    group(connection, filter, &[], 1).unwrap().remove(0)
}

#[test]
fn each_part_of_a_filter_narrows() {
    let (_folder, connection) = filled();
    let at = |minute: i64| Some(MIDNIGHT + minute * MINUTE);
    let all = Filter::default();
    for (filter, expected) in [
        (all.clone(), 302),
        (Filter { notes: true, ..all.clone() }, 303),
        (Filter { since: at(290), ..all.clone() }, 10),
        (Filter { until: at(10), ..all.clone() }, 10),
        (Filter { since: at(30), until: at(91), ..all.clone() }, 61),
        (Filter { errors: true, ..all.clone() }, 43),
        (Filter { redacted: Some(String::new()), ..all.clone() }, 75),
        (Filter { redacted: Some("email".to_owned()), ..all.clone() }, 75),
        (Filter { redacted: Some("e\"mail'".to_owned()), ..all.clone() }, 0),
        (Filter { cost_above: Some(0), ..all.clone() }, 200),
        (Filter { cost_above: Some(1_000_000), ..all.clone() }, 0),
        (Filter { approval: Some(Approval::Unapproved), ..all.clone() }, 60),
        (Filter { pid: Some(1003), ..all.clone() }, 30),
        (Filter { after: Some(290), ..all.clone() }, 12),
        (with(&[(Column::Service, "bot")]), 100),
        (with(&[(Column::Service, "b*")]), 200),
        (with(&[(Column::Service, "bot' OR 1=1 --")]), 0),
        (with(&[(Column::User, "ada")]), 300),
        (with(&[(Column::Login, "1001")]), 300),
        (with(&[(Column::Executable, "python3")]), 300),
        (with(&[(Column::Executable, "ython3")]), 0),
        (with(&[(Column::Model, "gpt-?o-mini"), (Column::Server, "api.openai.com")]), 100),
        (with(&[(Column::Kind, "unread")]), 2),
        (with(&[(Column::Model, "")]), 2),
        (with(&[(Column::Day, "2026-11-24")]), 302),
        (with(&[(Column::Hour, "2026-11-24T01:00Z")]), 60),
        (with(&[(Column::Port, "443")]), 302),
        (with(&[(Column::Host, "host-2")]), 0),
    ] {
        let found = numbers(&connection, &filter, 1000).len();
        assert_eq!(found, expected, "{filter:?}");
        // Sums know no notes.
        let total = total(&connection, &Filter { notes: false, ..filter.clone() });
        let expected = if filter.notes { expected - 1 } else { expected };
        assert_eq!(total.calls + total.unread, expected as u64, "{filter:?}");
    }
}

#[test]
fn the_latest_are_listed_the_earliest_of_them_first() {
    let (_folder, connection) = filled();
    assert_eq!(numbers(&connection, &Filter::default(), 3), [298, 299, 300]);
    assert_eq!(numbers(&connection, &Filter { after: Some(0), ..Filter::default() }, 3), [1, 2, 3]);
    assert_eq!(last(&connection).unwrap(), 303);
}

#[test]
fn sums_are_grouped_and_the_dearest_comes_first() {
    let (_folder, connection) = filled();
    let groups = group(&connection, &Filter::default(), &[Column::Service, Column::Model], 10).unwrap();
    let keys: Vec<_> = groups.iter().map(|group| group.keys.join("/")).collect();
    assert_eq!(keys, ["bot/claude-sonnet-4-5", "shop/gpt-4o-mini", "batch/local", "java/"]);
    let shop = &groups[1];
    assert_eq!((shop.calls, shop.errors, shop.input_tokens, shop.cost), (100, 15, 10_000, 100_000_000));
    assert_eq!((shop.sent, shop.received, shop.duration), (200_000, 80_000, 120_000_000));
    assert_eq!((groups[3].calls, groups[3].unread, groups[3].sent), (0, 2, 20));
    assert_eq!(group(&connection, &Filter::default(), &[Column::Hour], 99).unwrap().len(), 5);
    assert_eq!(group(&connection, &Filter::default(), &Column::ALL, 2).unwrap().len(), 2);
    assert_eq!(group(&connection, &with(&[(Column::Service, "none")]), &[Column::Service], 9).unwrap(), []);
}

#[test]
fn what_was_served_is_told_apart_from_what_was_asked() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.store(), fixture::key()).unwrap();
    let mut records = fixture::exchanges(180);
    let served = fixture::exchanges(180).into_iter().map(|mut record| {
        if let Entry::Exchange(exchange) = &mut record.entry {
            exchange.direction = crate::record::Direction::Server;
        }
        record
    });
    records.extend(served);
    store.append(&records).unwrap();
    store.close().unwrap();
    let connection = read(&folder.store()).unwrap();
    // Of whole hours, and of the records of one in part.
    for (until, calls) in [(None, 180), (Some(MIDNIGHT + 90 * MINUTE), 90)] {
        let all = Filter { until, ..Filter::default() };
        assert_eq!(total(&connection, &all).calls, 2 * calls);
        assert_eq!(total(&connection, &Filter { not_served: true, ..all.clone() }).calls, calls);
        let columns = vec![(Column::Direction, "server".to_owned())];
        assert_eq!(total(&connection, &Filter { columns, ..all.clone() }).calls, calls);
        let groups = group(&connection, &all, &[Column::Direction], 10).unwrap();
        let keys: Vec<_> = groups.iter().map(|group| (group.keys[0].as_str(), group.calls)).collect();
        assert_eq!(keys, [("client", calls), ("server", calls)]);
    }
}

#[test]
fn endpoints_have_their_first_and_last_use() {
    let (_folder, connection) = filled();
    let found = endpoints(&connection, &Filter::default(), 10).unwrap();
    let names: Vec<_> = found.iter().map(|endpoint| (endpoint.server.as_str(), endpoint.port)).collect();
    assert_eq!(names, [("llm.example", 443), ("api.anthropic.com", 443), ("api.openai.com", 443)]);
    let openai = &found[2];
    assert_eq!((openai.first, openai.last), (MIDNIGHT, MIDNIGHT + 297 * MINUTE));
    assert_eq!((openai.services, openai.sum.calls, openai.sum.unread), (2, 100, 2));
    assert_eq!(openai.providers, ["openai"]);
    let unapproved = Filter { approval: Some(Approval::Unapproved), ..Filter::default() };
    assert_eq!(endpoints(&connection, &unapproved, 10).unwrap()[0].sum.calls, 20);
}

#[test]
fn a_record_is_found_by_each_of_its_names() {
    let (_folder, connection) = filled();
    let found = |id: &str| -> Vec<u64> {
        let records = find(&connection, &id.parse().unwrap(), 10).unwrap();
        assert!(records.iter().all(|(_, _, hash)| hash.len() == 64));
        records.into_iter().map(|(number, ..)| number).collect()
    };
    assert_eq!(found("7"), [7]);
    assert_eq!(found("0000000000000007"), [7]);
    assert_eq!(found("00000000000000000000000000000004"), [7, 8]);
    assert_eq!(found("999"), [0; 0]);
    for wrong in ["", "x", "-1", "000000000000000g"] {
        assert!(wrong.parse::<Id>().is_err(), "{wrong}");
    }
}

#[test]
fn a_record_that_cannot_be_read_is_said_to_be_damaged() {
    let (folder, connection) = filled();
    drop(connection);
    let change = "UPDATE records SET text = json_object('kind', 'exchange', 'time', time) WHERE number = 5";
    Connection::open(folder.store()).unwrap().execute_batch(change).unwrap();
    let connection = read(&folder.store()).unwrap();
    let error =
        list(&connection, &Filter::default(), 500, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(&error, StoreError::Damaged(text) if text.contains("record 5")), "{error}");
}

/// Only the index by time is read, and of it the hours in which anything may fit.
#[test]
fn questions_read_no_more_than_they_need() {
    let (_folder, connection) = filled();
    let hours = |filter: &Filter, limit| -> Vec<(i64, i64)> {
        let ranges = ranges(&connection, filter, limit).unwrap();
        ranges.iter().map(|part| ((part.start - MIDNIGHT) / MINUTE, (part.end - MIDNIGHT) / MINUTE)).collect()
    };
    let all = Filter::default();
    assert_eq!(hours(&all, u64::MAX), [(0, 300)]);
    assert_eq!(hours(&all, 50), [(240, 300)]);
    assert_eq!(hours(&all, 70), [(180, 300)]);
    let at = |minute: i64| Some(MIDNIGHT + minute * MINUTE);
    // Half an hour is not known to have what is wanted.
    assert_eq!(hours(&Filter { until: at(270), ..all.clone() }, 20), [(180, 270)]);
    assert_eq!(hours(&Filter { since: at(70), until: at(80), ..all.clone() }, 20), [(70, 80)]);
    assert_eq!(hours(&with(&[(Column::Kind, "unread")]), 50), [(0, 60), (180, 240)]);
    assert_eq!(hours(&with(&[(Column::Service, "nobody")]), 50), []);
    assert_eq!(hours(&Filter { cost_above: Some(5_000_000), ..all.clone() }, 50), []);
    assert_eq!(hours(&Filter { redacted: Some("phone".to_owned()), ..all.clone() }, 50), []);
    let lost = Filter { notes: true, ..with(&[(Column::Kind, "agent")]) };
    assert_eq!(hours(&lost, 50), [(0, 60)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Sums of hours and of what is beside them are those of the records, wherever the hours are cut.
    #[test]
    fn sums_of_hours_are_those_of_records(since in -30..330_i64, minutes in 0..330_i64, open in 0..3_u8) {
        thread_local! { static STORE: (Folder, Connection) = filled(); }
        let at = |minute: i64| MIDNIGHT + minute * MINUTE + 17;
        let filter = Filter {
            since: (open != 1).then(|| at(since)),
            until: (open != 2).then(|| at(since + minutes)),
            ..Filter::default()
        };
        // What `hourly` lacks makes it read the records.
        let by_records = Filter { after: Some(0), ..filter.clone() };
        let by = [Column::Service, Column::Hour];
        let (sums, expected) = STORE.with(|(_, connection)| {
            (group(connection, &filter, &by, 1000).unwrap(), group(connection, &by_records, &by, 1000).unwrap())
        });
        prop_assert_eq!(sums, expected);
    }
    /// Whatever is asked for, those records come that fit by themselves, in their order.
    #[test]
    fn lists_are_those_of_all_records(
        since in proptest::option::of(-30..330_i64), until in proptest::option::of(-30..330_i64), limit in 0..400_usize,
        column in 0..5_usize, errors: bool, redacted: bool, cost in proptest::option::of(0..2_000_000_u64), notes: bool,
    ) {
        thread_local! { static STORE: (Folder, Connection) = filled(); }
        let at = |minute: i64| MIDNIGHT + minute * MINUTE;
        let columns = [(Column::Service, "bot"), (Column::Service, "b*"), (Column::Model, "local"), (Column::Kind, "unread")];
        let columns = columns.get(column).map(|(column, value)| (*column, (*value).to_owned()));
        let filter = Filter {
            since: since.map(at), until: until.map(at), columns: columns.into_iter().collect(), errors, notes,
            redacted: redacted.then(|| "email".to_owned()), cost_above: cost, ..Filter::default()
        };
        let (found, expected) = STORE.with(|(_, connection)| {
            let Conditions { sql, values } = filter.of_records();
            let sql = format!("SELECT number FROM records NOT INDEXED{sql} ORDER BY time, number");
            let mut statement = connection.prepare(&sql).unwrap();
            let rows = statement.query_map(params_from_iter(values), |row| row.get(0)).unwrap();
            (numbers(connection, &filter, limit as u64), rows.map(Result::unwrap).collect::<Vec<u64>>())
        });
        prop_assert_eq!(found.as_slice(), &expected[expected.len().saturating_sub(limit)..]);
    }
}
