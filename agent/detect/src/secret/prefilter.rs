//! The prefilter of the automaton: most places of a text are the beginning of no pattern, which is told here at the cost of
//! a few instructions each. It may tell of too many places, and leaves out none.

use super::alphabet::Alphabet;

/// Bits of a hash.
const BITS: u32 = 15;
/// Places that are told at a time: as many as have three bytes within eight.
const BLOCK: usize = 6;

/// A pattern of no more bytes than three begins with three bytes of this hash.
const SHORT: u8 = 1;
/// A longer one does.
const LONG: u8 = 1 << 1;
/// A longer one begins with four bytes of this hash.
const FOUR: u8 = 1 << 2;

/// The beginnings of patterns, by their hashes; whether letters are capital does not matter: `0xDF` takes the bit off that
/// makes the difference, and makes some signs the same as well.
#[derive(Debug)]
pub(super) struct Prefilter {
    known: Box<[u8; 1 << BITS]>,
}

impl Prefilter {
    /// Those of patterns of two bytes and more, each with the alphabet of what must follow it, if that is known.
    pub(super) fn new<'p>(patterns: impl IntoIterator<Item = (&'p str, Option<Alphabet>)>) -> Self {
        let mut known = Box::new([0; 1 << BITS]);
        let mut add = |hash: usize, what| known.get_mut(hash).into_iter().for_each(|known| *known |= what);
        for (pattern, next) in patterns {
            match *pattern.as_bytes() {
                [first, second, third, fourth, ..] => {
                    let bytes = u32::from_le_bytes([first, second, third, fourth]);
                    add(three(bytes), LONG);
                    add(four(bytes), FOUR);
                }
                [first, second, third] => add(three(u32::from_le_bytes([first, second, third, 0])), SHORT),
                [first, second] => {
                    let may_follow = |byte: &u8| next.is_none_or(|next| next.has(*byte));
                    for third in (0..=u8::MAX).filter(may_follow) {
                        add(three(u32::from_le_bytes([first, second, third, 0])), SHORT);
                    }
                }
                _ => {}
            }
        }
        Self { known }
    }

    /// Gives each place at which a pattern may begin, in order.
    pub(super) fn beginnings(&self, bytes: &[u8], mut each: impl FnMut(usize)) {
        let known = |hash: usize| self.known.get(hash).copied().unwrap_or_default();
        for at in (0..bytes.len()).step_by(BLOCK) {
            let rest = bytes.get(at..).unwrap_or_default();
            // Behind the end stand zeros, which no pattern has.
            let block = u64::from_le_bytes(rest.first_chunk().copied().unwrap_or_else(|| padded(rest)));
            let any = (0..BLOCK).fold(0, |any, offset| any | known(three(low(block, offset))));
            if any & (SHORT | LONG) == 0 {
                continue;
            }
            for offset in 0..BLOCK.min(rest.len()) {
                let what = known(three(low(block, offset)));
                let is_long = || {
                    let bytes = rest.get(offset..).and_then(|rest| rest.first_chunk());
                    bytes.is_some_and(|bytes| known(four(u32::from_le_bytes(*bytes))) & FOUR != 0)
                };
                if what & SHORT != 0 || what & LONG != 0 && is_long() {
                    each(at + offset);
                }
            }
        }
    }
}

fn padded(rest: &[u8]) -> [u8; 8] {
    let mut block = [0; 8];
    block.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    block
}

/// The four bytes of a block from there on.
#[expect(clippy::cast_possible_truncation, reason = "it is to be cut")]
const fn low(block: u64, offset: usize) -> u32 {
    (block >> (8 * offset)) as u32
}

/// The hash of the first three of four bytes.
const fn three(bytes: u32) -> usize {
    ((bytes & 0x00DF_DFDF).wrapping_mul(0x9E37_79B1) >> (u32::BITS - BITS)) as usize
}

/// The hash of four bytes.
const fn four(bytes: u32) -> usize {
    ((bytes & 0xDFDF_DFDF).wrapping_mul(0x85EB_CA6B) >> (u32::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATTERNS: &[&str] = &["pw", "key", "Token", "://", "пароль"];

    proptest! {
        #[test]
        fn no_beginning_is_missed(text in r"(pw|PW|key|kEy|token|TOKEN|://|пароль|[a-z]|é){0,12}") {
            let prefilter = Prefilter::new(PATTERNS.iter().map(|pattern| (*pattern, None)));
            let mut told = Vec::new();
            prefilter.beginnings(text.as_bytes(), |at| told.push(at));
            prop_assert!(told.is_sorted());
            let begins = |at: usize| {
                let rest = &text.as_bytes().get(at..).unwrap_or_default();
                PATTERNS.iter().any(|pattern| {
                    rest.get(..pattern.len()).is_some_and(|it| it.eq_ignore_ascii_case(pattern.as_bytes()))
                })
            };
            for at in (0..text.len()).filter(|at| begins(*at)) {
                prop_assert!(told.contains(&at), "{text}: {at}");
            }
        }
    }
}
