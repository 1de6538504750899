#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{self as proto, ResourceSpans, ScopeSpans};

use super::*;

/// A span in few words: name, own id and the parent's, begin and end, and texts.
#[derive(Clone)]
struct Made(String, u8, u8, u64, u64, Vec<(&'static str, String)>);

impl Made {
    fn set(&mut self, name: &'static str, value: &str) {
        self.5.retain(|(known, _)| *known != name);
        self.5.push((name, value.to_owned()));
    }
}

fn made(name: &str, ids: (u8, u8), time: (u64, u64), texts: &[(&'static str, &str)]) -> Made {
    let operation = name.split(' ').next().unwrap_or_default();
    let mut made = Made(name.to_owned(), ids.0, ids.1, time.0, time.1, Vec::new());
    made.set("gen_ai.operation.name", operation);
    texts.iter().for_each(|(name, value)| made.set(name, value));
    made
}

fn spans(made: &[Made]) -> Vec<Span> {
    let value = |value| Some(AnyValue { value: Some(value) });
    let raw = |Made(name, own, parent, begin, end, texts): &Made| {
        let values = texts.iter().map(|(name, text)| (*name, Value::StringValue(text.clone())));
        let inferred = !name.starts_with("chat") && texts.iter().all(|(name, _)| *name != "seen");
        let attributes = values.chain(inferred.then_some(("spanwire.inferred", Value::BoolValue(true))));
        proto::Span {
            name: name.clone(),
            trace_id: vec![if *own == 99 { 2 } else { 1 }; 16],
            span_id: vec![*own; 8],
            parent_span_id: if *parent == 0 { Vec::new() } else { vec![*parent; 8] },
            start_time_unix_nano: *begin,
            end_time_unix_nano: *end,
            attributes: attributes
                .map(|(name, of)| KeyValue { key: name.to_owned(), value: value(of), ..KeyValue::default() })
                .collect(),
            ..proto::Span::default()
        }
    };
    let scope_spans = vec![ScopeSpans { spans: made.iter().map(raw).collect(), ..ScopeSpans::default() }];
    Span::all_of(&[ResourceSpans { scope_spans, ..ResourceSpans::default() }])
}

/// A hand-over, and a tool of the second agent.
fn right() -> Vec<Made> {
    let node = "gen_ai.agent.graph.node_id";
    let second =
        [(node, "b"), ("gen_ai.agent.graph.parent_node_id", "a"), ("gen_ai.agent.name", "meteorologist")];
    let tool = [("gen_ai.tool.name", "get_weather"), ("gen_ai.tool.call.id", "call_2")];
    vec![
        made("invoke_agent", (1, 0), (0, 100), &[(node, "a")]),
        made("chat m", (2, 1), (0, 10), &[]),
        made(
            "execute_tool transfer_to_meteorologist",
            (3, 1),
            (10, 20),
            &[("gen_ai.tool.name", "transfer_to_meteorologist")],
        ),
        made("invoke_agent meteorologist", (4, 1), (20, 100), &second),
        made("chat m", (5, 4), (20, 30), &[]),
        made("execute_tool get_weather", (6, 4), (30, 40), &tool),
        made("chat m", (7, 4), (40, 50), &[]),
    ]
}

fn did() -> Vec<Did> {
    let lines = r#"{"did": "chat", "agent": "concierge", "pid": 7}
        {"did": "agent", "name": "meteorologist", "parent": "concierge", "call_id": null, "pid": 7}
        {"did": "chat", "agent": "meteorologist", "pid": 7}
        {"did": "tool", "agent": "meteorologist", "name": "get_weather", "call_id": "call_2", "pid": 7}
        {"did": "chat", "agent": "meteorologist", "pid": 7}"#;
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_was_done_is_what_the_spans_say() {
    compare(&did(), &spans(&right())).unwrap();
    let mut made = right();
    made.remove(2);
    compare(&did(), &spans(&made)).unwrap();
}

#[test]
fn each_difference_is_found() {
    type Case = (&'static str, fn(&mut Vec<Made>));
    let cases: &[Case] = &[
        ("spans for", |made| drop(made.remove(5))),
        ("spans for", |made| drop(made.remove(1))),
        ("not Tool", |made| made[5].0 = "execute_tool get_time".to_owned()),
        ("not Tool", |made| made[5].set("gen_ai.tool.call.id", "call_3")),
        ("not Tool", |made| (made[5].3, made[5].4) = (41, 45)),
        ("what no wire shows", |made| made[5].set("seen", "")),
        ("below no agent's run", |made| made[4].2 = 0),
        ("below no agent's run", |made| made[4].2 = 77),
        ("runs:", |made| made[6].2 = 1),
        ("runs of 2 agents", |made| made.push(self::made("invoke_agent", (9, 1), (0, 5), &[]))),
        ("get_weather", |made| made[5].3 = 25),
        ("get_weather", |made| made[5].4 = 45),
        ("an id twice", |made| made[2].1 = 4),
        ("traces", |made| made[2].1 = 99),
        ("roots", |made| made[3].2 = 0),
        ("nobody exported", |made| made[2].2 = 77),
        ("nodes", |made| made[3].set("gen_ai.agent.graph.node_id", "a")),
        ("is of Some(\"a\")", |made| made[3].set("gen_ai.agent.graph.parent_node_id", "c")),
        ("is of None", |made| made[0].set("gen_ai.agent.graph.parent_node_id", "b")),
        ("not meteorologist", |made| made[3].set("gen_ai.agent.name", "concierge")),
    ];
    for (number, (words, change)) in cases.iter().enumerate() {
        let mut made = right();
        change(&mut made);
        let error = compare(&did(), &spans(&made)).map_err(|error| error.to_string());
        assert!(error.as_ref().is_err_and(|error| error.contains(words)), "{number} {words}: {error:?}");
    }
}
