//! Exchanges of vendors' own SDKs, recorded by `tests/exchanges/record.py`, and what their spans must say.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;

/// What a span says: its name, its status, and its attributes.
type Said = BTreeMap<String, serde_json::Value>;

/// One recorded exchange.
pub(super) struct Recorded {
    pub(super) path: PathBuf,
    pub(super) request: Vec<u8>,
    pub(super) response: Vec<u8>,
}

pub(super) fn recorded() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/exchanges");
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut entries = entries.collect::<Vec<_>>();
        entries.sort();
        entries
    };
    let families = entries(&folder).into_iter().filter(|path| path.is_dir());
    let requests = families
        .flat_map(|family| entries(&family))
        .filter(|path| path.extension().is_some_and(|extension| extension == "request"));
    let read = |path: PathBuf| Recorded {
        request: std::fs::read(&path).unwrap(),
        response: std::fs::read(path.with_extension("response")).unwrap(),
        path,
    };
    requests.map(read).collect()
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Int(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Array(elements) => elements.iter().map(json).collect(),
        other => format!("{other:?}").into(),
    }
}

/// All but what the test's own connection and its clock say.
fn said(span: &Span) -> Said {
    let facts = [("span", span.name.to_string()), ("status", format!("{:?}", span.status))];
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    let attributes = span.attributes.iter().map(|(name, value)| (name.to_string(), json(value)));
    let of_the_test =
        |name: &str| name.starts_with("network.") || name == "gen_ai.response.time_to_first_chunk";
    facts.chain(attributes).filter(|(name, _)| !of_the_test(name)).collect()
}

/// How an exchange is played.
enum Play {
    /// So many bytes at a time.
    Pieces(usize),
    /// These bytes of the response were not captured.
    Gap(std::ops::Range<usize>),
    /// The connection ends behind so many bytes of the response.
    Cut(usize),
}

fn play(recorded: &Recorded, play: &Play) -> Vec<Said> {
    let mut bench = Bench::new();
    bench.open();
    let piece = if let Play::Pieces(size) = play { *size } else { usize::MAX };
    recorded.request.chunks(piece).for_each(|bytes| bench.moves_bytes(Direction::Write, bytes));
    match play {
        Play::Pieces(_) => {
            recorded.response.chunks(piece).for_each(|bytes| bench.moves_bytes(Direction::Read, bytes));
        }
        Play::Gap(missing) => {
            bench.moves_bytes(Direction::Read, &recorded.response[..missing.start]);
            bench.misses(Direction::Read, missing.len() as u64);
            bench.moves_bytes(Direction::Read, &recorded.response[missing.end..]);
        }
        Play::Cut(at) => bench.moves_bytes(Direction::Read, &recorded.response[..*at]),
    }
    bench.end(SESSION, End::PeerClosed);
    bench.spans().into_iter().map(said).collect()
}

/// Where the body begins.
pub(super) fn head_bytes(message: &[u8]) -> usize {
    message.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4
}

#[test]
fn recorded_exchanges_say_what_is_expected() {
    let update = std::env::var_os("UPDATE_EXCHANGES").is_some();
    let all = recorded();
    assert!(all.len() > 5);
    for one in &all {
        let name = one.path.display();
        let whole = play(one, &Play::Pieces(usize::MAX));
        assert_eq!(whole.len(), 1, "{name}: spans");
        assert_eq!(play(one, &Play::Pieces(1)), whole, "{name}: byte by byte");
        assert_eq!(play(one, &Play::Pieces(7)), whole, "{name}: by seven bytes");
        let text = serde_json::to_string_pretty(&whole[0]).unwrap() + "\n";
        assert!(!text.contains("canary"), "{name}: content or a credential left: {text}");
        let path = one.path.with_extension("json");
        if update {
            std::fs::write(path, text).unwrap();
        } else {
            let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            let expected: Said = serde_json::from_str(&expected).unwrap();
            assert_eq!(whole[0], expected, "{name}");
        }
    }
}

/// What a response that is not whole may change: it says that it is not, its size is what came of it, and a stream's counts
/// stand where they stood.
const MAY_DIFFER: [&str; 6] = [
    "status",
    "error.type",
    "http.response.body.size",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
];

#[test]
fn what_is_missing_of_a_response_forges_nothing() {
    for one in &recorded() {
        let name = one.path.display();
        let whole = play(one, &Play::Pieces(usize::MAX)).remove(0);
        let (head, length) = (head_bytes(&one.response), one.response.len());
        let third = (length - head) / 3;
        let cuts = (head..length).step_by(third.max(1)).map(Play::Cut);
        let gaps = [head..head + third, head + third..head + 2 * third].map(Play::Gap);
        for part in cuts.chain(gaps) {
            let spans = play(one, &part);
            assert_eq!(spans.len(), 1, "{name}: spans of what is not whole");
            for (attribute, value) in &spans[0] {
                let free = MAY_DIFFER.contains(&attribute.as_str()) || attribute.starts_with("spanwire.");
                assert!(free || whole.get(attribute) == Some(value), "{name}: {attribute} = {value}");
            }
        }
    }
}

/// What is recorded of one family.
#[derive(Default)]
struct Family {
    agents: BTreeSet<String>,
    providers: BTreeSet<String>,
    operations: BTreeSet<String>,
    /// Of all exchanges, and of those that have something.
    counts: [usize; 6],
}

/// The table of docs/apis.md.
fn table() -> String {
    let mut families = BTreeMap::<String, Family>::new();
    for one in &recorded() {
        let name = one.path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let family = families.entry(name).or_default();
        let said = play(one, &Play::Pieces(usize::MAX)).remove(0);
        let text = |name: &str| said.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let agent = String::from_utf8_lossy(&one.request).lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field
                .eq_ignore_ascii_case("user-agent")
                .then(|| value.split_whitespace().next().map(str::to_owned))?
        });
        family.agents.extend(agent);
        family.providers.extend(text("gen_ai.provider.name").or_else(|| text("db.system.name")));
        family.operations.extend(text("gen_ai.operation.name").or_else(|| text("db.operation.name")));
        let has = |name: &str| said.contains_key(name);
        let seen = [
            true,
            has("gen_ai.request.stream"),
            has("error.type"),
            has("spanwire.tool_calls.names"),
            has("spanwire.input.media"),
            has("gen_ai.cost.total"),
        ];
        family.counts.iter_mut().zip(seen).for_each(|(count, seen)| *count += usize::from(seen));
    }
    let mut table = "| exchanges | by | provider or store | operations | all | streamed | errors | tools | media | cost |\n".to_owned();
    table += "|---|---|---|---|---|---|---|---|---|---|\n";
    let list =
        |words: BTreeSet<String>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    for (name, family) in families {
        let counts = family.counts.map(|count| if count == 0 { String::new() } else { count.to_string() });
        let words =
            [format!("`{name}`"), list(family.agents), list(family.providers), list(family.operations)];
        table += &format!("| {} | {} |\n", words.join(" | "), counts.join(" | "));
    }
    table
}

#[test]
fn the_docs_say_what_is_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/apis.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- recorded -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of recorded -->").unwrap();
    let now = format!("{before}<!-- recorded -->\n{}<!-- end of recorded -->{after}", table());
    if std::env::var_os("UPDATE_EXCHANGES").is_some() {
        std::fs::write(path, now).unwrap();
    } else {
        assert_eq!(page, now, "write it anew with UPDATE_EXCHANGES=1");
    }
}

#[test]
fn what_could_not_be_read_is_counted_by_why() {
    let mut bench = Bench::new();
    bench.open();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    bench.moves(
        Direction::Read,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    );
    let reasons = &bench.pipeline.counters.reasons;
    assert!(reasons.malformed.get().is_empty(), "the request was well");
    let spans = bench.spans();
    let notes = attribute(spans[0], "spanwire.notes").unwrap();
    let counted = reasons.notes.get();
    assert!(counted.contains_key(&["invalid chunk"]), "{counted:?}");
    for ([note], count) in counted {
        assert!(count == 1 && notes.as_strings().any(|noted| noted == note), "{note}: {notes:?}");
    }

    let mut bench = Bench::new();
    bench.open();
    bench.moves(
        Direction::Write,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    );
    let malformed = bench.pipeline.counters.reasons.malformed.get();
    assert_eq!(malformed, [(["a transfer coding after chunked"], 1)].into());
}
