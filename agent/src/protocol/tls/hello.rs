//! What TLS says of a connection in its handshake: in the clear, and, of TLS 1.3, where it was decrypted.

/// Longest name that DNS allows, written out (RFC 1035, section 2.3.4).
const NAME_MAX_BYTES: usize = 253;

/// TLS 1.3, as versions are written.
pub(super) const TLS13: u16 = 0x0304;

/// Messages of the handshake (RFC 8446, section 4).
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;

/// Extensions (RFC 8446, section 4.2; RFC 6066; RFC 7301).
const SERVER_NAME: usize = 0;
const ALPN: usize = 16;
const PRE_SHARED_KEY: usize = 41;
const EARLY_DATA: usize = 42;
const SUPPORTED_VERSIONS: usize = 43;

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446, section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

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

    /// A version or a cipher suite.
    fn short(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().copied().map(u16::from_be_bytes)
    }

    /// A field behind its length, which takes `bytes` bytes.
    fn field(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }

    /// The same, or what there is of it.
    fn part(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        Some(self.0.get(..length).unwrap_or(self.0))
    }
}

/// The extensions in a list of them, as far as it goes.
fn extensions(list: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut list = Reader(list);
    std::iter::from_fn(move || Some((list.number(2)?, list.field(2)?)))
}

/// What a client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientHello {
    /// In lower case.
    pub(super) server_name: Option<String>,
    /// The highest version.
    pub(super) version: u16,
    pub(super) early_data: bool,
    pub(super) resumes: bool,
}

impl ClientHello {
    /// Of a message behind its type, as far as it was captured.
    fn read(message: &[u8]) -> Option<Self> {
        let mut message = Reader(message);
        let _length = message.take(3)?;
        let version = message.short()?;
        let _random = message.take(32)?;
        let _session_id = message.field(1)?;
        let _cipher_suites = message.field(2)?;
        let _compression = message.field(1)?;
        let mut hello = Self { version, ..Self::default() };
        let mut named = false;
        for (kind, extension) in extensions(message.part(2).unwrap_or_default()) {
            match kind {
                SERVER_NAME if !named => {
                    named = true;
                    hello.server_name = host_name(extension);
                }
                SUPPORTED_VERSIONS => {
                    let mut versions = Reader(Reader(extension).field(1).unwrap_or_default());
                    // Greased values (RFC 8701) are greater than any version.
                    let known = std::iter::from_fn(|| versions.short()).filter(|version| *version <= TLS13);
                    hello.version = known.max().unwrap_or(version);
                }
                EARLY_DATA => hello.early_data = true,
                PRE_SHARED_KEY => hello.resumes = true,
                _ => {}
            }
        }
        Some(hello)
    }
}

/// What a server chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    /// It asks for another ClientHello; a second ServerHello follows.
    pub(super) retry: bool,
    pub(super) version: u16,
    pub(super) suite: u16,
    pub(super) alpn: Option<String>,
    /// It takes the pre-shared key that the client offered (TLS 1.3).
    pub(super) resumed: bool,
}

impl ServerHello {
    fn read(message: &[u8]) -> Option<Self> {
        let mut message = Reader(message);
        let mut message = Reader(message.field(3)?);
        let version = message.short()?;
        let retry = message.take(32)? == RETRY;
        let _session_id = message.field(1)?;
        let suite = message.short()?;
        let _compression = message.take(1)?;
        let mut hello = Self { retry, version, suite, alpn: None, resumed: false };
        for (kind, extension) in extensions(message.part(2).unwrap_or_default()) {
            match kind {
                SUPPORTED_VERSIONS => hello.version = Reader(extension).short()?,
                ALPN => hello.alpn = protocol(extension),
                PRE_SHARED_KEY => hello.resumed = true,
                _ => {}
            }
        }
        Some(hello)
    }
}

/// What a server says of a TLS 1.3 connection under its handshake key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EncryptedExtensions {
    pub(super) alpn: Option<String>,
    /// It takes the early data that the client sent.
    pub(super) early_data: bool,
}

impl EncryptedExtensions {
    fn read(message: &[u8]) -> Option<Self> {
        let mut read = Self::default();
        let message = Reader(message).field(3)?;
        for (kind, extension) in extensions(Reader(message).field(2)?) {
            match kind {
                ALPN => read.alpn = protocol(extension),
                EARLY_DATA => read.early_data = true,
                _ => {}
            }
        }
        Some(read)
    }
}

/// A message that is of interest.
pub(super) enum Message {
    Client(ClientHello),
    Server(ServerHello),
    Encrypted(EncryptedExtensions),
}

impl Message {
    /// The one that a handshake record begins with.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let (kind, message) = content.split_first()?;
        match *kind {
            CLIENT_HELLO => ClientHello::read(message).map(Self::Client),
            SERVER_HELLO => ServerHello::read(message).map(Self::Server),
            ENCRYPTED_EXTENSIONS => EncryptedExtensions::read(message).map(Self::Encrypted),
            _ => None,
        }
    }
}

/// Whether what begins with a message holds it whole.
pub(super) fn has_message(content: &[u8]) -> bool {
    let mut content = Reader(content);
    content.take(1).is_some() && content.field(3).is_some()
}

/// Whether a record of handshake messages that begins with one is well formed; its last one may go on in the
/// next record.
pub(super) fn is_handshake(content: &[u8]) -> bool {
    let mut content = Reader(content);
    let mut any = false;
    while let Some(kind) = content.number(1) {
        // Those that have a meaning in some version of TLS.
        if !matches!(kind, 0..=5 | 8 | 11..=16 | 20..=25 | 67) {
            return false;
        }
        any = true;
        if content.field(3).is_none() {
            break;
        }
    }
    any
}

/// Bytes of the keys of a cipher suite that is AES-GCM. `None` for others (IANA, TLS Cipher Suites).
pub(super) fn key_bytes(suite: u16) -> Option<usize> {
    let first_is_128 = match suite {
        0x1301 | 0x1302 | 0xc02b..=0xc032 | 0xd001 | 0xd002 => !suite.is_multiple_of(2),
        0x009c..=0x00ad => suite.is_multiple_of(2),
        _ => return None,
    };
    Some(if first_is_128 { 16 } else { 32 })
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
    match Message::read(record.part(2)?)? {
        Message::Client(hello) => hello.server_name,
        Message::Server(_) | Message::Encrypted(_) => None,
    }
}

/// The protocol in a `ProtocolNameList` of one.
fn protocol(extension: &[u8]) -> Option<String> {
    let name = Reader(Reader(extension).field(2)?).field(1)?;
    let sound = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    sound.then(|| String::from_utf8_lossy(name).into_owned())
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
mod tests;
