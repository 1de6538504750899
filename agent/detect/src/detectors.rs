//! All detectors together, over all the forms in which a text can hide something.

use crate::{Finding, Personal, Secrets};

/// Finds one kind of thing in a text.
pub trait Detector: Send + Sync {
    /// Adds what is found in `text`, in any order. Time and memory are linear in the length of the text, whatever
    /// it says; ranges are within the text and end at borders of characters.
    fn find(&self, text: &str, found: &mut Vec<Finding>);
}

impl Detector for Secrets {
    fn find(&self, text: &str, found: &mut Vec<Finding>) {
        self.find(text, found);
    }
}

impl Detector for Personal {
    fn find(&self, text: &str, found: &mut Vec<Finding>) {
        self.find(text, found);
    }
}
