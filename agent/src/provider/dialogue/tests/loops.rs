//! Loops of vendors' own SDKs, recorded by `tests/exchanges/record.py tool_loops`: question, tool calls, results and
//! answer, and one more question.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::path::Path;

use crate::call::{Call, ToolCall};
use crate::provider::tests::wire::recorded;

/// What the tools of all loops are called.
const NAMES: [&str; 2] = ["get_weather", "get_time"];

/// How a conversation is gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The messages are sent again; ids tell which call a result is of.
    Messages,
    /// The same, but for the ids: names and order tell it.
    Names,
    /// Ids of what the vendor keeps.
    Kept,
}

fn turns<const COUNT: usize>(name: &str, size: usize) -> [Call; COUNT] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/exchanges");
    std::array::from_fn(|at| {
        let turn = if at == 0 { name.to_owned() } else { format!("{name}-{}", at + 1) };
        let read = |extension| std::fs::read(folder.join(&turn).with_extension(extension)).unwrap();
        let mut calls = recorded(&read("request"), &read("response"), size);
        assert_eq!(calls.len(), 1, "{turn}");
        calls.pop().unwrap()
    })
}

#[test]
fn frameworks_send_answers_in_their_own_way() {
    for name in ["openai_frameworks/pydantic_agent", "openai_node/vercel_tools"] {
        let [first, second] = turns(name, usize::MAX);
        let (asked, answers) = (&first.dialogue, &second.dialogue);
        assert!(answers.prefixes.contains(asked.prefixes.last().unwrap()), "{name}");
        assert!(answers.prefixes.contains(&asked.reply.unwrap()), "{name}");
        let given = answers.tool_results.iter().map(|result| (&result.name, &result.call_id));
        let called = first.tool_calls.iter().map(|call| (Some(call.name.clone()), call.id.clone()));
        let called = called.collect::<Vec<_>>();
        assert!(!called.is_empty() && called.iter().map(|(name, id)| (name, id)).eq(given), "{name}");
    }
}

#[test]
fn recorded_loops_are_followed() {
    for (name, by) in [
        ("anthropic", By::Messages),
        ("bedrock", By::Messages),
        ("claude", By::Messages),
        ("cohere", By::Messages),
        ("gemini", By::Names),
        ("mistral", By::Messages),
        ("ollama", By::Names),
        ("openai", By::Messages),
        ("responses", By::Messages),
    ] {
        hold(name, by);
        hold(&format!("{name}_stream"), by);
    }
    hold("responses_kept", By::Kept);
    hold("mistral_kept", By::Kept);
}

fn hold(name: &str, by: By) {
    let path = format!("tool_loops/{name}");
    let [first, second, third] = turns(&path, usize::MAX);
    let dialogues = [&first, &second, &third].map(|call| &call.dialogue);
    assert_eq!(turns::<3>(&path, 5).each_ref().map(|call| &call.dialogue), dialogues, "{name}: in pieces");
    assert_eq!(first.stream, name.ends_with("_stream"));

    for (before, after) in [(&first, &second), (&second, &third)] {
        let (last, reply) = (before.dialogue.prefixes.last().unwrap(), before.dialogue.reply);
        let goes_on = after.dialogue.prefixes.contains(last);
        if by == By::Kept {
            let follows =
                after.previous_response_id.is_some() && after.previous_response_id == before.response_id;
            let is_same = after.conversation_id.is_some() && after.conversation_id == before.conversation_id;
            assert!((follows || is_same) && !goes_on, "{name}: goes on by its id alone");
        } else {
            assert!(goes_on, "{name}: goes on");
            let reply = reply.unwrap_or_else(|| panic!("{name}: {:?}", before.notes));
            assert!(after.dialogue.prefixes.contains(&reply), "{name}: the answer is found");
        }
        assert!(
            !before.dialogue.prefixes.contains(after.dialogue.prefixes.last().unwrap()),
            "{name}: has an order"
        );
    }

    let called = first.tool_calls.iter().map(|ToolCall { name, id }| (Some(name.as_str()), id.as_deref()));
    let called = called.collect::<Vec<_>>();
    assert_eq!(called.iter().map(|(name, _)| name.unwrap()).collect::<Vec<_>>(), NAMES, "{name}");
    assert!(called.iter().all(|(_, id)| id.is_some() == (by != By::Names)), "{name}: {called:?}");
    let given =
        second.dialogue.tool_results.iter().map(|result| (result.name.as_deref(), result.call_id.as_deref()));
    match by {
        By::Messages | By::Names => assert_eq!(given.collect::<Vec<_>>(), called, "{name}"),
        // Their names stand in what the vendor keeps.
        By::Kept => assert!(given.map(|(_, id)| id).eq(called.iter().map(|(_, id)| *id)), "{name}"),
    }
    let results = &second.dialogue.tool_results;
    let arguments = results.iter().map(|result| result.arguments).collect::<Vec<_>>();
    assert!(arguments.iter().all(|one| one.is_some() == (by != By::Kept) && *one == arguments[0]), "{name}");
    // Cohere's are documents.
    let gave = results.iter().filter_map(|result| result.gave).collect::<HashSet<_>>();
    assert_eq!(gave.len(), if name.starts_with("cohere") { 0 } else { 2 }, "{name}");
    // Gemini's pieces are parts of their own when they are sent again.
    let is_known = second.dialogue.answer.is_some() || name == "gemini_stream" || by == By::Kept;
    assert!(first.dialogue.answer.is_none() && is_known, "{name}");
    let failed = second.dialogue.tool_results.iter().map(|result| result.is_error).collect::<Vec<_>>();
    assert_eq!(failed, [false, name.starts_with("anthropic") || name.starts_with("claude")], "{name}");
    assert!(first.dialogue.tool_results.is_empty() && third.dialogue.tool_results.is_empty(), "{name}");

    assert_eq!(first.dialogue.tools, NAMES, "{name}");
    let systems = dialogues.map(|dialogue| dialogue.system);
    assert!(systems[0].is_some(), "{name}");
    if by != By::Kept {
        assert!(systems.iter().all(|system| *system == systems[0]), "{name}: {systems:?}");
    }
}
