//! What Mistral has of its own: conversations, and the reading of documents. Its chats, agents, embeddings, moderations
//! and transcriptions are OpenAI's, but for some names.

use super::Dialect;
use super::follow::{UNNAMED_ERROR, WORD, code};
use super::json::Json;
use crate::call::Call;

mod conversations;
mod ocr;

const PROVIDER: &str = "mistral_ai";

pub(super) static DIALECTS: &[Dialect] = &[conversations::DIALECT, ocr::DIALECT];

/// Where an answer says what went wrong: at its top.
const ERRORS: &[(&str, usize)] = &[("object", WORD), ("type", WORD), ("code", WORD), ("detail", 0)];

/// What went wrong, if an answer says that anything did.
fn take_error(said: &Json, call: &mut Call) {
    if said.get("object").as_text() == Some("error") || said.has("detail") {
        let named = ["code", "type"].into_iter().find_map(|name| code(said.get(name)));
        call.error_code.get_or_insert_with(|| named.unwrap_or_else(|| UNNAMED_ERROR.to_owned()));
    }
}
