#![allow(clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

const FORM: &[u8] = b"--B-1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
    --B-1\r\ncontent-disposition: form-data; name=empty\r\n\r\n\r\n\
    --B-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a; name=x.wav\"\r\nContent-Type: Audio/WAV; x=y\r\n\r\n\
    \x00\r\n--B-2\r\n\r\r\n--B\xff\r\n--B-1--\r\nepilogue\r\n--B-1\r\n\r\nno\r\n--B-1--";

fn read(boundary: &str, pieces: &[&[u8]]) -> (Vec<Part>, MultipartParser) {
    let (mut parser, mut parts) = (MultipartParser::new(boundary), Vec::new());
    pieces.iter().for_each(|piece| parser.push(piece, &mut |part| parts.push(part)));
    (parts, parser)
}

fn expected() -> Vec<Part> {
    let text = |name: &str, value: &[u8]| Part {
        name: name.to_owned(),
        value: value.to_vec(),
        bytes: value.len() as u64,
        ..Part::default()
    };
    let file = Part {
        name: "file".to_owned(),
        media_type: Some("audio/wav".to_owned()),
        is_file: true,
        bytes: 17,
        ..Part::default()
    };
    vec![text("model", b"whisper-1"), text("empty", b""), file]
}

#[test]
fn parts_are_told_apart() {
    let (parts, parser) = read("B-1", &[FORM]);
    assert_eq!(parts, expected());
    assert!(parser.has_begun() && parser.is_form() && parser.is_over());
}

#[test]
fn what_is_no_form_has_no_parts() {
    for (body, is_form) in [
        (&b""[..], false),
        (b"{\"model\":\"x\"}", false),
        (b"--other\r\n\r\nx\r\n--other--", false),
        (b"--B-1", true),
        (b"--B-1\r\nContent-Disposition: form-data; name=x\r\n\r\nvalue", true),
        (b"--B-1--", true),
    ] {
        let (parts, parser) = read("B-1", &[body]);
        assert_eq!((parts.len(), parser.is_form()), (0, is_form), "{body:?}");
    }
}

#[test]
fn values_and_heads_are_bounded() {
    let long = "x".repeat(1 << 20);
    let body = format!(
        "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n{long}\r\n--B\r\nX: {long}\r\n\r\nv\r\n--B--"
    );
    let (parts, parser) = read("B", &[body.as_bytes()]);
    assert_eq!((parts[0].value.len(), parts[0].bytes), (VALUE_MAX_BYTES, 1 << 20));
    assert_eq!((parts[1].name.as_str(), parts[1].bytes), ("", 1));
    assert!(parser.held_bytes() < 8192);
}

#[test]
fn behind_a_gap_the_next_part_is_read() {
    let (mut parser, mut parts) = (MultipartParser::new("B"), Vec::new());
    parser.push(b"--B\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\nabc", &mut |part| {
        parts.push(part);
    });
    parser.gap();
    parser.push(b"def\r\n--B\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--B--", &mut |part| {
        parts.push(part);
    });
    assert_eq!(parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["model"]);
    assert!(parser.is_over());
}

#[test]
fn boundaries_are_found() {
    for (content_type, expected) in [
        ("multipart/form-data; boundary=abc", Some("abc")),
        ("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", Some("a b")),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("application/json; boundary=x", None),
    ] {
        assert_eq!(boundary(content_type), expected, "{content_type}");
    }
    assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))), None);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_parts(cuts in prop::collection::vec(1_usize..40, 0..60)) {
        let (mut pieces, mut rest) = (Vec::new(), FORM);
        for cut in cuts {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        prop_assert_eq!(read("B-1", &pieces).0, expected());
    }

    #[test]
    fn any_bytes_are_survived(words in prop::collection::vec(prop::sample::select(vec![
        &b"\r\n"[..], b"\r", b"\n", b"--", b"--B", b"\r\n--B", b"\r\n--B--", b"x", b"\xff", b":",
        b"Content-Disposition: form-data; name=\"", b"\"", b";", b"=", b"filename",
    ]), 0..40), piece in 1_usize..9) {
        let body = words.concat();
        let whole = read("B", &[&body]).0;
        let split: Vec<_> = body.chunks(piece).collect();
        prop_assert_eq!(read("B", &split).0, whole);
    }
}
