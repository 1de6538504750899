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

use crate::call::Value;
use crate::correlate::attributes::{
    self, Attributes, REDACTED_ATTRIBUTES, REDACTED_CREDENTIALS, REDACTED_TRUNCATED,
};
use crate::correlate::span::Span;
use crate::discovery::process::Process;
use crate::provider;

/// Bytes of a text that are kept.
pub const TEXT_MAX_BYTES: usize = 1024;
/// Elements of a list that are kept.
pub const LIST_MAX: usize = 128;

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
        match value {
            Value::String(text) => self.text(text),
            Value::Strings(texts) => {
                if texts.len() > LIST_MAX {
                    texts.truncate(LIST_MAX);
                    self.truncated += 1;
                }
                texts.iter_mut().for_each(|text| self.text(text));
            }
            Value::Int(_) | Value::Double(_) | Value::Bool(_) => {}
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
            self.text(name);
            if credential::names_secret(name) {
                *value = Value::String(credential::MARK.to_owned());
                self.credentials += 1;
            } else {
                self.value(value);
            }
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
