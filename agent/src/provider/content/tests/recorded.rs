//! Bodies of vendors' own SDKs, recorded by `tests/exchanges/record.py`.

use std::path::Path;

use bytes::Bytes;

use super::*;
use crate::event::{Direction, End, Source};
use crate::exchange::{Frame, HttpConnection, Limits, Payload, Step};
use crate::protocol::http1::RequestHead;
use crate::protocol::multipart::{MultipartParser, boundary};
use crate::stream::Segment;

/// Families of exchanges in which these dialects are spoken.
const FAMILIES: &[&str] = &[
    "huggingface_api",
    "llama_cpp_server",
    "mistral_api",
    "ollama_api",
    "ollama_node",
    "openai_chat",
    "openai_frameworks",
    "openai_node",
    "openai_others",
    "openai_python2",
    "tool_loops",
];

/// Ends of paths, and who converts what is said there.
const CONVERTERS: &[(&str, Convert)] = &[
    ("/chat/completions", openai),
    ("/agents/completions", openai),
    ("/completions", openai),
    ("/responses", responses),
    ("/images/generations", images),
    ("/moderations", moderations),
    ("/audio/speech", speech),
    ("/audio/transcriptions", transcriptions),
    ("/v1/conversations", conversations),
    ("/ocr", ocr),
    ("/api/chat", ollama),
    ("/api/generate", ollama),
    ("/generate", huggingface),
    ("/generate_stream", huggingface),
    ("/completion", llama_cpp),
    ("/infill", llama_cpp),
];

fn converter(path: &str) -> Option<Convert> {
    let found = CONVERTERS.iter().find(|(end, _)| path.ends_with(end)).map(|(_, convert)| *convert);
    let is_kept = path.starts_with("/v1/conversations/");
    let is_task = path == "/" || path.starts_with("/hf-inference/models/google/");
    found.or(is_kept.then_some(conversations as Convert)).or(is_task.then_some(huggingface as Convert))
}

/// The bodies of an exchange.
fn bodies(request: &[u8], response: &[u8]) -> (RequestHead, Bodies) {
    let mut connection = HttpConnection::new(Limits::default(), Source::Socket);
    let mut steps = Vec::new();
    let mut push = |direction, segment| connection.push(direction, 0, segment, &mut |step| steps.push(step));
    push(Direction::Write, Segment::Turn);
    push(Direction::Write, Segment::Data(Bytes::copy_from_slice(request)));
    push(Direction::Read, Segment::Data(Bytes::copy_from_slice(response)));
    connection.end(End::PeerClosed, 1, &mut |step| steps.push(step));
    let (mut head, mut asked, mut said, mut events) = (None, Vec::new(), Vec::new(), Vec::new());
    let parse = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or(Value::Null);
    for step in steps {
        match step {
            Step::Began { request, .. } => head = Some(RequestHead::clone(&request)),
            Step::Request { frame: Frame { payload: Payload::Document(bytes), .. }, .. } => {
                asked.extend(bytes)
            }
            Step::Response { frame, .. } => match frame.payload {
                Payload::Document(bytes) => said.extend(bytes),
                Payload::Event(event) => events.push((event.name, parse(event.data.as_bytes()))),
                Payload::Line { bytes, .. } => events.push((String::new(), parse(&bytes))),
                _ => {}
            },
            _ => {}
        }
    }
    let head = head.unwrap();
    let request = match boundary(head.headers.get("content-type").unwrap_or_default()) {
        Some(boundary) => form(&asked, boundary),
        None => parse(&asked),
    };
    (head, Bodies { request, response: parse(&said), events })
}

fn form(body: &[u8], boundary: &str) -> Value {
    let mut members = serde_json::Map::new();
    MultipartParser::new(boundary).push(body, &mut |part| {
        let value = match part.is_file {
            true => json!([{"media_type": part.media_type, "bytes": part.bytes}]),
            false => String::from_utf8_lossy(&part.value).into(),
        };
        members.insert(part.name, value);
    });
    Value::Object(members)
}

/// The text that the recorder's calls and answers have wherever a text of the user's or the model's stands.
const CANARY: &str = "canary";

#[test]
fn what_recordings_say_is_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/exchanges");
    let mut seen = 0;
    let mut wrong = Vec::new();
    for family in FAMILIES {
        for entry in std::fs::read_dir(folder.join(family)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "request") {
                continue;
            }
            let (asked, answered) =
                (std::fs::read(&path).unwrap(), std::fs::read(path.with_extension("response")).unwrap());
            let (head, bodies) = bodies(&asked, &answered);
            let Some(convert) = converter(&head.path) else { continue };
            let mut content = Content::default();
            convert(&bodies, &mut content);
            seen += 1;
            let name = path.strip_prefix(&folder).unwrap().display().to_string();
            let has = |said: String| said.contains(CANARY);
            let asked = has(bodies.request.to_string());
            let found = has(format!("{:?} {:?} {:?}", content.system, content.input, content.tools));
            if asked != found {
                wrong.push(format!("{name}: asked {}, found {content:?}", bodies.request));
            }
            let was_said = joined(&bodies);
            let found = has(format!("{:?} {:?}", content.output, content.error));
            if was_said != found {
                wrong
                    .push(format!("{name}: said {} {:?}, found {content:?}", bodies.response, bodies.events));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 80, "{seen} recordings");
}

/// Whether the response says the word, perhaps over several events.
fn joined(bodies: &Bodies) -> bool {
    let events = bodies.events.iter().map(|(_, event)| event.to_string());
    events.chain([bodies.response.to_string()]).any(|said| said.contains(CANARY))
}
