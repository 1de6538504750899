//! The attributes of spans: every name that the agent itself puts on one stands in this table, and
//! with the names that the providers' dialects declare it is all that can ever be exported.
//!
//! The names follow the official emitters of late 2026 (OpenTelemetry GenAI, the `hybrid` profile),
//! beside them `fi.span.kind` and `gen_ai.span.kind`, which LLM platforms read.

use std::borrow::Cow;

use super::ConnectionFacts;
use crate::call::{Call, Parameters, Usage};
use crate::event::Role;
use crate::exchange::Exchange;
use crate::value::Value;

/// Declares the names and gathers them in [`NAMES`].
macro_rules! names {
    ($($constant:ident = $name:literal),+ $(,)?) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: &str = $name;)+
        /// Every name of the table.
        pub static NAMES: &[&str] = &[$($name),+];
    };
}

names! {
    OPERATION_NAME = "gen_ai.operation.name",
    PROVIDER_NAME = "gen_ai.provider.name",
    REQUEST_MODEL = "gen_ai.request.model",
    REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count",
    REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty",
    REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens",
    REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty",
    REQUEST_REASONING_LEVEL = "gen_ai.request.reasoning.level",
    REQUEST_SEED = "gen_ai.request.seed",
    REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences",
    REQUEST_STREAM = "gen_ai.request.stream",
    REQUEST_TEMPERATURE = "gen_ai.request.temperature",
    REQUEST_TOP_P = "gen_ai.request.top_p",
    OUTPUT_TYPE = "gen_ai.output.type",
    RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons",
    RESPONSE_ID = "gen_ai.response.id",
    RESPONSE_MODEL = "gen_ai.response.model",
    RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk",
    USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens",
    USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens",
    USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens",
    USAGE_CACHE_WRITE_INPUT_TOKENS = "gen_ai.usage.cache_write.input_tokens",
    USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens",
    ERROR_TYPE = "error.type",
    SERVER_ADDRESS = "server.address",
    SERVER_PORT = "server.port",
    NETWORK_LOCAL_ADDRESS = "network.local.address",
    NETWORK_LOCAL_PORT = "network.local.port",
    NETWORK_PEER_ADDRESS = "network.peer.address",
    NETWORK_PEER_PORT = "network.peer.port",
    HTTP_REQUEST_METHOD = "http.request.method",
    HTTP_REQUEST_RESEND_COUNT = "http.request.resend_count",
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code",
    URL_PATH = "url.path",
    URL_SCHEME = "url.scheme",
    FI_SPAN_KIND = "fi.span.kind",
    GEN_AI_SPAN_KIND = "gen_ai.span.kind",
    NOTES = "spanwire.notes",
    MISSING_BYTES = "spanwire.missing_bytes",
    REDACTED_CREDENTIALS = "spanwire.redacted.credentials",
    REDACTED_ATTRIBUTES = "spanwire.redacted.attributes",
    REDACTED_TRUNCATED = "spanwire.redacted.truncated",
}

/// A span's attributes, by name.
pub type Attributes = Vec<(Cow<'static, str>, Value)>;

/// Puts on what is there: neither empty text nor an invented zero becomes an attribute.
struct Builder(Attributes);

impl Builder {
    fn put(&mut self, name: &'static str, value: Value) {
        self.0.push((Cow::Borrowed(name), value));
    }

    fn text(&mut self, name: &'static str, text: Option<impl Into<String>>) {
        if let Some(text) = text.map(Into::into).filter(|text: &String| !text.is_empty()) {
            self.put(name, Value::String(text));
        }
    }

    fn texts(&mut self, name: &'static str, texts: Vec<String>) {
        if !texts.is_empty() {
            self.put(name, Value::strings(texts));
        }
    }

    /// A count past 2^63 cannot be said and is left out.
    fn int(&mut self, name: &'static str, number: Option<impl TryInto<i64>>) {
        if let Some(number) = number.and_then(|number| number.try_into().ok()) {
            self.put(name, Value::Int(number));
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
    notes: &[&'static str],
) -> Attributes {
    let mut to = Builder(Vec::with_capacity(32));
    to.text(OPERATION_NAME, Some(call.operation.name()));
    to.text(PROVIDER_NAME, Some(call.provider));
    to.text(REQUEST_MODEL, call.request_model.clone());
    parameters(&mut to, &call.parameters);
    if call.stream {
        to.put(REQUEST_STREAM, Value::Bool(true));
    }
    to.text(RESPONSE_ID, call.response_id.clone());
    to.text(RESPONSE_MODEL, call.response_model.clone());
    to.texts(RESPONSE_FINISH_REASONS, call.finish_reasons.clone());
    to.double(RESPONSE_TIME_TO_FIRST_CHUNK, seconds_to_first_chunk(call, exchange));
    usage(&mut to, call.usage);
    to.text(ERROR_TYPE, error_type);
    transport(&mut to, exchange, connection);
    to.text(FI_SPAN_KIND, Some("LLM"));
    to.text(GEN_AI_SPAN_KIND, Some("LLM"));
    to.0.extend(call.extra.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone())));
    to.texts(NOTES, notes.iter().map(|note| (*note).to_owned()).collect());
    to.int(MISSING_BYTES, Some(exchange.missing_bytes).filter(|missing| *missing > 0));
    to.0
}

fn parameters(to: &mut Builder, asked: &Parameters) {
    to.int(REQUEST_CHOICE_COUNT, asked.choice_count);
    to.double(REQUEST_FREQUENCY_PENALTY, asked.frequency_penalty);
    to.int(REQUEST_MAX_TOKENS, asked.max_tokens);
    to.double(REQUEST_PRESENCE_PENALTY, asked.presence_penalty);
    to.text(REQUEST_REASONING_LEVEL, asked.reasoning_level.clone());
    to.int(REQUEST_SEED, asked.seed);
    to.texts(REQUEST_STOP_SEQUENCES, asked.stop_sequences.clone());
    to.double(REQUEST_TEMPERATURE, asked.temperature);
    to.double(REQUEST_TOP_P, asked.top_p);
    to.text(OUTPUT_TYPE, asked.output_type);
}

fn usage(to: &mut Builder, usage: Usage) {
    to.int(USAGE_INPUT_TOKENS, usage.input);
    to.int(USAGE_OUTPUT_TOKENS, usage.output);
    to.int(USAGE_CACHE_READ_INPUT_TOKENS, usage.cache_read);
    to.int(USAGE_CACHE_WRITE_INPUT_TOKENS, usage.cache_write);
    to.int(USAGE_REASONING_OUTPUT_TOKENS, usage.reasoning);
}

fn transport(to: &mut Builder, exchange: &Exchange, connection: ConnectionFacts) {
    let request = &exchange.request;
    // At a server the peer is the client, which says nothing about where the server is.
    let server = connection.peer.filter(|_| exchange.role == Role::Client);
    let address = request.host.clone().or_else(|| server.map(|peer| peer.ip().to_string()));
    if address.is_some() {
        let usual = if connection.tls { 443 } else { 80 };
        to.text(SERVER_ADDRESS, address);
        to.int(SERVER_PORT, request.port.or(server.map(|peer| peer.port())).or(Some(usual)));
    }
    to.text(NETWORK_LOCAL_ADDRESS, connection.local.map(|local| local.ip().to_string()));
    to.int(NETWORK_LOCAL_PORT, connection.local.map(|local| local.port()));
    to.text(NETWORK_PEER_ADDRESS, connection.peer.map(|peer| peer.ip().to_string()));
    to.int(NETWORK_PEER_PORT, connection.peer.map(|peer| peer.port()));
    to.text(HTTP_REQUEST_METHOD, Some(request.method.as_str()));
    let resent = request.headers.get("x-stainless-retry-count").and_then(resend_count);
    to.int(HTTP_REQUEST_RESEND_COUNT, resent);
    to.int(HTTP_RESPONSE_STATUS_CODE, exchange.response.as_ref().map(|head| head.status));
    to.text(URL_PATH, Some(request.path.as_str()));
    to.text(URL_SCHEME, Some(if connection.tls { "https" } else { "http" }));
}

/// The SDK's own count of its attempts before this one, when there were any.
pub(super) fn resend_count(header: &str) -> Option<u32> {
    header.trim().parse().ok().filter(|count| *count > 0)
}

fn seconds_to_first_chunk(call: &Call, exchange: &Exchange) -> Option<f64> {
    let waited_ns = call.first_chunk_ns?.checked_sub(exchange.started_ns)?;
    Some(std::time::Duration::from_nanos(waited_ns).as_secs_f64())
}
