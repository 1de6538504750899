//! What is searched: usual texts, and such as are made to be dear. Nothing in them is a real person's or anyone's key.

/// A name, and what makes about so many bytes of it.
pub(crate) type Text = (&'static str, fn(usize) -> String);

pub(crate) const TEXTS: &[Text] = &[
    ("prose", prose),
    ("prose in Chinese", |bytes| {
        repeat("系统会在每个请求结束后记录跨度，并在导出之前检查其中的内容。", bytes)
    }),
    ("prose with a finding in each line", personal),
    ("a chat in JSON", chat),
    ("a chat in JSON with tool arguments", tools),
    ("code", code),
    ("a log", log),
    ("an image in base64 in JSON", image),
    ("text in base64", |bytes| repeat(TEXT_IN_BASE64, bytes)),
    ("embeddings in JSON", |bytes| format!("{{\"embedding\":[{}0]}}", repeat("-0.0123456,", bytes))),
    ("hostile: escapes of escapes", |bytes| repeat(r"%2525\\\\u0025&amp;#37;", bytes)),
    ("hostile: characters without width", |bytes| repeat("a\u{200B}", bytes)),
    ("hostile: documents in documents", documents),
    ("hostile: digits and dots", |bytes| repeat("1.1.", bytes)),
    ("hostile: digits and hyphens", |bytes| repeat("4-", bytes)),
    ("hostile: at signs", |bytes| repeat("a@", bytes)),
    ("hostile: colons", |bytes| repeat("a:", bytes)),
    ("hostile: begins of keys", |bytes| repeat("sk-ghp_eyJ", bytes)),
    ("hostile: begins of private keys", |bytes| repeat("-----BEGIN PRIVATE KEY", bytes)),
    ("hostile: secrets of secrets", |bytes| repeat("password=", bytes)),
    ("hostile: URLs", |bytes| repeat("a://b@", bytes)),
    ("hostile: brackets", |bytes| repeat("[{\"a\":", bytes)),
];

/// 57 characters of prose.
const TEXT_IN_BASE64: &str = "VGhlIGFnZW50IHJlYWRzIHdoYXQgcGFzc2VzIGFuZCBrZWVwcyB3aGF0IGl0IG1heS4gTW9yZS4g\n";
const PROSE: &str = "The agent reads what passes at the socket, and keeps of it what its policy allows (version 2.14.1, 3 July \
2026). An order, number 10492, took 1,250 ms; the next one did not. Ask your operator if in doubt.\n";

fn repeat(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

fn prose(bytes: usize) -> String {
    repeat(PROSE, bytes)
}

fn personal(bytes: usize) -> String {
    repeat(
        "Write to jane.doe@example.com or call +49 30 901820 about card 4111 1111 1111 1111, from 192.0.2.17.\n",
        bytes,
    )
}

fn chat(bytes: usize) -> String {
    let content = PROSE.trim_end().repeat(3);
    let message = format!(
        r#"{{"role":"user","content":"{content}"}},{{"role":"assistant","content":[{{"type":"text","text":"It said: \"{content}\"\n"}}]}},"#
    );
    format!(r#"{{"model":"gpt-4o","messages":[{}null],"temperature":0.2}}"#, repeat(&message, bytes))
}

fn tools(bytes: usize) -> String {
    let call = r#"{"id":"call_8Zk2","type":"function","function":{"name":"find_order","arguments":"{\"order\": 10492, \"customer\": {\"name\": \"Jane\", \"since\": \"2019-04-01\"}, \"note\": \"as she said: \\\"soon\\\"\"}"}},"#;
    format!(r#"{{"tool_calls":[{}null]}}"#, repeat(call, bytes))
}

fn code(bytes: usize) -> String {
    repeat(
        "    fn find(&self, text: &str, found: &mut Vec<Finding>) -> Result<(), Error> {\n        \
         let begin = text.get(at..)?.find(\"::\").map_or(0, |at| at + 2); // 0x7f, 1_000\n        \
         self.tokens[index % 16] ^= u64::from(begin as u32) << 7;\n    }\n\n",
        bytes,
    )
}

fn log(bytes: usize) -> String {
    repeat(
        "2026-07-03T12:41:07.123456Z  INFO request{id=550e8400-e29b-41d4-a716-446655440000 path=/v1/chat?x=1%202}: done \
         in 1250 ms sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
        bytes,
    )
}

fn image(bytes: usize) -> String {
    let url = format!("data:image/png;base64,iVBORw0KGgo{}", repeat("AAAANSUhEUgAAx3/9+Kq", bytes));
    format!(r#"[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]"#)
}

/// One in another, and again, so that each is as long as what it lies in; then the same anew.
fn documents(bytes: usize) -> String {
    let mut document = r#"{\"a\":1}"#.to_owned();
    for _ in 0..6 {
        document = format!("[\"{}\"]", document.replace('\\', r"\\").replace('"', "\\\""));
    }
    format!("[{}0]", repeat(&format!("{document},"), bytes))
}
