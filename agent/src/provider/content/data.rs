//! Data that is sent along, or lies somewhere else: base64, URLs, files of forms.

use serde_json::Value;

use super::common::text;
use crate::call::content::{Part, without_cut_mark};
use crate::provider::media::media_type;

/// What a media type stands for, where it is not known by the place of the data: that is a document's.
pub(super) fn modality(of: &'static str, mime_type: Option<&str>) -> &'static str {
    let kind = mime_type.and_then(|mime| mime.split('/').next());
    match kind.filter(|_| of == "document") {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => of,
    }
}

/// A media type without its parameters.
fn bare(mime_type: &str) -> Option<String> {
    media_type(mime_type.split(';').next()?.trim())
}

/// Data in base64, or as a whole `data:` URL all the same.
pub(super) fn blob(of: &'static str, data: &str, mime_type: Option<&str>) -> Part {
    if data.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return url(of, data, mime_type);
    }
    let mime_type = mime_type.and_then(bare);
    let modality = modality(of, mime_type.as_deref());
    Part::Blob { modality, mime_type, data: data.to_owned(), bytes: decoded_bytes(data) }
}

/// What a URL points at; what it holds if it is a `data:` URL (RFC 2397) in base64, whose own type is taken.
pub(super) fn url(of: &'static str, url: &str, mime_type: Option<&str>) -> Part {
    let held = url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and(url.get(5..));
    let held = held.and_then(|held| held.split_once(','));
    let mime_type = held.map_or(mime_type, |(label, _)| Some(label)).and_then(bare);
    let modality = modality(of, mime_type.as_deref());
    match held {
        Some((label, data)) if is_base64(label) => {
            Part::Blob { modality, mime_type, data: data.to_owned(), bytes: decoded_bytes(data) }
        }
        _ => Part::Uri { modality, mime_type, uri: url.to_owned() },
    }
}

fn is_base64(label: &str) -> bool {
    label.rsplit(';').next().is_some_and(|coding| coding.eq_ignore_ascii_case("base64"))
}

/// A file of a form, of which no more is kept than its type and its size.
pub(super) fn form_file(of: &'static str, value: &Value) -> Option<Part> {
    let bytes = value.get("bytes")?.as_u64()?;
    let mime_type = text(value, "media_type").and_then(bare);
    Some(Part::Blob { modality: modality(of, mime_type.as_deref()), mime_type, data: String::new(), bytes })
}

/// Bytes that a text in base64 stands for, with those of it that are not kept.
fn decoded_bytes(data: &str) -> u64 {
    let (data, missing) = without_cut_mark(data).unwrap_or((data, 0));
    let digits = data.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').count() as u64;
    let digits = digits.saturating_add(missing);
    digits / 4 * 3 + digits % 4 * 3 / 4
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn data_is_measured_and_taken_apart() {
        for (data, mime_type, expected) in [
            ("", None, (None, "", 0)),
            ("AA==", Some("image/png"), (Some("image/png"), "AA==", 1)),
            ("AAA", Some(""), (None, "AAA", 2)),
            ("AA\nAA", None, (None, "AA\nAA", 3)),
            ("AAAA…[4 bytes cut]", None, (None, "AAAA…[4 bytes cut]", 6)),
            ("AAAA", Some("audio/L16; rate=24000"), (Some("audio/l16"), "AAAA", 3)),
            ("data:image/gif;base64,AAAA", Some("image/png"), (Some("image/gif"), "AAAA", 3)),
            ("DATA:;base64,AAAA", None, (None, "AAAA", 3)),
            ("data:Image/PNG;charset=x;BASE64,AA==", None, (Some("image/png"), "AA==", 1)),
            ("data:image/png;base64,AAAA…[8 bytes cut]", None, (Some("image/png"), "AAAA…[8 bytes cut]", 9)),
            ("data:image/png;base64,", None, (Some("image/png"), "", 0)),
        ] {
            let Part::Blob { mime_type, data, bytes, .. } = blob("image", data, mime_type) else {
                unreachable!("a blob")
            };
            assert_eq!((mime_type.as_deref(), &*data, bytes), expected);
        }
        for (place, mime_type) in [
            ("https://example.com/a,b;base64,c", None),
            // Cut before it says what it is.
            ("data:image/png;bas", None),
            ("data:text/plain,hi", Some("text/plain")),
            ("data:", None),
            ("é", None),
            ("dat\u{e9}", None),
        ] {
            let mime_type = mime_type.map(str::to_owned);
            let expected = Part::Uri { modality: "image", mime_type, uri: place.to_owned() };
            assert_eq!(url("image", place, None), expected);
        }
    }

    #[test]
    fn documents_are_what_their_type_says() {
        for (of, mime_type, expected) in [
            ("document", Some("image/png"), "image"),
            ("document", Some("audio/wav"), "audio"),
            ("document", Some("application/pdf"), "document"),
            ("document", None, "document"),
            ("audio", Some("image/png"), "audio"),
        ] {
            assert_eq!(modality(of, mime_type), expected, "{of} {mime_type:?}");
        }
    }
}
