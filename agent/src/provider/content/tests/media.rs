//! Images, sound, and what is judged.

use super::*;

#[test]
fn images_sound_and_judgements() {
    for case in [
        case(
            images,
            json!({"prompt": "a cat"}),
            json!({"data": [{"b64_json": "AAAA", "revised_prompt": "a small cat"}, {"url": "https://example.com/x"}, {}, 7], "output_format": "webp"}),
            Content {
                input: input(vec![words("a cat")]).input,
                output: vec![
                    message("assistant", vec![words("a small cat"), blob("image", "image/webp", "AAAA", 3)]),
                    message("assistant", vec![uri("image", "https://example.com/x")]),
                ],
                ..Content::default()
            },
        ),
        // A form's files, and what others send in JSON.
        case(
            images,
            json!({"prompt": "a hat", "image": [{"media_type": "image/png", "bytes": 5}], "mask": [{"bytes": 6}]}),
            Value::Null,
            input(vec![words("a hat"), blob("image", "image/png", "", 5), blob("image", "", "", 6)]),
        ),
        case(
            images,
            json!({"images": [{"image_url": "data:image/png;base64,AA=="}, {"file_id": "file-1"}], "image": "https://example.com/x"}),
            json!({"error": {"message": "bad"}}),
            Content {
                error: Some("bad".to_owned()),
                ..input(vec![
                    uri("image", "https://example.com/x"),
                    blob("image", "image/png", "AA==", 1),
                    file("image", "file-1"),
                ])
            },
        ),
        stream(
            images,
            vec![
                json!({"type": "image_generation.partial_image", "b64_json": "AAAA"}),
                json!({"type": "image_generation.completed", "b64_json": "AAAAAAAA", "output_format": "png"}),
            ],
            output(vec![blob("image", "image/png", "AAAAAAAA", 6)]),
        ),
        case(
            speech,
            json!({"input": "hi", "instructions": "slowly"}),
            Value::Null,
            Content { system: vec![words("slowly")], ..input(vec![words("hi")]) },
        ),
        stream(
            speech,
            vec![
                json!({"type": "speech.audio.delta", "audio": "AAAA"}),
                json!({"type": "speech.audio.delta", "audio": "AA=="}),
            ],
            output(vec![blob("audio", "", "AAAAAA==", 4)]),
        ),
        case(
            transcriptions,
            json!({"prompt": "of bob", "file": [{"media_type": "audio/mpeg", "bytes": 7}]}),
            json!({"text": "hi"}),
            Content {
                input: input(vec![words("of bob"), blob("audio", "audio/mpeg", "", 7)]).input,
                ..output(vec![words("hi")])
            },
        ),
        stream(
            transcriptions,
            vec![
                json!({"type": "transcript.text.delta", "delta": "h"}),
                json!({"type": "transcript.text.delta", "delta": "i"}),
            ],
            output(vec![words("hi")]),
        ),
        stream(
            transcriptions,
            vec![
                json!({"type": "transcription.text.delta", "text": "h"}),
                json!({"type": "transcription.done", "text": "hi"}),
            ],
            output(vec![words("hi")]),
        ),
        case(
            moderations,
            json!({"input": "x"}),
            json!({"results": [{"flagged": true}]}),
            input(vec![words("x")]),
        ),
        case(
            moderations,
            json!({"input": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "https://example.com/x"}}]}),
            Value::Null,
            input(vec![words("x"), uri("image", "https://example.com/x")]),
        ),
        case(
            moderations,
            json!({"input": [[{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], {"role": "user", "content": "z"}, 7]}),
            json!({"message": "bad", "object": "error"}),
            Content {
                input: vec![
                    message("user", vec![words("x")]),
                    message("assistant", vec![words("y")]),
                    message("user", vec![words("z")]),
                ],
                error: Some("bad".to_owned()),
                ..Content::default()
            },
        ),
    ] {
        case.check();
    }
}
