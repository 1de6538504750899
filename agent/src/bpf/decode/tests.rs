#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

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

fn opened(role: u32, peer: &[u8]) -> Vec<u8> {
    let mut record = header(kind::OPENED);
    record.extend(5i32.to_ne_bytes());
    record.extend(role.to_ne_bytes());
    let mut address = [0; SOCKADDR_BYTES + 4];
    address[..peer.len()].copy_from_slice(peer);
    record.extend(&address[..SOCKADDR_BYTES]);
    record.extend(b"curl\0ld-name\0\0\0\0");
    record.extend([0; 4]);
    record
}

#[test]
fn the_layout_is_the_abis() {
    assert_eq!(header(kind::EXEC).len(), size_of::<spanwire_abi::Header>());
    assert_eq!(data(0, 0, 0, 0, 0, b"").len(), size_of::<spanwire_abi::Data>());
    assert_eq!(opened(0, b"").len(), size_of::<spanwire_abi::Opened>());
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
fn addresses_of_both_families() {
    let v4 = [&2u16.to_ne_bytes()[..], &[0x01, 0xbb, 127, 0, 0, 1]].concat();
    let mapped =
        [&10u16.to_ne_bytes()[..], &[0x01, 0xbb, 0, 0, 0, 0], &Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets()]
            .concat();
    let v6 = [&10u16.to_ne_bytes()[..], &[0x1f, 0x90, 0, 0, 0, 0], &Ipv6Addr::LOCALHOST.octets()].concat();
    for (raw, expected) in [
        (&v4[..], Some("127.0.0.1:443")),
        (&mapped, Some("127.0.0.1:443")),
        (&v6, Some("[::1]:8080")),
        (b"", None),
    ] {
        let Event::Opened { peer, role, fd, command, .. } = decode(&opened(role::CLIENT, raw)).unwrap()
        else {
            panic!("not opened")
        };
        assert_eq!(peer, expected.map(|text| text.parse().unwrap()));
        assert_eq!((role, fd, command.as_str()), (Role::Client, 5, "curl"));
    }
}

#[test]
fn unknown_tags_are_refused() {
    assert_eq!(decode(&header(99)), Err(DecodeError::Tag("kind", 99)));
    assert_eq!(decode(&opened(9, b"")), Err(DecodeError::Tag("role", 9)));
    assert_eq!(decode(&data(0, 1, 1, 7, 0, b"x")), Err(DecodeError::Tag("direction", 7)));
    assert_eq!(decode(&data(0, 1, 1, 0, 7, b"x")), Err(DecodeError::Tag("source", 7)));
}

#[test]
fn a_cut_record_is_refused_at_every_length() {
    for whole in [data(0, 4, 4, 0, 0, b"abcd"), opened(0, b"")] {
        let needed =
            if whole.len() == size_of::<spanwire_abi::Opened>() { whole.len() - 4 } else { whole.len() };
        for length in 0..needed {
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
