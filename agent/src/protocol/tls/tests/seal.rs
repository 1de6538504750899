//! Records sealed by ring, as a peer with given keys would.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::*;

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn hello_of(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = &(body.len() as u32).to_be_bytes()[1..];
    record(22, &[&[kind][..], length, body].concat())
}

/// A ClientHello without extensions.
pub(crate) fn client_hello() -> Vec<u8> {
    hello_of(1, &[&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat())
}

/// A ServerHello.
pub(crate) fn server_hello(suite: u16, is_13: bool) -> Vec<u8> {
    let extensions: &[u8] = if is_13 { &[0, 6, 0, 43, 0, 2, 3, 4] } else { &[0, 0] };
    hello_of(2, &[&[3, 3][..], &[8; 32], &[0], &suite.to_be_bytes(), &[0], extensions].concat())
}

pub(crate) fn change_cipher_spec() -> Vec<u8> {
    record(20, &[1])
}

/// How an implementation of TLS 1.2 makes explicit nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explicit {
    /// Counts up from a number.
    From(u64),
    /// The sequence number, masked.
    Masked(u64),
    /// As it likes.
    Scattered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V13,
    V12(Explicit),
}

/// Seals the records of one key.
pub(crate) struct Sealer {
    key: LessSafeKey,
    iv: [u8; 12],
    version: Version,
    pub(super) sequence: u64,
}

impl Sealer {
    pub(crate) fn new(key: &[u8], version: Version) -> Self {
        let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
        let iv = std::array::from_fn(|at| key[0].wrapping_mul(31).wrapping_add((at as u8).wrapping_mul(77)));
        Self { key: LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap()), iv, version, sequence: 0 }
    }

    pub(crate) fn data(&mut self, content: &[u8]) -> Vec<u8> {
        self.seal(23, content, 0)
    }

    /// A record, with so many bytes of padding in TLS 1.3.
    pub(crate) fn seal(&mut self, kind: u8, content: &[u8], padding: usize) -> Vec<u8> {
        let number = self.sequence;
        self.sequence += 1;
        match self.version {
            Version::V13 => {
                let mut text = [content, &[kind], &vec![0; padding]].concat();
                let header = [&[23, 3, 3][..], &((text.len() + 16) as u16).to_be_bytes()].concat();
                let mut nonce = self.iv;
                for (byte, number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
                    *byte ^= number;
                }
                let nonce = Nonce::assume_unique_for_key(nonce);
                self.key.seal_in_place_append_tag(nonce, Aad::from(&header), &mut text).unwrap();
                [header, text].concat()
            }
            Version::V12(explicit) => {
                let explicit = match explicit {
                    Explicit::From(first) => first.wrapping_add(number),
                    Explicit::Masked(mask) => number ^ mask,
                    Explicit::Scattered => (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                };
                let mut nonce = self.iv;
                nonce[4..].copy_from_slice(&explicit.to_be_bytes());
                let length = (content.len() as u16).to_be_bytes();
                let aad = [&number.to_be_bytes()[..], &[kind, 3, 3], &length].concat();
                let mut text = content.to_vec();
                let nonce = Nonce::assume_unique_for_key(nonce);
                self.key.seal_in_place_append_tag(nonce, Aad::from(&aad), &mut text).unwrap();
                record(kind, &[&explicit.to_be_bytes()[..], &text].concat())
            }
        }
    }
}

/// Both directions of a connection whose handshake is over, its keys among those of the process.
pub(super) struct Pair {
    pub(super) run: Run,
    pub(super) write: Sealer,
    pub(super) read: Sealer,
}

pub(crate) const WRITE_KEY: [u8; 16] = [0x11; 16];
pub(crate) const READ_KEY: [u8; 16] = [0x22; 16];

pub(super) const COUNTING: Version = Version::V12(Explicit::From(0xfeed_0000_0000_fffe));
pub(super) const VERSIONS: [Version; 4] = [
    Version::V13,
    COUNTING,
    Version::V12(Explicit::Masked(0x0123_4567_89ab_cdef)),
    Version::V12(Explicit::Scattered),
];

impl Pair {
    /// Without keys.
    pub(super) fn keyless(version: Version) -> Self {
        let mut run = Run::new(&[]);
        let is_13 = version == Version::V13;
        run.data(Write, &client_hello());
        run.data(Read, &server_hello(if is_13 { 0x1301 } else { 0xc02f }, is_13));
        run.data(Write, &change_cipher_spec());
        run.data(Read, &change_cipher_spec());
        Self { run, write: Sealer::new(&WRITE_KEY, version), read: Sealer::new(&READ_KEY, version) }
    }

    pub(super) fn new(version: Version) -> Self {
        let mut pair = Self::keyless(version);
        pair.run.key(&WRITE_KEY);
        pair.run.key(&READ_KEY);
        // Finished.
        let finished = [&[20, 0, 0, 12][..], &[5; 12]].concat();
        pair.seal(Write, 22, &finished);
        pair.seal(Read, 22, &finished);
        assert_eq!(pair.run.session.state(), State::Reading);
        pair
    }

    pub(super) fn sealer(&mut self, direction: Direction) -> &mut Sealer {
        if direction == Write { &mut self.write } else { &mut self.read }
    }

    pub(super) fn seal(&mut self, direction: Direction, kind: u8, content: &[u8]) {
        let record = self.sealer(direction).seal(kind, content, 0);
        self.run.data(direction, &record);
    }

    pub(super) fn data(&mut self, direction: Direction, content: &str) {
        self.seal(direction, 23, content.as_bytes());
    }

    /// Records that are sealed, but not captured; a gap for all.
    pub(super) fn lose(&mut self, direction: Direction, contents: &[&[u8]]) {
        let lost: usize = contents.iter().map(|content| self.sealer(direction).data(content).len()).sum();
        self.run.push(direction, Segment::Gap(lost as u64));
    }
}
