//! Connections of real peers, recorded by `tests/tls/record.py`.

use super::*;

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("fixtures/", $name, ".tls")))),*] };
}

const FIXTURES: &[(&str, &str)] = fixtures![
    "gnutls-12",
    "gnutls-13",
    "nginx-12-128",
    "nginx-12-256",
    "nginx-13",
    "openssl-12-128",
    "openssl-12-256",
    "openssl-12-renegotiated",
    "openssl-12-resumed",
    "openssl-13-128",
    "openssl-13-128-update",
    "openssl-13-256",
    "openssl-13-256-update",
    "openssl-13-early",
    "openssl-13-resumed",
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

pub(super) fn all() -> impl Iterator<Item = (&'static str, Recording)> {
    FIXTURES.iter().map(|(name, text)| {
        let mut fixture = Recording::default();
        for (what, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            let value = hex(value);
            match what {
                "key" => fixture.keys.push(value),
                ">" => fixture.bytes.push((Direction::Write, value.into())),
                "<" => fixture.bytes.push((Direction::Read, value.into())),
                "sent" => fixture.sent = value,
                _ => fixture.answered = value,
            }
        }
        (*name, fixture)
    })
}

#[test]
fn real_connections_are_read() {
    for (name, recording) in all() {
        let mut run = Run::new(&recording.keys);
        for (direction, bytes) in &recording.bytes {
            run.data(*direction, bytes);
        }
        assert_read(name, &recording, &run);
        assert_eq!(run.session.state(), State::Reading, "{name}");
        assert_eq!(run.session.counts().unread_records, 0, "{name}");
        let facts = run.session.facts();
        assert_eq!(facts.server_name.as_deref(), Some("localhost"), "{name}");
        assert_eq!(facts.client, Some(Write), "{name}");
        assert_eq!(facts.version, Some(if name.contains("-13") { 0x304 } else { 0x303 }), "{name}");
        assert_eq!(facts.early_data, name.contains("early"), "{name}");
        let told = name.contains("-13").then(|| name.contains("early"));
        assert_eq!(facts.early_data_taken, told, "{name}");
        assert_eq!(facts.resumed, name.contains("13-resumed") || name.contains("early"), "{name}");
        // wget goes without a word.
        let closes = if name.contains("gnutls") { Read } else { Write };
        assert!(run.plain.iter().any(|p| p.what == What::Closed && p.direction == closes), "{name}");
    }
}

/// On the side that reads, keys come after the bytes that they protect.
#[test]
fn keys_may_come_later_than_records() {
    for (name, recording) in all() {
        let mut run = Run::new(&[]);
        for (direction, bytes) in &recording.bytes {
            run.data(*direction, bytes);
        }
        assert_eq!((run.plain.len(), run.session.state()), (0, State::Handshake), "{name}");
        recording.keys.iter().for_each(|key| run.key(key));
        assert_read(name, &recording, &run);
    }
}

#[test]
fn keys_of_others_are_passed_over() {
    for (name, recording) in all() {
        let strange = (0..600_u32).map(|n| n.to_be_bytes().repeat(if n % 2 == 0 { 4 } else { 8 }));
        let keys: Vec<_> = recording.keys.iter().cloned().chain(strange).collect();
        let mut run = Run::new(&keys);
        recording.bytes.iter().for_each(|(direction, bytes)| run.data(*direction, bytes));
        assert_read(name, &recording, &run);
        assert!(run.session.counts().tries < 7000, "{name}: {}", run.session.counts().tries);
    }
}
