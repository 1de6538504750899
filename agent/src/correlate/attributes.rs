//! The attributes of spans: which of the [`TABLE`] a call is given.

mod limits;
mod store;
mod table;

use std::borrow::Cow;

use super::ConnectionFacts;
use super::span::Attributes;
use crate::call::{Call, Media, Parameters, Subject, Usage};
use crate::config::Endpoints;
use crate::event::Role;
use crate::exchange::Exchange;
use crate::price::Cost;
use crate::value::Value;
pub use table::*;

/// Bytes of one text that a span is given; `redact` looks at no more, and keeps less.
pub const TEXT_MAX_BYTES: usize = 4096;
/// Elements of a list that a span is given.
const LIST_MAX: usize = 256;

/// The row of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Attribute> {
    let limits = limits::LIMITS.iter().map(|(_, attribute)| attribute);
    TABLE.iter().chain(limits).find(|attribute| attribute.name == name)
}

/// The text, or as much of it as a span is given.
#[must_use]
pub fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_MAX_BYTES)).unwrap_or(text)
}

/// A dialect's value, or as much of it as a span is given.
fn bounded_value(value: &Value) -> Value {
    match value {
        Value::String(text) => bounded(text).into(),
        Value::Array(elements) => Value::Array(elements.iter().take(LIST_MAX).map(bounded_value).collect()),
        other => other.clone(),
    }
}

/// Puts on what is there: neither empty text nor an invented zero becomes an attribute.
struct Builder(Attributes);

impl Builder {
    fn put(&mut self, name: &'static str, value: Value) {
        self.0.push((Cow::Borrowed(name), value));
    }

    fn text(&mut self, name: &'static str, text: Option<impl AsRef<str>>) {
        if let Some(text) = text.as_ref().map(AsRef::as_ref).filter(|text| !text.is_empty()) {
            self.put(name, bounded(text).into());
        }
    }

    fn texts(&mut self, name: &'static str, texts: &[impl AsRef<str>]) {
        if !texts.is_empty() {
            self.put(name, Value::strings(texts.iter().take(LIST_MAX).map(|text| bounded(text.as_ref()))));
        }
    }

    /// A count past 2^63 cannot be said and is left out.
    fn int(&mut self, name: &'static str, number: Option<impl TryInto<i64>>) {
        if let Some(number) = number.and_then(|number| number.try_into().ok()) {
            self.put(name, Value::Int(number));
        }
    }

    fn bool(&mut self, name: &'static str, truth: Option<bool>) {
        if let Some(truth) = truth {
            self.put(name, Value::Bool(truth));
        }
    }

    fn double(&mut self, name: &'static str, number: Option<f64>) {
        if let Some(number) = number.filter(|number| number.is_finite()) {
            self.put(name, Value::Double(number));
        }
    }
}

/// The attributes of one call.
pub(super) fn of(
    call: &Call,
    exchange: &Exchange,
    connection: ConnectionFacts,
    error_type: Option<Cow<'static, str>>,
    (cost, notes): (Option<&Cost>, &[&'static str]),
) -> Attributes {
    let mut to = Builder(Vec::with_capacity(32));
    to.text(OPERATION_NAME, call.subject.operation());
    // What has no operation of these conventions has no provider in their sense either.
    to.text(PROVIDER_NAME, call.subject.operation().map(|_| call.provider));
    to.text(REQUEST_MODEL, call.request_model.as_ref());
    parameters(&mut to, &call.parameters);
    if call.stream {
        to.put(REQUEST_STREAM, Value::Bool(true));
    }
    to.text(RESPONSE_ID, call.response_id.as_ref());
    to.text(RESPONSE_MODEL, call.response_model.as_ref());
    to.text(CONVERSATION_ID, call.conversation_id.as_ref());
    to.text(PREVIOUS_RESPONSE_ID, call.previous_response_id.as_ref());
    to.text(PROMPT_NAME, call.prompt_name.as_ref());
    to.text(PROMPT_VERSION, call.prompt_version.as_ref());
    to.bool(CONVERSATION_COMPACTED, call.is_compacted.then_some(true));
    parts(&mut to, call);
    subject(&mut to, &call.subject);
    to.double(RESPONSE_TIME_TO_FIRST_CHUNK, seconds_to_first_chunk(call, exchange));
    usage(&mut to, call.usage);
    to.int(USAGE_TOTAL_TOKENS, total_tokens(call));
    if let Some(cost) = cost {
        self::cost(&mut to, cost);
    }
    to.text(ERROR_TYPE, error_type);
    if call.subject.store().is_some() {
        to.text(DB_RESPONSE_STATUS_CODE, store::failure(call, exchange));
    }
    transport(&mut to, exchange, connection);
    limits::of(&mut to, exchange);
    // What is served is a step of a chain: platforms sum up what calls of models used.
    let kind = if exchange.role == Role::Client { call.subject.span_kind() } else { "CHAIN" };
    to.text(FI_SPAN_KIND, Some(kind));
    to.text(GEN_AI_SPAN_KIND, Some(kind));
    to.0.extend(call.extra.iter().map(|(name, value)| (Cow::Borrowed(*name), bounded_value(value))));
    to.texts(NOTES, notes);
    to.int(MISSING_BYTES, Some(exchange.missing_bytes).filter(|missing| *missing > 0));
    to.0
}

fn cost(to: &mut Builder, cost: &Cost) {
    to.put(COST_TOTAL, Value::Double(cost.total));
    if let Some(parts) = &cost.parts {
        to.put(COST_INPUT, Value::Double(parts.input));
        to.put(COST_OUTPUT, Value::Double(parts.output));
        to.double(COST_CACHE_WRITE, parts.cache_write);
    }
    to.text(COST_SOURCE, Some(&cost.source));
}

/// Tools that the model wants called, and what the request has beside text.
fn parts(to: &mut Builder, call: &Call) {
    to.texts(TOOL_CALL_NAMES, &call.tool_calls.iter().map(|one| &one.name).collect::<Vec<_>>());
    // An id stands at the place of its name.
    if call.tool_calls.iter().any(|one| one.id.is_some()) {
        let ids: Vec<_> = call.tool_calls.iter().map(|one| one.id.as_deref().unwrap_or_default()).collect();
        to.texts(TOOL_CALL_IDS, &ids);
    }
    to.texts(INPUT_MEDIA, &call.media.iter().map(media).collect::<Vec<_>>());
}

/// In the shape of a part of the conventions' messages, without its content.
fn media(part: &Media) -> String {
    let mut words = serde_json::Map::new();
    let mut say = |name: &str, value: serde_json::Value| words.insert(name.to_owned(), value);
    say("type", if part.bytes.is_some() { "blob" } else { "uri" }.into());
    say("modality", part.modality.into());
    if let Some(media_type) = &part.media_type {
        say("mime_type", media_type.as_str().into());
    }
    if let Some(bytes) = part.bytes {
        say("byte_size", bytes.into());
    }
    serde_json::Value::Object(words).to_string()
}

/// What only one kind of call has to say.
fn subject(to: &mut Builder, subject: &Subject) {
    match subject {
        Subject::Inference { operation: _, finish_reasons } => {
            to.texts(RESPONSE_FINISH_REASONS, finish_reasons)
        }
        Subject::Embeddings { dimensions, encoding_formats } => {
            to.int(EMBEDDINGS_DIMENSION_COUNT, *dimensions);
            to.texts(REQUEST_ENCODING_FORMATS, encoding_formats);
        }
        Subject::Rerank(ranking) => store::ranking(to, ranking),
        Subject::Retrieval { store, search } => {
            store::place(to, store);
            store::search(to, store, search);
        }
        Subject::Points { store, points } => {
            store::place(to, store);
            store::points(to, points);
        }
        Subject::Tool { name, call_id, kind } => {
            to.text(TOOL_NAME, Some(name));
            to.text(TOOL_CALL_ID, call_id.as_ref());
            to.text(TOOL_TYPE, kind.as_ref());
        }
        Subject::Agent { name, id } => {
            to.text(AGENT_NAME, name.as_ref());
            to.text(AGENT_ID, id.as_ref());
        }
        Subject::Http { route } => to.text(HTTP_ROUTE, route.as_ref()),
        Subject::Moderation => {}
    }
}

fn parameters(to: &mut Builder, asked: &Parameters) {
    to.int(REQUEST_CHOICE_COUNT, asked.choice_count);
    to.double(REQUEST_FREQUENCY_PENALTY, asked.frequency_penalty);
    to.int(REQUEST_MAX_TOKENS, asked.max_tokens);
    to.double(REQUEST_PRESENCE_PENALTY, asked.presence_penalty);
    to.text(REQUEST_REASONING_LEVEL, asked.reasoning_level.as_ref());
    to.int(REQUEST_SEED, asked.seed);
    to.texts(REQUEST_STOP_SEQUENCES, &asked.stop_sequences);
    to.double(REQUEST_TEMPERATURE, asked.temperature);
    to.int(REQUEST_TOP_K, asked.top_k);
    to.double(REQUEST_TOP_P, asked.top_p);
    to.text(OUTPUT_TYPE, asked.output_type);
}

fn usage(to: &mut Builder, usage: Usage) {
    // Providers list what there was none of, too.
    let part = |count: Option<u64>| count.filter(|count| *count > 0);
    to.int(USAGE_INPUT_TOKENS, usage.input);
    to.int(USAGE_OUTPUT_TOKENS, usage.output);
    to.int(USAGE_CACHE_READ_INPUT_TOKENS, usage.cache_read);
    to.int(USAGE_CACHE_WRITE_INPUT_TOKENS, usage.cache_write);
    to.int(USAGE_REASONING_OUTPUT_TOKENS, usage.reasoning);
    to.int(USAGE_TEXT_INPUT_TOKENS, part(usage.input_by.text));
    to.int(USAGE_IMAGE_INPUT_TOKENS, part(usage.input_by.image));
    to.int(USAGE_AUDIO_INPUT_TOKENS, part(usage.input_by.audio));
    to.int(USAGE_TEXT_OUTPUT_TOKENS, part(usage.output_by.text));
    to.int(USAGE_IMAGE_OUTPUT_TOKENS, part(usage.output_by.image));
    to.int(USAGE_AUDIO_OUTPUT_TOKENS, part(usage.output_by.audio));
}

/// All tokens that were billed, once that is certain.
fn total_tokens(call: &Call) -> Option<u64> {
    let is_certain = call.is_final && call.error_code.is_none();
    let input = call.usage.input.filter(|_| is_certain)?;
    let output = match call.subject {
        // They put nothing out.
        Subject::Embeddings { .. } | Subject::Rerank(_) => call.usage.output.unwrap_or_default(),
        _ => call.usage.output?,
    };
    input.checked_add(output)
}

/// What `spanwire.endpoint.approval` says of endpoints that the operator's list has.
pub const APPROVED: &str = "approved";
/// What it says of others.
pub const UNAPPROVED: &str = "unapproved";

fn transport(to: &mut Builder, exchange: &Exchange, connection: ConnectionFacts) {
    let request = &exchange.request;
    // At a server the peer is the client, which says nothing about where the server is.
    let server = connection.peer.filter(|_| exchange.role == Role::Client);
    match (&request.host, server) {
        // Where the connection leads may be a proxy: the port is that of the server which was named.
        (Some(host), _) => {
            let usual = if connection.tls { 443 } else { 80 };
            to.text(SERVER_ADDRESS, Some(host));
            to.int(SERVER_PORT, request.port.or(Some(usual)));
        }
        (None, Some(server)) => {
            to.text(SERVER_ADDRESS, Some(server.ip().to_string()));
            to.int(SERVER_PORT, Some(server.port()));
        }
        (None, None) => {}
    }
    to.text(NETWORK_LOCAL_ADDRESS, connection.local.map(|local| local.ip().to_string()));
    to.int(NETWORK_LOCAL_PORT, connection.local.map(|local| local.port()));
    to.text(NETWORK_PEER_ADDRESS, connection.peer.map(|peer| peer.ip().to_string()));
    to.int(NETWORK_PEER_PORT, connection.peer.map(|peer| peer.port()));
    to.text(HTTP_REQUEST_METHOD, Some(request.method.as_str()));
    let resent = request.headers.get("x-stainless-retry-count").and_then(resend_count);
    to.int(HTTP_REQUEST_RESEND_COUNT, resent);
    to.int(HTTP_REQUEST_BODY_SIZE, Some(exchange.request_body_bytes));
    to.int(HTTP_RESPONSE_BODY_SIZE, exchange.response.as_ref().map(|_| exchange.response_body_bytes));
    to.int(HTTP_RESPONSE_STATUS_CODE, exchange.response.as_ref().map(|head| head.status));
    to.text(URL_PATH, Some(request.path.as_str()));
    to.text(URL_SCHEME, Some(if connection.tls { "https" } else { "http" }));
}

/// Says what the operator's list says of the endpoint, if there is a list.
pub(super) fn approve(attributes: &mut Attributes, approved: &Endpoints) {
    let find = |name| attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let host = find(SERVER_ADDRESS).and_then(Value::as_str).unwrap_or_default();
    let port = match find(SERVER_PORT) {
        Some(Value::Int(port)) => u16::try_from(*port).ok(),
        _ => None,
    };
    if let Some(is_approved) = approved.approve(host, port) {
        let word = if is_approved { APPROVED } else { UNAPPROVED };
        attributes.push((ENDPOINT_APPROVAL.into(), word.into()));
    }
}

/// The SDK's own count of its attempts before this one, when there were any.
pub(super) fn resend_count(header: &str) -> Option<u32> {
    header.trim().parse().ok().filter(|count| *count > 0)
}

fn seconds_to_first_chunk(call: &Call, exchange: &Exchange) -> Option<f64> {
    let waited_ns = call.first_chunk_ns?.checked_sub(exchange.started_ns)?;
    Some(std::time::Duration::from_nanos(waited_ns).as_secs_f64())
}
