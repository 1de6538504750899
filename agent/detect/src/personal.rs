//! Personal data.

use crate::Finding;

/// What is looked for, beside what is always.
#[derive(Clone, Debug, Default)]
pub struct PersonalOptions {}

/// Finds personal data.
#[derive(Debug, Default)]
pub struct Personal {}

impl Personal {
    /// Finds what the options say.
    #[must_use]
    pub fn new(_options: &PersonalOptions) -> Self {
        Self::default()
    }

    /// Adds what is found in `text`, in any order.
    pub fn find(&self, _text: &str, _found: &mut Vec<Finding>) {}
}
