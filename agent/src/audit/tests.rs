#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use ::parquet::record::{Field, Row};
use spanwire_audit::record::{Actor, Approval, Bytes, Direction, Exchange, Lost, Peer, Record, User};
use spanwire_audit::store::Store;

use super::*;
use crate::cli::{self, Command};
use crate::config::Environment;

/// 2026-11-24 00:00 UTC.
const MIDNIGHT: i64 = 1_795_478_400_000_000;
const MINUTE: i64 = 60_000_000;

/// A folder with a store of three calls and a gap, gone when it is dropped.
struct Scene(PathBuf);

impl Scene {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("spanwire-audit-command-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let scene = Self(folder);
        let key = KeyBytes::read_or_draw(&scene.path("audit.db.key")).unwrap();
        let mut store = Store::open(&scene.path("audit.db"), SealKey::new(key.get())).unwrap();
        let lost = Lost { records: 4, until: MIDNIGHT + 5 * MINUTE, reason: "a full disk".to_owned() };
        let lost = Record { time: MIDNIGHT, host: "h".to_owned(), entry: Entry::Lost(lost) };
        store.append(&[call(0, "shop"), call(1, "=bot"), call(2, "shop"), lost]).unwrap();
        store.close().unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The answer, what is said aside, and whether it is yes.
    fn ask(&self, arguments: &[&str]) -> (String, String, bool) {
        let (out, aside, yes) = self.bytes(arguments);
        (String::from_utf8(out).unwrap(), aside, yes)
    }

    /// The same of an answer that is no text.
    fn bytes(&self, arguments: &[&str]) -> (Vec<u8>, String, bool) {
        let store = self.path("audit.db");
        let mut all = vec!["spanwire", "audit"];
        all.extend(arguments);
        all.extend(["--store", store.to_str().unwrap()]);
        let environment = Environment::from([("SPANWIRE_CONFIG".to_owned(), "/dev/null".to_owned())]);
        let Ok(Command::Audit(question)) = cli::parse(all, &environment) else {
            unreachable!("{arguments:?}")
        };
        let (mut out, mut aside) = (Vec::new(), Vec::new());
        let yes = question.answer(&mut out, &mut aside).unwrap();
        (out, String::from_utf8(aside).unwrap(), yes)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn call(minute: i64, service: &str) -> Record {
    let exchange = Exchange {
        actor: Actor {
            service: service.to_owned(),
            pid: 7,
            user: Some(User { id: 0, name: Some("root".to_owned()) }),
            login: Some(User { id: 1000, name: Some("ada".to_owned()) }),
            started: Some(MIDNIGHT),
            executable: Some("/usr/bin/python3".to_owned()),
            parents: vec!["bash (1)".to_owned(), "sshd (2)".to_owned()],
            ..Actor::default()
        },
        direction: Direction::Client,
        peer: Peer { name: Some("llm.example".to_owned()), address: None, port: Some(443) },
        duration: 1_500_000,
        provider: Some("openai".to_owned()),
        operation: Some("chat".to_owned()),
        model: Some("gpt-4o".to_owned()),
        input_tokens: Some(10),
        output_tokens: Some(5),
        cost: Some(2_500_000),
        status: Some(200),
        error: None,
        bytes: Bytes { sent: 100, received: 50 },
        redacted: [("email".to_owned(), 2)].into(),
        content: None,
        trace: "ab".repeat(16),
        span: format!("{:016x}", minute + 1),
        missing: 0,
        notes: Vec::new(),
        approval: Some(Approval::Unapproved),
    };
    Record {
        time: MIDNIGHT + minute * MINUTE,
        host: "h".to_owned(),
        entry: Entry::Exchange(Box::new(exchange)),
    }
}

#[test]
fn records_are_listed_for_people_and_gaps_are_told() {
    let scene = Scene::new("list");
    let (out, aside, yes) = scene.ask(&[]);
    let lines: Vec<_> = out.lines().collect();
    assert!(yes && lines.len() == 4, "{out}");
    assert!(lines.first().unwrap().starts_with("TIME"), "{out}");
    let words =
        ["2026-11-24 00:00:00", "shop", "ada→root", "chat gpt-4o", "200", "10→5", "$0.0025", "llm.example"];
    assert!(words.iter().all(|word| lines.get(1).unwrap().contains(word)), "{out}");
    assert!(lines.get(1).unwrap().ends_with("unapproved, email=2"), "{out}");
    assert_eq!(
        aside,
        "4 records are missing between 2026-11-24 00:00:00 and 2026-11-24 00:05:00: a full disk\n"
    );
    let (out, _, yes) = scene.ask(&["--service", "shop", "--since", "2026-11-24T00:01"]);
    assert!(yes && out.lines().count() == 2, "{out}");
    let (out, _, yes) = scene.ask(&["--model", "none"]);
    assert!(!yes && out.is_empty(), "{out}");
    let (out, ..) = scene.ask(&["--notes"]);
    assert!(out.contains("4 records missing until"), "{out}");
}

#[test]
fn programs_get_all_that_is_recorded() {
    let scene = Scene::new("formats");
    let (json, ..) = scene.ask(&["--format", "json"]);
    let records: Vec<Value> = serde_json::from_str(&json).unwrap();
    let first = records.first().unwrap();
    assert_eq!(records.len(), 3);
    for (pointer, expected) in [
        ("/record", json!(1)),
        ("/time", json!("2026-11-24T00:00:00.000000Z")),
        ("/actor/started", json!("2026-11-24T00:00:00.000000Z")),
        ("/actor/login/name", json!("ada")),
        ("/cost", json!(0.0025)),
        ("/duration_us", json!(1_500_000)),
        ("/approval", json!("unapproved")),
        ("/redacted/email", json!(2)),
    ] {
        assert_eq!(first.pointer(pointer), Some(&expected), "{pointer}");
    }
    let (lines, ..) = scene.ask(&["--format=jsonl"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, records);
    let (csv, ..) = scene.ask(&["--format=csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let of = |row: usize, name: &str| {
        let at = names.iter().position(|known| known == name).unwrap();
        rows.get(row).unwrap().get(at).unwrap().to_owned()
    };
    assert_eq!((rows.len(), names.len()), (3, records::WIDE.len()));
    assert_eq!((of(0, "cost").as_str(), of(0, "parents").as_str()), ("0.0025", "bash (1); sshd (2)"));
    assert_eq!(of(1, "service"), "'=bot", "no formula");
}

/// Each row of a Parquet file, with what its columns have.
fn parquet_rows(file: Vec<u8>) -> Vec<Vec<(String, Field)>> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let of = |row: Row| row.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect();
    reader.get_row_iter(None).unwrap().map(|row| of(row.unwrap())).collect()
}

#[test]
fn a_parquet_file_has_the_columns_of_csv_by_their_kinds() {
    let scene = Scene::new("parquet");
    let (file, _, yes) = scene.bytes(&["--format=parquet"]);
    let rows = parquet_rows(file);
    assert_eq!((yes, rows.len()), (true, 3));
    let row = rows.get(1).unwrap();
    let names: Vec<_> = row.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, records::WIDE.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, expected) in [
        ("record", Field::Long(2)),
        ("time", Field::TimestampMicros(MIDNIGHT + MINUTE)),
        // Nothing here runs a formula.
        ("service", Field::Str("=bot".to_owned())),
        ("parents", Field::Str("bash (1); sshd (2)".to_owned())),
        ("cost", Field::Decimal(::parquet::data_type::Decimal::from_i64(2_500_000, 18, 9))),
        ("status", Field::Long(200)),
        ("container", Field::Null),
        ("missing_bytes", Field::Long(0)),
    ] {
        assert_eq!(row.iter().find(|(known, _)| known == name).unwrap().1, expected, "{name}");
    }
    let sums = parquet_rows(scene.bytes(&["--by=service", "--format=parquet"]).0);
    assert_eq!(sums.len(), 2);
    let (file, _, yes) = scene.bytes(&["--model=none", "--format=parquet"]);
    assert_eq!((parquet_rows(file).len(), yes), (0, false));
    for arguments in [["endpoints"], ["verify"]] {
        parquet_rows(scene.bytes(&[arguments[0], "--format=parquet"]).0);
    }
    let environment = Environment::from([]);
    let refused = cli::parse(["spanwire", "audit", "--follow", "--format=parquet"], &environment);
    assert!(refused.is_err_and(|error| error.to_string().contains("--format jsonl")));
}

#[test]
fn sums_are_shown_by_what_they_are_asked_by() {
    let scene = Scene::new("sums");
    let (out, _, yes) = scene.ask(&["--by", "service,model"]);
    let words: Vec<Vec<_>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(yes, "{out}");
    assert_eq!(words.get(1).unwrap(), &["shop", "gpt-4o", "2", "0", "0", "20", "10", "$0.005", "200", "100"]);
    let (json, ..) = scene.ask(&["--by=day", "--format=json"]);
    let rows: Value = serde_json::from_str(&json).unwrap();
    let expected = json!([{
        "day": "2026-11-24", "calls": 3, "errors": 0, "unread": 0, "input_tokens": 30, "output_tokens": 15,
        "cost": 0.0075, "bytes_sent": 300, "bytes_received": 150,
    }]);
    assert_eq!(rows, expected);
}

#[test]
fn endpoints_are_held_to_the_list_of_now() {
    let scene = Scene::new("endpoints");
    let standing = |approved: &str| {
        let question = Question {
            store: scene.path("audit.db"),
            key: scene.path("audit.db.key"),
            approved: approved.parse().unwrap(),
            format: Format::Jsonl,
            limit: 10,
            ask: Ask::Endpoints { filter: Filter::default() },
        };
        let mut out = Vec::new();
        assert!(question.answer(&mut out, &mut Vec::new()).unwrap());
        let row: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(row.get("last"), Some(&json!("2026-11-24T00:02:00.000000Z")));
        row.get("list").unwrap().as_str().unwrap().to_owned()
    };
    assert_eq!(standing(""), "unknown");
    assert_eq!(standing("llm.example"), "approved");
    assert_eq!(standing("api.openai.com"), "unapproved");
}

#[test]
fn one_call_is_shown_whole() {
    let scene = Scene::new("show");
    for id in ["2", "0000000000000002"] {
        let (out, _, yes) = scene.ask(&["show", id]);
        let lines: Vec<(&str, &str)> = out
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, value)| (name, value.trim()))
            .collect();
        assert!(yes, "{id}");
        for expected in [
            ("record", "2"),
            ("actor.service", "=bot"),
            ("actor.parents", "bash (1), sshd (2)"),
            ("cost", "0.0025"),
            ("peer.port", "443"),
        ] {
            assert_eq!(lines.iter().filter(|line| **line == expected).count(), 1, "{expected:?} {out}");
        }
        assert!(lines.iter().any(|(name, value)| *name == "hash" && value.len() == 64));
    }
    let (out, _, yes) = scene.ask(&["show", &"ab".repeat(16)]);
    assert!(yes && out.matches("actor.service").count() == 3);
    assert_eq!(scene.ask(&["show", "99"]), (String::new(), String::new(), false));
    let (json, ..) = scene.ask(&["show", "2", "--format=json"]);
    assert!(serde_json::from_str::<Value>(&json).unwrap().pointer("/0/hash").is_some());
}

#[test]
fn verification_says_yes_or_names_what_was_changed() {
    let scene = Scene::new("verify");
    let (out, _, yes) = scene.ask(&["verify"]);
    assert!(yes && out.ends_with("whole: nothing was changed\n"), "{out}");
    let standing = out.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert!(scene.ask(&["verify", "--told", &standing]).2);
    let (out, ..) = scene.ask(&["verify", "--key", "/does/not/exist"]);
    assert!(out.contains("not proven to be the agent's own"), "{out}");
    let change =
        "UPDATE records SET text = replace(text, '0.00', '0.01'), hash = zeroblob(32) WHERE number = 2";
    rusqlite::Connection::open(scene.path("audit.db")).unwrap().execute_batch(change).unwrap();
    let (out, _, yes) = scene.ask(&["verify"]);
    assert!(!yes && out.contains("record 2 was changed") && out.ends_with("NOT WHOLE\n"), "{out}");
    let (json, _, yes) = scene.ask(&["verify", "--format=json"]);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert!(!yes);
    assert_eq!(report.pointer("/whole"), Some(&json!(false)));
    assert_eq!(report.pointer("/faults/0/fault"), Some(&json!("changed")));
    let (lines, ..) = scene.ask(&["verify", "--format=csv"]);
    assert!(lines.starts_with("fault,record,text\r\nchanged,2,"), "{lines}");
}

#[test]
fn a_store_that_is_not_there_is_an_error_that_says_what_to_do() {
    let question = Question {
        store: Path::new("/does/not/exist.db").to_owned(),
        key: PathBuf::new(),
        approved: Endpoints::default(),
        format: Format::Table,
        limit: 1,
        ask: Ask::Verify { told: Vec::new() },
    };
    let error = question.answer(&mut Vec::new(), &mut Vec::new()).unwrap_err();
    assert!(format!("{error:#}").contains("audit: on"), "{error:#}");
    assert!(!is_broken_pipe(&error));
    assert!(is_broken_pipe(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
}
