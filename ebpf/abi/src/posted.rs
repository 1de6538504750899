//! Where a request is posted to, as both sides tell it.

use crate::OPENING_BYTES;

/// Paths that the agent can name.
pub const WHOLE_PATHS: usize = 4_096;

/// `POST `, as the first bytes of a word lie in it, and the bits of these bytes.
const POST: u64 = u64::from_le_bytes(*b"POST \0\0\0");
const POST_BITS: u64 = 0xff_ffff_ffff;

/// One bit in each byte, the lowest and the highest.
const LOWEST: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = LOWEST << 7;

/// What ends a path, in each byte.
const SPACES: u64 = LOWEST * b' ' as u64;
const MARKS: u64 = LOWEST * b'?' as u64;

/// Of the 64-bit FNV-1a hash: words are taken in place of bytes.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A number for the path to which a request is posted, without its query, by the request's first bytes. 0 where it is not
/// posted, or where the path does not end within them. Two paths have the same number only by chance.
#[must_use]
#[inline(always)]
pub fn posted_to(opening: &[u64; OPENING_BYTES / 8]) -> u64 {
    let mut hash = BASIS;
    let mut rest = POST_BITS;
    if u64::from_le(opening[0]) & POST_BITS != POST {
        return 0;
    }
    for word in opening {
        let word = u64::from_le(*word);
        let ends = (zeros(word ^ SPACES) | zeros(word ^ MARKS)) & !rest;
        rest = 0;
        if ends != 0 {
            // What lies before the first of them.
            let before = ((ends & ends.wrapping_neg()) >> 7) - 1;
            return mix(hash, word & before) | 1;
        }
        hash = mix(hash, word);
    }
    0
}

/// The highest bit of the first byte of a word that is zero is set, and no lower one.
#[inline(always)]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOWEST) & !word & HIGHEST
}

#[inline(always)]
fn mix(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(PRIME);
    hash ^ hash >> 32
}
