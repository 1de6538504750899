//! The one thing that TLS says in the clear and that matters here: which server a client asks for.

/// Longest name that DNS allows, written out (RFC 1035, section 2.3.4).
const NAME_MAX_BYTES: usize = 253;

/// Reads lengths and fields; `None` where the bytes end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// A field behind its length, which takes `bytes` bytes.
    fn field(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}

/// The server name, in lower case, in the ClientHello that a client's first bytes hold (RFC 8446,
/// section 4.1.2; RFC 6066, section 3). `None` when there is none, when what was captured ends before
/// it, or when it is no host name.
#[must_use]
pub fn server_name(sent: &[u8]) -> Option<String> {
    let mut record = Reader(sent);
    // Handshake, any version; its length may go on behind what was captured.
    (record.number(1)? == 22).then_some(())?;
    let _version = record.take(2)?;
    let length = record.number(2)?;
    let mut handshake = Reader(record.0.get(..length).unwrap_or(record.0));
    (handshake.number(1)? == 1).then_some(())?;
    let _length = handshake.take(3)?;
    let _version_and_random = handshake.take(2 + 32)?;
    let _session_id = handshake.field(1)?;
    let _cipher_suites = handshake.field(2)?;
    let _compression = handshake.field(1)?;
    let _extensions_length = handshake.number(2)?;
    loop {
        let kind = handshake.number(2)?;
        let extension = handshake.field(2)?;
        if kind == 0 {
            return host_name(extension);
        }
    }
}

/// The first name of type host name in a `ServerNameList`.
fn host_name(extension: &[u8]) -> Option<String> {
    let mut list = Reader(Reader(extension).field(2)?);
    loop {
        let kind = list.number(1)?;
        let name = list.field(2)?;
        if kind == 0 {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            let sound = !name.is_empty() && name.len() <= NAME_MAX_BYTES && name.iter().all(plain);
            return sound.then(|| String::from_utf8_lossy(name).to_ascii_lowercase());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn with_length(bytes: usize, content: &[u8]) -> Vec<u8> {
        let length = content.len().to_be_bytes();
        [&length[length.len() - bytes..], content].concat()
    }

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &with_length(2, content)].concat()
    }

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let body = [
            &[3, 3][..],
            &[7; 32],
            &with_length(1, &[9; 32]),
            &with_length(2, &[0x13, 1, 0x13, 2]),
            &with_length(1, &[0]),
            &with_length(2, extensions),
        ]
        .concat();
        let handshake = [&[1][..], &with_length(3, &body)].concat();
        [&[22, 3, 1][..], &with_length(2, &handshake)].concat()
    }

    fn named(name: &[u8]) -> Vec<u8> {
        let entry = [&[0][..], &with_length(2, name)].concat();
        let names = extension(0, &with_length(2, &entry));
        hello(&[extension(51, &[1; 1200]), names, extension(16, &[2; 9])].concat())
    }

    #[test]
    fn the_name_is_found_behind_other_extensions() {
        assert_eq!(server_name(&named(b"API.OpenAI.com")).as_deref(), Some("api.openai.com"));
    }

    #[test]
    fn what_is_no_host_name_is_none() {
        for name in [&b""[..], b"a b", b"\xff", b"a\nb", &[b'a'; 254]] {
            assert_eq!(server_name(&named(name)), None, "{name:?}");
        }
        assert_eq!(server_name(&hello(&extension(16, &[2; 9]))), None);
        assert_eq!(server_name(b"POST / HTTP/1.1\r\n"), None);
    }

    #[test]
    fn a_hello_that_was_cut_has_no_name_until_it_is_there() {
        let whole = named(b"api.openai.com");
        let needed = whole.len() - 13;
        for length in 0..whole.len() {
            let found = server_name(&whole[..length]);
            assert_eq!(found.is_some(), length >= needed, "{length} of {}", whole.len());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_left(mut bytes: Vec<u8>, cut in 0..400_usize) {
            let _ = server_name(&bytes);
            let mut whole = named(b"api.openai.com");
            whole.truncate(cut);
            whole.append(&mut bytes);
            let _ = server_name(&whole);
        }
    }
}
