//! What messages have beside text: images and documents, of a message or of what a tool gave.

use crate::call::{Call, Media};
use crate::provider::follow::WORD;
use crate::provider::json::Json;
use crate::provider::media;

pub(super) const OF_MESSAGES: &[(&str, usize)] = &[
    ("messages[].content[].type", WORD),
    ("messages[].content[].file_id", 0),
    ("messages[].content[].source.type", WORD),
    ("messages[].content[].source.media_type", WORD),
    ("messages[].content[].source.data", 0),
    ("messages[].content[].source.url", 0),
    ("messages[].content[].source.file_id", 0),
    ("messages[].content[].content[].type", WORD),
    ("messages[].content[].content[].source.type", WORD),
    ("messages[].content[].content[].source.media_type", WORD),
    ("messages[].content[].content[].source.data", 0),
    ("messages[].content[].content[].source.url", 0),
    ("messages[].content[].content[].source.file_id", 0),
];

/// Takes over what stands in the messages of a request.
pub(super) fn take_of_messages(asked: &Json, call: &mut Call) {
    let messages = asked.get("messages");
    for block in messages.items().iter().flat_map(|message| message.get("content").items()) {
        for part in std::iter::once(block).chain(block.get("content").items()) {
            of_block(part).into_iter().for_each(|media| call.add_media(media));
        }
    }
    if messages.length().is_some_and(|length| length > messages.items().len() as u64) {
        call.note("only the first messages were looked at for images and files");
    }
}

/// A block of content; `None` for text and the like.
fn of_block(block: &Json) -> Option<Media> {
    let modality = match block.get("type").as_text()? {
        "image" => "image",
        "document" | "container_upload" => "document",
        _ => return None,
    };
    let source = block.get("source");
    let media_type = source.get("media_type").as_text();
    let bytes = match (source.get("type").as_text(), source.get("data")) {
        (Some("text"), Json::Text { bytes, .. }) => Some(*bytes),
        (_, data @ Json::Text { .. }) => return media::of_base64(modality, data, media_type),
        _ => None,
    };
    Some(Media { modality, media_type: media_type.and_then(media::media_type), bytes })
}
