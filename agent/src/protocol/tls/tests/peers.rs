//! Connections of rustls with itself, its keys derived by ring from its key log: nothing of the code under test.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use ring::{hkdf, hmac};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, DigitallySignedStruct, Error, KeyLog, NamedGroup,
    ServerConfig, ServerConnection, SignatureScheme, SupportedCipherSuite, version,
};

use super::*;

const CERTIFICATE: &[u8] = include_bytes!("fixtures/certificate.der");
const KEY: &[u8] = include_bytes!("fixtures/key.der");

/// Labels, clients' randoms and secrets.
#[derive(Debug, Default)]
struct Log(Mutex<Vec<Secret>>);

type Secret = (String, Vec<u8>, Vec<u8>);

impl KeyLog for Log {
    fn log(&self, label: &str, random: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), random.to_vec(), secret.to_vec()));
    }
}

#[derive(Debug)]
struct Trust;

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(secret: &[u8], label: &[u8], length: usize) -> Vec<u8> {
    let algorithm = if secret.len() == 48 { hkdf::HKDF_SHA384 } else { hkdf::HKDF_SHA256 };
    let name = [b"tls13 ", label].concat();
    let info = [&(length as u16).to_be_bytes()[..], &[name.len() as u8], &name, &[0]].concat();
    let mut out = vec![0; length];
    let secret = hkdf::Prk::new_less_safe(algorithm, secret);
    secret.expand(&[&info], Length(length)).unwrap().fill(&mut out).unwrap();
    out
}

fn key_block(master: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
    let algorithm = if length == 64 { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 };
    let key = hmac::Key::new(algorithm, master);
    let seed = [b"key expansion", seed].concat();
    let (mut out, mut a) = (vec![], seed.clone());
    while out.len() < length {
        a = hmac::sign(&key, &a).as_ref().to_vec();
        out.extend_from_slice(hmac::sign(&key, &[a.clone(), seed.clone()].concat()).as_ref());
    }
    out.truncate(length);
    out
}

/// What one end does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(Direction, Vec<u8>),
    /// Changes its key, and asks for the other's.
    Update(Direction),
    Close(Direction),
}

/// How two ends talk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) suite: CipherSuite,
    pub(super) fragment: Option<usize>,
    /// Talk once before, and resume that session, with early data if the terms allow.
    pub(super) resume: bool,
    pub(super) early: bool,
    /// The server takes no early data, though it said so before.
    pub(super) refuse: bool,
    /// The server asks for another ClientHello.
    pub(super) retry: bool,
}

pub(super) const TERMS: Terms = Terms {
    suite: CipherSuite::TLS13_AES_256_GCM_SHA384,
    fragment: None,
    resume: false,
    early: false,
    refuse: false,
    retry: false,
};

pub(super) const SUITES: [CipherSuite; 4] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
];

/// Both ends talk; the connection as the client's process has it.
pub(super) fn talk(terms: Terms, steps: &[Step]) -> Recording {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == terms.suite);
    let is_13 = matches!(provider.cipher_suites[0], SupportedCipherSuite::Tls13(_));
    let versions = if is_13 { [&version::TLS13] } else { [&version::TLS12] };
    let mut of_server = provider.clone();
    if terms.retry {
        of_server.kx_groups.retain(|group| group.name() == NamedGroup::secp384r1);
    }
    let provider = Arc::new(provider);
    let builder =
        ServerConfig::builder_with_provider(Arc::new(of_server)).with_protocol_versions(&versions).unwrap();
    let key = PrivateKeyDer::try_from(KEY.to_vec()).unwrap();
    let chain = vec![CertificateDer::from(CERTIFICATE.to_vec())];
    let mut server = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    server.max_fragment_size = terms.fragment;
    server.max_early_data_size = if terms.early { 1 << 14 } else { 0 };
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions).unwrap();
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Trust));
    let mut client = builder.with_no_client_auth();
    client.max_fragment_size = terms.fragment;
    client.enable_early_data = terms.early;
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let log = Arc::new(Log::default());
    client.key_log = log.clone();
    let (client, mut server) = (Arc::new(client), Arc::new(server));
    if terms.resume {
        once(terms, client.clone(), server.clone(), &[Step::Send(Read, b"hello".to_vec())]);
        log.0.lock().unwrap().clear();
        if terms.refuse {
            Arc::make_mut(&mut server).max_early_data_size = 0;
        }
    }
    let mut recording = once(terms, client, server, steps);
    recording.keys = keys(terms.suite, &log, &recording);
    recording
}

fn once(terms: Terms, client: Arc<ClientConfig>, server: Arc<ServerConfig>, steps: &[Step]) -> Recording {
    let mut client = ClientConnection::new(client, "localhost".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    client.set_buffer_limit(None);
    server.set_buffer_limit(None);
    let mut recording = Recording::default();
    if terms.early
        && let Some(mut early) = client.early_data()
    {
        early.write_all(b"early ").unwrap();
        recording.sent.extend_from_slice(b"early ");
    }
    pass(&mut client, &mut server, &mut recording);
    for step in steps {
        match step {
            Step::Send(Write, bytes) => {
                client.writer().write_all(bytes).unwrap();
                recording.sent.extend_from_slice(bytes);
            }
            Step::Send(Read, bytes) => {
                server.writer().write_all(bytes).unwrap();
                recording.answered.extend_from_slice(bytes);
            }
            Step::Update(Write) => client.refresh_traffic_keys().unwrap(),
            Step::Update(Read) => server.refresh_traffic_keys().unwrap(),
            Step::Close(Write) => client.send_close_notify(),
            Step::Close(Read) => server.send_close_notify(),
        }
        pass(&mut client, &mut server, &mut recording);
    }
    recording
}

/// Passes on what either end has to say, until neither has.
fn pass(client: &mut ClientConnection, server: &mut ServerConnection, recording: &mut Recording) {
    while client.wants_write() || server.wants_write() {
        let mut bytes = vec![];
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
            if let Some(mut early) = server.early_data() {
                early.read_to_end(&mut vec![]).unwrap();
            }
            let _ = server.reader().read_to_end(&mut vec![]);
        }
        recording.bytes.push((Write, bytes.into()));
        let mut bytes = vec![];
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
            let _ = client.reader().read_to_end(&mut vec![]);
        }
        recording.bytes.push((Read, bytes.into()));
    }
    recording.bytes.retain(|(_, bytes)| !bytes.is_empty());
}

fn keys(suite: CipherSuite, log: &Log, recording: &Recording) -> Vec<Vec<u8>> {
    use CipherSuite::{TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS13_AES_128_GCM_SHA256};
    let is_128 = matches!(suite, TLS13_AES_128_GCM_SHA256 | TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    let size = if is_128 { 16 } else { 32 };
    let (_, hello) = recording.bytes.iter().find(|(direction, _)| *direction == Read).unwrap();
    let server_random = &hello[11..43];
    let mut keys = vec![];
    for (label, random, secret) in log.0.lock().unwrap().iter() {
        if label == "CLIENT_RANDOM" {
            let block = key_block(secret, &[server_random, random].concat(), 2 * size);
            keys.extend(block.chunks(size).map(<[u8]>::to_vec));
        } else if label.contains("TRAFFIC_SECRET") {
            let mut secret = secret.clone();
            for _ in 0..8 {
                keys.push(expand(&secret, b"key", size));
                secret = expand(&secret, b"traffic upd", secret.len());
            }
        }
    }
    keys
}

fn run(recording: &Recording) -> Run {
    let mut run = Run::new(&recording.keys);
    recording.bytes.iter().for_each(|(direction, bytes)| run.data(*direction, bytes));
    run
}

#[test]
fn rustls_is_read() {
    let text = |count: usize| b"some text ".repeat(count);
    let steps = [
        Step::Send(Write, text(3)),
        Step::Send(Read, text(9000)),
        Step::Send(Read, text(1)),
        Step::Send(Write, text(2000)),
        Step::Close(Write),
        Step::Close(Read),
    ];
    for suite in SUITES {
        for fragment in [None, Some(60)] {
            for resume in [false, true] {
                let terms = Terms { suite, fragment, resume, ..TERMS };
                let recording = talk(terms, &steps);
                let run = run(&recording);
                assert_read(&format!("{terms:?}"), &recording, &run);
                assert_eq!(run.session.counts().unread_records, 0, "{terms:?}");
                assert_eq!(run.session.facts().suite, Some(suite.into()), "{terms:?}");
                assert_eq!(run.session.facts().alpn.as_deref(), Some("http/1.1"), "{terms:?}");
                assert_eq!(
                    run.plain.iter().filter(|plain| plain.what == What::Closed).count(),
                    2,
                    "{terms:?}"
                );
            }
        }
    }
}

#[test]
fn keys_change_as_often_as_the_ends_like() {
    let send = |direction, text: &str| Step::Send(direction, text.into());
    let steps = [
        send(Write, "one"),
        Step::Update(Write),
        send(Write, "two"),
        send(Read, "three"),
        Step::Update(Read),
        Step::Update(Write),
        send(Write, "four"),
        send(Read, "five"),
        Step::Update(Write),
        send(Write, "six"),
    ];
    let recording = talk(TERMS, &steps);
    let run = run(&recording);
    assert_read("updates", &recording, &run);
    assert_eq!(
        run.story(),
        [">one", ">two", "<turn", "<three", ">turn", ">four", "<turn", "<five", ">turn", ">six"]
    );
}

#[test]
fn early_data_is_read() {
    let recording =
        talk(Terms { resume: true, early: true, ..TERMS }, &[Step::Send(Write, b"late".to_vec())]);
    let run = run(&recording);
    assert_eq!(recording.sent, b"early late");
    assert_read("early", &recording, &run);
    let facts = run.session.facts();
    assert_eq!((facts.early_data, facts.early_data_taken, facts.resumed), (true, Some(true), true));
}

/// The server that takes no early data reads none of it; the client's end reads what it said all the same.
#[test]
fn early_data_may_be_refused() {
    let terms = Terms { resume: true, early: true, refuse: true, ..TERMS };
    let recording = talk(terms, &[Step::Send(Write, b"late".to_vec()), Step::Send(Read, b"ok".to_vec())]);
    assert_eq!(run(&recording).story().concat(), ">early >late<turn<ok");
    let facts = run(&recording).session.facts().clone();
    assert_eq!((facts.early_data, facts.early_data_taken), (true, Some(false)));

    let early = recording.keys[0..8].to_vec();
    let mut server = recording.clone();
    server.keys.retain(|key| !early.contains(key));
    for (direction, _) in &mut server.bytes {
        *direction = direction.opposite();
    }
    assert_eq!(run(&server).story().concat(), "<late>turn>ok");
}

#[test]
fn a_second_hello_may_be_asked_for() {
    let terms = Terms { retry: true, ..TERMS };
    let recording = talk(terms, &[Step::Send(Write, b"hello".to_vec()), Step::Send(Read, b"ok".to_vec())]);
    let run = run(&recording);
    let hellos = recording.bytes.iter().filter(|(_, bytes)| bytes[0] == 22);
    assert_eq!(run.story().concat(), ">hello<turn<ok");
    assert!(hellos.count() >= 2, "{:?}", recording.bytes);
    let facts = run.session.facts();
    assert_eq!((facts.version, facts.alpn.as_deref()), (Some(0x304), Some("http/1.1")));
    assert_eq!(facts.server_name.as_deref(), Some("localhost"));
}
