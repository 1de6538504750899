#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{self as proto, ResourceSpans, ScopeSpans};
use serde_json::json;

use super::*;

const MS: u64 = 1_000_000;
const LOAD: u32 = 9;
const GATEWAY: u32 = 1;
const AGENT: u32 = 2;

type EndOf = (&'static str, &'static str, u32, u16, &'static str, (u64, u64));

/// Of one user's request: asked of the gateway, by it of the agent, and by that of a model. Names, ends and processes,
/// clients' ports and paths, and when within the request.
const ENDS: [EndOf; 5] = [
    ("", "out", LOAD, 100, "/ask", (0, 100)),
    ("", "in", GATEWAY, 100, "/ask", (10, 90)),
    (".1", "out", GATEWAY, 200, "/run", (20, 80)),
    (".1", "in", AGENT, 200, "/run", (30, 70)),
    (".1.1", "out", AGENT, 300, "/v1/chat/completions", (40, 60)),
];

fn pair(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn context(user: u8) -> [u8; 8] {
    [0xc0, 0, 0, 0, 0, 0, 0, user]
}

/// Users 1 to `users` at once, and one warm-up before them.
fn truth(users: u8) -> Truth {
    let mut hops = Vec::new();
    for user in 0..=users {
        let name = if user == 0 { "w1".to_owned() } else { format!("r{user}") };
        let begin = if user == 0 { 1000 * MS } else { 2000 * MS + u64::from(user) * MS };
        for (suffix, end, pid, port, path, (from, to)) in ENDS {
            let reference = format!("{name}{suffix}");
            let ends = [("127.0.0.1", port + u16::from(user)), ("127.0.0.1", 80)];
            let is_out = end == "out";
            // The gateway cannot tell from where it asks.
            let unknown = pid == GATEWAY && is_out;
            let hex: String = context(user).iter().map(|byte| format!("{byte:02x}")).collect();
            let hop = json!({
                "parent": is_out.then(|| reference.rsplit_once('.').map(|(parent, _)| parent.to_owned())),
                "ref": reference,
                "end": end,
                "service": "s",
                "path": path,
                "own": if unknown { None } else { Some(ends[usize::from(!is_out)]) },
                "peer": if unknown { None } else { Some(ends[usize::from(is_out)]) },
                "start_ns": begin + from * MS,
                "end_ns": begin + to * MS,
                "pid": pid,
                "tid": pid,
                "context": (pid == LOAD).then_some(hex),
            });
            hops.push(serde_json::from_value(hop).unwrap());
        }
    }
    Truth::new(hops, [GATEWAY, AGENT], "r").unwrap()
}

fn span(distro: &str, pid: u32, raw: proto::Span) -> Span {
    let texts = [("telemetry.distro.name", distro)];
    let mut attributes: Vec<_> =
        texts.map(|(name, text)| pair(name, Value::StringValue(text.to_owned()))).to_vec();
    attributes.push(pair("process.pid", Value::IntValue(pid.into())));
    let export = ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: vec![raw], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    Span::all_of(&[export]).remove(0)
}

/// The span of an end, by its place in [`ENDS`]: its id tells user and place.
fn own(user: u8, end: usize, parent: &[u8]) -> Span {
    let (_, kind, pid, port, path, (from, to)) = ENDS[end];
    let begin = if user == 0 { 1000 * MS } else { 2000 * MS + u64::from(user) * MS };
    let is_out = kind == "out";
    let port_name = if is_out { "network.local.port" } else { "network.peer.port" };
    let raw = proto::Span {
        trace_id: vec![user; 16],
        span_id: number(user, end).to_vec(),
        parent_span_id: parent.to_vec(),
        kind: if is_out { SpanKind::Client } else { SpanKind::Server } as i32,
        start_time_unix_nano: begin + from * MS + 1,
        end_time_unix_nano: begin + to * MS + 1,
        attributes: vec![
            pair(port_name, Value::IntValue(i64::from(port) + i64::from(user))),
            pair("url.path", Value::StringValue(path.to_owned())),
            pair(
                "spanwire.link.method",
                Value::StringValue(if is_out { "thread" } else { "connection" }.to_owned()),
            ),
        ],
        ..proto::Span::default()
    };
    span("spanwire", pid, raw)
}

fn number(user: u8, end: usize) -> [u8; 8] {
    let end = u8::try_from(end).unwrap();
    [1, 0, 0, 0, 0, 0, user, end + 1]
}

/// The right tree of users 1 to `users`, and of the warm-up: four spans each, in the order of [`ENDS`].
fn right(users: u8) -> Vec<Span> {
    let of_user = |user| {
        (1..ENDS.len()).map(move |end| match end {
            1 => own(user, end, &[]),
            _ => own(user, end, &number(user, end - 1)),
        })
    };
    (0..=users).flat_map(of_user).collect()
}

/// The place of a span in [`right`].
fn at(user: u8, end: usize) -> usize {
    usize::from(user) * (ENDS.len() - 1) + end - 1
}

fn change(span: &mut Span, change: impl FnOnce(&mut proto::Span)) {
    let mut raw = (*span.raw).clone();
    change(&mut raw);
    span.raw = Arc::new(raw);
}

fn internal(user: u8, parent: &[u8]) -> Span {
    let raw = proto::Span {
        trace_id: vec![user; 16],
        span_id: vec![7; 8],
        parent_span_id: parent.to_vec(),
        kind: SpanKind::Internal as i32,
        start_time_unix_nano: 2050 * MS,
        ..proto::Span::default()
    };
    span("spanwire", AGENT, raw)
}

type Change = fn(&mut Vec<Span>);

/// (assigned, right, found), (orphans, duplicates, circles), (doubled, split, mixed)
type Expected = ([usize; 3], [usize; 3], [usize; 3]);

#[test]
fn trees_are_judged_by_the_true_one() {
    let cases: &[(&str, Change, Expected)] = &[
        ("right", |_| {}, ([6, 6, 6], [0; 3], [0; 3])),
        (
            "no links",
            |spans| spans.iter_mut().for_each(|span| change(span, |raw| raw.parent_span_id.clear())),
            ([0; 3], [0; 3], [0; 3]),
        ),
        (
            "another user's request",
            |spans| {
                let moved = &mut spans[at(1, 4)];
                change(moved, |raw| {
                    (raw.trace_id, raw.parent_span_id) = (vec![2; 16], number(2, 3).to_vec())
                });
            },
            ([6, 5, 5], [0; 3], [0, 1, 1]),
        ),
        (
            "one service too high",
            |spans| change(&mut spans[at(1, 4)], |raw| raw.parent_span_id = number(1, 2).to_vec()),
            ([6, 5, 5], [0; 3], [0; 3]),
        ),
        (
            "a parent below nothing",
            |spans| change(&mut spans[at(1, 1)], |raw| raw.parent_span_id = number(2, 1).to_vec()),
            // It is in another trace, so here it is nobody's.
            ([7, 6, 6], [1, 0, 0], [0; 3]),
        ),
        (
            "the client's span is not exported",
            |spans| change(&mut spans[at(1, 1)], |raw| raw.parent_span_id = context(1).to_vec()),
            ([7, 7, 6], [0; 3], [0; 3]),
        ),
        (
            "the client's span does not stand above others",
            |spans| change(&mut spans[at(1, 3)], |raw| raw.parent_span_id = context(1).to_vec()),
            ([6, 5, 5], [0; 3], [0; 3]),
        ),
        (
            "a parent that nobody exported",
            |spans| change(&mut spans[at(1, 3)], |raw| raw.parent_span_id = vec![9; 8]),
            ([6, 5, 5], [1, 0, 0], [0; 3]),
        ),
        (
            "an agent's run in between",
            |spans| {
                spans.push(internal(1, &number(1, 3)));
                change(&mut spans[at(1, 4)], |raw| raw.parent_span_id = vec![7; 8]);
            },
            ([6, 6, 6], [0; 3], [0; 3]),
        ),
        (
            "an agent's run of another's",
            |spans| {
                spans.push(internal(2, &number(2, 3)));
                let moved = &mut spans[at(1, 4)];
                change(moved, |raw| (raw.trace_id, raw.parent_span_id) = (vec![2; 16], vec![7; 8]));
            },
            ([6, 5, 5], [0; 3], [0, 1, 1]),
        ),
        (
            "an agent's run by itself",
            |spans| {
                spans.push(internal(1, &[]));
                change(&mut spans[at(1, 4)], |raw| raw.parent_span_id = vec![7; 8]);
            },
            ([5, 5, 5], [0; 3], [0; 3]),
        ),
        (
            "two spans have one id",
            |spans| change(&mut spans[at(1, 4)], |raw| raw.span_id = number(1, 2).to_vec()),
            // Whoever has that id as its parent may be below either, even below itself.
            ([6, 5, 5], [0, 1, 2], [0; 3]),
        ),
        (
            "two spans of one end",
            |spans| {
                let mut twin = spans[at(1, 3)].clone();
                change(&mut twin, |raw| raw.span_id = vec![8; 8]);
                spans.push(twin);
            },
            ([7, 7, 6], [0; 3], [1, 0, 0]),
        ),
        (
            "a circle",
            |spans| change(&mut spans[at(1, 1)], |raw| raw.parent_span_id = number(1, 4).to_vec()),
            ([7, 6, 6], [0, 0, 4], [0; 3]),
        ),
        (
            "a span is missing",
            |spans| drop(spans.remove(at(1, 3))),
            // Its child has a parent that nobody exported.
            ([5, 4, 4], [1, 0, 0], [0; 3]),
        ),
        (
            "two trees of one request",
            |spans| {
                change(&mut spans[at(1, 3)], |raw| (raw.trace_id, raw.parent_span_id) = (vec![5; 16], vec![]))
            },
            ([5, 4, 4], [1, 0, 0], [0, 1, 0]),
        ),
    ];
    let truth = truth(2);
    for (name, change, expected) in cases {
        let mut spans = right(2);
        change(&mut spans);
        let score = truth.score(&spans);
        let sum = |count: fn(&Links) -> usize| score.methods.values().map(count).sum();
        let measures = &score.measures;
        let found = (
            [sum(|links| links.assigned), sum(|links| links.right), score.found],
            [measures.orphans, measures.duplicates, measures.circles],
            [score.doubled, score.split, score.mixed],
        );
        assert_eq!(found, *expected, "{name}\n{score}");
        let wrong: usize = sum(|links| links.assigned - links.right);
        assert_eq!(score.wrong.len(), wrong, "{name}");
        assert_eq!((score.hops, score.links), (8, 6), "{name}");
    }
}

#[test]
fn shares_are_of_what_there_is() {
    let truth = truth(2);
    let score = truth.score(&right(2));
    assert_eq!((score.precision(), score.recall()), (Some(1.0), 1.0));
    assert_eq!(score.methods.len(), 2);
    assert_eq!(score.methods["thread"], Links { assigned: 4, right: 4 });
    assert_eq!(score.found_by["connection"], 2);
    assert_eq!(score.measures.spans_per_trace, BTreeMap::from([(4, 2)]));
    assert_eq!(score.measures.roots_per_trace, BTreeMap::from([(1, 2)]));
    assert_eq!((score.measures.spans, score.measures.children), (8, 6));
    assert_eq!(truth.seen(&right(2)), 8);

    let nothing = truth.score(&[]);
    assert_eq!((nothing.precision(), nothing.recall(), nothing.seen), (None, 0.0, 0));
    assert_eq!(nothing.measures.orphan_rate(), 0.0);
}

/// On one connection that is kept, and without any port, the time decides; processes and kinds are never mixed up.
#[test]
fn spans_stand_for_the_requests_whose_time_fits() {
    let strip = |name: &'static str| {
        move |raw: &mut proto::Span| raw.attributes.retain(|attribute| !attribute.key.ends_with(name))
    };
    let truth = truth(1);
    for name in [".port", ".path"] {
        let mut spans = right(1);
        spans.iter_mut().for_each(|span| change(span, strip(name)));
        let spans: Vec<Span> =
            spans.iter().map(|own| Span { attributes: again(own), ..own.clone() }).collect();
        assert_eq!(truth.score(&spans).found, 3, "{name}");
    }
    let mut spans = right(1);
    change(&mut spans[at(1, 3)], |raw| raw.start_time_unix_nano += 1000 * MS);
    change(&mut spans[at(1, 3)], |raw| raw.end_time_unix_nano += 1000 * MS);
    change(&mut spans[at(1, 4)], |raw| raw.kind = SpanKind::Producer as i32);
    assert_eq!(truth.seen(&spans), 2);
}

/// Threads share connections, and note the end of a request when it is their turn: until then the next may be over.
#[test]
fn of_requests_that_share_a_connection_each_has_its_span() {
    for (answers, ends) in [(None, [62, 61]), (None, [200, 61]), (Some(["first", "second"]), [200, 61])] {
        let mut hops = truth(2).hops().to_vec();
        let model = "/v1/chat/completions";
        for (number, hop) in
            hops.iter_mut().filter(|hop| hop.path == model && hop.reference.starts_with('r')).enumerate()
        {
            hop.own = Some(("127.0.0.1".to_owned(), 300));
            hop.start_ns = 2000 * MS + [30, 35][number] * MS;
            hop.end_ns = 2000 * MS + ends[number] * MS;
            // Only where the ends tell little.
            hop.held_ns = (ends[0] > 100 && answers.is_none()).then_some(2000 * MS + [35, 61][number] * MS);
            hop.answer = answers.map(|answers| answers[number].to_owned());
        }
        let mut spans = right(2);
        for (number, (user, from, to)) in [(1, 31, 34), (2, 36, 60)].into_iter().enumerate() {
            let call = &mut spans[at(user, 4)];
            change(call, |raw| {
                (raw.start_time_unix_nano, raw.end_time_unix_nano) =
                    (2000 * MS + from * MS, 2000 * MS + to * MS);
                raw.attributes.retain(|attribute| !attribute.key.ends_with(".port"));
                raw.attributes.push(pair("network.local.port", Value::IntValue(300)));
                if let Some(answers) = answers {
                    raw.attributes
                        .push(pair("gen_ai.response.id", Value::StringValue(answers[number].to_owned())));
                }
            });
            call.attributes = again(call);
        }
        let score = Truth::new(hops, [GATEWAY, AGENT], "r").unwrap().score(&spans);
        assert_eq!((score.seen, score.doubled, score.found), (8, 0, 6), "{answers:?} {score}");
    }
}

/// The attributes of a span whose raw ones were changed.
fn again(own: &Span) -> Arc<crate::span::Attributes> {
    span("spanwire", AGENT, (*own.raw).clone()).attributes
}

/// An SDK's spans have their places by the header: its client's is named there, and its server's is below that.
#[test]
fn an_sdks_spans_have_places_too() {
    let mut hops = truth(1).hops().to_vec();
    let hex = |id: u8| Some(format!("{:02x}", id).repeat(8));
    for hop in hops.iter_mut().filter(|hop| hop.reference.starts_with("r1.")) {
        hop.context = hex(if hop.reference == "r1.1" { 0x21 } else { 0x42 });
    }
    let truth = Truth::new(hops, [GATEWAY, AGENT], "r").unwrap();
    let theirs = |kind: SpanKind, id: u8, parent: u8| {
        let raw = proto::Span {
            trace_id: vec![1; 16],
            span_id: vec![id; 8],
            parent_span_id: vec![parent; 8],
            kind: kind as i32,
            start_time_unix_nano: 2050 * MS,
            ..proto::Span::default()
        };
        span("", 0, raw)
    };
    let mut spans = right(1);
    change(&mut spans[at(1, 2)], |raw| raw.span_id = vec![0x21; 8]);
    change(&mut spans[at(1, 3)], |raw| raw.parent_span_id = vec![0x21; 8]);
    change(&mut spans[at(1, 4)], |raw| raw.parent_span_id = vec![0x42; 8]);
    spans.push(theirs(SpanKind::Server, 0x31, 0x21));
    spans.push(theirs(SpanKind::Client, 0x42, 0x31));
    let score = truth.score(&spans);
    assert_eq!((score.found, score.split, score.precision()), (3, 0, Some(1.0)), "{score}");
    assert_eq!(score.measures.roots_per_trace, BTreeMap::from([(1, 1)]));
    // Without them, ours would be below what nobody exported.
    spans.truncate(at(1, 4) + 1);
    let score = truth.score(&spans);
    assert_eq!((score.found, score.measures.orphans), (2, 1), "{score}");
}

#[test]
fn one_name_is_one_request() {
    let hops = truth(1).hops().to_vec();
    let twice = hops.iter().chain(&hops[..1]).cloned().collect();
    assert!(Truth::new(twice, [GATEWAY], "r").is_err());
}
