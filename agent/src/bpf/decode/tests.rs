#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn header(kind: u32) -> Vec<u8> {
    let mut record = Vec::new();
    for word in [kind, 7, 8, 0] {
        record.extend(word.to_ne_bytes());
    }
    record.extend(1_000u64.to_ne_bytes());
    record.extend(42u64.to_ne_bytes());
    record
}

fn data(position: u64, original: u32, captured: u32, way: u8, from: u8, bytes: &[u8]) -> Vec<u8> {
    let mut record = header(kind::DATA);
    record.extend(position.to_ne_bytes());
    record.extend(original.to_ne_bytes());
    record.extend(captured.to_ne_bytes());
    record.extend([way, from, 0, 0, 0, 0, 0, 0]);
    record.extend(bytes);
    record
}

fn opened(family: u16, local: &[u8], peer: &[u8], pair: [u64; 2]) -> Vec<u8> {
    let mut record = header(kind::OPENED);
    for (port, address) in [(40_000_u16, local), (443, peer)] {
        record.extend(family.to_ne_bytes());
        record.extend(port.to_ne_bytes());
        let mut padded = [0; 16];
        padded[..address.len()].copy_from_slice(address);
        record.extend(padded);
    }
    record.extend(b"curl\0ld-name\0\0\0\0");
    for word in [0x7ffc, pair[0], pair[1]] {
        record.extend(word.to_ne_bytes());
    }
    record
}

fn ended(reason: u32) -> Vec<u8> {
    let mut record = header(kind::ENDED);
    record.extend(reason.to_ne_bytes());
    record.extend(104_u32.to_ne_bytes());
    record.extend([5_u64, 6].map(u64::to_ne_bytes).concat());
    record
}

#[test]
fn the_layout_is_the_abis() {
    assert_eq!(header(kind::EXEC).len(), size_of::<spanwire_abi::Header>());
    assert_eq!(data(0, 0, 0, 0, 0, b"").len(), size_of::<spanwire_abi::Data>());
    assert_eq!(opened(0, b"", b"", [0; 2]).len(), size_of::<spanwire_abi::Opened>());
    assert_eq!(ended(0).len(), size_of::<spanwire_abi::Ended>());
}

#[test]
fn a_chunk_keeps_position_and_lengths_and_drops_the_padding_of_its_record() {
    let Event::Chunk(chunk) = decode(&data(9, 300, 4, direction::WRITE, source::TLS, b"POST----")).unwrap()
    else {
        panic!("not a chunk")
    };
    assert_eq!((chunk.position, chunk.original_bytes, &chunk.bytes[..]), (9, 300, &b"POST"[..]));
    assert_eq!((chunk.direction, chunk.source, chunk.pid), (Direction::Write, Source::Tls, 7));
}

#[test]
fn addresses_of_all_families() {
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets();
    let internet = |local: &str, peer: &str| {
        Some(Ends::Internet { local: local.parse().unwrap(), peer: peer.parse().unwrap() })
    };
    let v6 = (Ipv6Addr::LOCALHOST.octets(), Ipv6Addr::UNSPECIFIED.octets());
    for (raw, expected) in [
        (opened(2, &[127, 0, 0, 1], &[10, 1, 2, 3], [0; 2]), internet("127.0.0.1:40000", "10.1.2.3:443")),
        (opened(10, &mapped, &mapped, [0; 2]), internet("127.0.0.1:40000", "127.0.0.1:443")),
        (opened(10, &v6.0, &v6.1, [0; 2]), internet("[::1]:40000", "[::]:443")),
        (opened(1, b"", b"", [0; 2]), Some(Ends::Unix { local: None, peer: None })),
        (
            opened(1, &7_u64.to_ne_bytes(), &8_u64.to_ne_bytes(), [0; 2]),
            Some(Ends::Unix { local: Some(7), peer: Some(8) }),
        ),
        (opened(0, b"", b"", [0; 2]), None),
        (opened(17, b"", b"", [0; 2]), None),
    ] {
        let Event::Opened { ends, command, program, .. } = decode(&raw).unwrap() else {
            panic!("not opened")
        };
        assert_eq!((ends, command.as_str(), program), (expected, "curl", 0x7ffc));
    }
}

/// What one end is known by as the client's is what the other one is known by as the server's.
#[test]
fn both_ends_of_a_connection_have_one_identity() {
    let identities = |family, pair| {
        let Event::Opened { identities, .. } = decode(&opened(family, b"", b"", pair)).unwrap() else {
            panic!("not opened")
        };
        identities
    };
    let last = u64::from(u32::MAX);
    for (family, client, server, joined) in [
        // Of the client the number of its SYN, of the server that of its first byte.
        (2, [99, 500], [500, 100], true),
        (10, [99, 500], [500, 100], true),
        (2, [last - 1, last], [last, last], true),
        (2, [99, 500], [500, 101], false),
        (2, [99, 500], [501, 100], false),
        (2, [500, 100], [99, 500], false),
        (2, [0, 0], [0, 0], false),
        (2, [99, 500], [0, 100], false),
        (2, [last + 99, 500], [500, last + 100], false),
        (1, [31, 0], [32, 31], true),
        (1, [31, 32], [32, 31], true),
        (1, [31, 0], [32, 0], false),
        (1, [0, 32], [32, 0], false),
        (1, [31, 0], [32, 33], false),
        (0, [31, 32], [32, 31], false),
    ] {
        let (client, server) = (identities(family, client).as_client, identities(family, server).as_server);
        assert_eq!(client.is_some() && client == server, joined, "{family} {client:?} {server:?}");
    }
}

#[test]
fn a_hello_keeps_what_was_captured_of_it() {
    let mut record = data(0, 3, 3, direction::WRITE, source::SOCKET, b"abc-----");
    record[..4].copy_from_slice(&kind::HELLO.to_ne_bytes());
    let Event::Hello { bytes, pid, .. } = decode(&record).unwrap() else { panic!("not a hello") };
    assert_eq!((&bytes[..], pid), (&b"abc"[..], 7));
}

#[test]
fn unknown_tags_are_refused() {
    assert_eq!(decode(&header(99)), Err(DecodeError::Tag("kind", 99)));
    assert_eq!(decode(&ended(9)), Err(DecodeError::Tag("end", 9)));
    assert_eq!(decode(&data(0, 1, 1, 7, 0, b"x")), Err(DecodeError::Tag("direction", 7)));
    assert_eq!(decode(&data(0, 1, 1, 0, 7, b"x")), Err(DecodeError::Tag("source", 7)));
}

#[test]
fn a_cut_record_is_refused_at_every_length() {
    for whole in [data(0, 4, 4, 0, 0, b"abcd"), opened(2, b"", b"", [1; 2]), ended(2)] {
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length]), Err(DecodeError::Short), "{length}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_or_are_refused(record: Vec<u8>) {
        let _ = decode(&record);
    }

    #[test]
    fn any_data_record_keeps_its_bounds(original: u32, captured: u32, bytes: Vec<u8>) {
        if let Ok(Event::Chunk(chunk)) = decode(&data(0, original, captured, 0, 0, &bytes)) {
            prop_assert!(chunk.bytes.len() <= bytes.len());
            prop_assert!(chunk.bytes.len() as u64 <= u64::from(original));
        }
    }
}
