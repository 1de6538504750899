#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod loops;

use proptest::prelude::*;

use crate::call::{Call, Dialogue};
use crate::provider::json::Reader;
use crate::provider::openai::CHAT_REQUEST;
use crate::provider::tests::scene::{Scene, play_as};

/// Two turns of one conversation in one dialect.
struct Turns<'a> {
    host: &'a str,
    path: &'a str,
    fields: &'a [&'static str],
    first: &'a str,
    answer: &'a str,
    events: &'a [&'a str],
    second: &'a str,
    /// Of the results, each with its tool's name.
    ids: &'a [(Option<&'a str>, &'a str)],
}

impl Turns<'_> {
    fn play(&self, request: &str, answer: &str, events: &[&str]) -> Call {
        let Self { host, path, fields, .. } = self;
        let (request, body) = (request.as_bytes(), answer.as_bytes());
        Scene { host, path, fields, request, body, events, ..Scene::default() }.play()
    }

    fn hold(&self) {
        let path = self.path;
        let [first, second] = [(self.first, self.answer), (self.second, "{}")]
            .map(|(request, answer)| self.play(request, answer, &[]));
        self.compare(&first, &second);
        if !self.events.is_empty() {
            let streamed = self.play(self.first, "", self.events);
            assert_eq!(
                (streamed.dialogue.reply, streamed.stream),
                (first.dialogue.reply, true),
                "{path}: streamed"
            );
            assert_eq!(streamed.tool_calls, first.tool_calls, "{path}: streamed");
        }
    }

    fn compare(&self, first: &Call, second: &Call) {
        let path = self.path;
        let (asked, answers) = (&first.dialogue, &second.dialogue);
        assert!(answers.prefixes.contains(asked.prefixes.last().unwrap()), "{path}: goes on");
        assert!(!asked.prefixes.contains(answers.prefixes.last().unwrap()), "{path}: has an order");
        assert!(answers.prefixes.contains(&asked.reply.unwrap()), "{path}: the answer is found");
        let ids = answers
            .tool_results
            .iter()
            .map(|result| (result.call_id.as_deref(), result.name.as_deref().unwrap()));
        assert_eq!(ids.collect::<Vec<_>>(), self.ids, "{path}");
        let called =
            first.tool_calls.iter().map(|call| (call.id.as_deref(), &*call.name)).collect::<Vec<_>>();
        assert_eq!(called, self.ids, "{path}: what was asked is answered");
        assert_eq!(asked.tools, ["get_weather", "get_time"], "{path}");
        assert!(asked.system.is_some() && asked.system == answers.system, "{path}");
        assert!(asked.tool_results.is_empty());
    }
}

#[test]
fn a_conversation_is_followed() {
    let openai = Turns {
        host: "api.openai.com",
        path: "/v1/chat/completions",
        fields: &[],
        first: r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"developer","content":"d"},{"role":"user","content":"hi \u00e9"}],
            "tools":[{"type":"function","function":{"name":"get_weather"}},{"type":"custom","custom":{"name":"get_time"}}]}"#,
        answer: r#"{"id":"1","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":"let me see","refusal":null,"annotations":[],
            "tool_calls":[{"id":"c1","type":"function","function":{"name":"get_weather","arguments":"{}"}},{"id":"c2","type":"custom","custom":{"name":"get_time","input":"x"}}]}}]}"#,
        events: &[
            r#"{"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"id":"1","choices":[{"index":0,"delta":{"content":"let m"}}]}"#,
            r#"{"id":"1","choices":[{"index":0,"delta":{"content":"e see"}}]}"#,
            r#"{"id":"1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"get_weather","arguments":""}}]}}]}"#,
            r#"{"id":"1","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c2","custom":{"name":"get_time"}}]}}]}"#,
            r#"{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            "[DONE]",
        ],
        second: r#"{"model":"m","messages":[{"content":"s","role":"system"},{"role":"developer","content":"d"},
            {"role":"user","content":[{"type":"text","text":"hi é","cache_control":{"type":"ephemeral"}}]},
            {"tool_calls":[{"id":"c1","function":{"name":"get_weather","arguments":"{ }"}},{"id":"c2","custom":{"name":"get_time"}}],"reasoning":"r","content":"let me see","role":"assistant"},
            {"role":"tool","tool_call_id":"c1","content":"sun"},{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"noon"}]}]}"#,
        ids: &[(Some("c1"), "get_weather"), (Some("c2"), "get_time")],
    };
    let anthropic = Turns {
        host: "api.anthropic.com",
        path: "/v1/messages",
        fields: &["anthropic-version"],
        first: r#"{"model":"m","system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"hi"}],
            "tools":[{"name":"get_weather","input_schema":{}},{"name":"get_time","input_schema":{}}]}"#,
        answer: r#"{"id":"1","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"let me see"},
            {"type":"tool_use","id":"t1","name":"get_weather","input":{}},{"type":"tool_use","id":"t2","name":"get_time","input":{}}],"stop_reason":"tool_use"}"#,
        events: &[
            r#"{"type":"message_start","message":{"id":"1","type":"message","role":"assistant","content":[]}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"let me"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" see"}}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"get_weather","input":{}}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t2","name":"get_time","input":{}}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
            r#"{"type":"message_stop"}"#,
        ],
        second: r#"{"model":"m","system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},
            {"role":"assistant","content":[{"type":"text","text":"let me see"},{"type":"tool_use","id":"t1","name":"get_weather","input":{"a":1}},{"type":"tool_use","id":"t2","name":"get_time","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"sun"},{"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"no"}],"cache_control":{"type":"ephemeral"}}]}]}"#,
        ids: &[(Some("t1"), "get_weather"), (Some("t2"), "get_time")],
    };
    openai.hold();
    anthropic.hold();
    let failed = anthropic.play(anthropic.second, "{}", &[]);
    assert_eq!(
        failed.dialogue.tool_results.iter().map(|result| result.is_error).collect::<Vec<_>>(),
        [false, true]
    );
}

#[test]
fn what_other_hosts_and_older_versions_say_is_followed() {
    let nova = Turns {
        host: "bedrock-runtime.us-east-1.amazonaws.com",
        path: "/model/us.amazon.nova-lite-v1:0/invoke",
        fields: &[],
        first: r#"{"schemaVersion":"messages-v1","system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"hi"}]}],
            "toolConfig":{"tools":[{"toolSpec":{"name":"get_weather"}},{"toolSpec":{"name":"get_time"}}]}}"#,
        answer: r#"{"output":{"message":{"role":"assistant","content":[{"text":"let me see"},{"toolUse":{"toolUseId":"t1","name":"get_weather","input":{}}}]}},"stopReason":"tool_use"}"#,
        events: &[],
        second: r#"{"schemaVersion":"messages-v1","system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"hi"},{"cachePoint":{"type":"default"}}]},
            {"role":"assistant","content":[{"text":"let me see"},{"toolUse":{"toolUseId":"t1","name":"get_weather","input":{}}}]},
            {"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"json":{"a":1}}]}}]}]}"#,
        ids: &[(Some("t1"), "get_weather")],
    };
    let vertex = Turns {
        host: "us-east5-aiplatform.googleapis.com",
        path: "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4:rawPredict",
        fields: &[],
        first: r#"{"anthropic_version":"vertex-2023-10-16","system":"s","messages":[{"role":"user","content":"hi"}],"tools":[{"name":"get_weather"},{"name":"get_time"}]}"#,
        answer: r#"{"id":"1","type":"message","role":"assistant","content":[{"type":"tool_use","id":"t1","name":"get_weather","input":{}}],"stop_reason":"tool_use"}"#,
        events: &[],
        second: r#"{"anthropic_version":"vertex-2023-10-16","system":"s","messages":[{"role":"user","content":"hi"},
            {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"get_weather","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"sun"}]}]}"#,
        ids: &[(Some("t1"), "get_weather")],
    };
    let generate = Turns {
        host: "generativelanguage.googleapis.com",
        path: "/v1beta/models/gemini-2.5-flash:generateContent",
        fields: &[],
        first: r#"{"system_instruction":{"parts":[{"text":"s"}]},"contents":[{"parts":[{"text":"hi"}]}],
            "tools":[{"function_declarations":[{"name":"get_weather"},{"name":"get_time"}]}]}"#,
        answer: r#"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"7","name":"get_weather","args":{}},"thoughtSignature":"x"}]},"finishReason":"STOP"}]}"#,
        events: &[],
        second: r#"{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"hi"}]},
            {"role":"model","parts":[{"function_call":{"id":"7","name":"get_weather","args":{}}}]},
            {"role":"user","parts":[{"function_response":{"id":"7","name":"get_weather","response":{"error":"no"}}}]}]}"#,
        ids: &[(Some("7"), "get_weather")],
    };
    let cohere = Turns {
        host: "api.cohere.com",
        path: "/v1/chat",
        fields: &[],
        first: r#"{"model":"m","preamble":"s","message":"hi","tools":[{"name":"get_weather"},{"name":"get_time"}]}"#,
        answer: r#"{"text":"let me see","generation_id":"g","finish_reason":"COMPLETE","tool_calls":[{"name":"get_weather","parameters":{}}]}"#,
        events: &[],
        second: r#"{"model":"m","preamble":"s","message":"","chat_history":[{"role":"USER","message":"hi"},
            {"role":"CHATBOT","message":"let me see","tool_calls":[{"name":"get_weather","parameters":{}}]}],
            "tool_results":[{"call":{"name":"get_weather","parameters":{}},"outputs":[{"a":1}]}]}"#,
        ids: &[(None, "get_weather")],
    };
    for turns in [nova, vertex, generate] {
        turns.hold();
    }
    let fields = &[("content-type", "application/json")];
    let [first, second] = [(cohere.first, cohere.answer), (cohere.second, "{}")].map(|(request, body)| {
        let (request, body) = (request.as_bytes(), body.as_bytes());
        let scene = Scene {
            host: cohere.host,
            path: cohere.path,
            request,
            body,
            request_fields: fields,
            ..Scene::default()
        };
        play_as("POST", &scene)
    });
    cohere.compare(&first, &second);
}

#[test]
fn a_gap_leaves_no_half_conversation() {
    let (before, messages, behind) = (
        r#"{"model":"m","#,
        r#""messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]"#,
        r#","n":1}"#,
    );
    let read = |pieces: &[&str]| {
        let mut reader = Reader::new(&CHAT_REQUEST);
        for (at, piece) in pieces.iter().enumerate() {
            if at > 0 {
                reader.gap();
            }
            reader.push(piece.as_bytes());
        }
        reader.finish().thread
    };
    let whole = read(&[&format!("{before}{messages}{behind}")]);
    assert!(whole.is_some());
    assert_eq!(read(&[&format!("{before}{messages}"), behind]), whole, "behind all messages nothing matters");
    let (one, other) = messages.split_at(50);
    for pieces in [
        [format!("{before}{one}"), format!("{other}{behind}")],
        [before.to_owned(), format!("{messages}{behind}")],
    ] {
        assert_eq!(read(&[&pieces[0], &pieces[1]]), None, "{pieces:?}");
    }
}

fn chat(messages: &str) -> Dialogue {
    let request = format!(r#"{{"model":"m","messages":{messages}}}"#);
    let body = br#"{"id":"1","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"yes"}}]}"#;
    Scene { request: request.as_bytes(), body, ..Scene::default() }.play().dialogue
}

#[test]
fn what_differs_has_no_common_prefix() {
    let one = chat(
        r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]"#,
    );
    assert_eq!(one.prefixes.len(), 3);
    for (messages, common) in [
        (
            r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"d"}]"#,
            2,
        ),
        (
            r#"[{"role":"user","content":"a"},{"role":"assistant","content":"x"},{"role":"user","content":"c"}]"#,
            1,
        ),
        (
            r#"[{"role":"assistant","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]"#,
            0,
        ),
        (
            r#"[{"role":"user","content":"b"},{"role":"assistant","content":"a"},{"role":"user","content":"c"}]"#,
            0,
        ),
        (
            r#"[{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"assistant","content":"b"}]"#,
            2,
        ),
        (r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"a"}}]}]"#, 0),
    ] {
        let other = chat(messages);
        let found = other.prefixes.iter().zip(&one.prefixes).take_while(|(one, other)| one == other).count();
        assert_eq!(found, common, "{messages}");
    }
    let image = |url: &str| {
        chat(&format!(
            r#"[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]"#
        ))
    };
    assert_eq!(image("a").prefixes, image("a").prefixes);
    assert_ne!(image("a").prefixes, image("b").prefixes);
}

#[test]
fn long_conversations_keep_their_end() {
    let messages = |count: usize| {
        let messages = (0..count)
            .map(|at| format!(r#"{{"role":"{}","content":"{at}"}}"#, ["user", "assistant"][at % 2]));
        chat(&format!("[{}]", messages.collect::<Vec<_>>().join(",")))
    };
    let (one, next) = (messages(301), messages(303));
    assert_eq!((one.prefixes.len(), one.skipped), (301, 0));
    assert_eq!(next.prefixes[..301], one.prefixes);
    let (long, longer) = (messages(10_001), messages(10_003));
    assert_eq!((long.prefixes.len(), long.skipped), (Dialogue::PREFIXES_MAX, 10_001 - 4096));
    assert_eq!(longer.prefixes[4093], *long.prefixes.last().unwrap());
    assert!(long.reply.is_some() && long.reply != longer.reply);
}

#[test]
fn what_is_not_whole_has_no_place() {
    let part = r#"{"type":"text","text":"a"},"#.repeat(200);
    let many = chat(&format!(r#"[{{"role":"user","content":[{part}{{"type":"text","text":"b"}}]}}]"#));
    assert_eq!((many.prefixes.len(), many.reply), (0, None), "more parts than are kept");
    let request = br#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"us"#;
    let cut = Scene { request, body: b"{}", ..Scene::default() }.play();
    assert_eq!(cut.dialogue, Dialogue::default());
    for (body, events) in [
        (&br#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"ye"#[..], &[][..]),
        (b"", &[r#"{"id":"1","choices":[{"index":0,"delta":{"content":"ye"}}]}"#]),
        (br#"{"error":{"code":"overloaded"}}"#, &[]),
    ] {
        let outcome = crate::exchange::Outcome::PeerClosed;
        let call = Scene { body, events, outcome, ..Scene::default() }.play();
        assert_eq!((call.dialogue.prefixes.len(), call.dialogue.reply), (1, None));
    }
}

#[test]
fn results_are_bounded() {
    let results = r#"{"role":"tool","tool_call_id":"c","content":"x"},"#.repeat(100);
    let dialogue =
        chat(&format!(r#"[{{"role":"user","content":"a"}},{results}{{"role":"tool","tool_call_id":"c"}}]"#));
    assert_eq!(dialogue.tool_results.len(), Call::PARTS_MAX);
    let empty = chat(r#"[{"role":"user","content":"a"},{"role":"tool","tool_call_id":"c"}]"#);
    assert_eq!((empty.tool_results.len(), empty.prefixes.len()), (1, 2), "a result may say nothing");
}

/// Pieces of requests, most of which are none.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "7",
        "{\"messages\":[",
        "{\"role\":\"user\",\"content\":",
        "\"role\"",
        "\"assistant\"",
        "\"content\"",
        "\"tool_calls\"",
        "\"tool\"",
        "\"type\"",
        "\"text\"",
        "\"\\ud83d\\ude00\"",
        "\"",
        "\\",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_survived(document in noise(), size in 1_usize..9, gap in 0_usize..99) {
        let read = |size: usize| {
            let mut reader = Reader::new(&CHAT_REQUEST);
            document.chunks(size).for_each(|piece| reader.push(piece));
            reader.finish()
        };
        prop_assert_eq!(read(size), read(usize::MAX));
        let mut reader = Reader::new(&CHAT_REQUEST);
        let (before, behind) = document.split_at(gap.min(document.len()));
        reader.push(before);
        reader.gap();
        reader.push(behind);
        let _ = reader.finish();
    }
}
