//! Images, sound and moderations: what is small about them.

#![allow(clippy::indexing_slicing, reason = "tests")]

use crate::call::{Call, Modalities, Usage};
use crate::exchange::Outcome;
use crate::provider::tests::scene::Scene;
use crate::value::Value;

const FORM: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=B")];

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let part = |(head, value): &(&str, &str)| {
        format!("--B\r\nContent-Disposition: form-data; name={head}\r\n\r\n{value}\r\n")
    };
    (fields.iter().map(part).collect::<String>() + "--B--\r\n").into_bytes()
}

fn media(call: &Call) -> Vec<(&str, Option<&str>, Option<u64>)> {
    call.media.iter().map(|part| (part.modality, part.media_type.as_deref(), part.bytes)).collect()
}

const USAGE: &str = r#"{"input_tokens":50,"output_tokens":30,"total_tokens":80,"input_tokens_details":{"image_tokens":40,"text_tokens":10}}"#;

#[test]
fn images_are_content_that_a_model_makes() {
    let body = format!(r#"{{"created":1,"data":[{{"b64_json":"of bob"}}],"usage":{USAGE}}}"#);
    let request = br#"{"model":"gpt-image-1","prompt":"of bob","n":2}"#;
    let call =
        Scene { path: "/v1/images/generations", request, body: body.as_bytes(), ..Scene::default() }.play();
    assert_eq!(call.subject.operation(), Some("generate_content"));
    assert_eq!(
        (call.request_model.as_deref(), call.parameters.output_type),
        (Some("gpt-image-1"), Some("image"))
    );
    assert_eq!(call.parameters.choice_count, Some(2));
    let input_by = Modalities { text: Some(10), image: Some(40), audio: None };
    assert_eq!(call.usage, Usage { input: Some(50), output: Some(30), input_by, ..Usage::default() });
    assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    let partial = r#"{"type":"image_generation.partial_image","b64_json":"of bob"}"#;
    let done = format!(r#"{{"type":"image_generation.completed","b64_json":"of bob","usage":{USAGE}}}"#);
    let call =
        Scene { path: "/v1/images/generations", request, events: &[partial, &done], ..Scene::default() }
            .play();
    assert_eq!((call.usage.input, call.stream, call.stream_ended), (Some(50), true, true));
}

#[test]
fn edits_ask_by_a_form() {
    let request = form(&[
        ("model", "gpt-image-1"),
        ("prompt", "of bob"),
        ("n", "3"),
        ("\"image[]\"; filename=bob.png\r\nContent-Type: image/png", "12345"),
        ("image[]; filename=b", "1"),
    ]);
    for piece in [1, 7, usize::MAX] {
        let call = Scene {
            path: "/v1/images/edits",
            request: &request,
            request_fields: FORM,
            body: br#"{"created":1,"data":[]}"#,
            piece,
            ..Scene::default()
        }
        .play();
        assert_eq!(
            (call.request_model.as_deref(), call.parameters.choice_count),
            (Some("gpt-image-1"), Some(3))
        );
        assert_eq!(media(&call), [("image", Some("image/png"), Some(5)), ("image", None, Some(1))]);
        assert_eq!(call.notes, [""; 0]);
        assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    }
    let json = br#"{"model":"gpt-image-1","prompt":"x","images":[{"image_url":"data:image/png;base64,AAAA"},{"file_id":"f"}]}"#;
    let call = Scene { path: "/v1/images/edits", request: json, body: b"{}", ..Scene::default() }.play();
    assert_eq!(media(&call), [("image", Some("image/png"), Some(3)), ("image", None, None)]);
}

#[test]
fn others_images_are_none() {
    for (request, body, expected) in [
        (form(&[("photo; filename=x", "1")]), r#"{"id":1}"#, 0),
        (form(&[("image; filename=x", "1")]), r#"{"created":1,"data":[{"url":"x"}]}"#, 1),
        (form(&[("image; filename=x", "1"), ("prompt", "x")]), "<html>", 1),
    ] {
        let scene = Scene {
            host: "photos.example",
            path: "/v1/images/edits",
            request: &request,
            request_fields: FORM,
            body: body.as_bytes(),
            ..Scene::default()
        };
        assert_eq!(scene.calls().len(), expected, "{body}");
    }
}

fn transcribe(request: &[u8], body: &[u8], events: &[&str], status: u16) -> Call {
    let path = "/v1/audio/transcriptions";
    Scene { path, request, request_fields: FORM, body, events, status, ..Scene::default() }.play()
}

#[test]
fn transcriptions_are_counted_in_tokens_or_seconds() {
    let request = form(&[
        ("\"file\"; filename=\"bob.wav\"\r\nContent-Type: audio/wav", "1234567"),
        ("\"model\"", "gpt-4o-transcribe"),
        ("\"response_format\"", "json"),
        ("\"temperature\"", "0.5"),
    ]);
    let tokens =
        br#"{"text":"of bob","usage":{"type":"tokens","input_tokens":14,"output_tokens":5,"total_tokens":19,
        "input_token_details":{"text_tokens":0,"audio_tokens":14}}}"#;
    let call = transcribe(&request, tokens, &[], 200);
    assert_eq!(
        (call.request_model.as_deref(), call.parameters.output_type),
        (Some("gpt-4o-transcribe"), Some("json"))
    );
    assert_eq!(
        (call.usage.input, call.usage.input_by.audio, call.usage.output),
        (Some(14), Some(14), Some(5))
    );
    assert_eq!(media(&call), [("audio", Some("audio/wav"), Some(7))]);
    assert_eq!((call.parameters.temperature, call.notes.len()), (Some(0.5), 0));
    let call =
        transcribe(&request, br#"{"text":"of bob","usage":{"type":"duration","seconds":7.5}}"#, &[], 200);
    assert_eq!(call.extra, [("spanwire.usage.audio.input_seconds", Value::Double(7.5))]);
    let call = transcribe(&request, br#"{"text":"of bob"}"#, &[], 200);
    assert_eq!(call.notes, ["response carried no usage"]);
    let call = transcribe(&request, b"1\n00:00:00,000 --> 00:00:01,000\nof bob\n", &[], 200);
    assert_eq!((call.notes.len(), call.error_code), (0, None), "subtitles are no document");
    let call = transcribe(&request, b"<html>bad gateway</html>", &[], 502);
    assert_eq!(call.notes, ["response body is not JSON"]);
    let done =
        r#"{"type":"transcript.text.done","text":"of bob","usage":{"input_tokens":14,"output_tokens":5}}"#;
    let call =
        transcribe(&request, b"", &[r#"{"type":"transcript.text.delta","delta":"of bob"}"#, done], 200);
    assert_eq!((call.usage.input, call.stream_ended), (Some(14), true));
    assert!(!format!("{call:?}").contains("bob"), "{call:?}");
}

#[test]
fn a_form_that_is_cut_is_noted() {
    let request = form(&[("model", "whisper-1"), ("file; filename=x", "1234")]);
    let cut = &request[..request.len() - 12];
    let scene = Scene {
        path: "/v1/audio/transcriptions",
        request: cut,
        request_fields: FORM,
        outcome: Outcome::Cancelled,
        ..Scene::default()
    };
    let call = scene.play();
    assert_eq!(
        (call.request_model.as_deref(), call.notes.as_slice()),
        (Some("whisper-1"), &["request body is incomplete"][..])
    );
}

#[test]
fn speech_is_sound() {
    let request = br#"{"model":"gpt-4o-mini-tts","input":"of bob","voice":"alloy"}"#;
    let call =
        Scene { path: "/v1/audio/speech", request, body: b"\xff\xfb\x90:\x00{", ..Scene::default() }.play();
    assert_eq!(
        (call.request_model.as_deref(), call.parameters.output_type),
        (Some("gpt-4o-mini-tts"), Some("speech"))
    );
    assert_eq!((call.notes.len(), call.usage), (0, Usage::default()));
    let done =
        r#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#;
    let events = &[r#"{"type":"speech.audio.delta","audio":"of bob"}"#, done];
    let call = Scene { path: "/v1/audio/speech", request, events, ..Scene::default() }.play();
    assert_eq!((call.usage.output, call.stream_ended), (Some(101), true));
}

#[test]
fn moderations_have_no_tokens() {
    let request = br#"{"model":"omni-moderation-latest","input":[{"type":"text","text":"of bob"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}"#;
    let body = br#"{"id":"modr-1","model":"omni-moderation-2024-09-26","results":[{"flagged":true}]}"#;
    let call = Scene { path: "/v1/moderations", request, body, ..Scene::default() }.play();
    assert_eq!(call.subject.operation(), Some("moderation"));
    assert_eq!(call.response_model.as_deref(), Some("omni-moderation-2024-09-26"));
    assert_eq!((media(&call).len(), call.notes.len()), (1, 0));
    for (request, expected) in [(&b"{\"comment\":7}"[..], 0), (b"{\"input\":\"x\"}", 1)] {
        let scene = Scene {
            host: "forum.example",
            path: "/v1/moderations",
            request,
            body: b"{}",
            ..Scene::default()
        };
        assert_eq!(scene.calls().len(), expected);
    }
}
