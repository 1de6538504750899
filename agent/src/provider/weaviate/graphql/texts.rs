//! The texts that a query searches with.

use super::{Token, Tokens};

/// Members of a search's argument that have such a text, or a list of them.
const TEXTS: [&str; 3] = ["concepts", "query", "question"];
/// Texts that are taken.
const TEXTS_MAX: usize = 64;

/// What a query looks for by words, in its order; of one that is cut as far as it goes.
pub(in crate::provider) fn query_texts(query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_wanted = false;
    for token in Tokens(query) {
        match token {
            Token::Name(name) => is_wanted = TEXTS.contains(&name),
            Token::Sign(b':' | b'[') => {}
            Token::Text(text) if is_wanted && found.len() < TEXTS_MAX => found.push(unescaped(text)),
            Token::Text(_) if is_wanted => break,
            _ => is_wanted = false,
        }
    }
    found
}

/// Escapes are those of JSON. A block's text has none, and may have line ends, which JSON's may not.
fn unescaped(text: &str) -> String {
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found() {
        for (query, expected) in [
            (
                r#"{Get{Doc(nearText: {concepts: ["a \"b\"", "\u00e9"] certainty: 0.7}){text}}}"#,
                &["a \"b\"", "é"][..],
            ),
            (r#"{Get{Doc(limit: 2 bm25:{query: "q"}){text}}}"#, &["q"]),
            (r#"{Get{Doc(hybrid:{query: "q", vector: [0.25, 1.0]}){text}}}"#, &["q"]),
            (r#"{Get{Doc(ask:{question: "why?"}){text}}}"#, &["why?"]),
            ("query { Get{Doc(bm25:{query: \"\"\"a\nb\"\"\"}){query text}}}", &["a\nb"]),
            (r#"{Get{Doc(where: {path: ["query"] valueText: "x"}){text}}}"#, &[]),
            (r#"{Get{Doc(nearText: {concepts: ["a", "b"#, &["a"]),
            ("", &[]),
        ] {
            assert_eq!(query_texts(query), expected, "{query}");
        }
    }
}
