//! Runs of agents, as their calls tell.

mod marks;
mod within;

use super::*;
use crate::call::{Dialogue, ToolCall, ToolResult};
use crate::correlate::score;

/// Programs whose agents call a model.
struct Programs {
    correlator: Correlator,
    spans: Vec<Span>,
    now_ns: u64,
    /// A digest of the arguments of tools whose results come.
    arguments: Option<u64>,
    /// Digests of what tools gave, and of the answer.
    gave: Vec<u64>,
    answer: Option<u64>,
    /// Of the responses.
    status: u16,
}

/// One call: what it follows in its conversation, which tools' results it brings, which tools it asks for, each as its id, `#`
/// and its name, all of which is the id; without one where nothing is before the `#`.
struct Step<'a> {
    pid: u32,
    id: &'a str,
    prefixes: &'a [u64],
    brings: &'a [&'a str],
    asks: &'a [&'a str],
}

impl Programs {
    fn new() -> Self {
        let correlator = correlator().with_trees(true);
        Self {
            correlator,
            spans: Vec::new(),
            now_ns: 1_000_000_000,
            arguments: Some(1),
            gave: Vec::new(),
            answer: None,
            status: 200,
        }
    }

    fn call(&mut self, step: &Step<'_>) {
        let process = process(step.pid, Some(false));
        let mut exchange = exchange(self.status, Outcome::Complete);
        (exchange.started_ns, exchange.ended_ns) = (self.now_ns, self.now_ns + 1_000);
        self.now_ns += 2_000;
        let named = |name: &str| name.rsplit('#').next().map(ToOwned::to_owned);
        let call = Call {
            response_id: Some(step.id.to_owned()),
            tool_calls: step
                .asks
                .iter()
                .map(|name| ToolCall {
                    name: named(name).unwrap(),
                    id: Some((*name).to_owned()).filter(|id| !id.starts_with('#')),
                })
                .collect(),
            dialogue: Dialogue {
                prefixes: step.prefixes.to_vec(),
                reply: step.prefixes.last().map(|last| last * 1_000 + u64::from(step.pid)),
                tool_results: step
                    .brings
                    .iter()
                    .enumerate()
                    .map(|(index, id)| ToolResult {
                        gave: self.gave.get(index).copied(),
                        call_id: Some((*id).to_owned()),
                        name: named(id),
                        arguments: self.arguments,
                        ..ToolResult::default()
                    })
                    .collect(),
                answer: self.answer,
                ..Dialogue::default()
            },
            is_final: true,
            ..call()
        };
        let now_ns = exchange.ended_ns;
        exchanged(
            &mut self.correlator,
            (&call, &exchange),
            &process,
            ConnectionFacts::default(),
            now_ns,
            &mut self.spans,
        );
    }

    fn end(&mut self, pid: u32) {
        self.correlator.process_ended(pid, self.now_ns, &mut self.spans);
    }

    fn find(&self, is_meant: impl Fn(&Span) -> bool) -> &Span {
        self.spans
            .iter()
            .find(|span| is_meant(span))
            .unwrap_or_else(|| panic!("not there: {:#?}", self.spans))
    }

    fn chat(&self, id: &str) -> &Span {
        let id = Value::String(id.to_owned());
        self.find(|span| map(span).get("gen_ai.response.id") == Some(&id))
    }

    fn named(&self, name: &str) -> Vec<&Span> {
        self.spans.iter().filter(|span| span.name == name).collect()
    }

    /// Nothing is twice, or below what is not there, or in another trace than what is above it.
    fn assert_sound(&self) {
        let ids: HashMap<_, _> = self.spans.iter().map(|span| (span.span_id, span.trace_id)).collect();
        assert_eq!(ids.len(), self.spans.len());
        for span in &self.spans {
            assert!(span.parent.is_none_or(|parent| ids.get(&parent) == Some(&span.trace_id)), "{span:#?}");
        }
    }
}

fn text<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    span.attributes.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_str())
}

#[test]
fn a_loop_is_a_run_with_its_tools() {
    let mut programs = Programs::new();
    programs.call(&Step { pid: 7, id: "a", prefixes: &[1], brings: &[], asks: &["1#weather", "2#time"] });
    programs.call(&Step {
        pid: 7,
        id: "b",
        prefixes: &[1, 2, 3],
        brings: &["1#weather", "2#time"],
        asks: &[],
    });
    programs.end(7);
    programs.assert_sound();
    let run = programs.named("invoke_agent")[0];
    for (id, name) in [("1#weather", "execute_tool weather"), ("2#time", "execute_tool time")] {
        let tool = programs.named(name)[0];
        assert_eq!((tool.parent, text(tool, "gen_ai.tool.call.id")), (Some(run.span_id), Some(id)));
        assert_eq!((tool.started, tool.ended), (programs.chat("a").ended, programs.chat("b").started));
    }
    for id in ["a", "b"] {
        assert_eq!(programs.chat(id).parent, Some(run.span_id));
        assert_eq!(text(programs.chat(id), "spanwire.link.method"), Some("content"));
        assert_eq!(
            text(programs.chat(id), "spanwire.conversation.id"),
            text(run, "spanwire.conversation.id")
        );
    }
    assert_eq!((run.started, run.ended), (programs.chat("a").started, programs.chat("b").ended));
    assert_eq!(text(run, "gen_ai.agent.graph.node_id"), Some("shop"));
    assert_eq!(text(run, "gen_ai.evaluation.name"), Some(score::NAME));
    assert_eq!(text(run, "gen_ai.evaluation.score.label"), Some("good"));
    assert_eq!(map(run).get("spanwire.total.calls"), Some(&Value::Int(2)));
    let root = programs.named("shop")[0];
    assert_eq!((run.parent, root.parent), (Some(root.span_id), None));
    assert_eq!(programs.spans.len(), 6);
}

#[test]
fn an_agent_that_is_handed_over_to_is_another_node() {
    let mut programs = Programs::new();
    programs.call(&Step { pid: 7, id: "a", prefixes: &[1], brings: &[], asks: &["1#transfer_to_billing"] });
    programs.call(&Step {
        pid: 7,
        id: "b",
        prefixes: &[1, 2, 3],
        brings: &["1#transfer_to_billing"],
        asks: &["2#refund"],
    });
    programs.call(&Step { pid: 7, id: "c", prefixes: &[1, 2, 3, 4, 5], brings: &["2#refund"], asks: &[] });
    programs.end(7);
    programs.assert_sound();
    let (first, second) = (programs.named("invoke_agent")[0], programs.named("invoke_agent billing")[0]);
    assert_eq!(second.parent, Some(first.span_id));
    let edge =
        ["gen_ai.agent.graph.node_id", "gen_ai.agent.graph.parent_node_id"].map(|name| text(second, name));
    assert_eq!(
        (edge, text(first, "gen_ai.agent.graph.parent_node_id")),
        ([Some("billing"), Some("shop")], None)
    );
    assert_eq!(programs.chat("a").parent, Some(first.span_id));
    assert!(["b", "c"].iter().all(|id| programs.chat(id).parent == Some(second.span_id)));
    assert!(programs.named("execute_tool transfer_to_billing").is_empty(), "no tool ran");
    assert_eq!(programs.named("execute_tool refund")[0].parent, Some(second.span_id));
    let conversation = |id: &str| text(programs.chat(id), "spanwire.conversation.id");
    assert_eq!(conversation("a"), conversation("c"));
}

#[test]
fn a_tool_that_another_conversation_wants_is_answered_there_alone() {
    for (asks, brings, known) in [
        // By its name alone nothing is told across conversations.
        ("#weather", "5#weather", false),
        // The same id, in a conversation whose run is over.
        ("1#weather", "1#weather", true),
    ] {
        let mut programs = Programs::new();
        programs.call(&Step { pid: 7, id: "a", prefixes: &[1], brings: &[], asks: &[asks] });
        if known {
            programs.call(&Step { pid: 7, id: "b", prefixes: &[11], brings: &[], asks: &[] });
        }
        programs.call(&Step { pid: 7, id: "c", prefixes: &[11, 11_007, 12], brings: &[brings], asks: &[] });
        programs.end(7);
        programs.assert_sound();
        assert_eq!(programs.chat("c").parent, Some(programs.named("shop")[0].span_id), "{asks}");
        assert!(programs.named("execute_tool weather").is_empty(), "{asks}");
    }
}

#[test]
fn equal_beginnings_in_two_processes_are_two_conversations() {
    let mut programs = Programs::new();
    programs.call(&Step { pid: 7, id: "a", prefixes: &[1], brings: &[], asks: &[] });
    programs.call(&Step { pid: 8, id: "b", prefixes: &[1, 77, 6], brings: &[], asks: &[] });
    programs.call(&Step { pid: 8, id: "c", prefixes: &[1, 1_007, 5], brings: &[], asks: &[] });
    [7, 8].into_iter().for_each(|pid| programs.end(pid));
    let of = |id: &str| text(programs.chat(id), "spanwire.conversation.id").unwrap().to_owned();
    assert_ne!(of("a"), of("b"));
    assert_eq!(of("a"), of("c"), "another process may go on with what was answered");
}

#[test]
fn tools_that_are_never_answered_are_bounded() {
    let mut programs = Programs::new();
    let ids: Vec<_> = (0..5_000).map(|number| format!("{number}#weather")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut brought: &[&str] = &[];
    for (round, asks) in ids.chunks(50).enumerate() {
        let prefixes = [1, round as u64 + 2];
        let id = round.to_string();
        programs.call(&Step { pid: 7, id: &id, prefixes: &prefixes, brings: brought, asks });
        brought = &asks[..1];
    }
    assert!(programs.correlator.unplaced() > 4_000, "{}", programs.correlator.unplaced());
    programs.end(7);
    programs.assert_sound();
    assert_eq!(programs.named("invoke_agent").len(), 1);
    assert_eq!(programs.named("execute_tool weather").len(), 99);
}

#[test]
fn runs_side_by_side_are_told_apart_by_their_conversations() {
    let mut programs = Programs::new();
    // The same ids in both: some models count them from one.
    for (id, first) in [("a", 1), ("b", 11)] {
        // The second one begins before the first one has its answer.
        programs.now_ns -= 1_500;
        programs.call(&Step { pid: 7, id, prefixes: &[first], brings: &[], asks: &["1#weather"] });
    }
    for (id, first) in [("d", 11), ("c", 1)] {
        let prefixes = [first, first + 1, first + 2];
        programs.call(&Step { pid: 7, id, prefixes: &prefixes, brings: &["1#weather"], asks: &[] });
    }
    // Of a conversation that nobody knows the id alone proves nothing, if two want it.
    for (id, first) in [("e", 31), ("f", 41)] {
        programs.call(&Step { pid: 7, id, prefixes: &[first], brings: &[], asks: &["1#weather"] });
    }
    programs.call(&Step { pid: 7, id: "g", prefixes: &[91, 92], brings: &["1#weather"], asks: &[] });
    programs.end(7);
    programs.assert_sound();
    let parent = |id: &str| programs.chat(id).parent;
    assert_eq!((parent("a"), parent("b")), (parent("c"), parent("d")));
    assert_ne!(parent("a"), parent("b"));
    assert_eq!(parent("g"), Some(programs.named("shop")[0].span_id));
    assert_eq!(programs.named("execute_tool weather").len(), 2);
    let abandoned: Vec<_> = programs
        .named("invoke_agent")
        .iter()
        .map(|run| text(run, "gen_ai.evaluation.score.label").unwrap().to_owned())
        .collect();
    assert_eq!(abandoned.iter().filter(|label| *label == "poor").count(), 2, "{abandoned:?}");
}

#[test]
fn a_conversation_goes_on_without_tools_and_equal_beginnings_are_two() {
    let mut programs = Programs::new();
    programs.call(&Step { pid: 7, id: "a", prefixes: &[1], brings: &[], asks: &[] });
    programs.call(&Step { pid: 8, id: "b", prefixes: &[1], brings: &[], asks: &[] });
    programs.call(&Step { pid: 7, id: "c", prefixes: &[1, 1_007, 5], brings: &[], asks: &[] });
    programs.call(&Step { pid: 8, id: "d", prefixes: &[1, 77, 6], brings: &[], asks: &[] });
    [7, 8].into_iter().for_each(|pid| programs.end(pid));
    programs.assert_sound();
    let of = |id: &str| text(programs.chat(id), "spanwire.conversation.id").unwrap().to_owned();
    assert_eq!(of("a"), of("c"));
    assert_eq!(HashSet::from([of("a"), of("b"), of("d")]).len(), 3, "whose it is nobody knows");
    assert!(programs.named("invoke_agent").is_empty());
}

#[test]
fn runs_that_nothing_comes_of_end_and_are_bounded() {
    let mut programs = Programs::new();
    for number in 0..5_000 {
        let id = number.to_string();
        programs.call(&Step { pid: 7, id: &id, prefixes: &[number], brings: &[], asks: &["1#weather"] });
    }
    let runs = programs.named("invoke_agent").len();
    assert!((900..5_000).contains(&runs), "{runs}");
    programs.correlator.tick(programs.now_ns + 61_000_000_000, &mut programs.spans);
    assert_eq!(programs.named("invoke_agent").len(), 5_000);
    programs.end(7);
    programs.assert_sound();
}
