//! AES-GCM as an observer needs it (NIST SP 800-38D): the nonce is read off a record, not known beforehand.
//!
//! The tag is `GHASH(aad, text) xor E(J0)`, with `J0 = nonce ‖ 00000001`. GHASH needs the key alone, so with
//! the right key one decrypted block gives `J0`, and a wrong one gives a random block.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize as _;

/// Bytes of a tag.
pub(super) const TAG: usize = 16;

/// Blocks that are encrypted at once: as many as the widest of `aes`'s implementations takes.
const AT_ONCE: usize = 64;

/// A key, expanded. Zeroed when dropped, by its parts.
#[derive(Clone)]
pub(super) struct Cipher {
    aes: Aes,
    hash: GHash,
}

#[derive(Clone)]
enum Aes {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

impl Cipher {
    /// Of a key of 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let aes = match key.len() {
            16 => Aes::Aes128(Aes128::new_from_slice(key).ok()?),
            24 => Aes::Aes192(Aes192::new_from_slice(key).ok()?),
            32 => Aes::Aes256(Aes256::new_from_slice(key).ok()?),
            _ => return None,
        };
        let mut blocks = [Block::default()];
        aes.encrypt(&mut blocks);
        let [hash_key] = &mut blocks;
        let hash = GHash::new(hash_key);
        hash_key.as_mut_slice().zeroize();
        Some(Self { aes, hash })
    }

    /// GHASH of `aad`, of at most a block, and `text`.
    pub(super) fn hash(&self, aad: &[u8], text: &[u8]) -> u128 {
        let mut hash = self.hash.clone();
        hash.update_padded(aad);
        hash.update_padded(text);
        hash.update(&[lengths(aad.len(), text.len()).into()]);
        u128::from_be_bytes(hash.finalize().into())
    }

    /// What turns a difference between two `aad` of one length, of at most a block, into that between their
    /// hashes: GHASH is linear.
    pub(super) fn shift(&self, text_bytes: usize) -> Shift {
        let mut hash = self.hash.clone();
        // The field's one.
        hash.update(&[(1_u128 << 127).to_be_bytes().into()]);
        for _ in 0..=text_bytes.div_ceil(16) {
            hash.update(&[Block::default()]);
        }
        Shift(GHash::new(&hash.finalize()))
    }

    /// The counter block that makes `tag` of this hash, if this is the key.
    pub(super) fn counter(&self, hash: u128, tag: u128) -> Counter {
        let mut block = Block::from((hash ^ tag).to_be_bytes());
        match &self.aes {
            Aes::Aes128(aes) => aes.decrypt_block(&mut block),
            Aes::Aes192(aes) => aes.decrypt_block(&mut block),
            Aes::Aes256(aes) => aes.decrypt_block(&mut block),
        }
        Counter(u128::from_be_bytes(block.into()))
    }

    /// Decrypts the text that belongs to `counter`.
    pub(super) fn decrypt(&self, counter: Counter, text: &[u8]) -> Vec<u8> {
        let mut plain = text.to_vec();
        let mut counter = counter.0;
        let mut blocks = [Block::default(); AT_ONCE];
        for part in plain.chunks_mut(AT_ONCE * 16) {
            let count = part.len().div_ceil(16);
            let (blocks, _) = blocks.split_at_mut(count.min(AT_ONCE));
            for block in &mut *blocks {
                // A record has far fewer than 2^32 blocks: the low word does not overflow.
                counter = counter.wrapping_add(1);
                *block = counter.to_be_bytes().into();
            }
            self.aes.encrypt(blocks);
            let (whole, end) = part.as_chunks_mut::<16>();
            let mut stream = blocks.iter();
            for (text, key) in whole.iter_mut().zip(stream.by_ref()) {
                *text = (u128::from_ne_bytes(*text) ^ u128::from_ne_bytes((*key).into())).to_ne_bytes();
            }
            for (byte, key) in end.iter_mut().zip(stream.next().into_iter().flatten()) {
                *byte ^= key;
            }
        }
        plain
    }
}

impl Aes {
    fn encrypt(&self, blocks: &mut [Block]) {
        match self {
            Self::Aes128(aes) => aes.encrypt_blocks(blocks),
            Self::Aes192(aes) => aes.encrypt_blocks(blocks),
            Self::Aes256(aes) => aes.encrypt_blocks(blocks),
        }
    }
}

/// The last block that GHASH takes in: both lengths in bits.
fn lengths(aad: usize, text: usize) -> [u8; 16] {
    ((aad as u128) << 67 | (text as u128) << 3).to_be_bytes()
}

/// See [`Cipher::shift`].
pub(super) struct Shift(GHash);

impl Shift {
    pub(super) fn difference(&self, aad: u128) -> u128 {
        let mut hash = self.0.clone();
        hash.update(&[aad.to_be_bytes().into()]);
        u128::from_be_bytes(hash.finalize().into())
    }
}

/// A counter block: twelve bytes of nonce and the counter, which is 1 where the key is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter(pub(super) u128);

impl Counter {
    /// Whether it is one from which a record was sealed: one in 2^32 random blocks is, too.
    pub(super) fn is_first(self) -> bool {
        self.0 & 0xffff_ffff == 1
    }

    /// The nonce's first four bytes, which are the same for all records of a key.
    pub(super) fn salt(self) -> u32 {
        u32::try_from(self.0 >> 96).unwrap_or(u32::MAX)
    }

    /// The nonce's other eight bytes.
    pub(super) fn rest(self) -> u64 {
        u64::try_from(self.0 >> 32 & u128::from(u64::MAX)).unwrap_or(u64::MAX)
    }
}
