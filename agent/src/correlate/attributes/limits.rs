//! What a provider that refused a request said of its limits: header fields, by the HTTP conventions.

use super::Builder;
use super::table::{Attribute, Convention, Type};
use crate::exchange::Exchange;
use crate::protocol::http1::limit_fields;
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

limit_fields!(limits);

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
