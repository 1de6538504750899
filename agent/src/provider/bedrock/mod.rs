//! AWS Bedrock's runtime: Converse, one format for all models, and InvokeModel, where each model has its own.
//!
//! The model stands in the path, and so does whether the answer is a stream, which is one of AWS's event streams. Answers
//! name no model, and those of Converse have no id.

mod converse;
mod invoke;
mod native;
#[cfg(test)]
mod tests;

use super::follow::{End, WORD, word};
use super::json::Json;
use super::{Dialect, Endpoint, Recognised, host};
use crate::call::{Call, Usage};
use crate::value::Value;
pub(super) use converse::media_type;

const PROVIDER: &str = "aws.bedrock";

const GUARDRAIL_ID: &str = "aws.bedrock.guardrail.id";
const ATTRIBUTES: &[&str] = &[GUARDRAIL_ID];

pub(super) static DIALECTS: &[Dialect] = &[converse::DIALECT, invoke::DIALECT];

const fn at_bedrock(path: &'static str) -> Endpoint {
    Endpoint { provider: Some(PROVIDER), ..Endpoint::post(path) }
}

/// Where an error names itself, if no field of the head does.
const ERROR: (&str, usize) = ("__type", WORD);

/// The model that the path names.
fn model(recognised: &Recognised<'_>, endpoints: &[Endpoint]) -> Option<String> {
    let model = endpoints.iter().find_map(|endpoint| recognised.captured(endpoint, "model"))?;
    Some(of_arn(&model).to_owned())
}

/// A model's id, also where an ARN stands for it. Of what has no public name (`imported-model/7`) the kind is part of
/// it.
fn of_arn(model: &str) -> &str {
    let resource = if model.starts_with("arn:") { model.splitn(6, ':').nth(5) } else { None };
    let Some(resource) = resource.filter(|resource| !resource.is_empty()) else { return model };
    let public = ["foundation-model/", "inference-profile/", "default-prompt-router/"];
    public.iter().find_map(|kind| resource.strip_prefix(kind)).filter(|id| !id.is_empty()).unwrap_or(resource)
}

/// Whether the heads say that it is AWS who is asked: the paths are such as others may have, too.
fn is_aws(end: &End<'_>) -> bool {
    let request = &end.exchange.request;
    let asked = ["x-amz-date", "amz-sdk-invocation-id"];
    let answered = ["x-amzn-requestid", "x-amzn-errortype", "x-amzn-bedrock-input-token-count"];
    host::provider(request.host.as_deref(), &request.path) == Some(PROVIDER)
        || asked.iter().any(|field| request.headers.get(field).is_some())
        || answered.iter().any(|field| end.response_field(field).is_some())
}

/// An error's name, as a body says it.
fn error(said: &Json) -> Option<String> {
    let kind = said.get(ERROR.0).as_text()?;
    word(kind.rsplit('#').next().unwrap_or(kind)).map(str::to_owned)
}

/// What the heads say beside the bodies: an error's name, the guardrail, the class of service.
fn read_heads(end: &End<'_>, call: &mut Call) {
    if let Some(kind) = end.response_field("x-amzn-errortype") {
        // Behind it may stand where its documentation is.
        let kind = kind.split(':').next().and_then(word);
        call.error_code = kind.map(str::to_owned).or(call.error_code.take());
    }
    let guardrail = end.exchange.request.headers.get("x-amzn-bedrock-guardrailidentifier");
    guard(guardrail.filter(|id| !id.is_empty()).map(str::to_owned), call);
    let tier = end.response_field("x-amzn-bedrock-service-tier").and_then(word);
    call.service_tier = call.service_tier.take().or_else(|| tier.map(str::to_owned));
}

/// The guardrail that a request names.
fn guard(id: Option<String>, call: &mut Call) {
    if let Some(id) = id {
        call.extra.retain(|(known, _)| *known != GUARDRAIL_ID);
        call.extra.push((GUARDRAIL_ID, Value::String(id)));
    }
}

/// The wire leaves out of the input what a cache gave or took; the conventions' total has it.
fn inclusive(counted: Usage) -> Usage {
    let cached = [counted.cache_read, counted.cache_write];
    let input = counted.input.map(|input| cached.into_iter().flatten().fold(input, u64::saturating_add));
    Usage { input, ..counted }
}

/// The conventions' word for a finish reason of any of the models.
pub(super) fn finish_reason(reason: &str) -> String {
    let reason = reason.to_ascii_lowercase();
    match reason.as_str() {
        "end_turn" | "stop_sequence" | "finish" | "complete" | "endoftext" => "stop",
        "max_tokens" => "length",
        "tool_use" | "tool_calls" => "tool_call",
        "guardrail_intervened" | "content_filtered" => "content_filter",
        other => other,
    }
    .to_owned()
}
