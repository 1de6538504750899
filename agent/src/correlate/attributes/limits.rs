//! What a provider that refused a request said of its limits: header fields, by the HTTP conventions.

use super::Builder;
use super::table::{Attribute, Convention, Type};
use crate::exchange::Exchange;
use crate::value::Value;

/// Bytes of a field: numbers, times and durations are shorter.
const FIELD_MAX_BYTES: usize = 64;

/// Declares the fields, each with its attribute.
macro_rules! limits {
    ($($field:literal,)+) => {
        /// Header fields, and the attributes that they become.
        pub(super) static LIMITS: &[(&str, Attribute)] = &[$((
            $field,
            Attribute {
                name: concat!("http.response.header.", $field),
                value: Type::Strings,
                convention: Convention::Http,
                is_content: false,
            },
        )),+];
    };
}

limits! {
    "anthropic-ratelimit-input-tokens-limit",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-output-tokens-limit",
    "anthropic-ratelimit-output-tokens-remaining",
    "anthropic-ratelimit-output-tokens-reset",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-limit",
    "x-ratelimit-limit-project-requests",
    "x-ratelimit-limit-project-tokens",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-requests-day",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-limit-tokens-minute",
    "x-ratelimit-remaining",
    "x-ratelimit-remaining-project-requests",
    "x-ratelimit-remaining-project-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-requests-day",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-remaining-tokens-minute",
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-requests-day",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-reset-tokens-minute",
}

/// Puts on what there is, if the request was refused.
pub(super) fn of(to: &mut Builder, exchange: &Exchange) {
    let Some(response) = exchange.response.as_ref().filter(|response| response.status >= 400) else { return };
    let is_short = |value: &&str| {
        value.len() <= FIELD_MAX_BYTES && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    };
    for (field, attribute) in LIMITS {
        if let Some(value) = response.headers.get(field).filter(is_short) {
            to.put(attribute.name, Value::strings([value]));
        }
    }
}
