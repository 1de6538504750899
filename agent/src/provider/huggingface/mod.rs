//! What Hugging Face's servers and its inference API have of their own: texts that go on (text-generation-inference) and
//! vectors (text-embeddings-inference). Their chats are OpenAI's; their reranking is in `rerank`.

use super::follow::{End, UNNAMED_ERROR, WORD, code};
use super::json::Json;
use super::{Dialect, Endpoint, Recognised};
use crate::call::Call;

mod embed;
mod generate;

const PROVIDER: &str = "huggingface";

pub(super) static DIALECTS: &[Dialect] = &[generate::DIALECT, embed::DIALECT];

/// The inference API's path of a model, which is an owner's.
const MODEL: Endpoint = Endpoint::post("models/{owner}/{name}");
/// Models that were there before there were owners.
const OLD_MODEL: Endpoint = Endpoint::post("models/{name}");
/// The same, for one task of several.
const PIPELINE: Endpoint = Endpoint::post("models/{owner}/{name}/pipeline/feature-extraction");

/// The model that a path names.
fn model(recognised: &Recognised<'_>) -> Option<String> {
    let owned = [MODEL, PIPELINE].iter().find_map(|path| {
        let (owner, name) = (recognised.captured(path, "owner")?, recognised.captured(path, "name")?);
        Some(format!("{owner}/{name}"))
    });
    owned.or_else(|| recognised.captured(&OLD_MODEL, "name"))
}

const ERRORS: &[(&str, usize)] = &[("error", 0), ("error_type", WORD)];

/// What went wrong, if an answer says that anything did. The error is a sentence, or a list of them.
fn take_error(said: &Json, call: &mut Call) {
    let is_error = matches!(said.get("error"), Json::Text { bytes: 1.., .. }) || said.get("error").is_list();
    if is_error {
        let named = code(said.get("error_type")).unwrap_or_else(|| UNNAMED_ERROR.to_owned());
        call.error_code.get_or_insert(named);
    }
}

/// A count that a field of the answer's head states.
fn stated(end: &End<'_>, field: &str) -> Option<u64> {
    end.response_field(field)?.trim().parse().ok()
}
