//! The policy file as it is written.

use std::path::PathBuf;

use serde::Deserialize;
use spanwire_detect::{Class, NationalId, Replacement};

use super::word::{One, Provider, Region, Words};
use super::{Direction, Kind};
use crate::config::ContentMode;

/// All of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct PolicyShape {
    pub(super) content: Vec<EntryShape>,
    pub(super) detect: DetectShape,
    pub(super) replace: ReplaceShape,
    pub(super) key_file: Option<PathBuf>,
    pub(super) previous_key_file: Option<PathBuf>,
    pub(super) rules: Vec<RuleShape>,
    pub(super) fields: Vec<String>,
    pub(super) keep: Vec<String>,
}

/// What leaves of whom.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct EntryShape {
    pub(super) service: Option<String>,
    pub(super) provider: Option<Words<Provider>>,
    pub(super) direction: Option<One<Direction>>,
    pub(super) kind: Option<Words<Kind>>,
    pub(super) mode: One<ContentMode>,
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct DetectShape {
    pub(super) off: Vec<One<Class>>,
    pub(super) national_ids: Option<Vec<One<NationalId>>>,
    pub(super) phone_regions: Option<Vec<One<Region>>>,
    pub(super) private_ips: Option<bool>,
}

/// What stands in the place of what.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct ReplaceShape {
    pub(super) default: Option<One<Replacement>>,
    credential: Option<One<Replacement>>,
    email: Option<One<Replacement>>,
    phone: Option<One<Replacement>>,
    card: Option<One<Replacement>>,
    iban: Option<One<Replacement>>,
    national_id: Option<One<Replacement>>,
    ip: Option<One<Replacement>>,
    mac: Option<One<Replacement>>,
}

impl ReplaceShape {
    /// What is said of classes.
    pub(super) fn classes(&self) -> impl Iterator<Item = (Class, Replacement)> {
        let said = [
            (Class::Credential, self.credential),
            (Class::Email, self.email),
            (Class::Phone, self.phone),
            (Class::Card, self.card),
            (Class::Iban, self.iban),
            (Class::NationalId, self.national_id),
            (Class::Ip, self.ip),
            (Class::Mac, self.mac),
        ];
        said.into_iter().filter_map(|(class, said)| said.map(|One(replacement)| (class, replacement)))
    }
}

/// A rule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RuleShape {
    pub(super) name: String,
    pub(super) pattern: Option<String>,
    #[serde(default)]
    pub(super) words: Vec<String>,
    pub(super) words_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) ignore_case: bool,
    pub(super) replace: Option<One<Replacement>>,
}
