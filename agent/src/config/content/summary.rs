//! What a policy comes to, in lines for the operator.

use std::collections::BTreeSet;

use spanwire_detect::{Class, NationalId, Replacement};

use super::word::Word;
use super::{ContentMode, ContentPolicy};

impl ContentPolicy {
    /// What holds. None of it tells a pattern, a word or a key.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let mut lines = vec![self.modes()];
        if !self.records_anything() {
            return lines;
        }
        lines.push(format!(
            "at most {} bytes of text of one call in each direction, as {}",
            self.limit, self.place
        ));
        let classes: BTreeSet<_> = self.replace.classes.keys().collect();
        let apart = classes
            .into_iter()
            .map(|class| format!(", {} by {}", self.name(*class), word(self.replace.of(*class))));
        lines.push(format!(
            "findings are replaced by {}{}",
            word(self.replace.default),
            apart.collect::<String>()
        ));
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let words: usize = self.rules.iter().map(|rule| rule.words.len()).sum();
        lines.push(format!(
            "of your own: {} with {}, {} that are always hidden",
            count(self.rules.len(), "rule"),
            count(words, "word"),
            count(self.fields.len(), "field"),
        ));
        if self.replace.hashes() {
            lines.push(match (&self.key, &self.previous_key) {
                (None, _) => {
                    "hashes are keyed anew at each start: they join nothing over a restart or between hosts; \
                              a key-file would"
                        .to_owned()
                }
                (Some(_), None) => "hashes are keyed by the key file".to_owned(),
                (Some(_), Some(_)) => {
                    "hashes are keyed by the key file, and by the previous key beside it".to_owned()
                }
            });
        }
        lines
    }

    /// Where less is hidden than a policy without wishes of its own would hide.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.mode == ContentMode::Full || self.entries.iter().any(|entry| entry.mode == ContentMode::Full)
        {
            let whose = if self.mode == ContentMode::Full { "" } else { " for some entries of the policy" };
            lines.push(format!("full{whose}: personal data leaves as it is; only credentials are replaced"));
        }
        if !self.records_anything() {
            return lines;
        }
        if !self.detect.off.is_empty() {
            let off: Vec<_> = self.detect.off.iter().map(|class| self.name(*class)).collect();
            lines.push(format!("not looked for: {}", off.join(", ")));
        }
        if self.detect.private_ips == Some(false) {
            lines.push("addresses of private networks stay".to_owned());
        }
        if self.detect.national_ids.as_ref().is_some_and(|ids| !ids.contains(&NationalId::US_SSN)) {
            lines.push("us-ssn is not among the national ids that are looked for".to_owned());
        }
        if !self.keep.is_empty() {
            lines.push(format!("findings that match one of {} patterns stay", self.keep.len()));
        }
        let is_masked = |replacement: Replacement| replacement == Replacement::Mask;
        let masked = self.replace.classes.keys().filter(|class| is_masked(self.replace.of(**class)));
        let masked: Vec<_> = masked.map(|class| self.name(*class)).collect();
        if is_masked(self.replace.default) {
            lines.push("masks show a part of what they stand for".to_owned());
        } else if !masked.is_empty() {
            lines.push(format!("masks show a part of what they stand for: {}", masked.join(", ")));
        }
        lines
    }

    fn modes(&self) -> String {
        let file = self.file.as_ref().map_or_else(String::new, |file| format!("; policy {}", file.display()));
        let entries = match self.entries.len() {
            0 => String::new(),
            1 => ", but for 1 entry of the policy".to_owned(),
            count => format!(", but for {count} entries of the policy"),
        };
        let nothing = if self.records_anything() { "" } else { ": content is not read" };
        format!("{}{entries}{nothing}{file}", self.mode)
    }

    fn name(&self, class: Class) -> String {
        match class {
            Class::Rule(index) => {
                self.rules.get(usize::from(index)).map_or_else(String::new, |rule| rule.name.clone())
            }
            class => word(class).to_owned(),
        }
    }
}

/// The word of the policy file for something.
fn word<T: Word + PartialEq>(thing: T) -> &'static str {
    T::words().find(|(_, one)| *one == thing).map_or("", |(word, _)| word)
}
