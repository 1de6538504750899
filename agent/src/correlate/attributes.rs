//! The attributes of spans: every name that the agent itself puts on one stands in this table with its
//! type, where it comes from and whether it is content. With the names that the providers' dialects declare
//! it is all that can ever be exported.
//!
//! The names follow the official emitters of late 2026 (OpenTelemetry GenAI, the `hybrid` profile),
//! beside them `fi.span.kind` and `gen_ai.span.kind`, which LLM platforms read.

use std::borrow::Cow;

use super::ConnectionFacts;
use super::span::Attributes;
use crate::call::{Call, Parameters, Store, Subject, Usage};
use crate::event::Role;
use crate::exchange::Exchange;
use crate::value::Value;

/// What values an attribute has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// A truth value.
    Bool,
    /// A list of texts.
    Strings,
    /// Lists and maps of values.
    Any,
}

impl Type {
    /// Whether a value is of the type.
    #[must_use]
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Self::String => matches!(value, Value::String(_)),
            Self::Int => matches!(value, Value::Int(_)),
            Self::Double => matches!(value, Value::Double(_)),
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Strings => match value {
                Value::Array(elements) => elements.iter().all(|one| matches!(one, Value::String(_))),
                _ => false,
            },
            Self::Any => true,
        }
    }
}

/// Who says what an attribute means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// OpenTelemetry's semantic conventions for generative AI.
    GenAi,
    /// OpenTelemetry's for HTTP and URLs.
    Http,
    /// OpenTelemetry's for databases.
    Database,
    /// OpenTelemetry's that are common to all: errors, servers, the network.
    General,
    /// OpenInference.
    OpenInference,
    /// What LLM platforms read beside these.
    Platforms,
    /// The agent's own.
    Spanwire,
}

/// One row of the [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What values it has; redaction lets no other leave.
    pub value: Type,
    /// Who says what it means.
    pub convention: Convention,
    /// It holds what people and models said: it leaves only where the content policy allows, which is
    /// nowhere so far.
    pub is_content: bool,
}

/// Declares the names and gathers them in [`TABLE`].
macro_rules! table {
    ($($constant:ident = $name:literal: $value:ident, $convention:ident $(, $content:ident)?;)+) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: &str = $name;)+
        /// Every attribute of spans, their events and links.
        pub static TABLE: &[Attribute] = &[$(Attribute {
            name: $name,
            value: Type::$value,
            convention: Convention::$convention,
            is_content: table!(@ $($content)?),
        }),+];
    };
    (@) => { false };
    (@ content) => { true };
}

table! {
    OPERATION_NAME = "gen_ai.operation.name": String, GenAi;
    PROVIDER_NAME = "gen_ai.provider.name": String, GenAi;
    REQUEST_MODEL = "gen_ai.request.model": String, GenAi;
    REQUEST_TOP_K = "gen_ai.request.top_k": Int, GenAi;
    REQUEST_ENCODING_FORMATS = "gen_ai.request.encoding_formats": Strings, GenAi;
    REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count": Int, GenAi;
    REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty": Double, GenAi;
    REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens": Int, GenAi;
    REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty": Double, GenAi;
    REQUEST_REASONING_LEVEL = "gen_ai.request.reasoning.level": String, GenAi;
    REQUEST_SEED = "gen_ai.request.seed": Int, GenAi;
    REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences": Strings, GenAi;
    REQUEST_STREAM = "gen_ai.request.stream": Bool, GenAi;
    REQUEST_TEMPERATURE = "gen_ai.request.temperature": Double, GenAi;
    REQUEST_TOP_P = "gen_ai.request.top_p": Double, GenAi;
    OUTPUT_TYPE = "gen_ai.output.type": String, GenAi;
    RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons": Strings, GenAi;
    RESPONSE_ID = "gen_ai.response.id": String, GenAi;
    RESPONSE_MODEL = "gen_ai.response.model": String, GenAi;
    RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk": Double, GenAi;
    USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens": Int, GenAi;
    USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens": Int, GenAi;
    USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens": Int, GenAi;
    USAGE_CACHE_WRITE_INPUT_TOKENS = "gen_ai.usage.cache_write.input_tokens": Int, GenAi;
    USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens": Int, GenAi;
    EMBEDDINGS_DIMENSION_COUNT = "gen_ai.embeddings.dimension.count": Int, GenAi;
    DATA_SOURCE_ID = "gen_ai.data_source.id": String, GenAi;
    RETRIEVAL_TOP_K = "gen_ai.retrieval.top_k": Int, GenAi;
    TOOL_NAME = "gen_ai.tool.name": String, GenAi;
    TOOL_CALL_ID = "gen_ai.tool.call.id": String, GenAi;
    TOOL_TYPE = "gen_ai.tool.type": String, GenAi;
    AGENT_NAME = "gen_ai.agent.name": String, GenAi;
    AGENT_ID = "gen_ai.agent.id": String, GenAi;
    DB_SYSTEM_NAME = "db.system.name": String, Database;
    DB_OPERATION_NAME = "db.operation.name": String, Database;
    DB_OPERATION_BATCH_SIZE = "db.operation.batch.size": Int, Database;
    DB_COLLECTION_NAME = "db.collection.name": String, Database;
    DB_NAMESPACE = "db.namespace": String, Database;
    DB_RESPONSE_RETURNED_ROWS = "db.response.returned_rows": Int, Database;
    ERROR_TYPE = "error.type": String, General;
    SERVER_ADDRESS = "server.address": String, General;
    SERVER_PORT = "server.port": Int, General;
    NETWORK_LOCAL_ADDRESS = "network.local.address": String, General;
    NETWORK_LOCAL_PORT = "network.local.port": Int, General;
    NETWORK_PEER_ADDRESS = "network.peer.address": String, General;
    NETWORK_PEER_PORT = "network.peer.port": Int, General;
    HTTP_REQUEST_METHOD = "http.request.method": String, Http;
    HTTP_REQUEST_RESEND_COUNT = "http.request.resend_count": Int, Http;
    HTTP_ROUTE = "http.route": String, Http;
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code": Int, Http;
    URL_PATH = "url.path": String, Http;
    URL_SCHEME = "url.scheme": String, Http;
    FI_SPAN_KIND = "fi.span.kind": String, Platforms;
    GEN_AI_SPAN_KIND = "gen_ai.span.kind": String, Platforms;
    NOTES = "spanwire.notes": Strings, Spanwire;
    MISSING_BYTES = "spanwire.missing_bytes": Int, Spanwire;
    REDACTED_CREDENTIALS = "spanwire.redacted.credentials": Int, Spanwire;
    REDACTED_ATTRIBUTES = "spanwire.redacted.attributes": Int, Spanwire;
    REDACTED_TRUNCATED = "spanwire.redacted.truncated": Int, Spanwire;
    REDACTED_PATH_SEGMENTS = "spanwire.redacted.path_segments": Int, Spanwire;
    SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions": Any, GenAi, content;
    INPUT_MESSAGES = "gen_ai.input.messages": Any, GenAi, content;
    OUTPUT_MESSAGES = "gen_ai.output.messages": Any, GenAi, content;
    TOOL_DEFINITIONS = "gen_ai.tool.definitions": Any, GenAi, content;
    TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments": Any, GenAi, content;
    TOOL_CALL_RESULT = "gen_ai.tool.call.result": Any, GenAi, content;
    RETRIEVAL_DOCUMENTS = "gen_ai.retrieval.documents": Any, GenAi, content;
    RETRIEVAL_QUERY_TEXT = "gen_ai.retrieval.query.text": String, GenAi, content;
    INPUT_VALUE = "input.value": String, OpenInference, content;
    OUTPUT_VALUE = "output.value": String, OpenInference, content;
}

/// The row of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Attribute> {
    TABLE.iter().find(|attribute| attribute.name == name)
}

/// Bytes of one text that a span is given; `redact` looks at no more, and keeps less.
pub const TEXT_MAX_BYTES: usize = 4096;
/// Elements of a list that a span is given.
const LIST_MAX: usize = 256;

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
    to.text(OPERATION_NAME, call.subject.operation());
    to.text(PROVIDER_NAME, Some(call.provider));
    to.text(REQUEST_MODEL, call.request_model.as_ref());
    parameters(&mut to, &call.parameters);
    if call.stream {
        to.put(REQUEST_STREAM, Value::Bool(true));
    }
    to.text(RESPONSE_ID, call.response_id.as_ref());
    to.text(RESPONSE_MODEL, call.response_model.as_ref());
    subject(&mut to, &call.subject);
    to.double(RESPONSE_TIME_TO_FIRST_CHUNK, seconds_to_first_chunk(call, exchange));
    usage(&mut to, call.usage);
    to.text(ERROR_TYPE, error_type);
    transport(&mut to, exchange, connection);
    to.text(FI_SPAN_KIND, Some(call.subject.span_kind()));
    to.text(GEN_AI_SPAN_KIND, Some(call.subject.span_kind()));
    to.0.extend(call.extra.iter().map(|(name, value)| (Cow::Borrowed(*name), bounded_value(value))));
    to.texts(NOTES, notes);
    to.int(MISSING_BYTES, Some(exchange.missing_bytes).filter(|missing| *missing > 0));
    to.0
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
        Subject::Rerank { top_k } => to.int(RETRIEVAL_TOP_K, *top_k),
        Subject::Retrieval { store: place, top_k, matches } => {
            store(to, place);
            to.text(DATA_SOURCE_ID, place.collection.as_ref());
            to.int(RETRIEVAL_TOP_K, *top_k);
            to.int(DB_RESPONSE_RETURNED_ROWS, *matches);
        }
        Subject::Points { store: place, count } => {
            store(to, place);
            // By the conventions a single operation is no batch.
            to.int(DB_OPERATION_BATCH_SIZE, count.filter(|count| *count != 1));
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

fn store(to: &mut Builder, store: &Store) {
    to.text(DB_SYSTEM_NAME, Some(store.system));
    to.text(DB_OPERATION_NAME, Some(store.operation));
    to.text(DB_COLLECTION_NAME, store.collection.as_ref());
    to.text(DB_NAMESPACE, store.namespace.as_ref());
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
