//! What calls cost, in US dollars: what the provider charged if it says so, else by a price list and the operator's
//! own rules. What cannot be priced has no cost; it is never taken for free.

mod list;
mod rules;
#[cfg(test)]
mod tests;
mod unit;

use std::borrow::Cow;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::call::{Call, Subject};
use list::{LIST, Moment, Prices as PriceTable};
pub use rules::PricesError;
use rules::{Asked, Rule};
use unit::{Direction, Key, Unit};

/// US dollars in units of 10^-9: prices have at most so many places, and sums of them are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Money(u64);

impl Money {
    const PER_USD: f64 = 1e9;
    /// A million dollars for a million tokens: nobody's price.
    const MAX_USD: f64 = 1e6;

    /// Nearest to so many dollars; `None` unless there are 0 to 10^6.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in bounds")]
    fn from_usd(usd: f64) -> Option<Self> {
        (0.0..=Self::MAX_USD).contains(&usd).then(|| Self((usd * Self::PER_USD).round() as u64))
    }
}

/// What a call cost, in US dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// All of it.
    pub total: f64,
    /// By what it was for, where the price list says.
    pub parts: Option<Parts>,
    /// Where the figure is from: `provider`, `rules`, or the price list's name and version.
    pub source: Cow<'static, str>,
}

/// What of a cost was for what. Searches and the like are in neither part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// For all input.
    pub input: f64,
    /// For all output.
    pub output: f64,
    /// For what of the input was written to a cache; `None` if nothing was.
    pub cache_write: Option<f64>,
}

/// Why a call to a vendor, or to whom the rules are about, has no price though its usage is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// Nobody says what the model costs, or not what of it was used.
    Model,
    /// Its parts are more than the whole.
    Counts,
}

/// What calls cost.
#[derive(Debug, Default)]
pub struct Prices {
    rules: Vec<Rule>,
}

impl Prices {
    /// The price list alone.
    #[must_use]
    pub fn of_list() -> Self {
        Self::default()
    }

    /// The price list, and before it an operator's own rules.
    ///
    /// # Errors
    /// If the file cannot be read, or is no list of rules.
    pub fn with_rules(path: &Path) -> Result<Self, PricesError> {
        Ok(Self { rules: Rule::read(path)? })
    }

    /// What a call cost that a host answered, which is the provider's own or not, and that began at such a time.
    /// `None` where that is no question: nothing was used, it is not known what, or nobody bills it.
    ///
    /// # Errors
    /// If it was billed, and nobody says by how much.
    pub fn cost(
        &self,
        call: &Call,
        host: Option<&str>,
        own_host: bool,
        began: SystemTime,
    ) -> Result<Option<Cost>, Unpriced> {
        if let Some(total) = call.charged_usd.filter(|usd| usd.is_finite()) {
            return Ok(Some(Cost { total, parts: None, source: "provider".into() }));
        }
        if !has_used(call) || was_cut(call) || is_paid_for(call) {
            return Ok(None);
        }
        let Some(moment) = moment(began) else { return Ok(None) };
        let names = names(call);
        let Some(model) = names.into_iter().flatten().next() else {
            let is_billed = own_host && vendor(call.provider).is_some();
            return if is_billed { Err(Unpriced::Model) } else { Ok(None) };
        };
        let asked = Asked { provider: call.provider, host, own_host, model, moment };
        let rule = self.rules.iter().find(|rule| rule.fits(asked));
        if let Some(prices) = rule.and_then(|rule| rule.usd.as_ref()) {
            return bill(call, prices, 1.0, "rules".into()).map(Some);
        }
        let vendor = rule.and_then(|rule| rule.list.as_deref()).or_else(|| vendor(call.provider));
        let Some(vendor) = vendor.filter(|_| own_host || rule.is_some()) else { return Ok(None) };
        let known = names.into_iter().flatten().find_map(|name| LIST.model(vendor, name));
        let known = known.filter(|_| !is_tuned(model)).ok_or(Unpriced::Model)?;
        let prices = known.prices(moment, &kind(call)).ok_or(Unpriced::Model)?;
        let factor = rule.and_then(|rule| rule.factor).unwrap_or(1.0);
        bill(call, &prices, factor, LIST.source.as_str().into()).map(Some)
    }
}

/// The list's name of a vendor.
fn vendor(provider: &str) -> Option<&'static str> {
    Some(match provider {
        "openai" => "openai",
        "anthropic" => "anthropic",
        "azure.ai.openai" | "azure.ai.inference" => "azure",
        "gcp.gemini" | "gcp.vertex_ai" | "gcp.gen_ai" => "google",
        "aws.bedrock" => "aws",
        "mistral_ai" => "mistral",
        "x_ai" => "x-ai",
        "moonshot_ai" => "moonshotai",
        "z_ai" => "zai",
        "cerebras" => "cerebras",
        "cohere" => "cohere",
        "deepseek" => "deepseek",
        "fireworks" => "fireworks",
        "groq" => "groq",
        "minimax" => "minimax",
        "openrouter" => "openrouter",
        "perplexity" => "perplexity",
        "together" => "together",
        "voyageai" => "voyageai",
        _ => return None,
    })
}

/// What the model is called, the better name first.
fn names(call: &Call) -> [Option<&str>; 2] {
    let (asked, answered) = (call.request_model.as_deref(), call.response_model.as_deref());
    match call.provider {
        // Who answers does not say from where; what is asked for has the region that is billed.
        "aws.bedrock" => [asked, answered],
        // What is asked for is a deployment, which anybody may name as he likes.
        "azure.ai.openai" => [answered, None],
        _ => [answered, asked],
    }
}

/// A model of a customer's own, which costs more than the one that it was made of.
fn is_tuned(model: &str) -> bool {
    model.starts_with("ft:")
}

/// Something was used that is billed.
fn has_used(call: &Call) -> bool {
    let units = match &call.subject {
        Subject::Rerank(ranking) => ranking.search_units,
        _ => None,
    };
    call.usage.input.or(call.usage.output).or(units).is_some()
}

/// The answer ended before it said how much it took: what it had said by then is too little.
fn was_cut(call: &Call) -> bool {
    call.finish_reasons().iter().any(|reason| reason == "error")
}

/// It was made in capacity that is paid for by the hour.
fn is_paid_for(call: &Call) -> bool {
    let tier = call.service_tier.as_deref();
    let is_own = call.request_model.as_deref().is_some_and(|model| model.starts_with("provisioned-model/"));
    is_own || matches!(tier, Some("PROVISIONED_THROUGHPUT" | "reserved"))
}

fn moment(at: SystemTime) -> Option<Moment> {
    let time = Timestamp::try_from(at).ok()?.to_zoned(TimeZone::UTC);
    let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
    Some(Moment { date: time.date(), minute: u16::try_from(minute).ok()? })
}

/// What prices depend on beside the model, in the list's words.
fn kind(call: &Call) -> Vec<(&'static str, &str)> {
    match call.service_tier.as_deref() {
        Some("batch") => vec![("processing", "batch")],
        Some("ON_DEMAND_PRIORITY") => vec![("service_tier", "priority")],
        Some("ON_DEMAND_FLEX") => vec![("service_tier", "flex")],
        Some("fast") if call.provider == "anthropic" => vec![("speed", "fast")],
        Some(tier) => vec![("service_tier", tier)],
        None => Vec::new(),
    }
}

/// Adds up what was used at such prices. A part that has no price of its own is billed with the whole.
#[expect(clippy::cast_precision_loss, reason = "a sum below 2^53 is exact, and no bill is larger")]
fn bill(call: &Call, prices: &PriceTable, factor: f64, source: Cow<'static, str>) -> Result<Cost, Unpriced> {
    let input = call.usage.input.unwrap_or(0);
    let mut priced: Vec<(&Unit, Money)> = Vec::new();
    for (key, price) in prices {
        match unit::key(key) {
            Key::Counted(unit) => priced.push((unit, price.at(input))),
            Key::Extra => {}
            Key::Other => return Err(Unpriced::Model),
        }
    }
    priced.sort_by_key(|(unit, _)| std::cmp::Reverse(unit.rank()));
    // Whatever was used has a price, and what is told apart by prices is told apart by the counts.
    let covers = |direction| priced.iter().any(|(unit, _)| unit.direction == Some(direction));
    let used = |count: Option<u64>, direction| count.is_none_or(|count| count == 0) || covers(direction);
    let is_apart = |unit: &Unit| {
        unit.modality().is_some_and(|modality| call.media.iter().any(|media| media.modality == modality))
            && unit.count(call).is_none()
    };
    if !used(call.usage.input, Direction::Input)
        || !used(call.usage.output, Direction::Output)
        || priced.iter().any(|(unit, _)| is_apart(unit))
    {
        return Err(Unpriced::Model);
    }

    let mut billed: Vec<(&Unit, u64)> = Vec::with_capacity(priced.len());
    let (mut all, mut parts, mut cache_write) = (0_u128, [0_u128; 2], 0_u128);
    for (unit, price) in priced {
        let elsewhere = billed.iter().filter(|(part, _)| part.is_part_of(unit)).map(|(_, count)| count).sum();
        let count = unit.count(call).unwrap_or(0).checked_sub(elsewhere).ok_or(Unpriced::Counts)?;
        // In 10^-12 dollars.
        let amount = u128::from(count) * u128::from(price.0) * 1_000 / u128::from(unit.per);
        all += amount;
        match unit.direction {
            Some(Direction::Input) => parts[0] += amount,
            Some(Direction::Output) => parts[1] += amount,
            None => {}
        }
        if unit.is_cache_write() {
            cache_write += amount;
        }
        billed.push((unit, count));
    }
    let usd = |amount: u128| amount as f64 * factor / 1e12;
    Ok(Cost {
        total: usd(all),
        parts: Some(Parts {
            input: usd(parts[0]),
            output: usd(parts[1]),
            cache_write: (cache_write > 0).then(|| usd(cache_write)),
        }),
        source,
    })
}
