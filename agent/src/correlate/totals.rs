//! What the calls below a span come to.

use super::attributes::{
    COST_TOTAL, FI_SPAN_KIND, TOTAL_CALLS, TOTAL_COST, TOTAL_ERRORS, TOTAL_INPUT_TOKENS, TOTAL_OUTPUT_TOKENS,
    USAGE_INPUT_TOKENS, USAGE_OUTPUT_TOKENS,
};
use super::span::{Attributes, Kind, Span, Status};
use crate::value::Value;

/// Sums over calls of models and stores.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Totals {
    /// Requests that were made.
    calls: u64,
    errors: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// In US dollars, of those of which it is known.
    cost: Option<f64>,
}

impl Totals {
    /// Whether a span is a call of a model or a store: what is served, or happens inside, is made of such, and plain requests
    /// are none.
    pub(super) fn counts(span: &Span) -> bool {
        let is_plain = |(name, value): &(_, Value)| name == FI_SPAN_KIND && value.as_str() == Some("CHAIN");
        span.kind == Kind::Client && !span.attributes.iter().any(is_plain)
    }

    /// Adds what others come to.
    pub(super) fn merge(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost = match (self.cost, other.cost) {
            (Some(own), Some(others)) => Some(own + others),
            (own, others) => own.or(others),
        };
    }

    /// Adds a span, if it counts.
    pub(super) fn add(&mut self, span: &Span) {
        if !Self::counts(span) {
            return;
        }
        self.calls += 1;
        self.errors += u64::from(span.status == Status::Error);
        for (name, value) in &span.attributes {
            match (&**name, value) {
                (USAGE_INPUT_TOKENS, Value::Int(tokens)) => add(&mut self.input_tokens, *tokens),
                (USAGE_OUTPUT_TOKENS, Value::Int(tokens)) => add(&mut self.output_tokens, *tokens),
                (COST_TOTAL, Value::Double(cost)) => self.cost = Some(self.cost.unwrap_or(0.0) + cost),
                _ => {}
            }
        }
    }

    pub(super) fn put_on(&self, attributes: &mut Attributes) {
        let mut put = |name: &'static str, count: u64| {
            if let Ok(count) = i64::try_from(count) {
                attributes.push((name.into(), Value::Int(count)));
            }
        };
        for (name, count) in [
            (TOTAL_CALLS, self.calls),
            (TOTAL_ERRORS, self.errors),
            (TOTAL_INPUT_TOKENS, self.input_tokens),
            (TOTAL_OUTPUT_TOKENS, self.output_tokens),
        ] {
            if count > 0 {
                put(name, count);
            }
        }
        if let Some(cost) = self.cost {
            attributes.push((TOTAL_COST.into(), Value::Double(cost)));
        }
    }
}

fn add(sum: &mut u64, tokens: i64) {
    *sum = sum.saturating_add(u64::try_from(tokens).unwrap_or(0));
}
