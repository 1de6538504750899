#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;

/// Everything leaves in one mode, but for some kinds; `secret` is hidden.
struct Fake {
    mode: Mode,
    but: Vec<(Kind, Mode)>,
    found: usize,
}

impl Clean for Fake {
    fn mode(&self, _direction: Direction, kind: Kind) -> Mode {
        self.but.iter().find(|(one, _)| *one == kind).map_or(self.mode, |(_, mode)| *mode)
    }

    fn text(&mut self, text: &mut String, is_cut: bool, mode: Mode) {
        if mode != Mode::Off {
            self.found += text.matches("secret").count();
            *text = text.replace("secret", "[X]");
        }
        // What may be half of it.
        if let Some(begin) = text.strip_suffix("sec").filter(|_| is_cut) {
            *text = begin.to_owned();
        }
    }

    fn json(&mut self, value: &mut Json, mode: Mode) {
        let mut text = value.to_string();
        self.text(&mut text, false, mode);
        *value = serde_json::from_str(&text).unwrap();
    }
}

fn said(content: Content, mode: Mode, but: &[(Kind, Mode)]) -> (Json, bool, usize) {
    let mut fake = Fake { mode, but: but.to_vec(), found: 0 };
    let (attributes, is_cut) = say(content, &mut fake);
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let said = attributes.iter().map(|(name, text)| ((*name).to_owned(), value(text)));
    (said.collect::<Map<_, _>>().into(), is_cut, fake.found)
}

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, ..Message::default() }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn image(data: &str) -> Part {
    let mime_type = Some("image/png".to_owned());
    Part::Blob { modality: "image", mime_type, data: data.to_owned(), bytes: 3 }
}

fn called() -> Part {
    let arguments = json!({"to": "secret", "count": 1, "flags": [null, true], "rate": 0.5});
    Part::ToolCall { id: Some("call_1".to_owned()), name: "send".to_owned(), arguments }
}

fn gave() -> Part {
    Part::ToolResponse { id: Some("call_1".to_owned()), response: json!("it is secret") }
}

fn conversation() -> Content {
    let answer =
        Message { finish_reason: Some("tool_call".to_owned()), ..message("assistant", vec![called()]) };
    Content {
        system: vec![text("be secret")],
        input: vec![
            message("developer", vec![text("be brief")]),
            message("user", vec![text("my secret"), image("AAAA")]),
            message("tool", vec![gave()]),
            message("assistant", Vec::new()),
        ],
        output: vec![answer],
        tools: vec![Tool {
            kind: "function".to_owned(),
            name: Some("send".to_owned()),
            description: Some("sends a secret".to_owned()),
            parameters: Some(json!({"type": "object"})),
        }],
        ..Content::default()
    }
}

#[test]
fn what_is_found_is_replaced_wherever_it_stands() {
    let (told, is_cut, found) = said(conversation(), Mode::Redacted, &[]);
    let expected = json!({
        "gen_ai.system_instructions": [{"type": "text", "content": "be [X]"}],
        "gen_ai.input.messages": [
            {"role": "developer", "parts": [{"type": "text", "content": "be brief"}]},
            {"role": "user", "parts": [
                {"type": "text", "content": "my [X]"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "byte_size": 3, "content": ""},
            ]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "it is [X]"}]},
            {"role": "assistant", "parts": []},
        ],
        "gen_ai.output.messages": [{"role": "assistant", "finish_reason": "tool_call", "parts": [{
            "type": "tool_call", "id": "call_1", "name": "send",
            "arguments": {"to": "[X]", "count": 1, "flags": [null, true], "rate": 0.5},
        }]}],
        "gen_ai.tool.definitions": [{
            "type": "function", "name": "send", "description": "sends a [X]", "parameters": {"type": "object"},
        }],
    });
    assert_eq!((told, is_cut, found), (expected, false, 5));
}

#[test]
fn metadata_are_the_form() {
    let (told, _, found) = said(conversation(), Mode::Metadata, &[]);
    let expected = json!({
        "gen_ai.system_instructions": [{"type": "text", "byte_size": 9}],
        "gen_ai.input.messages": [
            {"role": "developer", "parts": [{"type": "text", "byte_size": 8}]},
            {"role": "user", "parts": [
                {"type": "text", "byte_size": 9},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "byte_size": 3, "content": ""},
            ]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "byte_size": 12}]},
            {"role": "assistant", "parts": []},
        ],
        "gen_ai.output.messages": [{"role": "assistant", "finish_reason": "tool_call", "parts": [
            {"type": "tool_call", "id": "call_1", "name": "send", "byte_size": 56},
        ]}],
        "gen_ai.tool.definitions": [{"type": "function", "name": "send"}],
    });
    assert_eq!((told, found), (expected, 5), "it is counted what redacted would hide");
}

#[test]
fn nothing_is_seen_of_what_is_off() {
    let off = |kinds: &[Kind]| {
        let but: Vec<_> = kinds.iter().map(|kind| (*kind, Mode::Off)).collect();
        said(conversation(), Mode::Redacted, &but).0
    };
    assert_eq!(off(&Kind::ALL), json!({}));
    let roles = |told: &Json| -> Vec<String> {
        let messages = told["gen_ai.input.messages"].as_array().unwrap().iter();
        messages.map(|message| message["role"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(roles(&off(&[Kind::ToolResults])), ["developer", "user", "assistant"]);
    let no_instructions = off(&[Kind::SystemInstructions]);
    assert_eq!(roles(&no_instructions), ["user", "tool", "assistant"]);
    assert!(no_instructions.get("gen_ai.system_instructions").is_none());
    assert_eq!(roles(&off(&[Kind::Messages])), ["developer", "tool"]);
    assert!(off(&[Kind::ToolArguments]).get("gen_ai.output.messages").is_none());
    let names = said(conversation(), Mode::Redacted, &[(Kind::ToolDefinitions, Mode::Metadata)]).0;
    assert_eq!(names["gen_ai.tool.definitions"], json!([{"type": "function", "name": "send"}]));
}

#[test]
fn data_leaves_under_full_alone() {
    for (mode, expected) in [(Mode::Metadata, ""), (Mode::Redacted, ""), (Mode::Full, "AAAA")] {
        let content = Content { input: vec![message("user", vec![image("AAAA")])], ..Content::default() };
        let part = &said(content, mode, &[]).0["gen_ai.input.messages"][0]["parts"][0];
        assert_eq!((&part["content"], &part["byte_size"]), (&json!(expected), &json!(3)), "{mode:?}");
    }
}

#[test]
fn what_is_taken_from_the_end_of_cut_data_is_missing_too() {
    // "picture: sec"
    for (data, expected) in [
        ("cGljdHVyZTogc2Vj…[8 bytes cut]", "cGljdHVyZTog…[12 bytes cut]"),
        ("cGljdHVyZTogc2Vj…[cut]", "cGljdHVyZTog…[cut]"),
        ("cGljdHVyZTogc2Vj", "cGljdHVyZTogc2Vj"),
        ("cGljdHVyZTog…[8 bytes cut]", "cGljdHVyZTog…[8 bytes cut]"),
    ] {
        let content = Content { input: vec![message("user", vec![image(data)])], ..Content::default() };
        let (told, _, _) = said(content, Mode::Full, &[]);
        assert_eq!(told.pointer("/gen_ai.input.messages/0/parts/0/content"), Some(&json!(expected)));
    }
}

#[test]
fn cut_texts_are_marked_and_bounded() {
    let one = |said: &str| Content { input: vec![message("user", vec![text(said)])], ..Content::default() };
    let place = "/gen_ai.input.messages/0/parts/0/content";
    let (told, is_cut, _) = said(one("begin secr…[9 bytes cut]"), Mode::Redacted, &[]);
    assert_eq!((told.pointer(place), is_cut), (Some(&json!("begin secr…[9 bytes cut]")), true));
    let long = "é".repeat(ATTRIBUTE_MAX_BYTES);
    let (told, is_cut, _) = said(one(&long), Mode::Redacted, &[]);
    let told = told.pointer(place).unwrap().as_str().unwrap();
    let (kept, missing) = without_cut_mark(told).unwrap();
    assert!(is_cut && kept.len() <= ATTRIBUTE_MAX_BYTES && long.starts_with(kept));
    assert_eq!(kept.len() as u64 + missing, long.len() as u64);
}
