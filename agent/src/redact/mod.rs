//! The one way out: only what passed here can be exported, printed or stored.
//!
//! Two rules. An attribute of a span leaves only if the agent's own table ([`attributes::TABLE`]) has a row
//! for it that is no content and of the value's type, or a dialect declares it; content is put on behind that, as the
//! operator's policy has it. And every text that leaves is searched for credentials and, unless all content may leave as it
//! is, for personal data, in whatever encoding it stands there, and bounded in length.
//!
//! The cost of a text is linear in its length, whatever it says, and a process is searched once, not once a
//! span.

pub mod command;
mod content;
mod data;
mod names;
mod path;
mod policy;
mod said;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use serde::{Serialize, Serializer};

use crate::correlate::Unseen;
use crate::correlate::attributes;
use crate::correlate::span::{Event, Link, Span};
use crate::discovery::process::Process;
use crate::provider;
use crate::telemetry::Counters;
use crate::value::Value;
use names::{Known, Look, Names, Taken};
pub use policy::Policy;
use said::Contents;
pub use said::{CONTENT_EVENT, Said};

/// Bytes of a text that are kept.
pub const TEXT_MAX_BYTES: usize = 1024;
/// Elements of a list, entries of a map, events and links of a span that are kept.
pub const LIST_MAX: usize = 128;
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
    known: Known,
    /// By the address of the record, which nothing else can have while it is kept here.
    processes: HashMap<usize, KnownProcess>,
}

#[derive(Debug)]
struct KnownProcess {
    redacted: Arc<Process>,
    taken: Taken,
    /// Whether personal data of its calls may leave.
    is_open: bool,
    /// Keeps its address from being used again.
    _original: Arc<Process>,
}

impl Redactor {
    /// Under this policy; what is taken out of contents, and what is dropped of them, is counted.
    #[must_use]
    pub fn new(policy: Arc<Policy>, counters: Arc<Counters>) -> Self {
        Self { contents: Contents::new(policy, counters), ..Self::default() }
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
        let (mut taken, is_open);
        (span.process, taken, is_open) = self.process(span.process);
        let (policy, known) = (&self.contents.policy, &mut self.known);
        let mut names = Names { policy, known, is_open, taken: Taken::default() };
        names.text(&mut span.name, Look::All);
        names.text(&mut span.trace_state, Look::All);
        names.attributes(&mut span.attributes);
        names.cut(&mut span.events, LIST_MAX);
        for Event { name, attributes, .. } in &mut span.events {
            names.text(name.to_mut(), Look::All);
            names.attributes(attributes);
        }
        names.cut(&mut span.links, LIST_MAX);
        for Link { trace_state, attributes, .. } in &mut span.links {
            names.text(trace_state, Look::All);
            names.attributes(attributes);
        }
        self.contents.count(&names.taken.found);
        taken.add(&names.taken);
        taken.report(&mut span.attributes);
        self.contents.put_on(&mut span, taken.found);
        Redacted(span)
    }

    /// Redacts what there is to tell of a conversation that was not read.
    #[must_use]
    pub fn redact_unseen(&mut self, mut unseen: Unseen) -> Redacted<Unseen> {
        let is_open;
        (unseen.process, _, is_open) = self.process(unseen.process);
        let (policy, known) = (&self.contents.policy, &mut self.known);
        let mut names = Names { policy, known, is_open, taken: Taken::default() };
        names.server(&mut unseen.server_name);
        self.contents.count(&names.taken.found);
        Redacted(unseen)
    }

    /// The process as it may leave, what was taken from it, and whether personal data of its calls may leave.
    fn process(&mut self, original: Arc<Process>) -> (Arc<Process>, Taken, bool) {
        let address = Arc::as_ptr(&original).addr();
        if !self.processes.contains_key(&address) && self.processes.len() >= PROCESSES_MAX {
            self.processes.clear();
        }
        let known = self.processes.entry(address).or_insert_with(|| {
            let policy = &self.contents.policy;
            let is_open = policy.is_open(Some(&original.service_name));
            let mut names = Names { policy, known: &mut self.known, is_open, taken: Taken::default() };
            let mut redacted = names.process(&original).unwrap_or_else(|| Arc::clone(&original));
            let taken = std::mem::take(&mut names.taken);
            self.contents.count(&taken.found);
            // On no span, so that none says that something was taken from it.
            if let Some(lineage) = original.lineage.as_deref().and_then(|lineage| names.lineage(lineage)) {
                let lineage = Some(Arc::new(lineage));
                redacted = Arc::new(Process { lineage, ..(*redacted).clone() });
            }
            self.contents.count(&names.taken.found);
            KnownProcess { redacted, taken, is_open, _original: original }
        });
        (Arc::clone(&known.redacted), known.taken.clone(), known.is_open)
    }
}

/// What the log hides.
static SHOWN: OnceLock<Arc<Policy>> = OnceLock::new();

/// Has the log and the operator's terminal hide from now on what this policy hides; until then, and where none is named,
/// what is hidden by default. Of several the first holds.
pub fn show_by(policy: &Arc<Policy>) {
    // One that is there stays.
    let _ = SHOWN.set(Arc::clone(policy));
}

/// A text for the log and for the operator's terminal: without credentials and, unless all content may leave as it is,
/// without personal data. Addresses of networks and hardware stay: a log that did not name them would be of no use.
#[must_use]
pub fn for_log(text: &str) -> Cow<'_, str> {
    shown(text, Look::Address)
}

/// As [`for_log`], for what others than the agent wrote, such as a service's name: without any such address.
#[must_use]
pub fn name_for_log(text: &str) -> Cow<'_, str> {
    shown(text, Look::All)
}

/// As [`for_log`], for the name of a server that a program gave.
#[must_use]
pub fn host_for_log(host: &str) -> Cow<'_, str> {
    if names::was_key(shows(), host) { Cow::Borrowed(names::MARK) } else { for_log(host) }
}

fn shows() -> &'static Policy {
    static USUAL: LazyLock<Policy> = LazyLock::new(Policy::default);
    SHOWN.get().map_or(&*USUAL, |policy| policy)
}

fn shown(text: &str, look: Look) -> Cow<'_, str> {
    let policy = shows();
    let look = if policy.is_open(None) { Look::Credentials } else { look };
    names::clean(policy, text, look, false).map_or(Cow::Borrowed(text), |cleaned| Cow::Owned(cleaned.text))
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
