//! JSON Web Tokens, and what is signed in their manner.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::alphabet::{Alphabet, is_key};
use super::scan::Scan;

/// Takes a text whose end is missing as it is.
static LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Bytes of a header that are decoded; those in use are a tenth of it.
const HEADER_MAX_BYTES: usize = 1024;
/// Bytes of a header, and of what follows its point, at least.
const HEADER_MIN_BYTES: usize = 10;
const PAYLOAD_MIN_BYTES: usize = 8;

/// A token of several parts (RFC 7515, section 7.1) whose header begins at `at`: a header that was cut, or is none of
/// JSON, is believed when another part follows.
pub(super) fn find(scan: &mut Scan<'_>, at: usize) {
    let bytes = scan.bytes;
    if bytes.get(at..at + 3) != Some(b"eyJ")
        || scan.before(at).is_some_and(is_key) && !super::vendor::is_border(bytes, at)
    {
        return;
    }
    let header = scan.runs.end(bytes, Alphabet::Key, at);
    if header - at < HEADER_MIN_BYTES {
        return;
    }
    let end = if bytes.get(header) == Some(&b'.') {
        let end = scan.runs.end(bytes, Alphabet::Dotted, header + 1);
        let trailing =
            super::alphabet::run_back(bytes.get(header..end).unwrap_or_default(), |byte| byte == b'.');
        end - trailing
    } else {
        header
    };
    let has_payload = end > header + PAYLOAD_MIN_BYTES;
    if has_payload || bytes.get(at..header).is_some_and(is_header) {
        scan.report(at..end, "jwt");
    }
}

/// Whether it is the header of a signed or encrypted token.
fn is_header(encoded: &[u8]) -> bool {
    if encoded.len() > HEADER_MAX_BYTES {
        return false;
    }
    super::alphabet::steps::add(encoded.len());
    let Ok(decoded) = LENIENT.decode(encoded) else { return false };
    super::alphabet::find(&decoded, b"\"alg\"").is_some()
}
