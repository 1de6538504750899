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

fn br(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(bytes).unwrap();
    encoder.into_inner()
}

/// With a checksum, as the command has it.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut context = zstd_safe::CCtx::create();
    context.set_parameter(zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
    let mut output = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    context.compress2(&mut output, bytes).unwrap();
    output
}

/// Compressors whose flushes are looked at.
enum Flushing {
    Gzip(GzEncoder<Vec<u8>>),
    Br(Box<::brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd_safe::CCtx<'static>),
}

impl Flushing {
    /// The bytes that a flush behind these yields.
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip(encoder) => {
                encoder.write_all(bytes).unwrap();
                encoder.flush().unwrap();
                std::mem::take(encoder.get_mut())
            }
            Self::Br(encoder) => {
                let before = encoder.get_ref().len();
                encoder.write_all(bytes).unwrap();
                encoder.flush().unwrap();
                encoder.get_ref()[before..].to_vec()
            }
            Self::Zstd(context) => {
                let mut output = Vec::with_capacity(4096);
                let mut input = zstd_safe::InBuffer::around(bytes);
                let flush = zstd_safe::zstd_sys::ZSTD_EndDirective::ZSTD_e_flush;
                let mut room = zstd_safe::OutBuffer::around(&mut output);
                context.compress_stream2(&mut room, &mut input, flush).unwrap();
                output
            }
        }
    }
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
        ("br", br(TEXT)),
        ("Zstd", zstd(TEXT)),
        ("zstd", [zstd(&TEXT[..9]), zstd(&TEXT[9..])].concat()),
        ("gzip, br", br(&gzip(TEXT))),
        ("zstd,identity , deflate,br", br(&zlib(&zstd(TEXT)))),
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
    assert_eq!(decode("br", [&br(TEXT)[..30]]).1, Some(CUT));
    assert_eq!(decode("zstd", [&zstd(TEXT)[..30]]).1, Some(CUT));
    assert_eq!(decode("zstd", [TEXT]), (vec![], Some(INVALID)));
    assert_eq!(decode("br", [&[0xff; 20][..]]), (vec![], Some(INVALID)));
    assert_eq!(decode("gzip, br", [&br(&gzip(TEXT)[..40])[..]]).1, Some(CUT), "the inner one");
    // A frame whose header asks for a window of 16 MiB.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (24 - 10) << 3, 0, 0, 0, 0];
    assert_eq!(decode("zstd", [&window[..]]), (vec![], Some("compressed body needs too large a window")));
    for other in ["compress", "gzip, compress", "gzip,gzip,gzip,gzip", "br;q=1"] {
        assert_eq!(decode(other, [TEXT]), (vec![], Some(NOT_DECODED)), "{other}");
    }
}

#[test]
fn each_flush_yields() {
    for (coding, mut encoder) in [
        ("gzip", Flushing::Gzip(GzEncoder::new(Vec::new(), Compression::default()))),
        ("br", Flushing::Br(Box::new(::brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22)))),
        ("zstd", Flushing::Zstd(zstd_safe::CCtx::create())),
    ] {
        let mut decoder = Decoder::new(Some(coding));
        for event in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
            let piece = Bytes::from(encoder.push(event.as_bytes()));
            let mut output = Vec::new();
            decoder.push(piece, &mut |bytes| output.extend_from_slice(&bytes));
            assert_eq!(output, event.as_bytes(), "{coding}");
        }
    }
}

#[test]
fn a_gap_ends_decompression_but_not_plain_bodies() {
    for (encoding, encoded, expected, note) in [
        ("gzip", gzip(TEXT), 0, Some(GAP)),
        ("deflate", zlib(TEXT), 0, Some(GAP)),
        ("identity", TEXT.to_vec(), 20, None),
        ("br", br(TEXT), 0, Some(GAP)),
        ("zstd", zstd(TEXT), 0, Some(GAP)),
        ("compress", TEXT.to_vec(), 0, Some(NOT_DECODED)),
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
    let zeros = vec![0; 64 * 1024 * 1024];
    let bombs = [
        ("gzip", gzip(&zeros)),
        ("br", br(&zeros)),
        ("zstd", zstd(&zeros)),
        ("gzip, gzip", gzip(&gzip(&zeros))),
    ];
    for (coding, bomb) in bombs {
        let (output, note) = decode(coding, [&bomb[..]]);
        assert_eq!(note, Some(TOO_LARGE), "{coding}");
        assert!(output.len() as u64 <= 2 * RATIO_FREE_BYTES + bomb.len() as u64 * MAX_RATIO, "{coding}");
    }
    // Repetition in a body of usual size passes.
    let text = TEXT.repeat(10_000);
    for (coding, packed) in [("gzip", gzip(&text)), ("br", br(&text)), ("zstd", zstd(&text))] {
        assert_eq!(decode(coding, [&packed[..]]), (text.clone(), None), "{coding}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        encoding in "gzip|deflate|identity|br|zstd|zstd, br",
        pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..6),
    ) {
        decode(&encoding, pieces.iter().map(Vec::as_slice));
    }

    #[test]
    fn any_body_comes_back(body in any::<Vec<u8>>(), cut in 1..50_usize) {
        for (encoding, encoded) in [
            ("gzip", gzip(&body)), ("deflate", zlib(&body)), ("br", br(&body)), ("zstd", zstd(&body)),
        ] {
            prop_assert_eq!(decode(encoding, encoded.chunks(cut)), (body.clone(), None));
        }
    }
}
