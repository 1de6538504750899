//! Credentials.

use crate::Finding;

/// Finds credentials by their issuers' shapes, and secrets by what stands before them.
#[derive(Debug, Default)]
pub struct Secrets {}

impl Secrets {
    /// Adds what is found in `text`, in any order.
    pub fn find(&self, _text: &str, _found: &mut Vec<Finding>) {}
}

/// Whether the value of a field of this name is a secret whatever it looks like.
#[must_use]
pub fn hides_value(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '.'], "_");
    ["api_key", "apikey", "token", "secret", "password", "authorization"]
        .iter()
        .any(|word| name.ends_with(word))
}
