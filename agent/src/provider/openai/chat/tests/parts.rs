//! Tool calls, what is no text, and what it cost.

use crate::call::Call;
use crate::provider::tests::scene::Scene;

fn tools(call: &Call) -> Vec<(&str, Option<&str>)> {
    call.tool_calls.iter().map(|tool| (tool.name.as_str(), tool.id.as_deref())).collect()
}

#[test]
fn tools_of_a_whole_completion_have_names_and_ids() {
    let body = br#"{"choices":[
        {"index":1,"message":{"tool_calls":[{"id":"c3","type":"custom","custom":{"name":"sql","input":"of bob"}}]}},
        {"index":0,"message":{"tool_calls":[{"id":"c1","function":{"name":"a","arguments":"of bob"}},
            {"id":null,"function":{"name":"b"}}, {"id":"c9","function":null}, 7]}},
        {"index":2,"message":{"function_call":{"name":"old","arguments":"of bob"},"tool_calls":null}}]}"#;
    let call = Scene { body, ..Scene::default() }.play();
    assert_eq!(tools(&call), [("a", Some("c1")), ("b", None), ("sql", Some("c3")), ("old", None)]);
    assert!(!format!("{call:?}").contains("bob"), "{call:?}");
}

fn streamed(deltas: &[&str]) -> Call {
    let events: Vec<_> =
        deltas.iter().map(|delta| format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#)).collect();
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    Scene { events: &events, ..Scene::default() }.play()
}

#[test]
fn tools_of_a_stream_come_in_parts() {
    let parallel = streamed(&[
        r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"a","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#,
        r#"{"tool_calls":[{"index":1,"id":"c2","function":{"name":"b","arguments":""}},{"index":0,"id":"","function":{"name":""}}]}"#,
        r#"{"tool_calls":null}"#,
    ]);
    assert_eq!(tools(&parallel), [("a", Some("c1")), ("b", Some("c2"))]);
    // Some repeat name and id with each part; some give each part an id of its own.
    let repeated = streamed(&[
        r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"a"}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"a"}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"c7","function":{"arguments":"{}"}}]}"#,
    ]);
    assert_eq!(tools(&repeated), [("a", Some("c1"))]);
    // Some give all of them the same index.
    let same = streamed(&[
        r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"a","arguments":"{}"}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"c2","function":{"name":"b","arguments":"{}"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"c3","function":{"name":"b","arguments":"{}"}}]}"#,
    ]);
    assert_eq!(tools(&same), [("a", Some("c1")), ("b", Some("c2")), ("b", Some("c3"))]);
    let old = streamed(&[r#"{"function_call":{"name":"f"}}"#, r#"{"function_call":{"arguments":"{}"}}"#]);
    assert_eq!(tools(&old), [("f", None)]);
}

#[test]
fn tools_are_bounded() {
    let delta = |index: usize| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":{index},"id":"c","function":{{"name":"a"}}}}]}}}}]}}"#
        )
    };
    let events: Vec<_> = (0..200).map(delta).collect();
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let call = Scene { events: &events, ..Scene::default() }.play();
    assert_eq!(call.tool_calls.len(), Call::PARTS_MAX);
    assert!(call.notes.contains(&"more tool calls than are kept"));
}

#[test]
fn media_have_a_type_and_a_size() {
    let request = br#"{"model":"m","messages":[{"role":"user","content":"of bob"},{"role":"user","content":[
        {"type":"text","text":"of bob"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},
        {"type":"image_url","image_url":"https://example.com/bob.png"},
        {"type":"input_audio","input_audio":{"data":"AAA=","format":"mp3"}},
        {"type":"input_audio","input_audio":"AAAA"},
        {"type":"file","file":{"filename":"bob.pdf","file_data":"data:application/pdf;base64,AAAAAA=="}},
        {"type":"file","file":{"file_id":"file-bob"}},
        {"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAAA"}},
        {"type":"document_url","document_url":"https://example.com/bob.pdf"},
        {"type":"image_url","image_url":null}, null, {"type":"image_url"}]},
      {"role":"tool","content":[{"type":"image_url","image_url":{"url":"data:image/gif;base64,AAAAAAA="}}]}]}"#;
    for piece in [1, 7, usize::MAX] {
        let call = Scene { request, piece, ..Scene::default() }.play();
        let media: Vec<_> =
            call.media.iter().map(|part| (part.modality, part.media_type.as_deref(), part.bytes)).collect();
        let expected = [
            ("image", Some("image/png"), Some(3)),
            ("image", None, None),
            ("audio", Some("audio/mpeg"), Some(2)),
            ("audio", None, Some(3)),
            ("document", Some("application/pdf"), Some(4)),
            ("document", None, None),
            ("video", Some("video/mp4"), Some(3)),
            ("document", None, None),
            ("image", Some("image/gif"), Some(5)),
        ];
        assert_eq!(media, expected);
        assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    }
}

#[test]
fn many_messages_are_noted() {
    let message = r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}"#;
    let request = format!(r#"{{"messages":[{}],"model":"late"}}"#, vec![message; 300].join(","));
    let call = Scene { request: request.as_bytes(), ..Scene::default() }.play();
    assert_eq!((call.media.len(), call.request_model.as_deref()), (Call::PARTS_MAX, Some("late")));
    assert!(call.notes.contains(&"only the first messages were looked at for images and files"));
    assert!(call.notes.contains(&"more parts that are no text than are kept"));
}

#[test]
fn vendors_state_their_cost() {
    for (usage, field, expected) in [
        (r#"{"prompt_tokens":1,"cost":0.0125,"is_byok":false}"#, "", Some(0.0125)),
        (r#"{"prompt_tokens":1,"cost":{"total_cost":0.006,"input_tokens_cost":0.001}}"#, "", Some(0.006)),
        (r#"{"prompt_tokens":1,"cost":null}"#, "", None),
        (r#"{"prompt_tokens":1,"cost":-1}"#, "", None),
        (r#"{"prompt_tokens":1,"cost":"1"}"#, "", None),
        (r#"{"prompt_tokens":1}"#, "0.00031", Some(0.00031)),
        (r#"{"prompt_tokens":1}"#, "nan", None),
    ] {
        let body = format!(r#"{{"usage":{usage}}}"#);
        let fields: &[_] = if field.is_empty() { &[] } else { &[("x-litellm-response-cost", field)] };
        let call = Scene { body: body.as_bytes(), answer_fields: fields, ..Scene::default() }.play();
        assert_eq!(call.charged_usd, expected, "{usage} {field}");
    }
}
