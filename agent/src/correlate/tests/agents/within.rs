//! Agents within the tools of others.

use super::*;

#[test]
fn an_agent_within_a_tools_time_is_that_tools() {
    let mut programs = Programs::new();
    programs.call(&Step { pid: 7, id: "a", prefixes: &[1], brings: &[], asks: &["1#expert"] });
    programs.call(&Step { pid: 7, id: "b", prefixes: &[11], brings: &[], asks: &["2#weather"] });
    // One of another process is nobody's here.
    programs.call(&Step { pid: 8, id: "x", prefixes: &[21], brings: &[], asks: &["9#weather"] });
    programs.call(&Step { pid: 8, id: "y", prefixes: &[21, 22, 23], brings: &["9#weather"], asks: &[] });
    programs.call(&Step { pid: 7, id: "c", prefixes: &[11, 12, 13], brings: &["2#weather"], asks: &[] });
    programs.call(&Step { pid: 7, id: "d", prefixes: &[1, 2, 3], brings: &["1#expert"], asks: &[] });
    programs.end(7);
    programs.end(8);
    programs.assert_sound();
    let tool = programs.named("execute_tool expert")[0];
    let inner = programs.find(|span| span.name == "invoke_agent" && span.parent == Some(tool.span_id));
    assert_eq!(text(inner, "gen_ai.agent.graph.node_id"), Some("shop/expert"));
    assert_eq!(text(inner, "gen_ai.agent.graph.parent_node_id"), Some("shop"));
    assert!(["b", "c"].iter().all(|id| programs.chat(id).parent == Some(inner.span_id)));
    assert_eq!(programs.named("invoke_agent").len(), 3);
    assert_ne!(programs.chat("x").trace_id, programs.chat("a").trace_id);
}

/// Two requests that one thread serves at a time, and an agent for each: which is for which is not known.
#[test]
fn an_agent_for_nobody_known_is_no_other_ones_tools() {
    let mut programs = Programs::new();
    for connection in [1_u64 << 40, 2 << 40] {
        let key = ExchangeKey { connection: ConnectionId(connection), ordinal: 0 };
        let (process, request) = (process(7, Some(false)), request(None, None));
        let time_ns = programs.now_ns;
        let role = Role::Server;
        let begun = Beginning { role, process, tid: 1, time_ns, request: &request, peer: None };
        programs.correlator.began(key, begun);
    }
    programs.call(&Step { pid: 7, id: "a", prefixes: &[1], brings: &[], asks: &["1#expert"] });
    programs.call(&Step { pid: 7, id: "b", prefixes: &[11], brings: &[], asks: &["2#weather"] });
    programs.call(&Step { pid: 7, id: "c", prefixes: &[11, 12, 13], brings: &["2#weather"], asks: &[] });
    programs.call(&Step { pid: 7, id: "d", prefixes: &[1, 2, 3], brings: &["1#expert"], asks: &[] });
    programs.end(7);
    programs.assert_sound();
    let runs = programs.named("invoke_agent");
    assert_eq!(runs.iter().map(|run| run.parent).collect::<Vec<_>>(), [None, None]);
    assert_ne!(runs[0].trace_id, runs[1].trace_id);
}

#[test]
fn agents_side_by_side_are_those_of_the_tools_that_gave_what_they_answered() {
    // Answers of two agents within the two tools of one, or each within the tool of another one.
    for (has_one_outer, answers, expected) in [
        (true, [1, 2], [Some("shop/ask_1"), Some("shop/ask_2")]),
        (false, [1, 2], [Some("shop/ask_1"), Some("shop/ask_2")]),
        // What they say does not tell them apart, and nothing else does.
        (false, [3, 3], [None, None]),
        // Of neither tool.
        (false, [4, 5], [None, None]),
    ] {
        let mut programs = Programs::new();
        if has_one_outer {
            programs.call(&Step {
                pid: 7,
                id: "a",
                prefixes: &[1],
                brings: &[],
                asks: &["1#ask_1", "2#ask_2"],
            });
        } else {
            for (id, prefix, asks) in [("a", 1, "1#ask_1"), ("b", 2, "2#ask_2")] {
                programs.call(&Step { pid: 7, id, prefixes: &[prefix], brings: &[], asks: &[asks] });
            }
        }
        for (id, prefix, asks) in [("c", 11, "3#weather"), ("d", 21, "4#weather")] {
            // The second one begins before the first one has its answer.
            programs.now_ns -= if id == "d" { 1_500 } else { 0 };
            programs.call(&Step { pid: 7, id, prefixes: &[prefix], brings: &[], asks: &[asks] });
        }
        for (id, prefix, brings, answer) in [("e", 11, "3#weather", 0), ("f", 21, "4#weather", 1)] {
            programs.answer = Some(answers[answer]);
            let prefixes = [prefix, prefix + 1, prefix + 2];
            programs.call(&Step { pid: 7, id, prefixes: &prefixes, brings: &[brings], asks: &[] });
        }
        programs.answer = None;
        if has_one_outer {
            programs.gave = vec![1, 2];
            let brings = &["1#ask_1", "2#ask_2"];
            programs.call(&Step { pid: 7, id: "g", prefixes: &[1, 2, 3], brings, asks: &[] });
        } else {
            for (id, prefix, brings, gave) in [("g", 1, "1#ask_1", 1), ("h", 2, "2#ask_2", 2)] {
                programs.gave = vec![if answers == [3, 3] { 3 } else { gave }];
                let prefixes = [prefix, prefix + 2, prefix + 4];
                programs.call(&Step { pid: 7, id, prefixes: &prefixes, brings: &[brings], asks: &[] });
            }
        }
        let runs = programs.named("invoke_agent").len();
        assert_eq!(runs, if has_one_outer { 3 } else { 4 }, "none waits for more than that nobody waits");
        programs.end(7);
        programs.assert_sound();
        let node = |id: &str| {
            let run = programs.chat(id).parent.unwrap();
            let run = programs.find(|span| span.span_id == run);
            text(run, "gen_ai.agent.graph.node_id").filter(|node| *node != "shop")
        };
        assert_eq!(["e", "f"].map(node), expected, "{answers:?}");
        for (id, tool) in ["e", "f"].iter().zip(["execute_tool ask_1", "execute_tool ask_2"]) {
            let run = programs.find(|span| Some(span.span_id) == programs.chat(id).parent);
            let above = expected[0].map(|_| programs.named(tool)[0].span_id);
            assert_eq!(run.parent == above, above.is_some(), "{answers:?}");
        }
    }
}
