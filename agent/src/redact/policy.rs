//! What the operator wants of content, ready to be asked: what leaves, what is looked for, what stands in its place.

use std::collections::BTreeMap;

use regex::RegexSet;
use rustix::rand::{GetRandomFlags, getrandom};
use serde_json::Value as Json;
use spanwire_detect::{
    Class, Counts, Detector, DetectorOptions, Detectors, KEY_MIN_BYTES, Keeps, Key, PersonalOptions,
    Replacement, Replacing, Rules, Scope,
};
use zeroize::Zeroizing;

use super::content::Clean;
use crate::config::{self, ContentMode, ContentPlace, ContentPolicy, Direction, Kind};

/// A policy whose detectors are there.
#[derive(Debug, Default)]
pub struct Policy {
    content: ContentPolicy,
    detectors: Detectors,
    replacing: Replacing,
    /// Names of the operator's rules, by their numbers.
    rules: Vec<String>,
}

/// Why a policy cannot be put into force: the agent does not start with a weaker one.
#[derive(Debug, thiserror::Error)]
#[error("the content policy cannot be put into force: {0}")]
pub struct PolicyError(String);

impl Policy {
    /// Makes the detectors; draws a key for hashes where they are wanted and none is named.
    ///
    /// # Errors
    /// [`PolicyError`] where something that the configuration let pass is refused here, or there is no randomness.
    pub fn new(content: ContentPolicy) -> Result<Self, PolicyError> {
        let refused = |error: &dyn std::fmt::Display| PolicyError(error.to_string());
        let mut personal = PersonalOptions::default();
        if let Some(names) = &content.detect.national_ids {
            let ids = names.iter().map(|name| name.parse()).collect::<Result<_, _>>();
            personal.national_ids = ids.map_err(|error| refused(&error))?;
        }
        if !content.detect.phone_regions.is_empty() {
            let regions =
                content.detect.phone_regions.iter().map(|name| name.parse()).collect::<Result<_, _>>();
            personal.phone_regions = regions.map_err(|error| refused(&error))?;
        }
        personal.private_ips = content.detect.private_ips.unwrap_or(personal.private_ips);
        let rules = Rules::new(&content.rules).map_err(|error| refused(&error))?;
        let rules: Vec<Box<dyn Detector>> = if rules.is_empty() { Vec::new() } else { vec![Box::new(rules)] };
        let options = DetectorOptions {
            personal,
            rules,
            off: content.detect.off.clone(),
            fields: content.fields.clone(),
            keep: keeps(&content.keep).map_err(|error| refused(&error))?,
        };
        let key = key(&content).map_err(|error| refused(&error))?;
        let classes = content.replace.classes.iter();
        let replacing = classes
            .fold(Replacing::new(replacement(content.replace.default), key), |all, (class, one)| {
                all.with(*class, replacement(*one))
            });
        let rules = content.rules.iter().map(|rule| rule.name.clone()).collect();
        Ok(Self { detectors: Detectors::new(options), replacing, rules, content })
    }

    /// The detectors.
    #[must_use]
    pub fn detectors(&self) -> &Detectors {
        &self.detectors
    }

    /// What stands in the place of what they find.
    #[must_use]
    pub fn replacing(&self) -> &Replacing {
        &self.replacing
    }

    pub(super) fn records_anything(&self) -> bool {
        self.content.records_anything()
    }

    pub(super) fn place(&self) -> ContentPlace {
        self.content.place
    }

    /// `email`; of the operator's rules, their names.
    pub(super) fn name(&self, class: Class) -> &str {
        match class {
            Class::Rule(number) => self.rules.get(usize::from(number)).map_or("field", String::as_str),
            built_in => built_in.name(),
        }
    }

    pub(super) fn cleaner<'a>(&'a self, service: &'a str, provider: &'a str) -> Cleaner<'a> {
        Cleaner { policy: self, service, provider, counts: BTreeMap::new() }
    }
}

fn keeps(patterns: &[String]) -> Result<Option<Keeps>, regex::Error> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let whole = patterns.iter().map(|pattern| format!("^(?:{pattern})$"));
    let patterns = RegexSet::new(whole)?;
    Ok(Some(Box::new(move |_, value| patterns.is_match(value))))
}

fn replacement(replacement: config::Replacement) -> Replacement {
    match replacement {
        config::Replacement::Token => Replacement::Token,
        config::Replacement::Hash => Replacement::Hash,
        config::Replacement::Mask => Replacement::Mask,
        config::Replacement::Drop => Replacement::Drop,
    }
}

/// The key of hashes, where they are wanted.
fn key(content: &ContentPolicy) -> Result<Option<Key>, rustix::io::Errno> {
    if !content.replace.hashes() {
        return Ok(None);
    }
    let bytes = match &content.key {
        Some(key) => Zeroizing::new(key.get().to_vec()),
        None => {
            let mut drawn = Zeroizing::new(vec![0; KEY_MIN_BYTES]);
            // So few bytes come whole (getrandom(2)).
            getrandom(drawn.as_mut_slice(), GetRandomFlags::empty())?;
            drawn
        }
    };
    Ok(Key::new(bytes))
}

/// Cleans what one call said, as its policy says, and counts what it finds.
#[derive(Debug)]
pub(super) struct Cleaner<'a> {
    policy: &'a Policy,
    service: &'a str,
    provider: &'a str,
    pub(super) counts: Counts,
}

impl Cleaner<'_> {
    /// The most open mode that holds for anything of the call.
    pub(super) fn most(&self) -> ContentMode {
        let kinds = Kind::ALL.into_iter();
        let modes = kinds.flat_map(|kind| {
            [Direction::Input, Direction::Output].map(|direction| self.mode(direction, kind))
        });
        modes.max().unwrap_or_default()
    }
}

fn scope(mode: ContentMode) -> Scope {
    if mode == ContentMode::Full { Scope::Credentials } else { Scope::All }
}

impl Clean for Cleaner<'_> {
    fn mode(&self, direction: Direction, kind: Kind) -> ContentMode {
        self.policy.content.decide(self.service, self.provider, direction, kind)
    }

    fn text(&mut self, text: &mut String, is_cut: bool, mode: ContentMode) {
        let Policy { detectors, replacing, .. } = self.policy;
        if mode == ContentMode::Off {
            return;
        }
        let redacted = if is_cut {
            detectors.redact_cut(text, scope(mode), replacing)
        } else {
            detectors.redact(text, scope(mode), replacing)
        };
        self.add(redacted.counts);
        *text = redacted.text;
    }

    fn json(&mut self, value: &mut Json, mode: ContentMode) {
        if mode != ContentMode::Off {
            let counts = self.policy.detectors.redact_json(value, scope(mode), &self.policy.replacing);
            self.add(counts);
        }
    }
}

impl Cleaner<'_> {
    fn add(&mut self, counts: Counts) {
        for (class, count) in counts {
            *self.counts.entry(class).or_default() += count;
        }
    }
}
