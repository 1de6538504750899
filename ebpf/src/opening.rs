//! How the first bytes of a call, and of an exchange, look.

use spanwire_abi::OPENING_BYTES;

use crate::cursor::Cursor;

/// How the first bytes of an exchange look.
pub type Opening = [u64; OPENING_BYTES / 8];

/// Content type of a record of a program's bytes (RFC 8446, section 5.1).
pub const APPLICATION_DATA: u8 = 23;

/// Whether a request begins that has no body as a rule: GET or HEAD.
#[inline(always)]
pub fn has_no_body(opening: &Opening) -> bool {
    matches!(&opening[0].to_ne_bytes(), [b'G', b'E', b'T', b' ', ..] | [b'H', b'E', b'A', b'D', b' ', ..])
}

#[inline(always)]
pub fn has_line(opening: &Opening) -> bool {
    let bytes = opening.as_ptr().cast::<u8>();
    // SAFETY: within the OPENING_BYTES of `opening`.
    (0..OPENING_BYTES).any(|index| unsafe { *bytes.add(index) } == b'\n')
}

/// What the first bytes of a call look like.
pub enum Start {
    Request,
    /// A TLS record of type handshake that begins with a ClientHello.
    Hello,
    TlsRecord,
    /// One of a program's own bytes, which no session begins with.
    TlsData,
    Other,
}

#[inline(always)]
pub fn look(cursor: &mut Cursor) -> Start {
    match cursor.first::<6>().as_ref() {
        Some(
            [b'P', b'O', b'S', b'T', ..]
            | [b'G', b'E', b'T', b' ', ..]
            | [b'P', b'U', b'T', b' ', ..]
            | [b'H', b'E', b'A', b'D', ..]
            | [b'P', b'A', b'T', b'C', ..]
            | [b'D', b'E', b'L', b'E', ..]
            | [b'O', b'P', b'T', b'I', ..]
            | [b'C', b'O', b'N', b'N', ..]
            | [b'P', b'R', b'I', b' ', ..],
        ) => Start::Request,
        // Content types 20 to 23 and legacy version 3.x (RFC 8446, section 5.1); handshake type 1
        // (section 4).
        Some([22, 3, _, _, _, 1]) => Start::Hello,
        Some([APPLICATION_DATA, 3, ..]) => Start::TlsData,
        Some([20..=22, 3, ..]) => Start::TlsRecord,
        // A library may read a record's five bytes of header by themselves.
        None => match cursor.first::<5>().as_ref() {
            Some([APPLICATION_DATA, 3, ..]) => Start::TlsData,
            Some([20..=22, 3, ..]) => Start::TlsRecord,
            _ => Start::Other,
        },
        Some(_) => Start::Other,
    }
}
