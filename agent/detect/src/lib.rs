//! Finds credentials and personal data in text, and puts something else in their place.
//!
//! What is found has the shape that its issuer gives it, and passes the check that comes with that shape, where
//! there is one. No I/O, no clock; whatever a text says, it costs time in its length at most, and memory within bounds.

mod detectors;
mod finding;
mod hidden;
mod personal;
mod replace;
mod rules;
mod secret;
mod skip;

pub use detectors::{
    Counts, Detector, DetectorOptions, Detectors, FIELD, Found, Keeps, Place, Redacted, Scope,
};
pub use finding::{Class, Finding, merge};
pub use personal::{NationalId, Personal, PersonalOptions, PhoneRegion, UnknownName};
pub use replace::{KEY_MIN_BYTES, Key, Replacement, Replacing};
pub use rules::{Keep, RULES_MAX, RuleError, RuleSpec, Rules};
pub use secret::{Secrets, hides_value};
