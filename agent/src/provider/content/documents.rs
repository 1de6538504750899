//! What dialects that find documents have alike.

use serde_json::Value;

use super::values::{rest, word};
use crate::call::content::{Content, Document};

/// What the words of a document are called where they are one field of many: by LangChain, LlamaIndex, and by the stores'
/// own examples.
const TEXTS: [&str; 7] = ["text", "page_content", "content", "document", "chunk_text", "chunk", "body"];
/// What a vector is called.
const VECTORS: [&str; 3] = ["vector", "embedding", "embeddings"];
/// More numbers than these in a row are a vector, whatever it is called.
const NUMBERS_MAX: usize = 16;
/// Texts of one search that are kept: batches may have thousands.
const QUERIES_MAX: usize = 64;

/// A document of such fields, but for those that say something else of it, and for vectors.
pub(super) fn of_fields(
    id: Option<String>,
    score: Option<f64>,
    fields: &Value,
    without: &[&str],
) -> Document {
    let is_words = |name: &&&str| fields.get(name).is_some_and(Value::is_string) && !without.contains(*name);
    let words = TEXTS.iter().find(is_words);
    let mut metadata = rest(fields, without);
    if let Some(Value::Object(members)) = &mut metadata {
        members.retain(|name, member| !is_vector(name, member) && Some(&name.as_str()) != words);
        if members.is_empty() {
            metadata = None;
        }
    }
    let text = words.and_then(|name| fields.get(name)).and_then(Value::as_str).map(str::to_owned);
    Document { id, score, text, metadata }
}

fn is_vector(name: &str, value: &Value) -> bool {
    let Some(list) = value.as_array() else { return false };
    let list = list.first().and_then(Value::as_array).unwrap_or(list);
    (list.len() > NUMBERS_MAX || VECTORS.contains(&name)) && list.iter().all(Value::is_number)
}

/// The first of these places (RFC 6901) that has a text.
pub(super) fn take_error(said: &Value, places: &[&str], content: &mut Content) {
    let said = || places.iter().find_map(|place| word(said.pointer(place)?));
    content.error = content.error.take().or_else(said);
}

/// What was searched for, several texts a line each, of the same one only.
#[derive(Default)]
pub(super) struct Queries<'a>(Vec<&'a str>);

impl<'a> Queries<'a> {
    pub(super) fn add(&mut self, text: &'a Value) {
        if let Some(text) = text.as_str() {
            self.add_text(text);
        }
    }

    pub(super) fn add_text(&mut self, text: &'a str) {
        if !text.is_empty() && self.0.len() < QUERIES_MAX && !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    pub(super) fn put(self, content: &mut Content) {
        if !self.0.is_empty() {
            content.query = Some(self.0.join("\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_stand_apart_and_vectors_are_left_out() {
        for (fields, text, metadata) in [
            (json!({"text": "a", "year": 2025}), Some("a"), Some(json!({"year": 2025}))),
            (json!({"page_content": "a"}), Some("a"), None),
            (json!({"text": 7, "content": "a"}), Some("a"), Some(json!({"text": 7}))),
            (
                json!({"years": [2024, 2025], "vector": [0.5], "x": vec![1; 17]}),
                None,
                Some(json!({"years": [2024, 2025]})),
            ),
            (json!({"x": vec![vec![1; 17]], "none": null}), None, None),
            (json!("a"), None, None),
            (json!(null), None, None),
        ] {
            let found = of_fields(None, None, &fields, &["skipped"]);
            assert_eq!((found.text.as_deref(), found.metadata), (text, metadata), "{fields}");
        }
    }
}
