//! What a policy makes of the detectors.

use std::io;

use spanwire_detect::{DetectorOptions, Detectors, Keep, Key, PersonalOptions, Replacing, RuleError, Rules};
use zeroize::Zeroizing;

use super::{ContentPolicy, KeyBytes};

impl ContentPolicy {
    /// Finds what the policy wants hidden.
    ///
    /// # Errors
    /// None of a policy that was loaded, whose rules and patterns were found fit.
    pub fn detectors(&self) -> Result<Detectors, RuleError> {
        let mut personal = PersonalOptions::default();
        if let Some(ids) = &self.detect.national_ids {
            personal.national_ids = ids.clone();
        }
        if let Some(regions) = &self.detect.phone_regions {
            personal.phone_regions = regions.iter().filter_map(|region| region.parse().ok()).collect();
        }
        if let Some(private_ips) = self.detect.private_ips {
            personal.private_ips = private_ips;
        }
        let rules = Rules::new(&self.rules)?;
        let keep = Keep::new(&self.keep)?;
        Ok(Detectors::new(DetectorOptions {
            personal,
            rules: if rules.is_empty() { Vec::new() } else { vec![Box::new(rules)] },
            off: self.detect.off.clone(),
            fields: self.fields.clone(),
            keep: if self.keep.is_empty() {
                None
            } else {
                Some(Box::new(move |class, text| keep.keeps(class, text)))
            },
        }))
    }

    /// Replaces what is found as the policy says; by a key that is drawn now, where hashes are wanted and no file has one.
    ///
    /// # Errors
    /// If no key can be drawn.
    pub fn replacing(&self) -> io::Result<Replacing> {
        let key = match &self.key {
            None if self.replace.hashes() => Some(KeyBytes::draw()?),
            key => key.clone(),
        };
        let replacing = Replacing::new(self.replace.default, key.as_ref().and_then(KeyBytes::to_key))
            .with_previous(self.previous_key.as_ref().and_then(KeyBytes::to_key));
        Ok(self.replace.classes.iter().fold(replacing, |all, (class, one)| all.with(*class, *one)))
    }
}

impl KeyBytes {
    fn to_key(&self) -> Option<Key> {
        Key::new(Zeroizing::new(self.get().to_vec()))
    }
}
