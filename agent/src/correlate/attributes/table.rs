//! Every name that the agent itself puts on a span, with its type, where it comes from and whether it is content. With
//! the names that the providers' dialects declare it is all that can ever be exported.
//!
//! The names follow the official emitters of late 2026 (OpenTelemetry GenAI, the `hybrid` profile),
//! beside them `fi.span.kind` and `gen_ai.span.kind`, which LLM platforms read.

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
    /// It holds what people and models said: `redact` alone puts it on, where the operator's policy allows.
    pub is_content: bool,
}

/// Declares the names and gathers them in [`TABLE`].
macro_rules! table {
    ($($constant:ident = $name:literal: $value:ident, $convention:ident $(, $content:ident)?;)+) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: &str = $name;)+
        /// Every attribute of spans, their events and links, but for the fields of `limits`.
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
    USAGE_TOTAL_TOKENS = "gen_ai.usage.total_tokens": Int, Platforms;
    USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens": Int, GenAi;
    USAGE_CACHE_WRITE_INPUT_TOKENS = "gen_ai.usage.cache_write.input_tokens": Int, GenAi;
    USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens": Int, GenAi;
    USAGE_TEXT_INPUT_TOKENS = "gen_ai.usage.text.input_tokens": Int, GenAi;
    USAGE_IMAGE_INPUT_TOKENS = "gen_ai.usage.image.input_tokens": Int, GenAi;
    USAGE_AUDIO_INPUT_TOKENS = "gen_ai.usage.audio.input_tokens": Int, GenAi;
    USAGE_TEXT_OUTPUT_TOKENS = "gen_ai.usage.text.output_tokens": Int, GenAi;
    USAGE_IMAGE_OUTPUT_TOKENS = "gen_ai.usage.image.output_tokens": Int, GenAi;
    USAGE_AUDIO_OUTPUT_TOKENS = "gen_ai.usage.audio.output_tokens": Int, GenAi;
    COST_TOTAL = "gen_ai.cost.total": Double, Platforms;
    COST_INPUT = "gen_ai.cost.input": Double, Platforms;
    COST_OUTPUT = "gen_ai.cost.output": Double, Platforms;
    COST_CACHE_WRITE = "gen_ai.cost.cache_write": Double, Platforms;
    COST_SOURCE = "gen_ai.cost.source": String, Platforms;
    CONVERSATION_ID = "gen_ai.conversation.id": String, GenAi;
    CONVERSATION_COMPACTED = "gen_ai.conversation.compacted": Bool, GenAi;
    PROMPT_NAME = "gen_ai.prompt.name": String, GenAi;
    PROMPT_VERSION = "gen_ai.prompt.version": String, GenAi;
    PREVIOUS_RESPONSE_ID = "gen_ai.request.previous_response.id": String, GenAi;
    EMBEDDINGS_DIMENSION_COUNT = "gen_ai.embeddings.dimension.count": Int, GenAi;
    DATA_SOURCE_ID = "gen_ai.data_source.id": String, GenAi;
    RETRIEVAL_TOP_K = "gen_ai.retrieval.top_k": Int, GenAi;
    TOOL_NAME = "gen_ai.tool.name": String, GenAi;
    TOOL_CALL_ID = "gen_ai.tool.call.id": String, GenAi;
    TOOL_TYPE = "gen_ai.tool.type": String, GenAi;
    AGENT_NAME = "gen_ai.agent.name": String, GenAi;
    AGENT_ID = "gen_ai.agent.id": String, GenAi;
    GRAPH_NODE_ID = "gen_ai.agent.graph.node_id": String, Platforms;
    GRAPH_PARENT_NODE_ID = "gen_ai.agent.graph.parent_node_id": String, Platforms;
    EVALUATION_NAME = "gen_ai.evaluation.name": String, GenAi;
    EVALUATION_SCORE_VALUE = "gen_ai.evaluation.score.value": Double, GenAi;
    EVALUATION_SCORE_LABEL = "gen_ai.evaluation.score.label": String, GenAi;
    EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation": String, GenAi;
    DB_SYSTEM_NAME = "db.system.name": String, Database;
    DB_OPERATION_NAME = "db.operation.name": String, Database;
    DB_OPERATION_BATCH_SIZE = "db.operation.batch.size": Int, Database;
    DB_COLLECTION_NAME = "db.collection.name": String, Database;
    DB_NAMESPACE = "db.namespace": String, Database;
    DB_RESPONSE_RETURNED_ROWS = "db.response.returned_rows": Int, Database;
    DB_RESPONSE_STATUS_CODE = "db.response.status_code": String, Database;
    VECTOR_QUERY_TOP_K = "db.vector.query.top_k": Int, Platforms;
    VECTOR_QUERY_FILTER = "db.vector.query.filter": String, Platforms;
    VECTOR_QUERY_SCORE_THRESHOLD = "db.vector.query.score_threshold": Double, Platforms;
    VECTOR_QUERY_INCLUDE_METADATA = "db.vector.query.include_metadata": Bool, Platforms;
    VECTOR_QUERY_INCLUDE_VECTORS = "db.vector.query.include_vectors": Bool, Platforms;
    VECTOR_RESULTS_COUNT = "db.vector.results.count": Int, Platforms;
    VECTOR_UPSERT_COUNT = "db.vector.upsert.count": Int, Platforms;
    VECTOR_UPSERT_DIMENSIONS = "db.vector.upsert.dimensions": Int, Platforms;
    VECTOR_DELETE_COUNT = "db.vector.delete.count": Int, Platforms;
    VECTOR_DELETE_ALL = "db.vector.delete.all": Bool, Platforms;
    RERANKER_TOP_N = "gen_ai.reranker.top_n": Int, Platforms;
    ERROR_TYPE = "error.type": String, General;
    ERROR_MESSAGE = "error.message": String, General, content;
    SERVER_ADDRESS = "server.address": String, General;
    SERVER_PORT = "server.port": Int, General;
    NETWORK_LOCAL_ADDRESS = "network.local.address": String, General;
    NETWORK_LOCAL_PORT = "network.local.port": Int, General;
    NETWORK_PEER_ADDRESS = "network.peer.address": String, General;
    NETWORK_PEER_PORT = "network.peer.port": Int, General;
    HTTP_REQUEST_METHOD = "http.request.method": String, Http;
    HTTP_REQUEST_RESEND_COUNT = "http.request.resend_count": Int, Http;
    HTTP_REQUEST_BODY_SIZE = "http.request.body.size": Int, Http;
    HTTP_RESPONSE_BODY_SIZE = "http.response.body.size": Int, Http;
    HTTP_ROUTE = "http.route": String, Http;
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code": Int, Http;
    URL_PATH = "url.path": String, Http;
    URL_SCHEME = "url.scheme": String, Http;
    FI_SPAN_KIND = "fi.span.kind": String, Platforms;
    GEN_AI_SPAN_KIND = "gen_ai.span.kind": String, Platforms;
    TOOL_CALL_NAMES = "spanwire.tool_calls.names": Strings, Spanwire;
    TOOL_CALL_IDS = "spanwire.tool_calls.ids": Strings, Spanwire;
    INPUT_MEDIA = "spanwire.input.media": Strings, Spanwire;
    QUERY_VECTORS = "spanwire.retrieval.query_vectors": Int, Spanwire;
    QUERY_DIMENSIONS = "spanwire.retrieval.query_dimensions": Int, Spanwire;
    BEST_SCORE = "spanwire.retrieval.best_score": Double, Spanwire;
    BEST_DISTANCE = "spanwire.retrieval.best_distance": Double, Spanwire;
    RERANK_DOCUMENTS = "spanwire.rerank.documents": Int, Spanwire;
    RERANK_RESULTS = "spanwire.rerank.results": Int, Spanwire;
    RERANK_BEST_SCORE = "spanwire.rerank.best_score": Double, Spanwire;
    SEARCH_UNITS = "spanwire.usage.search_units": Int, Spanwire;
    CONTEXT_FORMAT = "spanwire.context.format": String, Spanwire;
    AGENT_LOOP = "spanwire.agent.loop": Bool, Spanwire;
    AGENT_LOOPS = "spanwire.agent.loops": Int, Spanwire;
    AGENT_OUTCOME = "spanwire.agent.outcome": String, Spanwire;
    AGENT_REPEATS = "spanwire.agent.repeats": Int, Spanwire;
    RETRY = "spanwire.retry": Int, Spanwire;
    LOCAL_CONVERSATION_ID = "spanwire.conversation.id": String, Spanwire;
    INFERRED = "spanwire.inferred": Bool, Spanwire;
    ENDPOINT_APPROVAL = "spanwire.endpoint.approval": String, Spanwire;
    LINK_METHOD = "spanwire.link.method": String, Spanwire;
    NOTES = "spanwire.notes": Strings, Spanwire;
    TOTAL_CALLS = "spanwire.total.calls": Int, Spanwire;
    TOTAL_COST = "spanwire.total.cost": Double, Spanwire;
    TOTAL_ERRORS = "spanwire.total.errors": Int, Spanwire;
    TOTAL_INPUT_TOKENS = "spanwire.total.input_tokens": Int, Spanwire;
    TOTAL_OUTPUT_TOKENS = "spanwire.total.output_tokens": Int, Spanwire;
    MISSING_BYTES = "spanwire.missing_bytes": Int, Spanwire;
    CONTENT = "spanwire.content": String, Spanwire;
    CONTENT_CUT = "spanwire.content.cut": Bool, Spanwire;
    REDACTED_EMAIL = "spanwire.redacted.email": Int, Spanwire;
    REDACTED_PHONE = "spanwire.redacted.phone": Int, Spanwire;
    REDACTED_CARD = "spanwire.redacted.card": Int, Spanwire;
    REDACTED_IBAN = "spanwire.redacted.iban": Int, Spanwire;
    REDACTED_NATIONAL_ID = "spanwire.redacted.national_id": Int, Spanwire;
    REDACTED_IP = "spanwire.redacted.ip": Int, Spanwire;
    REDACTED_MAC = "spanwire.redacted.mac": Int, Spanwire;
    REDACTED_RULES = "spanwire.redacted.rules": Strings, Spanwire;
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
