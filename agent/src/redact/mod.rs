//! The one way out: only what passed here can be exported, printed or stored.
//!
//! Two rules. An attribute of a span leaves only if the agent's own table ([`attributes::TABLE`]) has a row
//! for it that is no content and of the value's type, or a dialect declares it; content is put on behind that, as the
//! operator's policy has it. And every text that leaves is searched for credentials, as it is and percent-decoded, and
//! bounded in length.
//!
//! The cost of a text is linear in its length, whatever it says, and a process is searched once, not once a
//! span.

pub mod command;
mod content;
mod credential;
mod encoded;
mod path;
mod policy;
mod said;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::correlate::attributes::{
    self, REDACTED_ATTRIBUTES, REDACTED_CREDENTIALS, REDACTED_PATH_SEGMENTS, REDACTED_TRUNCATED, URL_PATH,
};
use crate::correlate::span::{Attributes, Event, Link, Span};
use crate::discovery::process::Process;
use crate::provider;
use crate::telemetry::Counters;
use crate::value::Value;
pub use policy::Policy;
use said::Contents;
pub use said::Said;

/// Bytes of a text that are kept.
pub const TEXT_MAX_BYTES: usize = 1024;
/// Elements of a list, entries of a map, events and links of a span that are kept.
pub const LIST_MAX: usize = 128;
/// Lists and maps within one another that are kept.
const DEPTH_MAX: usize = 8;
/// What stands for a list or a map that is deeper.
const TOO_DEEP: &str = "[TOO DEEP]";
/// Processes whose redacted record is kept; past it all are forgotten, to be searched again.
const PROCESSES_MAX: usize = 1024;

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

/// Stored as the value itself. It is not read back as a redacted one: what lay on a disk is redacted again.
impl<T: Serialize> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Redacts spans, and the processes that they share.
#[derive(Debug, Default)]
pub struct Redactor {
    contents: Contents,
    /// By the address of the record, which nothing else can have while it is kept here.
    processes: HashMap<usize, KnownProcess>,
}

#[derive(Debug)]
struct KnownProcess {
    redacted: Arc<Process>,
    counts: Counts,
    /// Keeps its address from being used again.
    _original: Arc<Process>,
}

impl Redactor {
    /// Under this policy; what is taken out of contents, and what is dropped of them, is counted.
    #[must_use]
    pub fn new(policy: Policy, counters: Arc<Counters>) -> Self {
        Self { contents: Contents::new(policy, counters), processes: HashMap::new() }
    }

    /// Whether the operator wants any of what is said.
    #[must_use]
    pub fn wants_content(&self) -> bool {
        self.contents.are_wanted()
    }

    /// Takes what a call said, and redacts it: its span, which comes later, is given what may be said of it.
    pub fn said(&mut self, said: &Said) {
        self.contents.add(said);
    }

    /// Redacts one span. What was taken from it and its process is counted in its `spanwire.redacted.*`
    /// attributes.
    #[must_use]
    pub fn redact(&mut self, mut span: Span) -> Redacted<Span> {
        let mut counts = Counts::default();
        counts.text(&mut span.name);
        counts.text(&mut span.trace_state);
        counts.attributes(&mut span.attributes);
        counts.cut(&mut span.events, LIST_MAX);
        for Event { name, attributes, .. } in &mut span.events {
            counts.text(name.to_mut());
            counts.attributes(attributes);
        }
        counts.cut(&mut span.links, LIST_MAX);
        for Link { trace_state, attributes, .. } in &mut span.links {
            counts.text(trace_state);
            counts.attributes(attributes);
        }
        span.process = self.process(span.process, &mut counts);
        counts.report(&mut span.attributes);
        self.contents.put_on(&mut span);
        Redacted(span)
    }

    fn process(&mut self, original: Arc<Process>, counts: &mut Counts) -> Arc<Process> {
        let address = Arc::as_ptr(&original).addr();
        if !self.processes.contains_key(&address) && self.processes.len() >= PROCESSES_MAX {
            self.processes.clear();
        }
        let known = self.processes.entry(address).or_insert_with(|| {
            let mut counts = Counts::default();
            let redacted = counts.process(&original).map_or_else(|| Arc::clone(&original), Arc::new);
            KnownProcess { redacted, counts, _original: original }
        });
        counts.add(known.counts);
        Arc::clone(&known.redacted)
    }
}

/// A text without credentials, for the log and for the operator's terminal.
#[must_use]
pub fn for_log(text: &str) -> Cow<'_, str> {
    encoded::scrub(text).map_or(Cow::Borrowed(text), |(scrubbed, _)| Cow::Owned(scrubbed))
}

/// Whether a span's attribute of this name may leave with this value.
fn may_leave(name: &str, value: &Value) -> bool {
    match attributes::find(name) {
        Some(attribute) => !attribute.is_content && attribute.value.fits(value),
        None => provider::declares_attribute(name),
    }
}

/// Names that the conventions give to content, for resources, whose attributes stand in no table.
fn is_content(name: &str) -> bool {
    name.starts_with("gen_ai.") || name.starts_with("input.") || name.starts_with("output.")
}

/// What was taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    credentials: u64,
    attributes: u64,
    truncated: u64,
    path_segments: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.credentials += other.credentials;
        self.attributes += other.attributes;
        self.truncated += other.truncated;
        self.path_segments += other.path_segments;
    }

    fn attributes(&mut self, attributes: &mut Attributes) {
        attributes.retain(|(name, value)| {
            let leaves = may_leave(name, value);
            self.attributes += u64::from(!leaves);
            leaves
        });
        for (name, value) in attributes {
            match value {
                Value::String(path) if name == URL_PATH => self.path(path),
                value => self.value(value),
            }
        }
    }

    fn path(&mut self, path: &mut String) {
        self.text(path);
        if let Some((reduced, replaced)) = path::reduce(path) {
            *path = reduced;
            self.path_segments += replaced;
        }
    }

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
                if bytes.len() > attributes::TEXT_MAX_BYTES {
                    // Half a credential would not be recognised: bytes have no words to cut between.
                    bytes.clear();
                    self.truncated += 1;
                }
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
            Value::Null | Value::Int(_) | Value::Double(_) | Value::Bool(_) => {}
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
        if spanwire_detect::hides_value(name) {
            *value = credential::MARK.into();
            self.credentials += 1;
        } else {
            self.value_at(value, depth);
        }
    }

    /// Searches the whole text before cutting it: half a credential would not be recognised.
    fn text(&mut self, text: &mut String) {
        // A text that is longer was cut where it was made, or is cut here, perhaps within a credential.
        let is_part = text.len() + 4 > attributes::TEXT_MAX_BYTES;
        if is_part {
            text.truncate(attributes::bounded(text).len());
        }
        if let Some((scrubbed, found)) = encoded::scrub(text) {
            *text = scrubbed;
            self.credentials += found;
        }
        if is_part && text.len() <= TEXT_MAX_BYTES {
            text.truncate(text.rfind(char::is_whitespace).unwrap_or(0));
        }
        if text.len() > TEXT_MAX_BYTES {
            text.truncate(text.floor_char_boundary(TEXT_MAX_BYTES));
        } else if !is_part {
            return;
        }
        self.truncated += 1;
    }

    /// The process redacted, or `None` when there was nothing to change: then all its spans go on
    /// sharing one. Its attributes need not be listed, since they are not traffic: they come from
    /// the host, and from what the operator told the process to report.
    fn process(&mut self, process: &Process) -> Option<Process> {
        let mut redacted = process.clone();
        self.text(&mut redacted.service_name);
        redacted.attributes.retain(|(name, _)| {
            let leaves = !is_content(name);
            self.attributes += u64::from(!leaves);
            leaves
        });
        for (name, value) in &mut redacted.attributes {
            self.entry(name, value, 0);
        }
        (*self != Self::default()).then_some(redacted)
    }

    fn report(self, attributes: &mut Attributes) {
        for (name, count) in [
            (REDACTED_CREDENTIALS, self.credentials),
            (REDACTED_ATTRIBUTES, self.attributes),
            (REDACTED_TRUNCATED, self.truncated),
            (REDACTED_PATH_SEGMENTS, self.path_segments),
        ] {
            if count > 0 {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                attributes.push((Cow::Borrowed(name), Value::Int(count)));
            }
        }
    }
}
