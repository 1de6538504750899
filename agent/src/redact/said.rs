//! Contents of calls between their end and that of their spans: redacted at once, and kept as what may leave.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use clap::ValueEnum as _;
use serde_json::Value as Json;
use spanwire_detect::{Class, Counts};

use super::content::{self, Attribute};
use super::policy::Policy;
use crate::call::{Recorded, Ticket};
use crate::config::{ContentMode, ContentPlace};
use crate::correlate::attributes::{CONTENT, CONTENT_CUT, REDACTED_CREDENTIALS, REDACTED_RULES};
use crate::correlate::span::{Attributes, Event, Span};
use crate::discovery::process::Process;
use crate::event::Role;
use crate::telemetry::Counters;
use crate::value::Value;

/// The event that carries content, in the conventions' words.
pub const CONTENT_EVENT: &str = "gen_ai.client.inference.operation.details";

/// Contents, and bytes of them, that wait for their spans; past it the oldest are dropped.
const WAITING_MAX: usize = 8_192;
const WAITING_MAX_BYTES: usize = 64 << 20;

/// What a call said, to be redacted.
#[derive(Debug)]
pub struct Said {
    /// What its span is known by.
    pub ticket: Ticket,
    /// The bodies.
    pub recorded: Box<Recorded>,
    /// `gen_ai.provider.name`.
    pub provider: &'static str,
    /// Who called, or served.
    pub process: Arc<Process>,
    /// Which of both.
    pub role: Role,
}

impl Said {
    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.recorded.held_bytes()
    }
}

/// Contents that wait for their spans.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) policy: Arc<Policy>,
    counters: Arc<Counters>,
    /// In the order in which their calls ended.
    waiting: BTreeMap<u64, Kept>,
    waiting_bytes: usize,
}

/// What may be said of one call.
#[derive(Debug)]
struct Kept {
    mode: ContentMode,
    attributes: Vec<Attribute>,
    counts: Counts,
    is_cut: bool,
}

impl Kept {
    fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.attributes.iter().map(|(_, value)| value.capacity()).sum::<usize>()
    }
}

impl Contents {
    pub(super) fn new(policy: Arc<Policy>, counters: Arc<Counters>) -> Self {
        Self { policy, counters, ..Self::default() }
    }

    pub(super) fn are_wanted(&self) -> bool {
        self.policy.records_anything()
    }

    /// Redacts what a call said.
    pub(super) fn add(&mut self, said: &Said) {
        let mut cleaner = self.policy.cleaner(&said.process.service_name, said.provider);
        let mode = cleaner.most();
        if mode == ContentMode::Off {
            self.keep(
                said.ticket,
                Kept { mode, attributes: Vec::new(), counts: Counts::new(), is_cut: false },
            );
            return;
        }
        let (attributes, is_cut) = content::say(said.recorded.content(), &mut cleaner);
        let counts = cleaner.counts;
        self.count(&counts);
        self.keep(said.ticket, Kept { mode, attributes, counts, is_cut: is_cut || said.recorded.is_cut });
    }

    fn keep(&mut self, ticket: Ticket, kept: Kept) {
        self.waiting_bytes += kept.held_bytes();
        self.waiting.insert(ticket.0, kept);
        while self.waiting.len() > WAITING_MAX || self.waiting_bytes > WAITING_MAX_BYTES {
            let Some((_, oldest)) = self.waiting.pop_first() else { return };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(oldest.held_bytes());
            self.counters.contents_dropped.increment();
        }
    }

    /// Counts what was found.
    pub(super) fn count(&self, counts: &Counts) {
        for (class, count) in counts {
            let counters = &self.counters;
            match class {
                Class::Credential => &counters.found_credential,
                Class::Email => &counters.found_email,
                Class::Phone => &counters.found_phone,
                Class::Card => &counters.found_card,
                Class::Iban => &counters.found_iban,
                Class::NationalId => &counters.found_national_id,
                Class::Ip => &counters.found_ip,
                Class::Mac => &counters.found_mac,
                Class::Rule(_) => &counters.found_rule,
            }
            .add(*count);
        }
    }

    /// Gives a span what its call said, as far as that may leave, and says how much was found there and in all else that
    /// the span says.
    pub(super) fn put_on(&mut self, span: &mut Span, mut found: Counts) {
        let kept = span.content.take().map(|ticket| self.waiting.remove(&ticket.0));
        for (class, count) in kept.iter().flatten().flat_map(|kept| &kept.counts) {
            *found.entry(*class).or_default() += count;
        }
        self.report(&found, &mut span.attributes);
        let Some(kept) = kept else { return };
        let mut put = |name: &'static str, value: Value| span.attributes.push((Cow::Borrowed(name), value));
        let Some(kept) = kept else {
            return put(CONTENT, "dropped".into());
        };
        self.waiting_bytes = self.waiting_bytes.saturating_sub(kept.held_bytes());
        if kept.mode == ContentMode::Off {
            return;
        }
        let mode = kept.mode.to_possible_value();
        put(CONTENT, mode.as_ref().map_or("", |mode| mode.get_name()).into());
        if kept.is_cut {
            put(CONTENT_CUT, Value::Bool(true));
        }
        let place = self.policy.place();
        if place != ContentPlace::Attributes {
            let attributes =
                kept.attributes.iter().map(|(name, text)| (Cow::Borrowed(*name), structure(text)));
            let attributes = attributes.collect();
            span.events.push(Event { name: CONTENT_EVENT.into(), time: span.ended, attributes });
        }
        if place != ContentPlace::Events {
            let attributes = kept.attributes.into_iter();
            span.attributes.extend(attributes.map(|(name, text)| (Cow::Borrowed(name), text.into())));
        }
    }

    /// Says how much was found, by class.
    fn report(&self, counts: &Counts, attributes: &mut Attributes) {
        let mut rules = Vec::new();
        for (class, count) in counts {
            let name = self.policy.name(*class);
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            match class {
                Class::Rule(_) => rules.push(format!("{name}={count}")),
                Class::Credential => attributes.push((REDACTED_CREDENTIALS.into(), Value::Int(count))),
                _ => attributes.push((format!("spanwire.redacted.{name}").into(), Value::Int(count))),
            }
        }
        if !rules.is_empty() {
            attributes.push((Cow::Borrowed(REDACTED_RULES), Value::strings(rules)));
        }
    }
}

/// A value as the conventions have it on events: with its structure.
fn structure(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(json @ (Json::Array(_) | Json::Object(_))) => value(json),
        _ => text.into(),
    }
}

fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Number(number) => {
            let real = number.as_f64().unwrap_or_default();
            number.as_i64().map_or(Value::Double(real), Value::Int)
        }
        Json::String(text) => Value::String(text),
        Json::Array(elements) => Value::Array(elements.into_iter().map(value).collect()),
        Json::Object(members) => {
            Value::Map(members.into_iter().map(|(name, member)| (name, value(member))).collect())
        }
    }
}
