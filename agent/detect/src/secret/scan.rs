//! One pass over a text.

use std::borrow::Cow;
use std::ops::Range;

use super::alphabet::{Runs, steps};
use super::anchor::{Anchor, Anchors};
use super::{assigned, command, pem, scheme, token, url};
use crate::{Class, Finding};

/// The text, what was found in it, and what need not be looked at again.
#[derive(Debug)]
pub(super) struct Scan<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    pub(super) runs: Runs,
    found: &'t mut Vec<Finding>,
    /// Where the last finding ends: nothing begins before.
    covered: usize,
    /// Where the last name ends that was looked at.
    pub(super) name_end: usize,
    /// Where the last line ends that was looked at as one of a table.
    pub(super) table_end: usize,
    /// Where the last object, list or block ends that was looked into.
    pub(super) container_end: usize,
    /// Where the last line of a command ends that was looked at.
    pub(super) command_end: usize,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str, found: &'t mut Vec<Finding>) -> Self {
        let runs = Runs::default();
        Self {
            text,
            bytes: text.as_bytes(),
            runs,
            found,
            covered: 0,
            name_end: 0,
            table_end: 0,
            container_end: 0,
            command_end: 0,
        }
    }

    pub(super) fn pass(mut self, anchors: &Anchors) {
        anchors.signs(self.text, |sign, pattern, anchor| {
            steps::add(1);
            if sign.start >= self.covered {
                self.look(anchors, sign, pattern, anchor);
            }
        });
    }

    fn look(&mut self, anchors: &Anchors, sign: Range<usize>, pattern: usize, anchor: Anchor) {
        match anchor {
            Anchor::Shape(..) => {
                for (shape, beginning) in anchors.shapes(pattern) {
                    if let Some(range) = shape.find(beginning, sign.start, self) {
                        self.report(range, shape.id);
                        break;
                    }
                }
            }
            Anchor::Word => assigned::word(self, sign),
            Anchor::Phrase => assigned::phrase(self, sign),
            Anchor::Scheme => scheme::find(self, sign),
            Anchor::WebToken => token::find(self, sign.start),
            Anchor::Pem => pem::find(self, sign.start),
            Anchor::Putty => pem::find_putty(self, sign.end),
            Anchor::Authority => url::authority(self, sign.end),
            Anchor::Network => url::network(self, sign.start),
            Anchor::Command => command::find(self, sign),
        }
    }

    /// Adds a finding: whole characters, of what no other finding covers.
    pub(super) fn report(&mut self, range: Range<usize>, rule: &'static str) {
        let start = self.text.floor_char_boundary(range.start.max(self.covered));
        let end = self.text.ceil_char_boundary(range.end);
        if start >= end {
            return;
        }
        self.covered = end;
        self.found.push(Finding { range: start..end, class: Class::Credential, rule: Cow::Borrowed(rule) });
    }

    /// As [`Self::report`], for what lies ahead: what is between is still to be looked at.
    pub(super) fn add(&mut self, range: Range<usize>, rule: &'static str) {
        let covered = std::mem::take(&mut self.covered);
        self.report(range, rule);
        self.covered = covered;
    }

    /// The byte before a place.
    pub(super) fn before(&self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|before| self.bytes.get(before)).copied()
    }

    /// The rest from a place on; nothing when it is within a character.
    pub(super) fn rest(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }
}
