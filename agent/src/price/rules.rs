//! The operator's own prices: negotiated ones, and those of gateways and servers that no list has.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;

use super::list::{LIST, Moment, Prices};
use super::unit::{self, Key};

/// Rules in a file.
const RULES_MAX: usize = 10_000;

/// Which calls it is about, and what they cost. The first rule that fits a call and says something of its price decides.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rule {
    /// `gen_ai.provider.name`.
    provider: Option<String>,
    /// The request's host; at most one `*` stands for any text. Without it the vendor's own hosts are meant.
    host: Option<String>,
    /// The model, as the response names it, or else the request; at most one `*`.
    model: Option<String>,
    /// The first day on which it holds, in UTC.
    since: Option<Date>,
    /// The vendor in the list by whose prices it goes, for hosts that are not the vendor's own.
    pub(super) list: Option<String>,
    /// What the list's prices are multiplied by.
    pub(super) factor: Option<f64>,
    /// Prices in US dollars, in place of the list's.
    pub(super) usd: Option<Prices>,
}

/// Why a file of prices was refused.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// It could not be read.
    #[error("cannot read the prices in {path}: {source}; without them the agent does not start")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no list of rules.
    #[error("{path} is no list of prices: {message}; docs/cost.md shows what one looks like")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// A call, as rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) provider: &'a str,
    pub(super) host: Option<&'a str>,
    /// The host is the provider's own.
    pub(super) own_host: bool,
    pub(super) model: &'a str,
    pub(super) moment: Moment,
}

impl Rule {
    /// Reads a file of rules.
    pub(super) fn read(path: &Path) -> Result<Vec<Self>, PricesError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PricesError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|message| PricesError::Syntax { path: path.to_owned(), message })
    }

    pub(super) fn parse(text: &str) -> Result<Vec<Self>, String> {
        let rules: Option<Vec<Self>> = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        let rules = rules.unwrap_or_default();
        if rules.len() > RULES_MAX {
            return Err(format!("it has more than {RULES_MAX} rules"));
        }
        for (at, rule) in rules.iter().enumerate() {
            rule.check().map_err(|message| format!("rule {}: {message}", at + 1))?;
        }
        Ok(rules)
    }

    fn check(&self) -> Result<(), String> {
        if self.list.is_none() && self.factor.is_none() && self.usd.is_none() {
            return Err("it says nothing of a price: give it usd, factor or list".to_owned());
        }
        if self.factor.is_some() && self.usd.is_some() {
            return Err("factor goes with the list's prices, and usd stands in place of them".to_owned());
        }
        if self.factor.is_some_and(|factor| !(0.0..=1_000.0).contains(&factor)) {
            return Err("factor is a number from 0 to 1000".to_owned());
        }
        if let Some(list) = self.list.as_deref().filter(|list| !LIST.has(list)) {
            return Err(format!("the list has no vendor '{list}'"));
        }
        for text in [&self.host, &self.model].into_iter().flatten() {
            if text.matches('*').count() > 1 {
                return Err(format!("'{text}' has more than one *"));
            }
        }
        for key in self.usd.iter().flat_map(Prices::keys) {
            if !matches!(unit::key(key), Key::Counted(_)) {
                return Err(format!("'{key}' is nothing that is counted"));
            }
        }
        Ok(())
    }

    /// Whether it is about a call.
    pub(super) fn fits(&self, asked: Asked<'_>) -> bool {
        let host = match (&self.host, asked.host) {
            (Some(pattern), Some(host)) => matches(pattern, host),
            (Some(_), None) => false,
            (None, _) => asked.own_host,
        };
        host && self.provider.as_deref().is_none_or(|provider| provider == asked.provider)
            && self.model.as_deref().is_none_or(|pattern| matches(pattern, asked.model))
            && self.since.is_none_or(|since| asked.moment.date >= since)
    }
}

/// Whether a text is like a pattern, in any case.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, end)) => {
            text.len() >= begin.len() + end.len() && text.starts_with(begin) && text.ends_with(end)
        }
    }
}
