//! Credentials.
//!
//! One pass of one automaton over the text finds where anything could be: the beginnings of vendors' keys, frames of
//! private keys, `://`, names such as `password`. What is there is then looked at by hand. Every rule looks back a
//! bounded distance or over what no other looks back over, and forward a bounded distance, or over what it then
//! reports, or over a run whose end is kept: hostile text costs no more than its length. The tests count the steps.

mod alphabet;
mod anchor;
mod assigned;
mod command;
mod container;
mod ending;
mod extent;
mod header;
mod name;
mod pem;
mod prefilter;
mod random;
mod scan;
mod scheme;
mod separator;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod url;
mod value;
mod vendor;

use std::sync::LazyLock;

use crate::Finding;
use anchor::Anchors;
use scan::Scan;

/// Made once: the automaton is large.
static ANCHORS: LazyLock<Anchors> = LazyLock::new(Anchors::new);

/// Finds credentials by their issuers' shapes, and secrets by what stands before them.
#[derive(Debug)]
pub struct Secrets {
    anchors: &'static Anchors,
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new()
    }
}

impl Secrets {
    /// All that are known. The first takes some milliseconds; the others share what it made.
    #[must_use]
    pub fn new() -> Self {
        Self { anchors: &ANCHORS }
    }

    /// Adds what is found in `text`, all of it [`crate::Class::Credential`], in any order. What stands in a credential's
    /// place already, a word in brackets such as `[CREDENTIAL]`, is not found again.
    pub fn find(&self, text: &str, found: &mut Vec<Finding>) {
        Scan::new(text, found).pass(self.anchors);
    }
}

/// Whether a field of this name holds secrets under names that need not say so: `secrets`, `tokens`.
pub(crate) fn holds_secrets(name: &str) -> bool {
    name::holds(name)
}

/// Whether a value looks random: a secret, if what it stands in says so.
pub(crate) fn is_random(value: &str) -> bool {
    random::is_random(value) && !value::is_placeholder(value)
}

/// Whether a field of this name hides its value whatever that looks like: `password`, `X-Api-Key`, `accessToken`.
#[must_use]
pub fn hides_value(name: &str) -> bool {
    name::hides(name)
}
