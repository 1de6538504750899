//! Where a credential could be: what the automaton looks for.

use std::collections::VecDeque;
use std::ops::Range;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::alphabet::steps;
use super::command;
use super::name;
use super::prefilter::Prefilter;
use super::vendor::{Shape, shapes};

/// Bytes of the shortest pattern.
const PATTERN_MIN: usize = 2;

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
    prefilter: Prefilter,
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
        // Where nothing of a shape's alphabet stands behind its start, none of it is: `Shape::find` asks for `min` of it.
        let next = |meaning: &Anchor| match meaning {
            Anchor::Shape(which, _) => shapes.get(*which).filter(|it| it.min > 0).map(|it| it.alphabet),
            _ => None,
        };
        let prefilter = Prefilter::new(needles.iter().copied().zip(meanings.iter().map(next)));
        Self { automaton, prefilter, meanings, shapes, longer }
    }

    /// Tells of all that could be in the text, in the order in which the signs end: where each is, and what.
    pub(super) fn signs(&self, text: &str, mut tell: impl FnMut(Range<usize>, usize, Anchor)) {
        let Some(automaton) = &self.automaton else { return };
        let Ok(start_state) = automaton.start_state(Anchored::Yes) else { return };
        let bytes = text.as_bytes();
        // By their ends: what begins later may end earlier.
        let mut waiting: VecDeque<(Range<usize>, usize)> = VecDeque::new();
        let mut tell = |(sign, pattern): (Range<usize>, usize)| {
            if let Some(anchor) = self.meanings.get(pattern) {
                tell(sign, pattern, *anchor);
            }
        };
        self.prefilter.beginnings(bytes, |start| {
            // What begins here or later ends behind it, or there and is told later.
            while let Some(sign) = waiting.pop_front_if(|(sign, _)| sign.end <= start + PATTERN_MIN) {
                tell(sign);
            }
            let mut state = start_state;
            for (at, byte) in bytes.iter().enumerate().skip(start) {
                steps::add(1);
                state = automaton.next_state(Anchored::Yes, state, *byte);
                if !automaton.is_special(state) {
                    continue;
                }
                if automaton.is_dead(state) {
                    break;
                }
                // Of the state are also those that begin behind the start.
                let whole = |pattern| automaton.pattern_len(pattern) == at + 1 - start;
                let matches = if automaton.is_match(state) { automaton.match_len(state) } else { 0 };
                let patterns = (0..matches).map(|index| automaton.match_pattern(state, index));
                for pattern in patterns.take_while(|pattern| whole(*pattern)) {
                    let before = waiting.partition_point(|(sign, _)| sign.end <= at + 1);
                    waiting.insert(before, (start..at + 1, pattern.as_usize()));
                }
            }
        });
        waiting.into_iter().for_each(tell);
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
        let shortest = anchors.automaton.as_ref().map(Automaton::min_pattern_len);
        assert_eq!(shortest, Some(PATTERN_MIN));
        assert!(anchors.automaton.is_some() && anchors.meanings.len() > 400);
    }
}
