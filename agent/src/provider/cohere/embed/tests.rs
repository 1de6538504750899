use super::*;
use crate::call::Modalities;
use crate::provider::tests::wire::Wire;

#[test]
fn vectors_are_counted() {
    let texts = r#"{"model":"embed-v4.0","texts":["bob"],"input_type":"search_query","embedding_types":["float","int8"]}"#;
    let formats = &["float", "int8"][..];
    let sized = r#"{"model":"embed-v4.0","texts":["bob"],"output_dimension":256}"#;
    for (request, body, dimensions, formats) in [
        (
            texts,
            r#"{"id":"i","embeddings":{"float":[[1,2.5,3],[4,5,6]],"int8":[[1,2,3]]}}"#,
            Some(3),
            formats,
        ),
        (texts, r#"{"id":"i","embeddings":{"binary":[[1,-2,3,4]]}}"#, Some(32), formats),
        (texts, r#"{"id":"i","embeddings":{"base64":["AAAAAAAAAAA="]}}"#, Some(2), formats),
        (
            texts,
            r#"{"id":"i","embeddings":[[0.1,-2e3]],"response_type":"embeddings_floats"}"#,
            Some(2),
            formats,
        ),
        (texts, r#"{"id":"i","embeddings":{"float":[]}}"#, None, formats),
        (texts, r#"{"id":"i","embeddings":null}"#, None, formats),
        (sized, r#"{"id":"i","embeddings":{"float":[[1,2]]}}"#, Some(256), &[]),
    ] {
        let own = Wire { host: "api.cohere.com", request, target: "/v2/embed", ..Wire::default() };
        let call = Wire { pieces: &[body.as_bytes()], ..own }.play();
        let encoding_formats = formats.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(call.subject, Subject::Embeddings { dimensions, encoding_formats }, "{body}");
        assert_eq!((call.provider, call.response_id.as_deref()), ("cohere", Some("i")));
        assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    }
}

#[test]
fn images_are_measured_and_billed() {
    let request = r#"{"model":"embed-v4.0","images":["data:image/png;base64,AAAA"],
        "inputs":[{"content":[{"type":"text","text":"bob"},{"type":"image_url","image_url":{"url":"https://bob.example/x"}}]},
            {"content":[{"type":"image_url","image_url":"data:image/jpeg;base64,AA=="}]}]}"#;
    for (units, input, by) in [
        (r#"{"input_tokens":3.0,"image_tokens":0.0}"#, Some(3), (None, Some(0))),
        (
            r#"{"input_tokens":0,"image_tokens":250,"text_tokens":3,"images":1}"#,
            Some(253),
            (Some(3), Some(250)),
        ),
        (r#"{"images":1}"#, None, (None, None)),
        ("null", None, (None, None)),
    ] {
        let body =
            format!(r#"{{"id":"i","embeddings":{{"float":[[1]]}},"meta":{{"billed_units":{units}}}}}"#);
        let call = Wire {
            host: "gateway",
            target: "/cohere/v2/embed",
            request,
            pieces: &[body.as_bytes()],
            ..Wire::default()
        }
        .play();
        assert_eq!(call.usage.input, input, "{units}");
        assert_eq!(call.usage.input_by, Modalities { text: by.0, image: by.1, audio: None });
        let media: Vec<_> =
            call.media.iter().map(|media| (media.media_type.as_deref(), media.bytes)).collect();
        assert_eq!(media, [(Some("image/png"), Some(3)), (None, None), (Some("image/jpeg"), Some(1))]);
    }
}

#[test]
fn only_such_requests_are_embeddings() {
    let asked = r#"{"model":"m","texts":["bob"]}"#;
    for (target, request, status, body, expected) in [
        ("/v1/embed", asked, 200, r#"{"embeddings":[[1]]}"#, 1),
        ("/v1/embed", asked, 429, r#"{"message":"of bob"}"#, 1),
        ("/v1/embed", asked, 200, r#"{"html":"<iframe>"}"#, 0),
        ("/v1/embed", r#"{"texts":["bob"]}"#, 200, r#"{"embeddings":[[1]]}"#, 0),
        ("/v1/embed", r#"{"model":"m","url":"bob"}"#, 200, "{}", 0),
        ("/api/embed", asked, 200, r#"{"embeddings":[[1]]}"#, 0),
    ] {
        let wire =
            Wire { host: "app", target, request, status, pieces: &[body.as_bytes()], ..Wire::default() };
        assert_eq!(wire.calls().len(), expected, "{target} {request} {body}");
    }
}
