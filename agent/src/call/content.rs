//! What was said, in plain text, in the shape that the GenAI conventions give it whatever dialect it was said in.
//!
//! Nothing of it may leave but through `redact`.

use serde_json::Value;

/// What a call's request and response say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Instructions that stand apart from the messages.
    pub system: Vec<Part>,
    /// The request's messages.
    pub input: Vec<Message>,
    /// The response's, one for each choice.
    pub output: Vec<Message>,
    /// Tools that were offered.
    pub tools: Vec<Tool>,
    /// What was searched for, in a store or among documents that were sent along.
    pub query: Option<String>,
    /// What was found; of a rerank, what was sent to be put in order.
    pub documents: Vec<Document>,
    /// What the provider says of an error.
    pub error: Option<String>,
}

/// One message of a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// `system`, `user`, `assistant`, `tool`, or what the wire says else.
    pub role: String,
    /// Who in this role, where the wire says so.
    pub name: Option<String>,
    /// What it says, in its order.
    pub parts: Vec<Part>,
    /// Why it ended, in the conventions' word; of a response's alone.
    pub finish_reason: Option<String>,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Words.
    Text(String),
    /// What the model thought, or a summary of it.
    Reasoning(String),
    /// The model asks for a tool that the program runs.
    ToolCall {
        /// The call's id.
        id: Option<String>,
        /// The tool.
        name: String,
        /// As an object, where the wire has a string that is JSON, too.
        arguments: Value,
    },
    /// What the tool gave.
    ToolResponse {
        /// Of the call that asked for it.
        id: Option<String>,
        /// As it was sent back: a text, or whatever else the wire has.
        response: Value,
    },
    /// A tool that the provider runs itself was asked for.
    ServerToolCall {
        /// The call's id.
        id: Option<String>,
        /// The tool.
        name: String,
        /// An object with a `type`, as the conventions ask.
        call: Value,
    },
    /// And what it gave.
    ServerToolResponse {
        /// Of the call that asked for it.
        id: Option<String>,
        /// An object with a `type`.
        response: Value,
    },
    /// Data that was sent along.
    Blob {
        /// `image`, `audio`, `video`, `document`.
        modality: &'static str,
        /// Its media type.
        mime_type: Option<String>,
        /// In base64, as it was sent; of long ones the begin.
        data: String,
        /// Bytes of the whole data.
        bytes: u64,
    },
    /// Data that the provider has already.
    File {
        /// As of a blob.
        modality: &'static str,
        /// Its media type.
        mime_type: Option<String>,
        /// The provider's id of it.
        id: String,
    },
    /// Data that is somewhere else.
    Uri {
        /// As of a blob.
        modality: &'static str,
        /// Its media type.
        mime_type: Option<String>,
        /// Where.
        uri: String,
    },
    /// What the conventions have no word for: the part as the wire has it, which is an object.
    Other {
        /// Its type.
        kind: String,
        /// All of it.
        value: Value,
    },
}

/// A tool that was offered to the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tool {
    /// `function`, or what the wire has.
    pub kind: String,
    /// Its name, where it has one beside its type.
    pub name: Option<String>,
    /// What the model is told of it.
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    pub parameters: Option<Value>,
}

/// A document or a point of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Its id; of documents that were sent along, their place in the list.
    pub id: Option<String>,
    /// How near it is to what was searched for.
    pub score: Option<f64>,
    /// What it says.
    pub text: Option<String>,
    /// What else is kept with it: metadata, a payload.
    pub metadata: Option<Value>,
}

/// The bodies of an exchange, as far as they are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bodies {
    /// The request; `null` when there was none, or none that is JSON. Of a form, an object of its fields; of lines, a list
    /// of them.
    pub request: Value,
    /// The response where it is one document; `null` else.
    pub response: Value,
    /// The response where it came as events, in their order, each with its name, which may be empty.
    pub events: Vec<(String, Value)>,
}

/// Takes over what bodies of a dialect say.
pub type Convert = fn(&Bodies, &mut Content);

/// What stands at the end of a text of which so many bytes are missing, zero where that is not known.
#[must_use]
pub fn cut_mark(bytes: u64) -> String {
    if bytes == 0 { "…[cut]".to_owned() } else { format!("…[{bytes} bytes cut]") }
}

/// A text without its mark, and how many bytes are missing of it; `None` when it has no mark.
#[must_use]
pub fn without_cut_mark(text: &str) -> Option<(&str, u64)> {
    let (kept, mark) = text.rsplit_once("…[")?;
    let mark = mark.strip_suffix("cut]")?;
    let bytes = if mark.is_empty() { 0 } else { mark.strip_suffix(" bytes ")?.parse().ok()? };
    Some((kept, bytes))
}
