//! The hash of digests: keyed, quick, and the same in whichever pieces its bytes come.
//!
//! A block of 16 bytes is multiplied into what came before, and both halves of the product are added without carry: the
//! step of wyhash and foldhash, whose own implementations do not join pieces. Who does not know the key has
//! nothing to find two texts by that have one digest.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

/// Of the begin, each block and the end.
struct Key {
    begin: u64,
    block: u64,
    end: u64,
}

/// Drawn when the process starts.
static KEY: LazyLock<Key> = LazyLock::new(|| {
    let random = RandomState::new();
    let [begin, block, end] = [0_u64, 1, 2].map(|number| random.hash_one(number));
    Key { begin, block, end }
});

const BLOCK_BYTES: usize = 16;

/// A hash under way.
#[derive(Debug)]
pub(super) struct Hasher {
    state: u64,
    bytes: u64,
    /// The block that is not full.
    block: [u8; BLOCK_BYTES],
    held: usize,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { state: KEY.begin, bytes: 0, block: [0; BLOCK_BYTES], held: 0 }
    }
}

impl Hasher {
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.wrapping_add(bytes.len() as u64);
        let mut rest = bytes;
        if self.held > 0 {
            rest = self.hold(rest);
            if self.held < BLOCK_BYTES {
                return;
            }
            self.state = mixed(self.state, self.block, KEY.block);
            self.held = 0;
        }
        let (blocks, rest) = rest.as_chunks();
        let key = KEY.block;
        self.state = blocks.iter().fold(self.state, |state, block| mixed(state, *block, key));
        self.hold(rest);
    }

    /// Fills the block; what finds no room.
    fn hold<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = self.block.get_mut(self.held..).unwrap_or_default();
        let (fits, rest) = bytes.split_at(bytes.len().min(room.len()));
        room.iter_mut().zip(fits).for_each(|(place, byte)| *place = *byte);
        self.held += fits.len();
        rest
    }

    pub(super) fn write_number(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }

    pub(super) fn finish(mut self) -> u64 {
        if self.held > 0 {
            self.block.iter_mut().skip(self.held).for_each(|byte| *byte = 0);
            self.state = mixed(self.state, self.block, KEY.block);
        }
        folded(self.state ^ self.bytes, KEY.end)
    }
}

fn mixed(state: u64, block: [u8; BLOCK_BYTES], key: u64) -> u64 {
    let (low, high) = halves(u128::from_le_bytes(block));
    folded(state ^ low, high ^ key)
}

fn folded(one: u64, other: u64) -> u64 {
    let (low, high) = halves(u128::from(one) * u128::from(other));
    low ^ high
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
fn halves(number: u128) -> (u64, u64) {
    (number as u64, (number >> 64) as u64)
}
