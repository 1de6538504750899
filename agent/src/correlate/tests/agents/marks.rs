//! What goes wrong in a run is marked where it happens.

use super::*;

fn int(span: &Span, name: &str) -> Option<i64> {
    match map(span).get(name) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    }
}

#[test]
fn repetitions_circles_and_retries_are_marked() {
    let mut programs = Programs::new();
    let mut prefixes = vec![1];
    programs.call(&Step { pid: 7, id: "0", prefixes: &prefixes, brings: &[], asks: &["0#weather"] });
    for number in 1..6_u64 {
        let (id, brings, asks) =
            (number.to_string(), format!("{}#weather", number - 1), format!("{number}#weather"));
        prefixes.extend([number * 10, number * 10 + 1]);
        // The last time it asks for something else.
        programs.arguments = Some(if number == 5 { 2 } else { 1 });
        // The third call fails once.
        for status in if number == 3 { &[529, 200][..] } else { &[200] } {
            programs.status = *status;
            let id = if *status == 200 { id.clone() } else { "failed".to_owned() };
            let asks: &[&str] = if *status == 200 && number < 5 { &[&asks] } else { &[] };
            programs.call(&Step { pid: 7, id: &id, prefixes: &prefixes, brings: &[&brings], asks });
        }
    }
    programs.end(7);
    programs.assert_sound();
    let run = programs.named("invoke_agent");
    assert_eq!(run.len(), 1, "{:#?}", programs.spans);
    let tools = programs.named("execute_tool weather");
    let repeats: Vec<_> = tools.iter().map(|tool| int(tool, "spanwire.agent.repeats")).collect();
    assert_eq!(repeats, [None, Some(1), Some(2), Some(3), None]);
    assert_eq!(
        (text(run[0], "spanwire.agent.outcome"), int(run[0], "spanwire.agent.loops")),
        (Some("answered"), Some(1))
    );
    let is_loop = |id: &str| map(programs.chat(id)).get("spanwire.agent.loop") == Some(&Value::Bool(true));
    assert_eq!(["1", "2", "failed", "3", "4", "5"].map(is_loop), [false, false, true, true, true, false]);
    assert_eq!(
        ["2", "failed", "3", "4"].map(|id| int(programs.chat(id), "spanwire.retry")),
        [None, None, Some(1), None]
    );
    assert!(["failed", "3"].iter().all(|id| programs.chat(id).parent == Some(run[0].span_id)));
    let explanation = text(run[0], "gen_ai.evaluation.explanation").unwrap();
    assert!(
        explanation.starts_with("finished; 1 of 7 model calls failed; 3 of 12 calls were repeated; 1 of 7"),
        "{explanation}"
    );
}

#[test]
fn ends_of_runs_are_told_apart() {
    let outcome = |steps: &[(u16, &[&str], &[&str])], end: &dyn Fn(&mut Programs)| {
        let mut programs = Programs::new();
        let mut prefixes = Vec::new();
        for (number, (status, brings, asks)) in (1..).zip(steps) {
            prefixes.extend([number * 2, number * 2 + 1]);
            programs.status = *status;
            programs.call(&Step { pid: 7, id: &number.to_string(), prefixes: &prefixes, brings, asks });
        }
        end(&mut programs);
        text(programs.named("invoke_agent")[0], "spanwire.agent.outcome").unwrap().to_owned()
    };
    let gone = |programs: &mut Programs| programs.end(7);
    let quiet = |programs: &mut Programs| {
        programs.correlator.tick(programs.now_ns + 61_000_000_000, &mut programs.spans);
    };
    let stopped = |programs: &mut Programs| programs.correlator.finish(programs.now_ns, &mut programs.spans);
    let asks: (u16, &[&str], &[&str]) = (200, &[], &["1#weather"]);
    for (steps, end, expected) in [
        (&[asks, (200, &["1#weather"], &[])][..], &gone as &dyn Fn(&mut Programs), "answered"),
        (&[asks], &gone, "abandoned"),
        (&[asks], &quiet, "abandoned"),
        (&[asks], &stopped, "unseen"),
        (&[asks, (500, &["1#weather"], &[])], &gone, "failed"),
        (
            &[(200, &[], &["1#transfer_to_billing"]), (200, &["1#transfer_to_billing"], &[])],
            &gone,
            "handed_over",
        ),
    ] {
        assert_eq!(outcome(steps, end), expected, "{steps:?}");
    }
}

#[test]
fn a_call_that_no_run_has_is_a_retry_all_the_same() {
    let mut programs = Programs::new();
    for (id, status) in [("a", 529), ("b", 529), ("c", 200), ("d", 200)] {
        programs.status = status;
        programs.call(&Step { pid: 7, id, prefixes: &[1], brings: &[], asks: &[] });
    }
    programs.call(&Step { pid: 8, id: "e", prefixes: &[1], brings: &[], asks: &[] });
    programs.end(7);
    programs.end(8);
    let retries = ["a", "b", "c", "d", "e"].map(|id| int(programs.chat(id), "spanwire.retry"));
    assert_eq!(retries, [None, Some(1), Some(2), None, None]);
    let conversation = |id: &str| text(programs.chat(id), "spanwire.conversation.id").unwrap();
    assert_eq!(conversation("a"), conversation("c"));
}

#[test]
fn an_agent_that_repeats_itself_without_end_is_bounded() {
    let mut programs = Programs::new();
    let ids: Vec<_> = (0..10_001_u64).map(|number| format!("{number}#weather")).collect();
    programs.call(&Step { pid: 7, id: "a", prefixes: &[1], brings: &[], asks: &[&ids[0]] });
    for number in 1..=10_000 {
        let (brings, prefixes) = ([&*ids[number - 1]], [number as u64 + 1_000_000]);
        programs.call(&Step { pid: 7, id: "b", prefixes: &prefixes, brings: &brings, asks: &[&ids[number]] });
    }
    programs.end(7);
    let run = programs.named("invoke_agent")[0];
    assert_eq!(
        (text(run, "spanwire.agent.outcome"), int(run, "spanwire.agent.loops")),
        (Some("abandoned"), Some(1))
    );
    let repeats = programs.spans.iter().filter_map(|span| int(span, "spanwire.agent.repeats")).max();
    assert_eq!(repeats, Some(9_999));
}
