//! Images that are made from a text, or from others.

use serde_json::Value;

use super::common::{self, error, list, media, text};
use super::data::{blob, form_file, url};
use super::{Bodies, documents};
use crate::call::content::{Content, Message, Part};

/// OpenAI's images: a prompt and perhaps images in, images out.
pub(in crate::provider) fn images(bodies: &Bodies, content: &mut Content) {
    let request = &bodies.request;
    let mut parts = Vec::new();
    parts.extend(text(request, "prompt").map(|prompt| Part::Text(prompt.to_owned())));
    for place in ["image", "images", "mask"].into_iter().filter_map(|name| request.get(name)) {
        let one = std::slice::from_ref(place);
        let files = place.as_array().map_or(one, Vec::as_slice).iter();
        parts.extend(files.filter_map(file));
    }
    if !parts.is_empty() {
        content.input.push(Message { role: "user".to_owned(), parts, ..Message::default() });
    }
    for document in documents(bodies) {
        let is_last = text(document, "type").is_some_and(|kind| kind.ends_with(".completed"));
        let last = is_last.then_some(document);
        let format = text(document, "output_format").map(|format| format!("image/{format}"));
        for image in list(document, "data").iter().chain(last) {
            let mut parts = Vec::new();
            parts.extend(text(image, "revised_prompt").map(|prompt| Part::Text(prompt.to_owned())));
            parts.extend(text(image, "b64_json").map(|data| blob("image", data, format.as_deref())));
            parts.extend(text(image, "url").map(|place| url("image", place, None)));
            if !parts.is_empty() {
                content.output.push(Message { role: "assistant".to_owned(), parts, ..Message::default() });
            }
        }
        content.error = content.error.take().or_else(|| error(document));
    }
}

/// A file of a form, a URL, or a part.
fn file(value: &Value) -> Option<Part> {
    let place = value.as_str().filter(|place| !place.is_empty());
    let kept = || {
        let id = text(value, "file_id")?.to_owned();
        Some(Part::File { modality: "image", mime_type: None, id })
    };
    form_file("image", value)
        .or_else(|| place.map(|place| url("image", place, None)))
        .or_else(kept)
        .or_else(|| media(value))
}

/// Texts and images that are judged: texts, parts, or, of Mistral's, messages. The judgement is no text.
pub(in crate::provider) fn moderations(bodies: &Bodies, content: &mut Content) {
    let input = bodies.request.get("input").unwrap_or(&Value::Null);
    content.input.extend(common::prompts(input));
    let mut parts = Vec::new();
    for element in input.as_array().into_iter().flatten() {
        // Several conversations are a list of lists.
        let several = element.as_array().into_iter().flatten();
        let of_one = several.chain(element.is_object().then_some(element));
        for one in of_one {
            match one.get("role") {
                Some(_) => content.input.extend(common::message(one)),
                None => common::push_part(one, &mut parts),
            }
        }
    }
    if !parts.is_empty() {
        content.input.push(Message { role: "user".to_owned(), parts, ..Message::default() });
    }
    content.error = content.error.take().or_else(|| error(&bodies.response));
}
