//! The price list that the agent is built with: `list.json`, written by `cargo xtask prices` from the data of
//! genai-prices.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use tracing::error;

use super::Money;

pub(super) static TEXT: &str = include_str!("list.json");

/// Read when the first call is to be priced.
pub(super) static LIST: LazyLock<List> = LazyLock::new(|| {
    serde_json::from_str(TEXT).unwrap_or_else(|error| {
        error!("the built-in price list cannot be read, so that calls have no cost; this is a fault of the build: {error}");
        List::default()
    })
});

/// Vendors and what their models cost.
#[derive(Debug, Default, Deserialize)]
pub(super) struct List {
    /// The package that it was written from, with its version.
    pub(super) source: String,
    providers: Vec<Provider>,
}

/// One vendor's models.
#[derive(Debug, Deserialize)]
struct Provider {
    id: String,
    /// Others whose models it sells at their prices.
    borrows: Vec<String>,
    models: Vec<Model>,
}

/// One model.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    #[serde(rename = "match")]
    names: Match,
    /// The last one that holds counts; the first one if none does.
    prices: Vec<Conditional>,
    #[serde(default)]
    variants: Vec<Variant>,
}

/// Which names, in lower case, are a model's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Match {
    #[serde(deserialize_with = "lower_case")]
    Equals(String),
    #[serde(deserialize_with = "lower_case")]
    StartsWith(String),
    #[serde(deserialize_with = "lower_case")]
    EndsWith(String),
    #[serde(deserialize_with = "lower_case")]
    Contains(String),
    #[serde(deserialize_with = "regex")]
    Regex(Regex),
    Not(Box<Match>),
    Or(Vec<Match>),
    And(Vec<Match>),
}

fn lower_case<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.to_ascii_lowercase())
}

fn regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    let text = String::deserialize(deserializer)?;
    Regex::new(&text).map_err(D::Error::custom)
}

/// Prices that hold from a day on, or every day between two minutes.
#[derive(Debug, Deserialize)]
struct Conditional {
    #[serde(flatten)]
    condition: Condition,
    usd: Prices,
}

#[derive(Debug, Deserialize)]
struct Condition {
    since: Option<Date>,
    /// From the one, in UTC, to before the other; past midnight if that is smaller.
    daily_minutes: Option<(u16, u16)>,
}

/// Prices that hold in place of some of the usual ones for calls of a certain kind.
#[derive(Debug, Deserialize)]
struct Variant {
    when: BTreeMap<String, String>,
    #[serde(flatten)]
    condition: Condition,
    usd: Prices,
}

/// Prices by the keys of their units.
pub(super) type Prices = BTreeMap<String, Price>;

/// What so many of a unit cost.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Price {
    base: Money,
    /// Prices of all, once the input has more than so many tokens; in ascending order.
    tiers: Vec<(u64, Money)>,
}

/// A number, or a list of it and of tiers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Flat(f64),
    Tiered(Vec<Step>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    Base(f64),
    Tier(u64, f64),
}

impl TryFrom<Written> for Price {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let money = |usd| Money::from_usd(usd).ok_or("a price is no amount of dollars from 0 to 1000000");
        let steps = match written {
            Written::Flat(usd) => return Ok(Self { base: money(usd)?, tiers: Vec::new() }),
            Written::Tiered(steps) => steps,
        };
        let mut price = Self { base: Money::default(), tiers: Vec::new() };
        for step in steps {
            match step {
                Step::Base(usd) => price.base = money(usd)?,
                Step::Tier(start, usd) => price.tiers.push((start, money(usd)?)),
            }
        }
        Ok(price)
    }
}

impl Price {
    /// What holds for a call with so many tokens of input.
    pub(super) fn at(&self, input_tokens: u64) -> Money {
        let reached = self.tiers.iter().rev().find(|(start, _)| input_tokens > *start);
        reached.map_or(self.base, |(_, price)| *price)
    }
}

/// When a call was made, in UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) date: Date,
    pub(super) minute: u16,
}

impl Condition {
    fn holds(&self, moment: Moment) -> bool {
        let since = self.since.is_none_or(|since| moment.date >= since);
        let within = self.daily_minutes.is_none_or(|(start, end)| {
            let (after, before) = (moment.minute >= start, moment.minute < end);
            if end < start { after || before } else { after && before }
        });
        since && within
    }
}

impl Match {
    /// Whether a name in lower case is one of them.
    fn has(&self, name: &str) -> bool {
        match self {
            Self::Equals(text) => name == text,
            Self::StartsWith(text) => name.starts_with(text.as_str()),
            Self::EndsWith(text) => name.ends_with(text.as_str()),
            Self::Contains(text) => name.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(name),
            Self::Not(clause) => !clause.has(name),
            Self::Or(clauses) => clauses.iter().any(|clause| clause.has(name)),
            Self::And(clauses) => clauses.iter().all(|clause| clause.has(name)),
        }
    }
}

impl List {
    /// A vendor's model by a name that calls have for it.
    pub(super) fn model(&self, provider: &str, name: &str) -> Option<&Model> {
        let vendor = self.providers.iter().find(|known| known.id == provider)?;
        let name = name.to_ascii_lowercase();
        let borrowed = vendor.borrows.iter().filter_map(|id| self.providers.iter().find(|one| one.id == *id));
        let models = std::iter::once(vendor).chain(borrowed).flat_map(|vendor| &vendor.models);
        models.into_iter().find(|model| model.names.has(&name))
    }

    /// Whether there is such a vendor.
    pub(super) fn has(&self, provider: &str) -> bool {
        self.providers.iter().any(|known| known.id == provider)
    }
}

impl Model {
    /// What it cost at a moment, for calls of a kind that is said in such words.
    pub(super) fn prices(&self, moment: Moment, kind: &[(&str, &str)]) -> Option<Cow<'_, Prices>> {
        let holding = self.prices.iter().rev().find(|one| one.condition.holds(moment));
        let usual = &holding.or(self.prices.first())?.usd;
        let is_meant = |variant: &&Variant| {
            let all = variant.when.iter().all(|(key, value)| kind.contains(&(key.as_str(), value.as_str())));
            all && variant.condition.holds(moment)
        };
        let mut prices = Cow::Borrowed(usual);
        // Of several that mean the same, the first one holds: so it is laid on last.
        for variant in self.variants.iter().filter(is_meant).rev() {
            prices.to_mut().extend(variant.usd.iter().map(|(key, price)| (key.clone(), price.clone())));
        }
        Some(prices)
    }
}
