//! What was said, in the conventions' shape and under the operator's policy: the attributes that carry it.
//!
//! Everything is looked at whatever the policy says, so that what was found is counted also where nothing is said.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json, json};

use super::data;
use crate::call::content::{Content, Document, Message, Part, Tool, cut_mark, without_cut_mark};
use crate::config::{ContentMode as Mode, Direction, Kind};
use crate::correlate::attributes::{
    ERROR_MESSAGE, INPUT_MESSAGES, OUTPUT_MESSAGES, RETRIEVAL_DOCUMENTS, RETRIEVAL_QUERY_TEXT,
    SYSTEM_INSTRUCTIONS, TOOL_DEFINITIONS,
};

/// Takes out of texts what is not to leave, and counts it.
pub(super) trait Clean {
    /// What the policy says of what goes this way.
    fn mode(&self, direction: Direction, kind: Kind) -> Mode;
    /// A text; of one that is cut the end is missing, perhaps within something that would be found.
    fn text(&mut self, text: &mut String, is_cut: bool, mode: Mode);
    /// The texts, names and numbers in a value.
    fn json(&mut self, value: &mut Json, mode: Mode);
}

/// An attribute and its value, which is JSON where the conventions have a structure.
pub(super) type Attribute = (&'static str, String);

/// Bytes of texts that an attribute has at most.
pub(super) const ATTRIBUTE_MAX_BYTES: usize = 1 << 20;

/// What may be said of a call.
pub(super) fn say(content: Content, cleaner: &mut impl Clean) -> (Vec<Attribute>, bool) {
    use Direction::{Input, Output};
    let mut said = Sayer { cleaner, left: ATTRIBUTE_MAX_BYTES, is_cut: false };
    let mut attributes = Vec::new();
    let mut put = |name: &'static str, value: Option<Json>| {
        attributes.extend(value.map(|value| (name, value.to_string())));
    };
    let system = said.parts(content.system, |_| Kind::SystemInstructions, Input);
    put(SYSTEM_INSTRUCTIONS, some(system));
    put(INPUT_MESSAGES, some(said.messages(content.input, Input)));
    put(OUTPUT_MESSAGES, some(said.messages(content.output, Output)));
    put(TOOL_DEFINITIONS, some(said.tools(content.tools)));
    put(RETRIEVAL_DOCUMENTS, some(said.documents(content.documents)));
    for (name, text, direction, kind) in [
        (RETRIEVAL_QUERY_TEXT, content.query, Input, Kind::Messages),
        (ERROR_MESSAGE, content.error, Output, Kind::Errors),
    ] {
        let text = text.and_then(|text| said.plain(text, said.cleaner.mode(direction, kind)));
        attributes.extend(text.map(|text| (name, text)));
    }
    let is_cut = said.is_cut;
    (attributes, is_cut)
}

fn some(list: Vec<Json>) -> Option<Json> {
    (!list.is_empty()).then_some(Json::Array(list))
}

struct Sayer<'a, C> {
    cleaner: &'a mut C,
    /// Bytes that may still be said.
    left: usize,
    is_cut: bool,
}

impl<C: Clean> Sayer<'_, C> {
    fn messages(&mut self, messages: Vec<Message>, direction: Direction) -> Vec<Json> {
        let mut said = Vec::new();
        for message in messages {
            let kind = if is_system(&message.role) { kind_of_system } else { kind_of };
            let said_nothing = message.parts.is_empty();
            let parts = self.parts(message.parts, kind, direction);
            // Of what is off nothing is to be seen, nor that it was there.
            if parts.is_empty()
                && (!said_nothing || self.cleaner.mode(direction, Kind::Messages) == Mode::Off)
            {
                continue;
            }
            let mut one = Map::new();
            one.insert("role".to_owned(), self.name(message.role).into());
            if let Some(name) = message.name {
                one.insert("name".to_owned(), self.name(name).into());
            }
            one.insert("parts".to_owned(), parts.into());
            if let Some(reason) = message.finish_reason {
                one.insert("finish_reason".to_owned(), self.name(reason).into());
            }
            said.push(one.into());
        }
        said
    }

    fn parts(&mut self, parts: Vec<Part>, kind: fn(&Part) -> Kind, direction: Direction) -> Vec<Json> {
        let mut said = Vec::new();
        for part in parts {
            let mode = self.cleaner.mode(direction, kind(&part));
            said.extend(self.part(part, mode));
        }
        said
    }

    fn part(&mut self, part: Part, mode: Mode) -> Option<Json> {
        let (kind, mut one) = match part {
            Part::Text(text) => ("text", self.member("content", Json::String(text), mode)),
            Part::Reasoning(text) => ("reasoning", self.member("content", Json::String(text), mode)),
            Part::ToolCall { id, name, arguments } => {
                ("tool_call", self.named(id, Some(name), ("arguments", arguments), mode))
            }
            Part::ToolResponse { id, response } => {
                ("tool_call_response", self.named(id, None, ("response", response), mode))
            }
            Part::ServerToolCall { id, name, call } => {
                ("server_tool_call", self.named(id, Some(name), ("server_tool_call", call), mode))
            }
            Part::ServerToolResponse { id, response } => (
                "server_tool_call_response",
                self.named(id, None, ("server_tool_call_response", response), mode),
            ),
            Part::Blob { modality, mime_type, data, bytes } => {
                let mut one = self.medium(modality, mime_type);
                one.insert("byte_size".to_owned(), bytes.into());
                // What a picture shows cannot be searched: it leaves whole, or not at all.
                let data = if mode == Mode::Full { self.data(data) } else { String::new() };
                one.insert("content".to_owned(), data.into());
                ("blob", one)
            }
            Part::File { modality, mime_type, id } => {
                let mut one = self.medium(modality, mime_type);
                one.insert("file_id".to_owned(), self.name(id).into());
                ("file", one)
            }
            Part::Uri { modality, mime_type, uri } => {
                let mut one = self.medium(modality, mime_type);
                one.append(&mut self.member("uri", Json::String(uri), mode));
                ("uri", one)
            }
            Part::Other { kind, value } => {
                let mut one = self.member("value", value, mode);
                let inside = match one.remove("value") {
                    Some(Json::Object(members)) => members,
                    Some(other) => Map::from_iter([("value".to_owned(), other)]),
                    None => one,
                };
                let mut one = inside;
                one.insert("type".to_owned(), self.name(kind).into());
                return (mode > Mode::Off).then(|| one.into());
            }
        };
        one.insert("type".to_owned(), kind.into());
        (mode > Mode::Off).then(|| one.into())
    }

    /// Data in base64.
    fn data(&mut self, data: String) -> String {
        let (kept, missing) =
            without_cut_mark(&data).map_or((&*data, None), |(kept, missing)| (kept, Some(missing)));
        let clean = |text: &mut String, is_cut| self.cleaner.text(text, is_cut, Mode::Full);
        let mut left = data::searched(kept, missing.is_some(), clean).unwrap_or_default();
        self.is_cut |= missing.is_some() || left.len() < kept.len();
        if let Some(missing) = missing {
            let taken = u64::try_from(kept.len().saturating_sub(left.len())).unwrap_or(u64::MAX);
            left.push_str(&cut_mark(if missing == 0 { 0 } else { missing.saturating_add(taken) }));
        }
        self.bounded(left)
    }

    fn medium(&mut self, modality: &str, mime_type: Option<String>) -> Map<String, Json> {
        let mut one = Map::from_iter([("modality".to_owned(), Json::from(modality))]);
        if let Some(mime_type) = mime_type {
            one.insert("mime_type".to_owned(), self.name(mime_type).into());
        }
        one
    }

    fn named(
        &mut self,
        id: Option<String>,
        name: Option<String>,
        (member, value): (&str, Json),
        mode: Mode,
    ) -> Map<String, Json> {
        let mut one = self.member(member, value, mode);
        for (key, value) in [("id", id), ("name", name)] {
            if let Some(value) = value {
                one.insert(key.to_owned(), self.name(value).into());
            }
        }
        one
    }

    /// A member with what was said; where only its form is, with its length.
    fn member(&mut self, name: &str, mut value: Json, mode: Mode) -> Map<String, Json> {
        let bytes = match &value {
            Json::String(text) => text.len(),
            other => other.to_string().len(),
        };
        match &mut value {
            Json::String(text) => *text = self.clean(std::mem::take(text), mode),
            other => self.cleaner.json(other, mode),
        }
        match mode {
            Mode::Off => Map::new(),
            Mode::Metadata => Map::from_iter([("byte_size".to_owned(), Json::from(bytes))]),
            Mode::Redacted | Mode::Full => {
                let value = match value {
                    Json::String(text) => self.bounded(text).into(),
                    other if other.to_string().len() > self.left => {
                        self.is_cut = true;
                        cut_mark(bytes as u64).into()
                    }
                    other => {
                        self.left = self.left.saturating_sub(bytes);
                        other
                    }
                };
                Map::from_iter([(name.to_owned(), value)])
            }
        }
    }

    /// A text that stands by itself.
    fn plain(&mut self, text: String, mode: Mode) -> Option<String> {
        let text = self.clean(text, mode);
        (mode >= Mode::Redacted).then(|| self.bounded(text))
    }

    /// Looks at the whole before it is cut: half of something would not be found.
    fn clean(&mut self, mut text: String, mode: Mode) -> String {
        let Some((kept, missing)) = without_cut_mark(&text).map(|(kept, missing)| (kept.len(), missing))
        else {
            self.cleaner.text(&mut text, false, mode);
            return text;
        };
        text.truncate(kept);
        self.cleaner.text(&mut text, true, mode);
        text.push_str(&cut_mark(missing));
        self.is_cut = true;
        text
    }

    /// What is short and names something: always without what would be found in it.
    fn name(&mut self, mut text: String) -> String {
        const NAME_MAX_BYTES: usize = 1024;
        let is_cut = text.len() > NAME_MAX_BYTES;
        text.truncate(text.floor_char_boundary(NAME_MAX_BYTES));
        self.cleaner.text(&mut text, is_cut, Mode::Redacted);
        self.left = self.left.saturating_sub(text.len());
        text
    }

    /// Nearly all are small; one that is not could be the number of a card.
    fn score(&mut self, score: f64, mode: Mode) -> Json {
        const SMALL: f64 = 1e12;
        if score.abs() >= SMALL && score.is_finite() {
            let before = format!("{score:.0}");
            let mut text = before.clone();
            self.cleaner.text(&mut text, false, mode);
            if text != before {
                return text.into();
            }
        }
        json!(score)
    }

    fn bounded(&mut self, mut text: String) -> String {
        if text.len() > self.left {
            let kept = text.floor_char_boundary(self.left);
            let missing = text.len() - kept;
            text.truncate(kept);
            text.push_str(&cut_mark(missing as u64));
            self.is_cut = true;
        }
        self.left = self.left.saturating_sub(text.len());
        text
    }

    fn tools(&mut self, tools: Vec<Tool>) -> Vec<Json> {
        let mode = self.cleaner.mode(Direction::Input, Kind::ToolDefinitions);
        let mut said = Vec::new();
        for tool in tools {
            let mut one = Map::new();
            one.insert("type".to_owned(), self.name(tool.kind).into());
            if let Some(name) = tool.name {
                one.insert("name".to_owned(), self.name(name).into());
            }
            for (name, value) in
                [("description", tool.description.map(Json::String)), ("parameters", tool.parameters)]
            {
                if let Some(value) = value {
                    let mut member = self.member(name, value, mode);
                    member.remove("byte_size");
                    one.append(&mut member);
                }
            }
            if mode > Mode::Off {
                said.push(one.into());
            }
        }
        said
    }

    fn documents(&mut self, documents: Vec<Document>) -> Vec<Json> {
        let mode = self.cleaner.mode(Direction::Output, Kind::Documents);
        let mut said = Vec::new();
        for document in documents {
            let mut one = Map::new();
            if let Some(text) = document.text {
                one.append(&mut self.member("content", Json::String(text), mode));
            }
            if let Some(metadata) = document.metadata {
                let mut metadata = self.member("metadata", metadata, mode);
                metadata.remove("byte_size");
                one.append(&mut metadata);
            }
            if let Some(id) = document.id {
                one.insert("id".to_owned(), self.name(id).into());
            }
            if let Some(score) = document.score {
                one.insert("score".to_owned(), self.score(score, mode));
            }
            if mode > Mode::Off {
                said.push(one.into());
            }
        }
        said
    }
}

/// Whether it gives instructions, by the names that dialects have for that.
fn is_system(role: &str) -> bool {
    matches!(role, "system" | "developer")
}

fn kind_of_system(part: &Part) -> Kind {
    match kind_of(part) {
        Kind::Messages => Kind::SystemInstructions,
        other => other,
    }
}

fn kind_of(part: &Part) -> Kind {
    match part {
        Part::ToolCall { .. } | Part::ServerToolCall { .. } => Kind::ToolArguments,
        Part::ToolResponse { .. } | Part::ServerToolResponse { .. } => Kind::ToolResults,
        _ => Kind::Messages,
    }
}
