//! What was said, taken from bodies as they were sent: used only where the operator wants it, when the exchange is over,
//! and not on the thread that reads what the kernel tells.

use serde_json::Value;

use crate::call::content::Content;

/// The bodies of an exchange, as far as they are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bodies {
    /// The request; `null` when there was none, or none that is JSON. Of a form, an object of its fields.
    pub request: Value,
    /// The response where it is one document; `null` else.
    pub response: Value,
    /// The response where it came as events, in their order, each with its name, which may be empty.
    pub events: Vec<(String, Value)>,
}

/// Takes over what bodies of a dialect say.
pub type Convert = fn(&Bodies, &mut Content);
