//! What messages have beside text: images, sound, documents.

use crate::call::{Call, Media};
use crate::provider::follow::WORD;
use crate::provider::json::Json;
use crate::provider::media::{self, URL};

/// Where a chat's messages have them, by all names that are in use: OpenAI's; vLLM's for video and sound; Mistral's.
pub(super) const OF_MESSAGES: &[(&str, usize)] = &[
    ("messages[].content[].image_url", URL),
    ("messages[].content[].image_url.url", URL),
    ("messages[].content[].video_url.url", URL),
    ("messages[].content[].audio_url.url", URL),
    ("messages[].content[].document_url", URL),
    ("messages[].content[].input_audio", URL),
    ("messages[].content[].input_audio.data", URL),
    ("messages[].content[].input_audio.format", WORD),
    ("messages[].content[].file.file_data", URL),
    ("messages[].content[].file.file_id", 0),
];

/// Where the items of a response's input have them: in messages, in what tools gave.
pub(super) const OF_INPUT: &[(&str, usize)] = &[
    ("input[].content[].type", WORD),
    ("input[].content[].image_url", URL),
    ("input[].content[].file_data", URL),
    ("input[].content[].file_url", URL),
    ("input[].content[].file_id", 0),
    ("input[].content[].input_audio.data", URL),
    ("input[].content[].input_audio.format", WORD),
    ("input[].output[].type", WORD),
    ("input[].output[].image_url", URL),
    ("input[].output[].file_data", URL),
    ("input[].output[].file_url", URL),
    ("input[].output[].file_id", 0),
    // A computer's screenshot.
    ("input[].output.image_url", URL),
];

/// Takes over what stands in the messages of a chat.
pub(super) fn take_of_messages(asked: &Json, call: &mut Call) {
    let messages = asked.get("messages");
    for part in messages.items().iter().flat_map(|message| message.get("content").items()) {
        of_part(part).into_iter().for_each(|media| call.add_media(media));
    }
    note_overflow(messages, call);
}

/// Takes over what stands in the input of a response.
pub(super) fn take_of_input(asked: &Json, call: &mut Call) {
    let input = asked.get("input");
    for item in input.items() {
        let (content, output) = (item.get("content"), item.get("output"));
        for part in content.items().iter().chain(output.items()).chain([output]) {
            of_item(part).into_iter().for_each(|media| call.add_media(media));
        }
    }
    note_overflow(input, call);
}

fn note_overflow(list: &Json, call: &mut Call) {
    if list.length().is_some_and(|length| length > list.items().len() as u64) {
        call.note("only the first messages were looked at for images and files");
    }
}

/// A part of a chat's message; `None` for text.
pub(in crate::provider) fn of_part(part: &Json) -> Option<Media> {
    let url = |name: &str, modality| {
        let member = part.get(name);
        media::of_url(modality, member).or_else(|| media::of_url(modality, member.get("url")))
    };
    url("image_url", "image")
        .or_else(|| url("video_url", "video"))
        .or_else(|| url("audio_url", "audio"))
        .or_else(|| url("document_url", "document"))
        .or_else(|| of_sound(part.get("input_audio")))
        .or_else(|| media::of_base64("document", part.get("file.file_data"), None))
        .or_else(|| pointed_at("document", part.get("file.file_id")))
}

/// A part of a response's input.
fn of_item(part: &Json) -> Option<Media> {
    let is_image = part.get("type").as_text() == Some("input_image");
    let file = if is_image { "image" } else { "document" };
    media::of_url("image", part.get("image_url"))
        .or_else(|| media::of_base64("document", part.get("file_data"), None))
        .or_else(|| media::of_url("document", part.get("file_url")))
        .or_else(|| pointed_at(file, part.get("file_id")))
        .or_else(|| of_sound(part.get("input_audio")))
}

/// Base64 alone, or with its format beside it.
fn of_sound(sound: &Json) -> Option<Media> {
    let media_type = sound.get("format").as_text().map(|format| match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    });
    media::of_base64("audio", sound, None)
        .or_else(|| media::of_base64("audio", sound.get("data"), media_type.as_deref()))
}

fn pointed_at(modality: &'static str, id: &Json) -> Option<Media> {
    let Json::Text { bytes: 1.., .. } = id else { return None };
    Some(Media { modality, media_type: None, bytes: None })
}
