//! What goes through the pipeline.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::feed::{Content, Feed};

/// One kind of exchange.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    /// Feeds one exchange; says how many bytes that were.
    pub(crate) exchange: fn(&mut Feed) -> usize,
    pub(crate) content: Content,
    /// Exchanges over which allocations and instructions are averaged.
    pub(crate) counted: u64,
    /// Spans that come of each; `None` where nothing is demanded but that it ends.
    pub(crate) spans: Option<u64>,
}

impl Load {
    const fn new(
        name: &'static str,
        exchange: fn(&mut Feed) -> usize,
        counted: u64,
        content: Content,
    ) -> Self {
        Self { name, exchange, content, counted, spans: Some(1) }
    }
}

pub(crate) const LOADS: &[Load] = &[
    Load::new("a chat completion, 1 KiB and 4 KiB", chat, 100, Content::Off),
    Load::new("a stream of 500 pieces, a read each", stream, 10, Content::Off),
    Load::new("a request of 1 MiB, image in base64", image, 4, Content::Off),
    Load { spans: None, ..Load::new("hostile: heads, bodies and events", hostile, 1, Content::Off) },
    Load::new("prose, 1 KiB and 4 KiB", prose, 100, Content::Off),
    Load::new("prose, kept", prose, 100, Content::Kept),
    Load::new("prose, kept and redacted", prose, 100, Content::Redacted),
    Load::new("a stream of 500 pieces, kept", stream, 10, Content::Kept),
    Load::new("a stream of 500 pieces, kept and redacted", stream, 10, Content::Redacted),
    Load::new("an image of 1 MiB, kept and redacted", image, 4, Content::Redacted),
];

fn request(body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nAccept-Encoding: identity\r\n\
         Content-Type: application/json\r\nUser-Agent: python-httpx/0.27\r\nAuthorization: Bearer sk-x\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn response(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nServer: x\r\n\r\n{body}",
        body.len()
    )
}

fn answer(words: usize) -> String {
    answered(&"word ".repeat(words))
}

fn answered(content: &str) -> String {
    response(&format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06","choices":[{{"index":0,"message":{{"role":"assistant","content":{content:?}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}}}}"#
    ))
}

fn asked(content: &str, more: &str) -> String {
    request(&format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":{content}}}],"temperature":0.2{more}}}"#
    ))
}

fn chat(feed: &mut Feed) -> usize {
    static TEXTS: LazyLock<[String; 2]> =
        LazyLock::new(|| [asked(&format!("{:?}", "word ".repeat(180)), ""), answer(760)]);
    let [request, response] = &*TEXTS;
    feed.write(request.as_bytes());
    feed.read(response.as_bytes());
    request.len() + response.len()
}

/// As [`chat`], of sentences with numbers and quotes in them.
fn prose(feed: &mut Feed) -> usize {
    const PROSE: &str = "The agent reads what passes at the socket, and keeps of it what its \"policy\" allows (version \
                         2.14.1, 3 July 2026).\nAn order, number 10492, took 1,250 ms; the next one did not.\n";
    static TEXTS: LazyLock<[String; 2]> =
        LazyLock::new(|| [asked(&format!("{:?}", PROSE.repeat(5)), ""), answered(&PROSE.repeat(21))]);
    let [request, response] = &*TEXTS;
    feed.write(request.as_bytes());
    feed.read(response.as_bytes());
    request.len() + response.len()
}

/// The head, then each event in a chunk of its own, then the end.
fn events() -> Vec<String> {
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let event = |choices: &str, usage: &str| {
        chunk(&format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{choices}],\"usage\":{usage}}}\n\n"
        ))
    };
    let mut texts = vec![
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
    ];
    texts.extend((0..498).map(|index| {
        event(&format!(r#"{{"index":0,"delta":{{"content":" word{index}"}},"finish_reason":null}}"#), "null")
    }));
    texts.push(event(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, "null"));
    texts.push(event("", r#"{"prompt_tokens":7,"completion_tokens":498,"total_tokens":505}"#));
    texts.push(chunk("data: [DONE]\n\n") + "0\r\n\r\n");
    texts
}

fn stream(feed: &mut Feed) -> usize {
    static TEXTS: LazyLock<(String, Vec<String>)> = LazyLock::new(|| {
        (asked(r#""word""#, r#","stream":true,"stream_options":{"include_usage":true}"#), events())
    });
    let (request, events) = &*TEXTS;
    feed.write(request.as_bytes());
    events.iter().for_each(|event| feed.read(event.as_bytes()));
    request.len() + events.iter().map(String::len).sum::<usize>()
}

fn image(feed: &mut Feed) -> usize {
    static TEXTS: LazyLock<[String; 2]> = LazyLock::new(|| {
        let url = format!("data:image/png;base64,{}", "iVBORw0KGgoAAAANSUhEUgAA".repeat((1 << 20) / 24 - 40));
        let parts = format!(
            r#"[{{"type":"text","text":"what is this"}},{{"type":"image_url","image_url":{{"url":"{url}"}}}}]"#
        );
        [asked(&parts, ""), answer(20)]
    });
    let [request, response] = &*TEXTS;
    feed.write(request.as_bytes());
    feed.read(response.as_bytes());
    request.len() + response.len()
}

/// Each on a connection of its own: what is no HTTP ends one.
fn hostile(feed: &mut Feed) -> usize {
    static TEXTS: LazyLock<Vec<[String; 2]>> = LazyLock::new(hostile_texts);
    let mut bytes = 0;
    for [request, response] in &*TEXTS {
        feed.connect();
        feed.write(request.as_bytes());
        feed.read(response.as_bytes());
        bytes += request.len() + response.len();
    }
    bytes
}

fn hostile_texts() -> Vec<[String; 2]> {
    let usual = || asked(r#""word""#, "");
    let streamed = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let mut fields = "POST /v1/chat/completions HTTP/1.1\r\n".to_owned();
    for index in 0..129 {
        let _ = write!(fields, "x-{index}: {index}\r\n");
    }
    let pairs = (0..5_000).fold(String::new(), |mut text, index| {
        let _ = write!(text, r#""{index}":{{"model":[[["x"]]]}},"#);
        text
    });
    let model = "eyJ.".repeat(8_000);
    vec![
        [fields + "\r\n", answer(1)],
        [format!("POST /{} HTTP/1.1\r\n\r\n", "a/../".repeat(12_000)), answer(1)],
        [request(&"[".repeat(60_000)), answer(1)],
        [request(&format!(r#"{{"model":{model:?},"messages":[]}}"#)), answer(1)],
        [request(&format!("{{{pairs}\"model\":\"x\"}}")), answer(1)],
        [usual(), streamed(&"data: {\n".repeat(8_000))],
        [usual(), streamed(&"data: {\"choices\":[{\"index\":1,\"delta\":{}}]}\n\n".repeat(1_000))],
        [
            usual(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned() + &"1\r\n{\r\n".repeat(8_000),
        ],
        [usual(), response(&"{\"id\":".repeat(8_000))],
    ]
}
