#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;

use super::*;

/// Body bytes, whether the end was read, and what was left of the input.
fn decode(segments: Vec<Segment>) -> Result<(Vec<u8>, u64, bool, Vec<u8>), Error> {
    let (mut chunked, mut body, mut missing) = (Chunked::default(), Vec::new(), 0);
    let mut rest = Vec::new();
    let mut ended = false;
    for mut segment in segments {
        while !ended && let Some(piece) = chunked.read(&mut segment)? {
            match piece {
                Piece::Bytes(bytes) => body.extend_from_slice(&bytes),
                Piece::Gap(bytes) => missing += bytes,
                Piece::Trailers(_) => {}
                Piece::End => ended = true,
            }
        }
        if let Segment::Data(bytes) = segment {
            rest.extend_from_slice(&bytes);
        }
    }
    Ok((body, missing, ended, rest))
}

fn data(bytes: &[u8]) -> Segment {
    Segment::Data(Bytes::copy_from_slice(bytes))
}

const BAD: Error = Error::Malformed("invalid chunk");

#[test]
fn bodies_are_decoded() {
    type Expected = Result<(&'static [u8], bool, &'static [u8]), Error>;
    let cases: [(&[u8], Expected); 18] = [
        (b"0\r\n\r\n", Ok((b"", true, b""))),
        (b"5\r\nhello\r\n0\r\n\r\nGET", Ok((b"hello", true, b"GET"))),
        (b"5;a=\"b\"\r\nhello\r\n1 ; x\r\n!\r\n0;y\r\n\r\n", Ok((b"hello!", true, b""))),
        (b"00A\r\n0123456789\r\n000\r\n\r\n", Ok((b"0123456789", true, b""))),
        (b"a\n0123456789\n0\n\n", Ok((b"0123456789", true, b""))),
        (b"1\r\nx\r\n0\r\nExpires: never\r\nX: y\r\n\r\nrest", Ok((b"x", true, b"rest"))),
        (b"5\r\nhel", Ok((b"hel", false, b""))),
        (b"5\r\nhello\r\n0\r\n", Ok((b"hello", false, b""))),
        (b"5\r\nhello\r\n0\r\nX: y\r\n", Ok((b"hello", false, b""))),
        (b"\r\n", Err(BAD)),
        (b";x\r\n", Err(BAD)),
        (b"-1\r\n", Err(BAD)),
        (b"0x5\r\n", Err(BAD)),
        (b"5\r\nhello!", Err(BAD)),
        (b"5\r\nhello\r\n\r\n", Err(BAD)),
        (b"11111111111111111\r\n", Err(BAD)),
        (b"ffffffffffffffff\r\nab", Ok((b"ab", false, b""))),
        (b"1g\r\n", Err(BAD)),
    ];
    for (input, expected) in cases {
        let expected = expected.map(|(body, end, rest)| (body.to_vec(), 0, end, rest.to_vec()));
        let name = String::from_utf8_lossy(input);
        assert_eq!(decode(vec![data(input)]), expected, "{name:?} at once");
        let bytes = input.iter().map(|byte| data(&[*byte])).collect();
        assert_eq!(decode(bytes), expected, "{name:?} byte by byte");
    }
}

#[test]
fn a_gap_inside_one_chunk_keeps_the_framing() {
    let around = |gap, rest: &[u8]| decode(vec![data(b"a\r\n01"), Segment::Gap(gap), data(rest)]);
    assert_eq!(around(3, b"56789\r\n0\r\n\r\n"), Ok((b"0156789".to_vec(), 3, true, vec![])));
    assert_eq!(around(8, b"\r\n0\r\n\r\n"), Ok((b"01".to_vec(), 8, true, vec![])));
    assert_eq!(around(9, b"\n0\r\n\r\n"), Err(Error::Lost(9)));
    assert_eq!(decode(vec![data(b"a"), Segment::Gap(1)]), Err(Error::Lost(1)));
    assert_eq!(decode(vec![data(b"0\r\n"), Segment::Gap(2)]), Err(Error::Lost(2)));
}
