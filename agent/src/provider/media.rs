//! Parts of requests that are no text: what they are and how large, from what stands where their bytes do.

use super::json::Json;
use crate::call::Media;

/// Bytes to keep of a text that may be a `data:` URL: enough for the longest media types.
pub(super) const URL: usize = 128;

/// What a URL points at, or holds if it is a `data:` URL (RFC 2397); `None` for what is no text.
pub(super) fn of_url(modality: &'static str, url: &Json) -> Option<Media> {
    let Json::Text { bytes: length @ 1.., .. } = url else { return None };
    let begin = url.begin();
    let data = begin.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and(begin.get(5..));
    let Some(data) = data else { return Some(Media { modality, media_type: None, bytes: None }) };
    let Some((label, _)) = data.split_once(',') else {
        return Some(Media { modality, media_type: None, bytes: None });
    };
    let head = "data:".len() + label.len() + ",".len();
    let bytes = if label.to_ascii_lowercase().ends_with(";base64") {
        url.base64_bytes(head)
    } else {
        // Escapes of a text are not undone.
        length.checked_sub(head as u64)
    };
    Some(Media { modality, media_type: media_type(label.split(';').next().unwrap_or_default()), bytes })
}

/// What is sent in base64, with its media type beside it; `None` for what is no text.
pub(super) fn of_base64(modality: &'static str, data: &Json, media_type: Option<&str>) -> Option<Media> {
    let Json::Text { bytes: 1.., .. } = data else { return None };
    // Some send a whole URL all the same.
    if data.begin().starts_with("data:") {
        return of_url(modality, data);
    }
    let media_type = media_type.and_then(self::media_type);
    Some(Media { modality, media_type, bytes: data.base64_bytes(0) })
}

/// A text that is one, in lower case.
pub(super) fn media_type(text: &str) -> Option<String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+-_".contains(&byte);
    let (kind, subtype) = text.split_once('/')?;
    let is_one = !kind.is_empty() && !subtype.is_empty() && text.len() <= URL && text.bytes().all(known);
    is_one.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::LazyLock;

    use super::*;
    use crate::provider::json::{Reader, Shape};

    static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(&[("x", URL)]));

    fn value(text: &str) -> Json {
        Reader::read(&SHAPE, format!(r#"{{"x":{text}}}"#).as_bytes()).root.get("x").clone()
    }

    #[test]
    fn urls_say_what_they_hold() {
        let long = format!("\"data:image/png;base64,{}AA==\"", "AAAA".repeat(1000));
        for (text, expected) in [
            ("\"https://example.com/cat.png\"", Some((None, None))),
            ("\"data:image/png;base64,iVBORw0KGgo=\"", Some((Some("image/png"), Some(8)))),
            ("\"DATA:Image/PNG;base64,iVBORw0K\"", Some((Some("image/png"), Some(6)))),
            ("\"data:image/jpeg;base64,\\/9j\\/\"", Some((Some("image/jpeg"), Some(3)))),
            ("\"data:image/jpeg;base64,\\u002b9jAAA==\"", Some((Some("image/jpeg"), Some(4)))),
            (long.as_str(), Some((Some("image/png"), Some(3001)))),
            ("\"data:;base64,AAAA\"", Some((None, Some(3)))),
            ("\"data:text/plain,hello\"", Some((Some("text/plain"), Some(5)))),
            ("\"data:\"", Some((None, None))),
            ("\"\"", None),
            ("null", None),
            ("{}", None),
        ] {
            let found = of_url("image", &value(text));
            let found = found.as_ref().map(|media| (media.media_type.as_deref(), media.bytes));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn base64_is_measured() {
        for (text, bytes) in [
            ("\"\"", None),
            ("\"AA==\"", Some(1)),
            ("\"AAA=\"", Some(2)),
            ("\"AAA\"", Some(2)),
            ("\"AAAA\"", Some(3)),
            ("\"AAAAAA\"", Some(4)),
            ("\"data:audio/wav;base64,AAAA\"", Some(3)),
        ] {
            let found = of_base64("audio", &value(text), Some("audio/wav"));
            assert_eq!(found.as_ref().and_then(|media| media.bytes), bytes, "{text}");
            assert!(found.is_none_or(|media| media.media_type.unwrap() == "audio/wav"));
        }
    }

    #[test]
    fn media_types_are_no_sentences() {
        assert_eq!(media_type("Application/PDF").as_deref(), Some("application/pdf"));
        for odd in ["", "png", "/png", "image/", "image/png of bob", "image/é"] {
            assert_eq!(media_type(odd), None, "{odd}");
        }
    }
}
