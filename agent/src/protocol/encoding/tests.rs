#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::Write;

use flate2::Compression;
use flate2::GzBuilder;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

const TEXT: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\ndata: [DONE]\n\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn decode<'a>(encoding: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Option<&'static str>) {
    let mut decoder = Decoder::new(Some(encoding));
    let mut output = Vec::new();
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece), &mut |bytes| {
            assert!(encoding == "identity" || bytes.len() <= PIECE_BYTES);
            output.extend_from_slice(&bytes);
        });
    }
    decoder.finish();
    (output, decoder.note())
}

#[test]
fn codings_are_undone_however_they_are_split() {
    let mut named = GzBuilder::new()
        .filename("a name")
        .comment("a comment")
        .extra(vec![7; 300])
        .write(Vec::new(), Compression::best());
    named.write_all(TEXT).unwrap();
    let cases = [
        ("identity", TEXT.to_vec()),
        ("", TEXT.to_vec()),
        ("gzip", gzip(TEXT)),
        ("X-GZip", gzip(TEXT)),
        ("gzip", named.finish().unwrap()),
        ("gzip", [gzip(&TEXT[..9]), gzip(&TEXT[9..])].concat()),
        ("gzip", [gzip(TEXT), vec![0; 12]].concat()),
        ("deflate", zlib(TEXT)),
        ("Deflate", raw(TEXT)),
    ];
    for (encoding, encoded) in cases {
        let expected = (TEXT.to_vec(), None);
        assert_eq!(decode(encoding, [&encoded[..]]), expected, "{encoding} at once");
        assert_eq!(decode(encoding, encoded.chunks(1)), expected, "{encoding} byte by byte");
        assert_eq!(decode(encoding, []), (vec![], None), "an empty body in {encoding}");
    }
}

#[test]
fn what_cannot_be_decoded_says_why() {
    let good = gzip(TEXT);
    let mut bad_sum = good.clone();
    bad_sum[good.len() - 8] ^= 1;
    assert_eq!(decode("gzip", [&bad_sum[..]]), (TEXT.to_vec(), Some("compressed body fails its checksum")));
    assert_eq!(decode("gzip", [&good[..good.len() - 1]]), (TEXT.to_vec(), Some(CUT)));
    assert_eq!(decode("deflate", [&zlib(TEXT)[..20]]).1, Some(CUT));
    assert_eq!(decode("deflate", [&b"\x78"[..]]).1, Some(CUT));
    assert_eq!(decode("gzip", [TEXT]), (vec![], Some(INVALID)));
    assert_eq!(decode("deflate", [&[0xff; 20][..]]), (vec![], Some(INVALID)));
    for other in ["br", "zstd", "gzip, br", "compress"] {
        assert_eq!(decode(other, [TEXT]), (vec![], Some(NOT_DECODED)), "{other}");
    }
}

#[test]
fn each_flush_yields() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut decoder = Decoder::new(Some("gzip"));
    let mut sent = 0;
    for event in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.flush().unwrap();
        let piece = Bytes::copy_from_slice(&encoder.get_ref()[sent..]);
        sent = encoder.get_ref().len();
        let mut output = Vec::new();
        decoder.push(piece, &mut |bytes| output.extend_from_slice(&bytes));
        assert_eq!(output, event.as_bytes());
    }
}

#[test]
fn a_gap_ends_decompression_but_not_plain_bodies() {
    for (encoding, encoded, expected, note) in [
        ("gzip", gzip(TEXT), 0, Some(GAP)),
        ("deflate", zlib(TEXT), 0, Some(GAP)),
        ("identity", TEXT.to_vec(), 20, None),
        ("br", TEXT.to_vec(), 0, Some(NOT_DECODED)),
    ] {
        let (mut decoder, mut behind) = (Decoder::new(Some(encoding)), 0);
        decoder.push(Bytes::copy_from_slice(&encoded[..12]), &mut |_| {});
        decoder.gap();
        decoder.push(Bytes::copy_from_slice(&encoded[20..40]), &mut |bytes| behind += bytes.len());
        decoder.finish();
        assert_eq!((behind, decoder.note()), (expected, note), "{encoding}");
    }
}

#[test]
fn a_bomb_is_defused() {
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    let (output, note) = decode("gzip", [&bomb[..]]);
    assert_eq!(note, Some(TOO_LARGE));
    assert!(output.len() as u64 <= bomb.len() as u64 * MAX_RATIO + RATIO_FREE_BYTES);
    // Repetition in a body of usual size passes.
    let text = TEXT.repeat(10_000);
    assert_eq!(decode("gzip", [&gzip(&text)[..]]), (text, None));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        encoding in "gzip|deflate|identity",
        pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..6),
    ) {
        decode(&encoding, pieces.iter().map(Vec::as_slice));
    }

    #[test]
    fn any_body_comes_back(body in any::<Vec<u8>>(), cut in 1..50_usize) {
        for (encoding, encoded) in [("gzip", gzip(&body)), ("deflate", zlib(&body))] {
            prop_assert_eq!(decode(encoding, encoded.chunks(cut)), (body.clone(), None));
        }
    }
}
