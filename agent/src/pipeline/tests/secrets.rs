//! A secret in strings of all recorded exchanges, one after the other: whatever the dialect makes of it, it does not
//! leave.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::ops::Range;

use super::exchanges::{Recorded, head_bytes, recorded};
use super::*;
use crate::config::{ContentMode, ContentPlace};
use crate::redact::Policy;

/// Secrets, with what of them nobody may see, and whether they are credentials: of the right shape, put together here so
/// that no scanner of repositories takes them for real.
fn secrets() -> Vec<(String, String, bool)> {
    let key = |prefix: &str| format!("{prefix}{}", "Ab3dEf6hIj9lMn2pQr5tUv8xYz1");
    let same = |text: String, is_credential| (text.clone(), text, is_credential);
    vec![
        same(key("sk-proj-"), true),
        same("jane.doe@example.com".to_owned(), false),
        same(key("AKIA").to_uppercase(), true),
        same(["4539", "1488", "0343", "6467"].concat(), false),
        (format!("postgres://app:{}@db/x", key("P")), key("P"), true),
        same("+49 30 901820".to_owned(), false),
        same(["DE89", "3704", "0044", "0532", "0130", "00"].concat(), false),
    ]
}

/// The strings of all documents in a text, without their quotes.
fn strings(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut begin, mut is_escaped) = (Vec::new(), None, false);
    for (at, byte) in text.bytes().enumerate() {
        match (byte, begin) {
            (b'"', None) => begin = Some(at + 1),
            (b'\\', Some(_)) if !is_escaped => is_escaped = true,
            (b'"', Some(first)) if !is_escaped => {
                found.push(first..at);
                begin = None;
            }
            _ => is_escaped = false,
        }
    }
    found
}

/// Head and body of a message whose body is text with strings; none where it is packed.
fn parts(message: &[u8]) -> Option<(String, String)> {
    let (head, body) = message.split_at(head_bytes(message));
    let head = std::str::from_utf8(head).ok()?;
    let lower = head.to_lowercase();
    if lower.contains("content-encoding:") {
        return None;
    }
    let fields = head.split_inclusive("\r\n").filter(|line| {
        let line = line.to_lowercase();
        !line.starts_with("content-length:") && !line.starts_with("transfer-encoding:") && line != "\r\n"
    });
    let body = if lower.contains("transfer-encoding: chunked") { chunks(body)? } else { body.to_vec() };
    Some((fields.collect(), String::from_utf8(body).ok()?))
}

fn chunks(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(line + 2..line + 2 + size)?);
        body = body.get(line + 4 + size..)?;
    }
}

fn message(head: &str, body: &str) -> Vec<u8> {
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A policy with its detectors, which take some time to make.
fn policy(mode: ContentMode) -> (ContentPolicy, Arc<Policy>) {
    let content =
        ContentPolicy { mode, limit: 1 << 16, place: ContentPlace::Both, ..ContentPolicy::default() };
    (content.clone(), Arc::new(Policy::new(content).unwrap()))
}

/// All that leaves of an exchange.
fn left(request: &[u8], response: &[u8], (content, policy): &(ContentPolicy, Arc<Policy>)) -> String {
    let mut bench = Bench::new();
    bench.pipeline = bench.pipeline.with_content(content.clone());
    bench.redactor = Redactor::new(Arc::clone(policy), Arc::new(Counters::default()));
    bench.open();
    bench.moves_bytes(Direction::Write, request);
    bench.moves_bytes(Direction::Read, response);
    bench.end(SESSION, End::PeerClosed);
    format!("{:?}", bench.spans())
}

#[test]
fn no_secret_leaves_wherever_it_stands() {
    const MODES: [ContentMode; 4] =
        [ContentMode::Redacted, ContentMode::Off, ContentMode::Full, ContentMode::Metadata];
    // Of some 24,000 strings; it has no divisor in common with how many secrets, modes and forms there are.
    const EACH: usize = 11;
    const TOKENS: [&str; 5] = ["[CREDENTIAL]", "[EMAIL]", "[PHONE]", "[CARD]", "[IBAN]"];
    let (secrets, policies) = (secrets(), MODES.map(policy));
    let (mut strings_seen, mut tried, mut shown, mut leaks) = (0, 0, 0, Vec::new());
    for Recorded { path, request, response } in &recorded() {
        let (asked, answered) = (parts(request), parts(response));
        let sides = [(&asked, true), (&answered, false)];
        for (parts, is_request) in sides {
            let Some((head, body)) = parts else { continue };
            for place in strings(body) {
                strings_seen += 1;
                if strings_seen % EACH != 0 {
                    continue;
                }
                let (mode, policy) = (MODES[tried % MODES.len()], &policies[tried % MODES.len()]);
                let (text, value, is_credential) = &secrets[tried % secrets.len()];
                tried += 1;
                // Both before and behind other words, and alone; of answers the next piece may follow at once.
                let old = &body[place.clone()];
                let new = match tried % 3 {
                    0 => format!("{old} {text} "),
                    1 => format!(" {text} {old}"),
                    _ if is_request => text.clone(),
                    _ => format!(" {text} "),
                };
                let changed = message(head, &[&body[..place.start], &new, &body[place.end..]].concat());
                let left = if is_request {
                    left(&changed, response, policy)
                } else {
                    left(request, &changed, policy)
                };
                let may_leave = mode == ContentMode::Full && !is_credential;
                if left.contains(value.as_str()) && !may_leave {
                    leaks.push(format!("{}, {mode:?}: {text} for {old:?}: {left}", path.display()));
                }
                shown += usize::from(TOKENS.iter().any(|token| left.contains(token)));
            }
        }
    }
    assert!(leaks.is_empty(), "{} of {tried}:\n{}", leaks.len(), leaks.join("\n"));
    assert!(tried > 2_000 && shown > 200, "{tried} strings, {shown} replaced");
}
