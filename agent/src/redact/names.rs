//! What leaves beside content: names, ids, paths and addresses, which programs, users and models write as they like.
//!
//! Credentials never leave in them, personal data only where all content may leave as it is.

use std::collections::HashSet;
use std::sync::Arc;

use spanwire_detect::{Class, Counts, Found, Redacted, Scope};

use super::policy::Policy;
use super::{LIST_MAX, TEXT_MAX_BYTES, is_content, may_leave, path};
use crate::correlate::attributes::{
    self, LOCAL_CONVERSATION_ID, NETWORK_LOCAL_ADDRESS, NETWORK_PEER_ADDRESS, REDACTED_ATTRIBUTES,
    REDACTED_PATH_SEGMENTS, REDACTED_TRUNCATED, SERVER_ADDRESS, URL_PATH,
};
use crate::correlate::span::Attributes;
use crate::discovery::process::{Lineage, Process};
use crate::value::Value;

/// What stands in the place of a value whose name hides it.
pub(super) const MARK: &str = "[CREDENTIAL]";
/// Lists and maps within one another that are kept.
pub(super) const DEPTH_MAX: usize = 8;
/// What stands for a list or a map that is deeper.
pub(super) const TOO_DEEP: &str = "[TOO DEEP]";

/// Texts that are remembered as clean, of each kind, and the bytes of one; past it all are forgotten, to be searched again.
const KNOWN_MAX: usize = 4096;
const KNOWN_MAX_BYTES: usize = 128;
/// The shortest part of a host's name that could be a key of capitals.
const HOST_KEY_MIN_BYTES: usize = 16;
/// Numbers from here on have as many digits as those of cards.
const CARD_MIN: u32 = 13;

/// What is looked for in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Credentials alone.
    Credentials,
    /// Everything.
    All,
    /// Everything but addresses of networks and hardware, which are what the text is for.
    Address,
    /// Everything, also in each segment by itself: what may be a version behind another word is an address there.
    Path,
}

impl Look {
    /// Of the attribute of this name, where personal data is to be hidden; `None` for what the agent alone writes.
    fn of(name: &str) -> Option<Self> {
        match name {
            NETWORK_LOCAL_ADDRESS | NETWORK_PEER_ADDRESS | LOCAL_CONVERSATION_ID => None,
            name if name.starts_with("host.") => Some(Self::Address),
            _ => Some(Self::All),
        }
    }
}

/// Texts in which nothing was found: models, paths and services are the same in most spans.
#[derive(Debug, Default)]
pub(super) struct Known([HashSet<Box<str>>; 4]);

impl Known {
    fn of(&mut self, look: Look) -> &mut HashSet<Box<str>> {
        let [credentials, all, address, path] = &mut self.0;
        match look {
            Look::Credentials => credentials,
            Look::All => all,
            Look::Address => address,
            Look::Path => path,
        }
    }
}

/// The text as it may leave, with what was found; `None` when it may as it is.
pub(super) fn clean(policy: &Policy, text: &str, look: Look, is_cut: bool) -> Option<Redacted> {
    if look == Look::Path {
        return clean_path(policy, text, is_cut);
    }
    let (detectors, replacing) = policy.tools();
    let scope = if look == Look::Credentials { Scope::Credentials } else { Scope::All };
    let cleaned = if is_cut {
        detectors.redact_cut(text, scope, replacing)
    } else {
        detectors.redact(text, scope, replacing)
    };
    let is_address = |found: &Found| matches!(found.finding.class, Class::Ip | Class::Mac);
    let stays =
        cleaned.cut == 0 && cleaned.found.iter().all(|found| look == Look::Address && is_address(found));
    (!stays).then_some(cleaned)
}

fn clean_path(policy: &Policy, path: &str, is_cut: bool) -> Option<Redacted> {
    let whole = clean(policy, path, Look::All, is_cut);
    let mut cleaned = Redacted::default();
    for (at, segment) in whole.as_ref().map_or(path, |whole| &whole.text).split('/').enumerate() {
        cleaned.text.push_str(if at > 0 { "/" } else { "" });
        // Others say the same wherever they stand.
        let has_address = segment.bytes().any(|byte| byte.is_ascii_digit());
        match has_address.then(|| clean(policy, segment, Look::All, false)).flatten() {
            Some(one) => {
                cleaned.text.push_str(&one.text);
                one.counts
                    .iter()
                    .for_each(|(class, count)| *cleaned.counts.entry(*class).or_default() += count);
            }
            None => cleaned.text.push_str(segment),
        }
    }
    if cleaned.counts.is_empty() {
        return whole;
    }
    for (class, count) in whole.iter().flat_map(|whole| &whole.counts) {
        *cleaned.counts.entry(*class).or_default() += count;
    }
    Some(cleaned)
}

/// Whether a host's name has a key of capitals in it, which being made small does not hide.
pub(super) fn was_key(policy: &Policy, host: &str) -> bool {
    may_hold_key(host) && clean(policy, &host.to_ascii_uppercase(), Look::Credentials, false).is_some()
}

fn may_hold_key(host: &str) -> bool {
    host.split('.').any(|label| label.len() >= HOST_KEY_MIN_BYTES)
}

/// What was taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) found: Counts,
    attributes: u64,
    pub(super) truncated: u64,
    path_segments: u64,
}

impl Taken {
    pub(super) fn add(&mut self, other: &Self) {
        self.find(&other.found);
        self.attributes += other.attributes;
        self.truncated += other.truncated;
        self.path_segments += other.path_segments;
    }

    pub(super) fn find(&mut self, found: &Counts) {
        for (class, count) in found {
            *self.found.entry(*class).or_default() += count;
        }
    }

    /// Says it, but for what was found.
    pub(super) fn report(&self, attributes: &mut Attributes) {
        for (name, count) in [
            (REDACTED_ATTRIBUTES, self.attributes),
            (REDACTED_TRUNCATED, self.truncated),
            (REDACTED_PATH_SEGMENTS, self.path_segments),
        ] {
            if count > 0 {
                attributes.push((name.into(), Value::Int(i64::try_from(count).unwrap_or(i64::MAX))));
            }
        }
    }
}

/// Cleans what one span or process says.
pub(super) struct Names<'a> {
    pub(super) policy: &'a Policy,
    pub(super) known: &'a mut Known,
    /// Whether personal data may leave.
    pub(super) is_open: bool,
    pub(super) taken: Taken,
}

impl Names<'_> {
    pub(super) fn attributes(&mut self, attributes: &mut Attributes) {
        attributes.retain(|(name, value)| {
            let leaves = may_leave(name, value) && self.number(value).is_none();
            self.taken.attributes += u64::from(!leaves);
            leaves
        });
        for (name, value) in attributes {
            match value {
                Value::String(path) if name == URL_PATH => self.path(path),
                Value::String(host) if name == SERVER_ADDRESS => self.host(host),
                value => {
                    if let Some(look) = Look::of(name) {
                        self.value(value, look, 0);
                    }
                }
            }
        }
    }

    fn host(&mut self, host: &mut String) {
        self.text(host, Look::Address);
        if !may_hold_key(host) {
            return;
        }
        let large = host.to_ascii_uppercase();
        let mut cleaned = large.clone();
        self.search(&mut cleaned, Look::Credentials, false);
        if cleaned != large {
            *host = MARK.to_owned();
        }
    }

    fn path(&mut self, path: &mut String) {
        self.text(path, Look::Path);
        if let Some((reduced, replaced)) = path::reduce(path) {
            *path = reduced;
            self.taken.path_segments += replaced;
        }
    }

    pub(super) fn value(&mut self, value: &mut Value, look: Look, depth: usize) {
        match value {
            Value::Array(_) | Value::Map(_) if depth == DEPTH_MAX => {
                *value = TOO_DEEP.into();
                self.taken.truncated += 1;
            }
            Value::String(text) => self.text(text, look),
            Value::Bytes(bytes) => self.bytes(bytes, look),
            Value::Array(values) => {
                self.cut(values, LIST_MAX);
                values.iter_mut().for_each(|value| self.value(value, look, depth + 1));
            }
            Value::Map(entries) => {
                self.cut(entries, LIST_MAX);
                for (name, value) in entries {
                    self.entry(name, value, look, depth + 1);
                }
            }
            Value::Int(_) | Value::Double(_) => {
                if let Some(text) = self.number(value) {
                    *value = text.into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// What stands in the place of a number that is that of a card, for instance.
    fn number(&mut self, value: &Value) -> Option<String> {
        let min = 10_u64.pow(CARD_MIN - 1);
        let text = match value {
            Value::Int(number) if number.unsigned_abs() >= min => number.to_string(),
            #[allow(clippy::cast_precision_loss, reason = "a power of ten below 2^53")]
            Value::Double(number) if number.abs() >= min as f64 && number.is_finite() => {
                format!("{number:.0}")
            }
            _ => return None,
        };
        let mut cleaned = text.clone();
        self.search(&mut cleaned, Look::All, false);
        (cleaned != text).then_some(cleaned)
    }

    /// The parts of them that are text.
    fn bytes(&mut self, bytes: &mut Vec<u8>, look: Look) {
        if bytes.len() > attributes::TEXT_MAX_BYTES {
            // Half a credential would not be recognised: bytes have no words to cut between.
            bytes.clear();
            self.taken.truncated += 1;
        }
        let mut cleaned = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            let mut text = chunk.valid().to_owned();
            self.search(&mut text, look, false);
            cleaned.extend_from_slice(text.as_bytes());
            cleaned.extend_from_slice(chunk.invalid());
        }
        *bytes = cleaned;
        self.cut(bytes, TEXT_MAX_BYTES);
    }

    pub(super) fn cut<T>(&mut self, values: &mut Vec<T>, max: usize) {
        if values.len() > max {
            values.truncate(max);
            self.taken.truncated += 1;
        }
    }

    /// A value whose name was not made by the agent.
    fn entry(&mut self, name: &mut String, value: &mut Value, look: Look, depth: usize) {
        self.text(name, Look::All);
        if spanwire_detect::hides_value(name) {
            *value = MARK.into();
            *self.taken.found.entry(Class::Credential).or_default() += 1;
        } else {
            self.value(value, look, depth);
        }
    }

    /// Searches the whole text before cutting it: half of something would not be recognised.
    pub(super) fn text(&mut self, text: &mut String, look: Look) {
        // A text that is longer was cut where it was made, or is cut here, perhaps within something.
        let is_part = text.len() + 4 > attributes::TEXT_MAX_BYTES;
        if is_part {
            text.truncate(attributes::bounded(text).len());
        }
        self.search(text, look, is_part);
        if text.len() > TEXT_MAX_BYTES {
            text.truncate(text.floor_char_boundary(TEXT_MAX_BYTES));
        } else if !is_part {
            return;
        }
        self.taken.truncated += 1;
    }

    fn search(&mut self, text: &mut String, look: Look, is_cut: bool) {
        let look = if self.is_open { Look::Credentials } else { look };
        let known = self.known.of(look);
        if !is_cut && known.contains(text.as_str()) {
            return;
        }
        match clean(self.policy, text, look, is_cut) {
            Some(cleaned) => {
                *text = cleaned.text;
                self.taken.find(&cleaned.counts);
            }
            None if text.len() <= KNOWN_MAX_BYTES => {
                if known.len() >= KNOWN_MAX {
                    known.clear();
                }
                known.insert(text.as_str().into());
            }
            None => {}
        }
    }

    /// The process as it may leave, or `None` when there was nothing to change: then all its spans go on sharing one. Its
    /// attributes need not be listed, since they are not traffic: they come from the host, and from what the operator
    /// told the process to report.
    pub(super) fn process(&mut self, process: &Process) -> Option<Arc<Process>> {
        let mut cleaned = process.clone();
        self.text(&mut cleaned.service_name, Look::All);
        cleaned.attributes.retain(|(name, _)| {
            let leaves = !is_content(name);
            self.taken.attributes += u64::from(!leaves);
            leaves
        });
        for (name, value) in &mut cleaned.attributes {
            let look = Look::of(name).unwrap_or(Look::All);
            self.entry(name, value, look, 0);
        }
        (self.taken != Taken::default()).then(|| Arc::new(cleaned))
    }

    /// Where a process comes from, as that may leave, if there was anything to change. Names of users stay: the audit is
    /// there to tell them.
    pub(super) fn lineage(&mut self, lineage: &Lineage) -> Option<Lineage> {
        let mut cleaned = lineage.clone();
        self.text(&mut cleaned.command, Look::All);
        cleaned.parents.iter_mut().for_each(|parent| self.text(parent, Look::All));
        (cleaned != *lineage).then_some(cleaned)
    }

    /// The name of a server, as a client gave it.
    pub(super) fn server(&mut self, name: &mut String) {
        self.host(name);
    }
}
