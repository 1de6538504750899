//! Where a credential could be: what the automaton looks for.

use std::ops::Range;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::command;
use super::name;
use super::vendor::{Shape, shapes};

/// What a place in the text could be the sign of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// The beginning of a vendor's key: which shape, and which of its beginnings.
    Shape(usize, usize),
    /// Part of a name, in ASCII.
    Word,
    /// A whole name, of several words or in another script.
    Phrase,
    /// `Bearer` and the like.
    Scheme,
    /// `{"` in base64url.
    WebToken,
    Pem,
    Putty,
    /// `://`.
    Authority,
    /// `@tcp(` of Go's data source names.
    Network,
    /// A program that takes a password as an argument.
    Command,
}

const SIGNS: &[(&str, Anchor)] = &[
    ("bearer ", Anchor::Scheme),
    ("basic ", Anchor::Scheme),
    ("eyJ", Anchor::WebToken),
    ("-----BEGIN ", Anchor::Pem),
    ("---- BEGIN ", Anchor::Pem),
    ("Private-Lines:", Anchor::Putty),
    ("://", Anchor::Authority),
    (":\\/\\/", Anchor::Authority),
    ("@tcp(", Anchor::Network),
    ("@unix(", Anchor::Network),
];

/// The automaton, and what its patterns mean.
#[derive(Debug)]
pub(super) struct Anchors {
    automaton: Option<NFA>,
    meanings: Vec<Anchor>,
    shapes: Vec<Shape>,
    /// For each pattern, those that begin as it does and are longer, longest first.
    longer: Vec<Vec<usize>>,
}

impl Anchors {
    pub(super) fn new() -> Self {
        let shapes = shapes();
        let mut needles: Vec<&str> = Vec::new();
        let mut meanings = Vec::new();
        for (which, shape) in shapes.iter().enumerate() {
            for (start, needle) in shape.starts.iter().enumerate() {
                needles.push(needle);
                meanings.push(Anchor::Shape(which, start));
            }
        }
        let starts = needles.clone();
        let words = name::WORDS.iter().map(|word| (*word, Anchor::Word));
        let phrases = name::PHRASES.iter().map(|phrase| (*phrase, Anchor::Phrase));
        let commands = command::COMMANDS.iter().map(|command| (command.name, Anchor::Command));
        for (needle, meaning) in SIGNS.iter().copied().chain(words).chain(phrases).chain(commands) {
            needles.push(needle);
            meanings.push(meaning);
        }
        let longer = starts.iter().map(|start| longer(start, &starts)).collect();
        // All the needles are texts of the program's own, whose automaton is within every bound: a test makes it.
        let automaton =
            NFA::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&needles).ok();
        Self { automaton, meanings, shapes, longer }
    }

    /// Tells of all that could be in the text, in the order in which the signs end: where each is, and what.
    pub(super) fn signs(&self, text: &str, mut tell: impl FnMut(Range<usize>, usize, Anchor)) {
        let Some(automaton) = &self.automaton else { return };
        let Ok(mut state) = automaton.start_state(Anchored::No) else { return };
        // By hand: the crate's own iterator begins anew for each of many signs.
        for (at, byte) in text.bytes().enumerate() {
            state = automaton.next_state(Anchored::No, state, byte);
            if !automaton.is_special(state) || !automaton.is_match(state) {
                continue;
            }
            for index in 0..automaton.match_len(state) {
                let pattern = automaton.match_pattern(state, index);
                let start = (at + 1).saturating_sub(automaton.pattern_len(pattern));
                let pattern = pattern.as_usize();
                if let Some(anchor) = self.meanings.get(pattern) {
                    tell(start..at + 1, pattern, *anchor);
                }
            }
        }
    }

    /// The shapes that a pattern could be the beginning of, the longest beginning first.
    pub(super) fn shapes(&self, pattern: usize) -> impl Iterator<Item = (&Shape, &'static str)> {
        let longer = self.longer.get(pattern).map_or(&[][..], Vec::as_slice);
        longer.iter().copied().chain(std::iter::once(pattern)).filter_map(|pattern| {
            let Anchor::Shape(which, start) = *self.meanings.get(pattern)? else { return None };
            let shape = self.shapes.get(which)?;
            Some((shape, *shape.starts.get(start)?))
        })
    }
}

fn longer(start: &str, starts: &[&str]) -> Vec<usize> {
    let is_longer = |other: &&str| other.len() > start.len() && other.starts_with(start);
    let mut longer: Vec<_> = starts
        .iter()
        .enumerate()
        .filter(|(_, other)| is_longer(other))
        .map(|(at, other)| (other.len(), at))
        .collect();
    longer.sort_unstable_by(|a, b| b.cmp(a));
    longer.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automaton_is_made() {
        let anchors = Anchors::new();
        let bytes = anchors.automaton.as_ref().map_or(usize::MAX, Automaton::memory_usage);
        assert!(bytes < 1 << 19, "{bytes}");
        assert!(anchors.automaton.is_some() && anchors.meanings.len() > 400);
    }
}
