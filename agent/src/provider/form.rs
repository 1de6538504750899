//! Forms with files, read like a document: a field is a member, a file an object of its media type and its size.

use super::json::{Document, Ending, Json, LIST_MAX, Shape};
use crate::protocol::multipart::{MultipartParser, Part};

/// Members of a file's object.
pub(super) const MEDIA_TYPE: &str = "media_type";
pub(super) const BYTES: &str = "bytes";

/// Bytes of a media type; anything longer is none.
const MEDIA_TYPE_MAX_BYTES: usize = 128;

/// A form being read.
#[derive(Debug)]
pub(super) struct Form {
    parser: MultipartParser,
    shape: &'static Shape,
    members: Vec<(&'static str, Json)>,
    gap: bool,
}

impl Form {
    pub(super) fn new(shape: &'static Shape, boundary: &str) -> Self {
        Self { parser: MultipartParser::new(boundary), shape, members: Vec::new(), gap: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Self { parser, shape, members, .. } = self;
        parser.push(bytes, &mut |part| add(shape, members, part));
    }

    pub(super) fn gap(&mut self) {
        self.gap = true;
        self.parser.gap();
    }

    /// About how many bytes of memory are held.
    pub(super) fn held_bytes(&self) -> usize {
        let values = |(_, value): &(&str, Json)| size_of::<Json>() * (1 + 4 * value.items().len());
        self.parser.held_bytes() + self.members.iter().map(values).sum::<usize>()
    }

    pub(super) fn finish(self) -> Document {
        let ending = match () {
            () if !self.parser.has_begun() => Ending::Empty,
            () if self.gap => Ending::Gap,
            () if self.parser.is_over() => Ending::Whole,
            () if self.parser.is_form() => Ending::Cut,
            () => Ending::Invalid,
        };
        Document { root: Json::Object(self.members), ending, overflowed: false, thread: None }
    }
}

/// Keeps a part if the shape wants it. Files of one name are a list; of other fields the last one holds.
fn add(shape: &Shape, members: &mut Vec<(&'static str, Json)>, part: Part) {
    // Lists are written as `image[]`.
    let name = part.name.strip_suffix("[]").unwrap_or(&part.name);
    let Some((key, cap)) = shape.member(name) else { return };
    let known = members.iter().position(|(known, _)| *known == key);
    let value = if part.is_file { file(&part) } else { field(&part, cap) };
    match known.and_then(|at| members.get_mut(at)) {
        Some((_, Json::List { items, count })) if part.is_file => {
            *count = count.map(|count| count.saturating_add(1));
            if items.len() < LIST_MAX {
                items.push(value);
            }
        }
        Some((_, known)) => *known = value,
        None if part.is_file => members.push((key, Json::List { items: vec![value], count: Some(1) })),
        None => members.push((key, value)),
    }
}

fn file(part: &Part) -> Json {
    let media_type = part.media_type.as_deref().filter(|text| text.len() <= MEDIA_TYPE_MAX_BYTES);
    let mut members = vec![(BYTES, Json::Unsigned(part.bytes))];
    members.extend(media_type.map(|text| (MEDIA_TYPE, text_of(text, false))));
    Json::Object(members)
}

/// A value that is wanted as a text is one; others are what they look like.
fn field(part: &Part, cap: usize) -> Json {
    let text = String::from_utf8_lossy(&part.value);
    let cut = part.bytes > part.value.len() as u64;
    if cap > 0 {
        return text_of(&text, cut || text.len() > cap);
    }
    match text.trim() {
        "true" | "True" => Json::Bool(true),
        "false" | "False" => Json::Bool(false),
        number if !cut => match (number.parse(), number.parse()) {
            (Ok(count), _) => Json::Unsigned(count),
            (_, Ok(number)) => Json::Float(number),
            _ => text_of("", !number.is_empty()),
        },
        _ => text_of("", true),
    }
}

fn text_of(text: &str, cut: bool) -> Json {
    let text = if cut { "" } else { text };
    Json::Text { text: text.to_owned(), bytes: text.len() as u64, padding: 0, cut }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]

    use std::sync::LazyLock;

    use super::*;

    static SHAPE: LazyLock<Shape> = LazyLock::new(|| {
        Shape::new(&[("model", 16), ("n", 0), ("stream", 0), ("temperature", 0), ("image", 0), ("prompt", 0)])
    });

    fn read(fields: &[(&str, &str)]) -> Json {
        let mut form = Form::new(&SHAPE, "B");
        for (head, value) in fields {
            form.push(
                format!("--B\r\nContent-Disposition: form-data; name={head}\r\n\r\n{value}\r\n").as_bytes(),
            );
        }
        form.push(b"--B--\r\n");
        let document = form.finish();
        assert_eq!(document.ending, Ending::Whole);
        document.root
    }

    #[test]
    fn fields_are_members() {
        let root = read(&[
            ("\"model\"", "gpt-image-1"),
            ("n", "2"),
            ("stream", "true"),
            ("temperature", "0.5"),
            ("prompt", "secret"),
            ("other", "x"),
            ("\"image[]\"; filename=\"a.png\"\r\nContent-Type: image/png", "12345"),
            ("\"image[]\"; filename=\"b\"", ""),
        ]);
        assert_eq!(root.get("model").text().as_deref(), Some("gpt-image-1"));
        assert_eq!((root.get("n").count(), root.get("temperature").number()), (Some(2), Some(0.5)));
        assert!(root.get("stream").is_true() && root.has("prompt") && !root.has("other"));
        assert_eq!(root.get("prompt").text(), None, "what is not wanted as text is not kept");
        let images = root.get("image").items();
        assert_eq!(images[0].get(MEDIA_TYPE).text().as_deref(), Some("image/png"));
        assert_eq!((images[0].get(BYTES).count(), images[1].get(BYTES).count()), (Some(5), Some(0)));
    }

    #[test]
    fn odd_values_are_empty() {
        let long = "x".repeat(300);
        let root = read(&[("model", &long), ("n", "two"), ("stream", "1"), ("temperature", "")]);
        assert_eq!((root.get("model").text(), root.get("n").count()), (None, None));
        assert!(!root.get("stream").is_true());
        assert_eq!(root.get("temperature").number(), None);
    }
}
