//! Bodies of vendors' own SDKs, recorded by `tests/exchanges/record.py`, as the dialects keep and read them.

use std::path::{Path, PathBuf};

use super::*;
use crate::call::{Call, Inference, Subject};
use crate::provider::BodyLimits;
use crate::provider::tests::wire::recorded_within;

/// Families of exchanges in which these dialects are spoken, and names of exchanges in which others are.
const FAMILIES: &[(&str, &[&str])] = &[
    ("huggingface_api", &[]),
    ("llama_cpp_server", &[]),
    ("mistral_api", &[]),
    ("ollama_api", &[]),
    ("ollama_node", &[]),
    ("openai_chat", &[]),
    ("openai_frameworks", &[]),
    ("openai_node", &[]),
    ("openai_others", &[]),
    ("openai_python2", &[]),
    ("tool_loops", &["anthropic", "bedrock", "claude", "cohere", "gemini"]),
];

/// The recordings of these dialects, without the ends of their names.
fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/exchanges");
    let mut paths = Vec::new();
    for (family, others) in FAMILIES {
        let entries = std::fs::read_dir(folder.join(family)).unwrap().map(|entry| entry.unwrap().path());
        let is_request = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "request");
        let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_own = |path: &PathBuf| !others.iter().any(|other| name(path).starts_with(other));
        paths.extend(entries.filter(is_request).filter(is_own).map(|path| path.with_extension("")));
    }
    paths
}

/// What was asked, what was answered, and the calls that it meant, of whose bodies so much is kept.
fn play(path: &Path, kept_bytes: usize) -> (String, String, Vec<Call>) {
    let read = |extension| std::fs::read(path.with_extension(extension)).unwrap();
    let (request, response) = (read("request"), read("response"));
    let limits = BodyLimits { kept_bytes, ..BodyLimits::default() };
    let calls = recorded_within(&request, &response, usize::MAX, limits);
    let body = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    };
    (body(&request), body(&response), calls)
}

/// What the recorder's calls and answers have wherever a text of the user's or the model's stands.
const CANARY: &str = "canary";

#[test]
fn what_recordings_say_is_found() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in recordings() {
        let (asked, answered, calls) = play(&path, 1 << 20);
        for call in &calls {
            let is_inference = matches!(call.subject, Subject::Inference { .. });
            let Some(recorded) = &call.recorded else {
                assert!(!is_inference, "{}: nothing is kept", path.display());
                continue;
            };
            let content = recorded.content();
            seen += 1;
            let said = |found: String, body: &str| found.contains(CANARY) == body.contains(CANARY);
            let found = format!("{:?} {:?} {:?}", content.system, content.input, content.query);
            // What is said in sound, and what a form says, are no JSON.
            let is_form = asked.starts_with("--");
            if !is_form && !said(found, &asked) {
                wrong.push(format!("{}: asked {asked}, found {content:?}", path.display()));
            }
            let found = format!("{:?} {:?} {:?}", content.output, content.documents, content.error);
            if !answered.starts_with("ID3") && !said(found, &answered) {
                wrong.push(format!("{}: said {answered}, found {content:?}", path.display()));
            }
            let is_chat = matches!(call.subject, Subject::Inference { operation: Inference::Chat, .. });
            let calls = content.output.iter().flat_map(|message| &message.parts);
            let calls = calls.filter_map(|part| match part {
                Part::ToolCall { name, id, .. } => Some((name.as_str(), id.as_deref())),
                _ => None,
            });
            let known = call.tool_calls.iter().map(|call| (call.name.as_str(), call.id.as_deref()));
            if is_chat && !calls.eq(known) {
                wrong.push(format!("{}: called {:?}, found {content:?}", path.display(), call.tool_calls));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 80, "{seen} recordings");
}

/// Whatever is kept of a recording, nothing is found that is not in it.
#[test]
fn cut_recordings_say_what_is_kept() {
    let lengths = |messages: &[Message]| messages.iter().map(|message| message.parts.len()).sum::<usize>();
    for path in recordings() {
        let (_, _, all) = play(&path, 1 << 20);
        for kept_bytes in [1, 16, 40, 64, 100, 200, 300, 500] {
            let (_, _, calls) = play(&path, kept_bytes);
            for (call, whole) in calls.iter().zip(&all) {
                let (Some(recorded), Some(whole)) = (&call.recorded, &whole.recorded) else { continue };
                let (content, whole) = (recorded.content(), whole.content());
                assert!(content.input.len() <= whole.input.len(), "{} {kept_bytes}", path.display());
                assert!(content.output.len() <= whole.output.len(), "{} {kept_bytes}", path.display());
                assert!(
                    lengths(&content.output) <= lengths(&whole.output),
                    "{} {kept_bytes}",
                    path.display()
                );
                assert!(content.tools.len() <= whole.tools.len(), "{} {kept_bytes}", path.display());
            }
        }
    }
}
