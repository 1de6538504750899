//! All detectors together, over all the forms in which a text can hide something.

mod cut;
mod members;
mod search;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::finding::merge_by;
use crate::hidden::document;
use crate::replace::Replacing;
use crate::{Class, Finding, Personal, PersonalOptions, Secrets};
use search::Search;

/// The class of values that are hidden for their names' sake, by the operator's wish.
pub const FIELD: Class = Class::Rule(u16::MAX);

/// Finds one kind of thing in a text.
pub trait Detector: Send + Sync {
    /// Adds what is found in `text`, in any order. Time and memory are linear in the length of the text, whatever
    /// it says; ranges are within the text and end at borders of characters.
    fn find(&self, text: &str, found: &mut Vec<Finding>);
}

impl Detector for Secrets {
    fn find(&self, text: &str, found: &mut Vec<Finding>) {
        self.find(text, found);
    }
}

impl Detector for Personal {
    fn find(&self, text: &str, found: &mut Vec<Finding>) {
        self.find(text, found);
    }
}

/// Whether a finding of this class and text stays.
pub type Keeps = Box<dyn Fn(Class, &str) -> bool + Send + Sync>;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Credentials alone: what no mode lets out, and all that is looked for in headers, URLs and names.
    Credentials,
    /// Everything.
    All,
}

/// What [`Detectors`] look for, beside credentials.
#[derive(Default)]
pub struct DetectorOptions {
    /// Personal data.
    pub personal: PersonalOptions,
    /// The operator's own rules.
    pub rules: Vec<Box<dyn Detector>>,
    /// Classes that are not looked for; credentials always are.
    pub off: BTreeSet<Class>,
    /// Names of members of JSON whose values are hidden; case, `_`, `-`, `.` and blanks do not matter.
    pub fields: Vec<String>,
    /// Tells of what is found whether it stays, by its class and what it reads as; not asked of credentials.
    pub keep: Option<Keeps>,
}

/// All detectors.
#[derive(Default)]
pub struct Detectors {
    secrets: Secrets,
    personal: Personal,
    rules: Vec<Box<dyn Detector>>,
    off: BTreeSet<Class>,
    fields: BTreeSet<String>,
    keep: Option<Keeps>,
}

/// Where a text was read in which something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// As it stands.
    Plain,
    /// A value of a JSON document.
    Json,
    /// The name of a member of one.
    Name,
    /// With escapes and encodings of characters undone.
    Escaped,
    /// Base64.
    Base64,
}

impl Place {
    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Json => "json",
            Self::Name => "name",
            Self::Escaped => "escaped",
            Self::Base64 => "base64",
        }
    }
}

/// A finding with how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is to be replaced, in the text as it stands.
    pub finding: Finding,
    /// What it reads as, without what hid it.
    pub value: String,
    /// Where, from the outside in; none for a text as it stands.
    pub places: Vec<Place>,
    /// Stands round the replacement of what was no string, and is to be one.
    quote: Option<String>,
}

/// A text without what is not to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// It.
    pub text: String,
    /// How much was found, by class.
    pub counts: Counts,
    /// What was found, in order, apart.
    pub found: Vec<Found>,
    /// Bytes taken off the end of a text that was cut.
    pub cut: usize,
}

/// How much was found, by class.
pub type Counts = BTreeMap<Class, u64>;

impl Detectors {
    /// Finds credentials and what the options say.
    #[must_use]
    pub fn new(options: DetectorOptions) -> Self {
        let DetectorOptions { personal, rules, mut off, fields, keep } = options;
        off.remove(&Class::Credential);
        let fields = fields.iter().map(|name| plain_name(name)).collect();
        Self { secrets: Secrets::default(), personal: Personal::new(&personal), rules, off, fields, keep }
    }

    /// What is found in `text` and in all that can be read in it, in order, apart. Linear in its length.
    #[must_use]
    pub fn find(&self, text: &str, scope: Scope) -> Vec<Found> {
        let mut search = Search::new(self, scope, text.len());
        search.value(text, None);
        in_order(search.found)
    }

    /// The text with everything replaced that is found in it. A JSON document stays one, with its order and blanks.
    #[must_use]
    pub fn redact(&self, text: &str, scope: Scope, replacing: &Replacing) -> Redacted {
        replace(text, text.len(), self.find(text, scope), replacing)
    }

    /// As [`Self::redact`], of a text whose end is missing: what could be the begin of something at the end is taken
    /// off, so that no half of it leaves.
    #[must_use]
    pub fn redact_cut(&self, text: &str, scope: Scope, replacing: &Replacing) -> Redacted {
        replace(text, cut::end(text), self.find(text, scope), replacing)
    }

    /// Replaces everything that is found in a value, in names as well as in values. A member whose name hides its value
    /// is replaced whatever it holds; a number that is a finding becomes a string; two names that become one keep the
    /// value of the last.
    pub fn redact_json(&self, value: &mut Value, scope: Scope, replacing: &Replacing) -> Counts {
        let text = value.to_string();
        let mut search = Search::new(self, scope, text.len());
        if document::is_value(&text) {
            search.document(&text, None);
        } else {
            // Deeper than documents are taken apart.
            search.hide(0..text.len(), Class::Credential, "hidden-too-deep", &text, None);
        }
        let found = in_order(search.found);
        if found.is_empty() {
            return Counts::new();
        }
        let redacted = replace(&text, text.len(), found, replacing);
        let parsed = serde_json::from_str(&redacted.text);
        *value = parsed.unwrap_or_else(|_| Value::String("[CREDENTIAL]".to_owned()));
        redacted.counts
    }

    fn ask(&self, text: &str, scope: Scope, found: &mut Vec<Finding>) {
        self.secrets.find(text, found);
        if scope == Scope::All {
            self.personal.find(text, found);
            for rule in &self.rules {
                rule.find(text, found);
            }
        }
    }

    /// Whether the operator wants this finding to stay.
    fn stays(&self, finding: &Finding, value: &str) -> bool {
        finding.class != Class::Credential
            && (self.off.contains(&finding.class)
                || self.keep.as_ref().is_some_and(|keep| keep(finding.class, value)))
    }

    fn is_field(&self, name: &str) -> bool {
        !self.fields.is_empty() && self.fields.contains(&plain_name(name))
    }
}

impl fmt::Debug for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detectors")
            .field("rules", &self.rules.len())
            .field("off", &self.off)
            .finish_non_exhaustive()
    }
}

/// `Customer-Name`, `customer_name` and `customerName` are one.
fn plain_name(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn in_order(mut found: Vec<Found>) -> Vec<Found> {
    // What reads the same in several readings was found in the outermost; of others the innermost tells what it reads as.
    found.sort_by_key(|found| (found.finding.range.start, found.finding.range.end, found.places.len()));
    found.dedup_by(|other, first| other.finding == first.finding && other.value == first.value);
    found.sort_by_key(|found| std::cmp::Reverse(found.places.len()));
    merge_by(
        &mut found,
        |found| &found.finding,
        |found| &mut found.finding,
        |_, _| true,
        |kept, better| {
            std::mem::swap(&mut kept.value, &mut better.value);
            std::mem::swap(&mut kept.places, &mut better.places);
        },
    );
    found
}

/// Puts replacements in; the text ends at `end`, or behind what is found there.
fn replace(text: &str, end: usize, mut found: Vec<Found>, replacing: &Replacing) -> Redacted {
    let mut redacted = Redacted { text: String::with_capacity(end), ..Redacted::default() };
    found.retain(|found| found.finding.range.start < end);
    let mut copied = 0;
    for Found { finding, value, quote, .. } in &found {
        redacted.text.push_str(text.get(copied..finding.range.start).unwrap_or_default());
        copied = finding.range.end;
        *redacted.counts.entry(finding.class).or_default() += 1;
        let quote = quote.as_deref().unwrap_or_default();
        redacted.text.extend([quote, &replacing.replacement(finding, value), quote]);
    }
    redacted.text.push_str(text.get(copied..end).unwrap_or_default());
    redacted.cut = text.len() - end.max(copied);
    redacted.found = found;
    redacted
}
