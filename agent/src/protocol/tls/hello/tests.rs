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

#[test]
fn records_of_a_handshake_have_its_form() {
    for (content, sound) in [
        (&[20, 0, 0, 2, 1, 1][..], true),
        (&[8, 0, 0, 0, 11, 0, 0, 3, 1, 2, 3, 15], true),
        // Its message goes on in the next record.
        (&[11, 0, 9, 9, 1], true),
        (&[], false),
        (&[6, 0, 0, 0], false),
        (&[20, 0, 0, 1, 1, 99, 0, 0, 0], false),
    ] {
        assert_eq!(is_handshake(content), sound, "{content:?}");
    }
}

#[test]
fn keys_are_as_long_as_the_suite_says() {
    let lengths =
        [(0x1301, 16), (0x1302, 32), (0x9c, 16), (0x9f, 32), (0xc02b, 16), (0xc030, 32), (0xd002, 32)];
    for (suite, length) in lengths {
        assert_eq!(key_bytes(suite), Some(length), "{suite:x}");
    }
    for suite in [0, 0x2f, 0x9b, 0xae, 0x1303, 0x1304, 0xc02a, 0xc033, 0xcca8, 0xd005] {
        assert_eq!(key_bytes(suite), None, "{suite:x}");
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
