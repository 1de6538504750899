//! The one way out: only what passed here can be exported, printed or stored.
//!
//! Two rules. A span attribute leaves only if its name is on the allow-list: the agent's own table
//! ([`attributes::NAMES`]) and what the dialects declare, neither of which holds content. And every
//! text that leaves is searched for credentials and bounded in length.

mod credential;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use crate::correlate::attributes::{
    self, Attributes, REDACTED_ATTRIBUTES, REDACTED_CREDENTIALS, REDACTED_TRUNCATED,
};
use crate::correlate::span::Span;
use crate::discovery::process::Process;
use crate::provider;
use crate::value::Value;

/// Bytes of a text that are kept.
pub const TEXT_MAX_BYTES: usize = 1024;
/// Elements of a list, and entries of a map, that are kept.
pub const LIST_MAX: usize = 128;
/// Lists and maps within one another that are kept.
const DEPTH_MAX: usize = 8;
/// What stands for a list or a map that is deeper.
const TOO_DEEP: &str = "[TOO DEEP]";

/// A value that carries no credential and no content that the policy forbids. Only this module
/// makes one, so an exporter that forgets to redact does not compile.
#[derive(Clone, Debug)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// The value, to read.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// Redacts one span. What was taken from it is counted in its `spanwire.redacted.*` attributes.
#[must_use]
pub fn redact(mut span: Span) -> Redacted<Span> {
    let mut counts = Counts::default();
    counts.text(&mut span.name);
    span.attributes.retain(|(name, _)| {
        let leaves = may_leave(name);
        counts.attributes += u64::from(!leaves);
        leaves
    });
    for (_, value) in &mut span.attributes {
        counts.value(value);
    }
    if let Some(process) = counts.process(&span.process) {
        span.process = Arc::new(process);
    }
    counts.report(&mut span.attributes);
    Redacted(span)
}

/// Whether a span attribute of this name may leave.
fn may_leave(name: &str) -> bool {
    !is_content(name) && (attributes::NAMES.contains(&name) || provider::declares_attribute(name))
}

/// Names that the conventions give to content. None of them is listed anywhere; this is the second
/// lock on the same door.
fn is_content(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("gen_ai.") else {
        return name.starts_with("input.") || name.starts_with("output.");
    };
    rest.contains("messages")
        || rest.starts_with("system_instructions")
        || rest.starts_with("tool.")
        || rest.starts_with("prompt")
        || rest.starts_with("completion")
        || rest.starts_with("retrieval.")
}

/// What was taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    credentials: u64,
    attributes: u64,
    truncated: u64,
}

impl Counts {
    fn value(&mut self, value: &mut Value) {
        self.value_at(value, 0);
    }

    fn value_at(&mut self, value: &mut Value, depth: usize) {
        match value {
            Value::Array(_) | Value::Map(_) if depth == DEPTH_MAX => {
                *value = TOO_DEEP.into();
                self.truncated += 1;
            }
            Value::String(text) => self.text(text),
            Value::Bytes(bytes) => {
                if let Some((scrubbed, found)) = credential::scrub_bytes(bytes) {
                    *bytes = scrubbed;
                    self.credentials += found;
                }
                self.cut(bytes, TEXT_MAX_BYTES);
            }
            Value::Array(values) => {
                self.cut(values, LIST_MAX);
                values.iter_mut().for_each(|value| self.value_at(value, depth + 1));
            }
            Value::Map(entries) => {
                self.cut(entries, LIST_MAX);
                for (name, value) in entries {
                    self.entry(name, value, depth + 1);
                }
            }
            Value::Int(_) | Value::Double(_) | Value::Bool(_) => {}
        }
    }

    fn cut<T>(&mut self, values: &mut Vec<T>, max: usize) {
        if values.len() > max {
            values.truncate(max);
            self.truncated += 1;
        }
    }

    /// A value whose name was not made by the agent.
    fn entry(&mut self, name: &mut String, value: &mut Value, depth: usize) {
        self.text(name);
        if credential::names_secret(name) {
            *value = credential::MARK.into();
            self.credentials += 1;
        } else {
            self.value_at(value, depth);
        }
    }

    /// Searches the whole text before cutting it: half a credential would not be recognised.
    fn text(&mut self, text: &mut String) {
        if let Some((scrubbed, found)) = credential::scrub(text) {
            *text = scrubbed;
            self.credentials += found;
        }
        if text.len() > TEXT_MAX_BYTES {
            text.truncate(text.floor_char_boundary(TEXT_MAX_BYTES));
            self.truncated += 1;
        }
    }

    /// The process redacted, or `None` when there was nothing to change: then all its spans go on
    /// sharing one. Its attributes need not be listed, since they are not traffic: they come from
    /// the host, and from what the operator told the process to report.
    fn process(&mut self, process: &Process) -> Option<Process> {
        let before = *self;
        let mut redacted = process.clone();
        self.text(&mut redacted.service_name);
        redacted.attributes.retain(|(name, _)| {
            let leaves = !name.starts_with("gen_ai.") && !is_content(name);
            self.attributes += u64::from(!leaves);
            leaves
        });
        for (name, value) in &mut redacted.attributes {
            self.entry(name, value, 0);
        }
        (*self != before).then_some(redacted)
    }

    fn report(self, attributes: &mut Attributes) {
        for (name, count) in [
            (REDACTED_CREDENTIALS, self.credentials),
            (REDACTED_ATTRIBUTES, self.attributes),
            (REDACTED_TRUNCATED, self.truncated),
        ] {
            if count > 0 {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                attributes.push((Cow::Borrowed(name), Value::Int(count)));
            }
        }
    }
}
