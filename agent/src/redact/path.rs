//! A URL's path without the segments that could be a secret of no known shape.
//!
//! What is kept reads like words, numbers and versions, as names of endpoints, models and deployments do.
//! A random id does not; that of a user or a thread goes, too, since it cannot be told from a key.

use super::names::MARK;

/// What stands in the place of such a segment.
pub(super) const OPAQUE: &str = "[OPAQUE]";

/// How often a segment is decoded; nobody who sends a request encodes it as often.
const ROUNDS: usize = 4;
/// Bytes of a segment that is kept.
const SEGMENT_MAX_BYTES: usize = 96;
/// Letters of one word, and digits of one number.
const WORD_MAX: usize = 24;
const NUMBER_MAX: usize = 8;
/// Consonants in a row; English has five (`lengths`).
const CONSONANTS_MAX: usize = 5;
/// Characters of a piece, and of all in a segment, that mix letters and digits more than words do, as `v3p1`
/// does.
const MIXED_PIECE_MAX: usize = 8;
const MIXED_MAX: usize = 16;

/// Replaces each segment that could be a secret by [`OPAQUE`]; `None` when there is none. Returns how many
/// there were.
pub(super) fn reduce(path: &str) -> Option<(String, u64)> {
    let mut replaced = 0;
    let segments: Vec<_> = path
        .split('/')
        .map(|segment| {
            let opaque = is_opaque(segment);
            replaced += u64::from(opaque);
            if opaque { OPAQUE } else { segment }
        })
        .collect();
    (replaced > 0).then(|| (segments.join("/"), replaced))
}

fn is_opaque(segment: &str) -> bool {
    if segment == OPAQUE {
        return false;
    }
    let mut bytes = segment.replace(MARK, "").into_bytes();
    for _ in 0..ROUNDS {
        match decode(&bytes) {
            Some(decoded) => bytes = decoded,
            None => break,
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    if text.len() > SEGMENT_MAX_BYTES {
        return true;
    }
    let mut mixed = 0;
    for piece in text.split(|c: char| !c.is_alphanumeric()) {
        let runs = runs(piece);
        if runs.iter().any(|run| !is_readable(run)) {
            return true;
        }
        // A word has several letters, a number several digits, but for a few short ones: `8x7b`.
        let length = piece.chars().count();
        if runs.len() > 1 && length * 2 < runs.len() * 5 {
            mixed += length;
            if length > MIXED_PIECE_MAX {
                return true;
            }
        }
    }
    mixed > MIXED_MAX
}

/// Cuts where letters and digits meet, and before a capital letter that follows a small one.
fn runs(piece: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let (mut begin, mut before) = (0, None);
    for (at, c) in piece.char_indices() {
        let is_cut = before.is_some_and(|before: char| {
            before.is_alphabetic() != c.is_alphabetic() || (before.is_lowercase() && c.is_uppercase())
        });
        if is_cut {
            runs.extend(piece.get(begin..at));
            begin = at;
        }
        before = Some(c);
    }
    runs.extend(piece.get(begin..).filter(|run| !run.is_empty()));
    runs
}

/// A number, or letters that could be said.
fn is_readable(run: &str) -> bool {
    if !run.starts_with(char::is_alphabetic) {
        return run.chars().count() <= NUMBER_MAX;
    }
    let is_consonant = |c: char| c.is_ascii_alphabetic() && !"aeiouyAEIOUY".contains(c);
    let (mut letters, mut row, mut longest) = (0, 0, 0);
    for c in run.chars() {
        letters += 1;
        row = if is_consonant(c) { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    letters <= WORD_MAX && longest <= CONSONANTS_MAX
}

/// Replaces each `%XX` by its byte and leaves every other `%`; `None` when there was none to replace.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    // Most texts have none.
    memchr::memchr(b'%', text)?;
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escaped = match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        if escaped.is_some() && decoded.is_none() {
            decoded = Some(text.get(..at).unwrap_or_default().to_vec());
        }
        if let Some(decoded) = &mut decoded {
            decoded.push(escaped.unwrap_or(*byte));
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_models_and_versions_are_kept() {
        for path in [
            "",
            "/",
            "*",
            "/v1/chat/completions",
            "/openai/deployments/gpt-4o-prod/chat/completions",
            "/openai/deployments/gpt-35-turbo-16k/chat/completions",
            "/v1beta/models/gemini-2.5-flash-lite:streamGenerateContent",
            "/v1beta1/projects/my-project/locations/us-central1/publishers/google/models/x:predict",
            "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/invoke-with-response-stream",
            "/model/us.meta.llama3-3-70b-instruct-v1:0/converse",
            "/accounts/fireworks/models/llama-v3p1-405b-instruct",
            "/models/mistralai/Mixtral-8x7B-Instruct-v0.1",
            "/models/meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8/v1/chat/completions",
            "/api/paas/v4/chat/completions",
            "/v1/audio/transcriptions",
            "/collections/my_docs/points/query",
            "/indexes/products/docs/search.post.search",
            "/serving-endpoints/databricks-dbrx-instruct/invocations",
            "/compatible-mode/v1/chat/completions",
            "/api/v1/run/text-embedding-ada-002",
            "/@cf/baai/bge-base-en-v1.5",
            "/[CREDENTIAL]/v1/chat/completions",
            "/[OPAQUE]/v1",
        ] {
            assert_eq!(reduce(path), None, "{path}");
        }
    }

    #[test]
    fn what_could_be_a_secret_is_not() {
        for secret in [
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "123e4567-e89b-12d3-a456-426614174000",
            "Ab3dEf6hIj9lMn2pQr5tUv8xYz1",
            "t61rcWkgMzE",
            "MFRGGZDFMZTWQ2LK",
            "dGhpcyBpcyBhIHNlY3JldA==",
            "qwkzjxhvbnmt",
            "a1b2c3-d4e5f6-a7b8c9",
            "hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2",
            "123456789012",
            "%34%62f92f3577b34da6a3ce929d0e0e4736",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "thread_Zk3Qm8Xv1Lr7",
        ] {
            let (reduced, count) = reduce(&format!("/{secret}/v1/chat/completions")).unwrap_or_default();
            assert_eq!((reduced.as_str(), count), ("/[OPAQUE]/v1/chat/completions", 1), "{secret}");
        }
    }

    #[test]
    fn decodes_what_can_be_decoded() {
        for (text, expected) in [
            ("", None),
            ("a%", None),
            ("a%4", None),
            ("%zz", None),
            ("%zz%41%", Some("%zzA%")),
            ("a%2Fb%2fc", Some("a/b/c")),
            ("%2541", Some("%41")),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}
