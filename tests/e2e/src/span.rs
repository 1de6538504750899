//! A received span, with its attributes by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{self as proto, ResourceSpans};

/// Attributes by name.
#[derive(Default, PartialEq)]
pub struct Attributes(BTreeMap<String, Value>);

impl Attributes {
    fn of(pairs: &[KeyValue]) -> Self {
        let value = |pair: &KeyValue| pair.value.as_ref().and_then(|value| value.value.clone());
        Self(pairs.iter().filter_map(|pair| Some((pair.key.clone(), value(pair)?))).collect())
    }

    /// All of them, as JSON.
    #[must_use]
    pub fn json(&self) -> BTreeMap<String, serde_json::Value> {
        self.0.iter().map(|(name, value)| (name.clone(), json(value))).collect()
    }

    /// Whether there is one of this name, of any type.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        as_text(self.0.get(name)?)
    }

    /// A whole number.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::IntValue(number) => Some(*number),
            _ => None,
        }
    }

    /// A number.
    #[must_use]
    pub fn double(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Value::DoubleValue(number) => Some(*number),
            _ => None,
        }
    }

    /// A truth value.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::BoolValue(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A list of texts; empty when there is none.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::ArrayValue(array)) => array.values.iter().filter_map(text_of).collect(),
            _ => Vec::new(),
        }
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::StringValue(text) => text.as_str().into(),
        Value::IntValue(number) => (*number).into(),
        Value::DoubleValue(number) => (*number).into(),
        Value::BoolValue(truth) => (*truth).into(),
        Value::ArrayValue(array) => array
            .values
            .iter()
            .map(|element| element.value.as_ref().map_or_else(Default::default, json))
            .collect(),
        Value::KvlistValue(list) => {
            let member =
                |pair: &KeyValue| pair.value.as_ref().and_then(|value| value.value.as_ref()).map(json);
            list.values.iter().map(|pair| (pair.key.clone(), member(pair).unwrap_or_default())).collect()
        }
        other => format!("{other:?}").into(),
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.0.iter().map(|(name, value)| (name, Compact(value)))).finish()
    }
}

/// A value on one line.
struct Compact<'a>(&'a Value);

impl fmt::Debug for Compact<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::StringValue(text) => write!(formatter, "{text:?}"),
            Value::IntValue(number) => write!(formatter, "{number}"),
            Value::DoubleValue(number) => write!(formatter, "{number}"),
            Value::BoolValue(flag) => write!(formatter, "{flag}"),
            Value::ArrayValue(array) => {
                write!(formatter, "{:?}", array.values.iter().map(text_of).collect::<Vec<_>>())
            }
            other => write!(formatter, "{other:?}"),
        }
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn text_of(value: &AnyValue) -> Option<&str> {
    as_text(value.value.as_ref()?)
}

/// One span with its resource's attributes.
#[derive(Clone)]
pub struct Span {
    /// As it came.
    pub raw: Arc<proto::Span>,
    /// Its own attributes.
    pub attributes: Arc<Attributes>,
    /// Those of the process that made the call.
    pub resource: Arc<Attributes>,
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct(&self.raw.name)
            .field("began", &self.raw.start_time_unix_nano)
            .field("ended", &self.raw.end_time_unix_nano)
            .field("failed", &self.failed())
            .field("service", &self.service())
            .field("pid", &self.resource.int("process.pid"))
            .field("attributes", &self.attributes)
            .finish()
    }
}

impl Span {
    /// Every span of an export.
    #[must_use]
    pub fn all_of(export: &[ResourceSpans]) -> Vec<Self> {
        let mut spans = Vec::new();
        for of_resource in export {
            let pairs = of_resource.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
            let resource = Arc::new(Attributes::of(pairs));
            for raw in of_resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                let attributes = Arc::new(Attributes::of(&raw.attributes));
                let resource = Arc::clone(&resource);
                spans.push(Self { raw: Arc::new(raw.clone()), attributes, resource });
            }
        }
        spans
    }

    /// A text attribute.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.text(name)
    }

    /// A whole number among the attributes.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attributes.int(name)
    }

    /// `gen_ai.response.id`.
    #[must_use]
    pub fn response_id(&self) -> Option<&str> {
        self.text("gen_ai.response.id")
    }

    /// `gen_ai.usage.input_tokens` and `.output_tokens`.
    #[must_use]
    pub fn tokens(&self) -> (Option<i64>, Option<i64>) {
        (self.int("gen_ai.usage.input_tokens"), self.int("gen_ai.usage.output_tokens"))
    }

    /// `error.type`.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        self.text("error.type")
    }

    /// `spanwire.notes`, which say what could not be seen.
    #[must_use]
    pub fn notes(&self) -> Vec<&str> {
        self.attributes.texts("spanwire.notes")
    }

    /// The attributes of its events of this name, as JSON.
    #[must_use]
    pub fn events(&self, name: &str) -> Vec<BTreeMap<String, serde_json::Value>> {
        let events = self.raw.events.iter().filter(|event| event.name == name);
        events.map(|event| Attributes::of(&event.attributes).json()).collect()
    }

    /// `service.name` of the process.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.resource.text("service.name")
    }

    /// Whether its status is an error.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.raw.status.as_ref().is_some_and(|status| status.code() == proto::status::StatusCode::Error)
    }
}
