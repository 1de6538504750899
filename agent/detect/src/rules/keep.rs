//! Findings that the operator wants to see.

use regex::{RegexSet, RegexSetBuilder};

use super::pattern::{COMPILED_MAX, Pattern};
use super::{RULES_MAX, RuleError};
use crate::Class;

/// One of each kind of what is found; no pattern may keep all of a class.
const SAMPLES: [(Class, &[&str]); 7] = [
    (Class::Email, &["anna.berg@example.com", "j.doe+news@mail.example.org", "jürgen@bücher.example"]),
    (Class::Phone, &["+49 30 901820", "+1 (202) 555-0143", "0044 20 7946 0958"]),
    (Class::Card, &["4111 1111 1111 1111", "5555555555554444", "3782-822463-10005"]),
    (Class::Iban, &["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "FR1420041010050500013M02606"]),
    (Class::NationalId, &["123-45-6789", "86 095 742 719", "850504/0000", "PL44051401359"]),
    (Class::Ip, &["192.0.2.17", "10.0.0.1", "2001:db8::17", "203.0.113.0/24"]),
    (Class::Mac, &["00:00:5e:00:53:af", "00-00-5E-00-53-AF", "0000.5e00.53af"]),
];

/// Patterns of findings that stay as they are. A credential never does.
#[derive(Debug, Default)]
pub struct Keep {
    patterns: RegexSet,
}

impl Keep {
    /// Takes patterns, each of a whole finding.
    ///
    /// # Errors
    /// The first that does not compile or is too large, or that would keep every finding of some class.
    pub fn new(patterns: &[String]) -> Result<Self, RuleError> {
        let refused = |index, message: &dyn std::fmt::Display| RuleError {
            index,
            part: "keep",
            message: format!("the pattern {message}"),
        };
        if patterns.len() > RULES_MAX {
            return Err(refused(RULES_MAX, &format!("is one too many: {RULES_MAX} are the most")));
        }
        let mut whole = Vec::with_capacity(patterns.len());
        for (index, text) in patterns.iter().enumerate() {
            let pattern = Pattern::new(text, false).map_err(|message| refused(index, &message))?;
            let source = format!(r"\A(?:{})\z", pattern.source);
            let alone = set(std::slice::from_ref(&source)).map_err(|_| refused(index, &"is too large"))?;
            let is_kept = |samples: &[&str]| samples.iter().all(|sample| alone.is_match(sample));
            if let Some((class, _)) = SAMPLES.iter().find(|(_, samples)| is_kept(samples)) {
                let message = format!(
                    "would keep every finding of the class {name}; if that is meant, say so: detect: {{off: [{name}]}}",
                    name = class.name().replace('_', "-")
                );
                return Err(refused(index, &message));
            }
            whole.push(source);
        }
        let patterns = set(&whole).map_err(|_| {
            refused(whole.len().saturating_sub(1), &"and those before are too large together")
        })?;
        Ok(Self { patterns })
    }

    /// Whether what was found stays, given as it was found: unescaped.
    #[must_use]
    pub fn keeps(&self, class: Class, found: &str) -> bool {
        class != Class::Credential && self.patterns.is_match(found)
    }
}

fn set(patterns: &[String]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).size_limit(COMPILED_MAX * 2).dfa_size_limit(COMPILED_MAX).build()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn keep(patterns: &[&str]) -> Result<Keep, RuleError> {
        Keep::new(&patterns.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn whole_findings_stay_and_credentials_never_do() {
        let keep = keep(&[r"docs@example\.com", r".+@support\.example", "a|b"]).unwrap();
        assert!(keep.keeps(Class::Email, "docs@example.com"));
        assert!(keep.keeps(Class::Email, "x@support.example"));
        assert!(keep.keeps(Class::Rule(0), "b") && !keep.keeps(Class::Rule(0), "ab"));
        assert!(!keep.keeps(Class::Email, "xdocs@example.com"));
        assert!(!keep.keeps(Class::Email, "docs@example.com\n"));
        assert!(!keep.keeps(Class::Credential, "docs@example.com"));
        assert!(!Keep::default().keeps(Class::Email, "docs@example.com"));
    }

    #[test]
    fn none_keeps_a_whole_class() {
        for (pattern, class) in [
            (".+", "email"),
            (r"[^@]+@.*", "email"),
            (r"[\d ().+-]+", "phone"),
            (r"(?s).{4}.{2,40}", "email"),
            ("[0-9a-fA-F.:/]+", "ip"),
        ] {
            let error = keep(&["good", pattern]).unwrap_err();
            assert_eq!(error.index, 1);
            assert!(error.message.contains(&format!("of the class {class};")), "{}", error.message);
        }
        assert!(keep(&["(a"]).unwrap_err().message.contains("unclosed group"));
        assert!(keep(&[".*"]).unwrap_err().message.contains("matches the empty text"));
    }
}
