//! Forms with files, kept as a document: a field is a member, and so is a list of the files that have one name, each by
//! its media type and its size.

use zeroize::Zeroizing;

use crate::call::content::cut_mark;
use crate::protocol::multipart::{MultipartParser, Part};
use crate::provider::form::{BYTES, MEDIA_TYPE};

/// Parts of a form that are kept.
const PARTS_MAX: usize = 128;

/// A form being kept.
pub(super) struct Form {
    parser: MultipartParser,
    parts: Vec<(String, Kept)>,
    /// Bytes of names and values that may still be kept; JSON's escapes make them up to six times as long.
    left: usize,
    is_cut: bool,
}

/// What is kept of a part, as JSON.
struct Kept {
    json: Zeroizing<Vec<u8>>,
    is_file: bool,
}

impl Form {
    pub(super) fn new(boundary: &str, max_bytes: usize) -> Self {
        let parser = MultipartParser::keeping(boundary, max_bytes);
        Self { parser, parts: Vec::new(), left: max_bytes, is_cut: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Self { parser, parts, left, is_cut } = self;
        parser.push(bytes, &mut |part| *is_cut |= !add(parts, left, part));
    }

    pub(super) fn gap(&mut self) {
        self.is_cut = true;
        self.parser.gap();
    }

    /// About how many bytes of memory are held.
    pub(super) fn held_bytes(&self) -> usize {
        let parts = self.parts.iter().map(|(name, kept)| name.capacity() + kept.json.capacity());
        self.parser.held_bytes() + parts.sum::<usize>()
    }

    /// The document; empty when nothing is kept. And whether something that came is missing.
    pub(super) fn finish(self) -> (Zeroizing<Vec<u8>>, bool) {
        let is_cut = self.is_cut || self.parser.has_begun() && !self.parser.is_over();
        let mut document = Zeroizing::new(Vec::new());
        let mut rest = self.parts;
        while let Some((name, _)) = rest.first() {
            let name = name.clone();
            let (of_name, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(known, _)| *known == name);
            rest = others;
            let begin = if document.is_empty() { b'{' } else { b',' };
            document.push(begin);
            document.extend(serde_json::to_vec(&name).unwrap_or_default());
            document.push(b':');
            if of_name.len() == 1 && of_name.iter().all(|(_, kept)| !kept.is_file) {
                of_name.iter().for_each(|(_, kept)| document.extend_from_slice(&kept.json));
                continue;
            }
            for (at, (_, kept)) in of_name.iter().enumerate() {
                document.push(if at == 0 { b'[' } else { b',' });
                document.extend_from_slice(&kept.json);
            }
            document.push(b']');
        }
        if !document.is_empty() {
            document.push(b'}');
        }
        (document, is_cut)
    }
}

/// Keeps a part; `false` when something of it is not kept.
fn add(parts: &mut Vec<(String, Kept)>, left: &mut usize, part: Part) -> bool {
    // Lists are written as `image[]`.
    let name = part.name.strip_suffix("[]").unwrap_or(&part.name).to_owned();
    if name.is_empty() || parts.len() >= PARTS_MAX || name.len() > *left {
        return false;
    }
    *left -= name.len();
    let Part { value, bytes, is_file, media_type, .. } = part;
    if is_file {
        let mut file = serde_json::Map::from_iter([(BYTES.to_owned(), bytes.into())]);
        let media_type = media_type.filter(|text| text.len() <= *left);
        *left -= media_type.as_ref().map_or(0, String::len);
        file.extend(media_type.map(|text| (MEDIA_TYPE.to_owned(), text.into())));
        let json = Zeroizing::new(serde_json::to_vec(&file).unwrap_or_default());
        parts.push((name, Kept { json, is_file }));
        return true;
    }
    let value = Zeroizing::new(value);
    let kept = value.get(..(*left).min(value.len())).unwrap_or_default();
    let is_whole = kept.len() as u64 == bytes;
    let kept = match std::str::from_utf8(kept) {
        // The cut is within a character.
        Err(error) if !is_whole && error.error_len().is_none() => {
            kept.get(..error.valid_up_to()).unwrap_or_default()
        }
        _ => kept,
    };
    *left -= kept.len();
    let mut text = Zeroizing::new(String::from_utf8_lossy(kept).into_owned());
    if !is_whole {
        text.push_str(&cut_mark(bytes - kept.len() as u64));
    }
    let json = Zeroizing::new(serde_json::to_vec(&*text).unwrap_or_default());
    parts.push((name, Kept { json, is_file }));
    is_whole
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::call::content::{Message, Part as Said};
    use crate::provider::BodyLimits;
    use crate::provider::tests::wire::recorded_within;

    const FORM: &str = "--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nA \"hat\"\nof é\r\n\
        --B\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n12345\r\n\
        --B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n2\r\n\
        --B\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"b\"\r\n\r\n\r\n--B--\r\n";

    fn kept(body: &[u8], size: usize, max_bytes: usize) -> (Value, bool) {
        let mut form = Form::new("B", max_bytes);
        body.chunks(size.max(1)).for_each(|piece| form.push(piece));
        let (document, is_cut) = form.finish();
        let value =
            if document.is_empty() { Value::Null } else { serde_json::from_slice(&document).unwrap() };
        (value, is_cut)
    }

    #[test]
    fn fields_and_files_are_members() {
        let images = json!([{"media_type": "image/png", "bytes": 5}, {"bytes": 0}]);
        let expected = json!({"prompt": "A \"hat\"\nof é", "image": images, "n": "2"});
        assert_eq!(kept(FORM.as_bytes(), FORM.len(), 1000), (expected, false));
    }

    #[test]
    fn what_a_form_asks_for_is_said() {
        let request = format!(
            "POST /v1/images/edits HTTP/1.1\r\nHost: api.openai.com\r\nContent-Type: multipart/form-data; boundary=B\r\n\
            Content-Length: {}\r\n\r\n{FORM}",
            FORM.len()
        );
        let response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n\
            {\"created\":1,\"data\":[]}";
        let image = |mime_type: Option<&str>, bytes| Said::Blob {
            modality: "image",
            mime_type: mime_type.map(str::to_owned),
            data: String::new(),
            bytes,
        };
        let prompt = Said::Text("A \"hat\"\nof é".to_owned());
        let parts = vec![prompt, image(Some("image/png"), 5), image(None, 0)];
        let expected = vec![Message { role: "user".to_owned(), parts, ..Message::default() }];
        let limits = BodyLimits { kept_bytes: 1 << 16, ..BodyLimits::default() };
        for size in [1, 7, request.len()] {
            let calls = recorded_within(request.as_bytes(), response, size, limits);
            let said = calls.first().unwrap().recorded.as_ref().unwrap();
            assert_eq!((said.content().input, said.is_cut), (expected.clone(), false), "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (form, is_cut) = kept(FORM.as_bytes(), 7, 18);
        assert_eq!((&form["prompt"], is_cut), (&json!("A \"hat\"\nof …[2 bytes cut]"), true));
        let many = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nxyz\r\n".repeat(10_000);
        let mut form = Form::new("B", 1 << 20);
        form.push(many.as_bytes());
        assert!(form.held_bytes() < 32 << 10, "{}", form.held_bytes());
        assert!(form.finish().1);
    }

    #[test]
    fn a_gap_and_an_early_end_are_told() {
        let mut form = Form::new("B", 1000);
        form.push(FORM.as_bytes().get(..80).unwrap());
        form.gap();
        assert!(form.finish().1);
        assert_eq!(kept(b"", 1, 100), (Value::Null, false));
        assert_eq!(kept(b"{\"a\":1}", 1, 100), (Value::Null, true));
    }

    proptest! {
        #[test]
        fn any_split_is_the_same(size in 1_usize..80, max_bytes in 0_usize..100) {
            let whole = kept(FORM.as_bytes(), FORM.len(), max_bytes);
            prop_assert_eq!(kept(FORM.as_bytes(), size, max_bytes), whole);
        }

        #[test]
        fn any_bytes_are_survived(begin in 0_usize..200, body in prop::collection::vec(any::<u8>(), 0..200)) {
            let all = [FORM.as_bytes().get(..begin).unwrap(), &body].concat();
            kept(&all, 16, 64);
        }
    }
}
