//! Where the bytes of one call are in the traced process, and how far they have been sent.

use aya_ebpf::helpers::{bpf_probe_read_user, generated};
use core::ffi::c_void;
use spanwire_abi::OPENING_BYTES;

use crate::emit::bounded;

/// A place in the bytes of one call, which lie together or in an array of `iovec`.
///
/// It lives in a map, and every access is volatile, for the verifier's sake: what it knows of a
/// value's range is forgotten when the value goes through a map, so that all paths through one turn
/// of a loop over [`Cursor::turn`] end in the same state. In registers they would multiply.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Cursor {
    /// Address of the next byte.
    address: u64,
    /// Bytes left at `address`.
    part_left: u64,
    /// Bytes left in all.
    left: u64,
    /// Address of the `iovec` after the one under way.
    vector: u64,
    /// How many `iovec`s are left.
    vectors_left: u64,
    /// The next byte's position in its stream.
    position: u64,
    /// Size of the piece taken last.
    size: u64,
    /// 1 as long as a request begins with the next piece.
    request: u64,
}

/// Bytes that lie together and fit one record.
pub struct Piece {
    pub address: u64,
    /// Of its first byte in the stream.
    pub position: u64,
    /// At least 1.
    pub size: u64,
    /// Bytes left in all, these included.
    pub left: u64,
}

/// What one turn found.
pub enum Turn {
    Piece(Piece),
    /// The next `iovec`: nothing to send yet.
    Vector,
    Done,
}

/// Reads a field behind the verifier's back.
macro_rules! load {
    ($cursor:ident.$field:ident) => {
        // SAFETY: a field behind a reference.
        unsafe { (&raw const $cursor.$field).read_volatile() }
    };
}

/// Writes a field.
macro_rules! store {
    ($cursor:ident.$field:ident = $value:expr) => {{
        let value = $value;
        // SAFETY: a field behind a mutable reference.
        unsafe { (&raw mut $cursor.$field).write_volatile(value) }
    }};
}

/// A zero that the compiler knows nothing of: it would fill structs with known ones by calls, each with a stack
/// of its own, and old kernels allow 512 bytes for a program and all that it calls.
#[inline(always)]
pub fn zero() -> u64 {
    let zero = 0;
    // SAFETY: a value of this function's own.
    unsafe { (&raw const zero).read_volatile() }
}

impl Cursor {
    /// At the begin of a call's bytes, or, with `vectors` other than 0, of that many `iovec`s.
    #[inline(always)]
    pub fn new(address: u64, vectors: u64) -> Self {
        if vectors == 0 {
            Self { address, part_left: u64::MAX, ..Self::nowhere() }
        } else {
            Self { vector: address, vectors_left: vectors, ..Self::nowhere() }
        }
    }

    /// Bytes that are in no buffer of the process.
    #[inline(always)]
    pub fn nowhere() -> Self {
        let zero = zero();
        Self {
            address: zero,
            part_left: zero,
            left: zero,
            vector: zero,
            vectors_left: zero,
            position: zero,
            size: zero,
            request: zero,
        }
    }

    /// Whether there is nothing to read.
    #[inline(always)]
    pub fn is_nowhere(&self) -> bool {
        load!(self.part_left) == 0 && load!(self.vectors_left) == 0
    }

    /// Address of the next byte, and how many lie together there.
    #[inline(always)]
    pub fn part(&self) -> (u64, u64) {
        let (part_left, left) = (load!(self.part_left), load!(self.left));
        (load!(self.address), if part_left < left { part_left } else { left })
    }

    /// The call moved this many bytes; the first has this position.
    #[inline(always)]
    pub fn begin(&mut self, bytes: u64, position: u64) {
        store!(self.left = bytes);
        store!(self.position = position);
    }

    /// A request begins with the first byte.
    #[inline(always)]
    pub fn mark_request(&mut self) {
        store!(self.request = 1);
    }

    /// Whether a request begins with the piece that was just taken, as 1 or 0.
    #[inline(always)]
    pub fn take_mark(&mut self) -> u8 {
        let marked = load!(self.request) as u8;
        store!(self.request = 0);
        marked
    }

    /// The first `N` bytes, if they lie together.
    #[inline(always)]
    pub fn first<const N: usize>(&mut self) -> Option<[u8; N]> {
        if load!(self.left) < N as u64
            || (load!(self.part_left) == 0 && !self.next_vector())
            || load!(self.part_left) < N as u64
        {
            return None;
        }
        let address = load!(self.address);
        // SAFETY: the helper checks the address.
        unsafe { bpf_probe_read_user(address as *const [u8; N]) }.ok()
    }

    /// Leaves bytes out, as far as they lie together.
    #[inline(always)]
    pub fn skip(&mut self, bytes: u64) {
        let (part_left, left) = (load!(self.part_left), load!(self.left));
        let most = if part_left < left { part_left } else { left };
        let bytes = if bytes < most { bytes } else { most };
        let address = load!(self.address);
        store!(self.address = address + bytes);
        store!(self.part_left = part_left - bytes);
        store!(self.left = left - bytes);
    }

    /// Leaves out all but the last `bytes` of the call, where they lie together with those before.
    #[inline(always)]
    pub fn skip_to_last(&mut self, bytes: u64) {
        let (part_left, left) = (load!(self.part_left), load!(self.left));
        if left > bytes && part_left >= left {
            let skipped = left - bytes;
            let (address, position) = (load!(self.address), load!(self.position));
            store!(self.address = address + skipped);
            store!(self.part_left = part_left - skipped);
            store!(self.left = bytes);
            store!(self.position = position + skipped);
        }
    }

    /// Reads the first bytes, as far as they lie together.
    #[inline(always)]
    pub fn opening(&mut self, bytes: &mut [u64; OPENING_BYTES / 8]) -> bool {
        let left = load!(self.left);
        if left == 0 || (load!(self.part_left) == 0 && !self.next_vector()) {
            return false;
        }
        let part_left = load!(self.part_left);
        let mut size = if part_left < left { part_left } else { left };
        if size == 0 {
            return false;
        }
        if size > OPENING_BYTES as u64 {
            size = OPENING_BYTES as u64;
        }
        let size = bounded::<OPENING_BYTES>(size);
        let address = load!(self.address);
        let bytes = bytes.as_mut_ptr().cast::<u8>();
        // SAFETY: `bytes` points at OPENING_BYTES and size is no more; the helper checks the source.
        unsafe { generated::bpf_probe_read_user(bytes.cast(), size as u32, address as *const c_void) == 0 }
    }

    /// Bytes left in all.
    #[inline(always)]
    pub fn left(&self) -> u64 {
        load!(self.left)
    }

    /// Leaves all but the first `bytes` out, which are no more than are left.
    #[inline(always)]
    pub fn shorten(&mut self, bytes: u64) {
        store!(self.left = bytes);
    }

    /// The first four bytes as they lie in memory, if they lie together; else 0. As numbers, like the last ones: of a choice with
    /// an array in it the compiler copies what was never written.
    #[inline(always)]
    pub fn first_word(&mut self) -> u64 {
        let left = load!(self.left);
        if left < 4 || (load!(self.part_left) == 0 && !self.next_vector()) || load!(self.part_left) < 4 {
            return 0;
        }
        Self::word::<4>(load!(self.address))
    }

    /// The last five bytes of a call that has moved nothing of its buffers yet, where they lie together: those of its last
    /// buffer, if all of that moved. Else 0.
    #[inline(always)]
    pub fn last_bytes(&self) -> u64 {
        let vectors = load!(self.vectors_left);
        let (mut address, mut size) = (load!(self.address), load!(self.left));
        if vectors > 0 {
            let last = load!(self.vector) + (vectors - 1) * 16;
            address = Self::word::<8>(last);
            size = Self::word::<8>(last + 8);
        } else if load!(self.part_left) == 0 {
            return 0;
        }
        if size < 5 { 0 } else { Self::word::<5>(address + size - 5) }
    }

    /// `N` bytes of the traced process, as they lie in memory; 0 where they cannot be read.
    #[inline(always)]
    fn word<const N: u32>(address: u64) -> u64 {
        let mut word = zero();
        // SAFETY: a word of this function's own, of which N <= 8 bytes are written; the helper checks the source.
        unsafe {
            generated::bpf_probe_read_user((&raw mut word).cast::<c_void>(), N, address as *const c_void);
            (&raw const word).read_volatile()
        }
    }

    /// Takes the next piece, of that many bytes at the most, or the next `iovec`.
    #[inline(always)]
    pub fn turn(&mut self, most: u64) -> Turn {
        let left = load!(self.left);
        if left == 0 {
            return Turn::Done;
        }
        let part_left = load!(self.part_left);
        if part_left == 0 {
            return if self.next_vector() { Turn::Vector } else { Turn::Done };
        }
        let (address, position) = (load!(self.address), load!(self.position));
        let mut size = if part_left < left { part_left } else { left };
        if size > most {
            size = most;
        }
        store!(self.address = address + size);
        store!(self.part_left = part_left - size);
        store!(self.left = left - size);
        store!(self.position = position + size);
        // Through the map, too, so that the compiler cannot reason from where the size came from.
        store!(self.size = size);
        Turn::Piece(Piece { address, position, size: load!(self.size), left })
    }

    /// Goes to the next `iovec`; false when there is none or it cannot be read.
    #[inline(always)]
    fn next_vector(&mut self) -> bool {
        let (vector, vectors_left) = (load!(self.vector), load!(self.vectors_left));
        if vectors_left == 0 {
            return false;
        }
        // struct iovec: base, length (include/uapi/linux/uio.h).
        // SAFETY: the helper checks the address.
        let Ok([base, length]) = (unsafe { bpf_probe_read_user(vector as *const [u64; 2]) }) else {
            return false;
        };
        store!(self.vector = vector + 16);
        store!(self.vectors_left = vectors_left - 1);
        store!(self.address = base);
        store!(self.part_left = length);
        true
    }
}
