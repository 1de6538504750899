//! What the operator wants of content, ready to be asked: what leaves, what is looked for, what stands in its place.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value as Json;
use spanwire_detect::{Class, Counts, Detectors, Replacing, Scope};

use super::content::Clean;
use crate::config::{ContentMode, ContentPlace, ContentPolicy, Direction, Kind};

/// A policy whose detectors are there.
#[derive(Debug, Default)]
pub struct Policy {
    content: ContentPolicy,
    detectors: Detectors,
    replacing: Replacing,
    /// Names of the operator's rules, by their numbers.
    rules: Vec<String>,
}

impl Policy {
    /// Makes the detectors; draws a key for hashes where they are wanted and none is named.
    ///
    /// # Errors
    /// Where the policy does not hold what its loading checks, or no key can be drawn: the agent does not start with a
    /// weaker one.
    pub fn new(content: ContentPolicy) -> anyhow::Result<Self> {
        let detectors = content.detectors().context("the content policy cannot be put into force")?;
        let replacing =
            content.replacing().context("no key can be drawn for the hashes of the content policy")?;
        let rules = content.rules.iter().map(|rule| rule.name.clone()).collect();
        Ok(Self { content, detectors, replacing, rules })
    }

    pub(super) fn records_anything(&self) -> bool {
        self.content.records_anything()
    }

    /// Whether personal data of a service's calls may leave, whatever it stands in; of everybody's, where none is named.
    pub(super) fn is_open(&self, service: Option<&str>) -> bool {
        self.content.is_full(service)
    }

    /// What finds, and what replaces.
    pub(super) fn tools(&self) -> (&Detectors, &Replacing) {
        (&self.detectors, &self.replacing)
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
