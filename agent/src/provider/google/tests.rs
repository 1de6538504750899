use super::*;
use crate::call::{Inference, Parameters, Subject, Usage};
use crate::event::End;
use crate::provider::tests::wire::{Wire, pieces};

const REQUEST: &str = r#"{"contents":[{"role":"user","parts":[{"text":"bob"},{"inlineData":{"data":"AAAAAAAA","mime_type":"image/png"}},
    {"fileData":{"fileUri":"gs://bob","mimeType":"application/pdf"}}]}],
    "generationConfig":{"temperature":0,"topK":3.0,"topP":0.5,"maxOutputTokens":9,"candidateCount":2,"stopSequences":["END"],
    "responseMimeType":"application/json","thinkingConfig":{"thinking_level":"LOW"}}}"#;

const ANSWER: &str = r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"bob"},{"functionCall":{"name":"weather","args":{"name":"bob"}}}]},
    "finishReason":"STOP"},{"index":0,"finishReason":"MAX_TOKENS"}],"modelVersion":"gemini-2.5-flash-001","responseId":"r1",
    "usageMetadata":{"promptTokenCount":20,"toolUsePromptTokenCount":5,"cachedContentTokenCount":8,"candidatesTokenCount":7,"thoughtsTokenCount":3,
    "totalTokenCount":35,"trafficType":"ON_DEMAND","promptTokensDetails":[{"modality":"TEXT","tokenCount":12},{"modality":"IMAGE","tokenCount":8},
    {"modality":"VIDEO","tokenCount":1},{"modality":"TEXT","tokenCount":"x"}],"toolUsePromptTokensDetails":[{"modality":"TEXT","tokenCount":5}]}}"#;

/// As the service lays a list out.
const LIST: &str = "[{\n  \"candidates\": [\n    {\n      \"content\": {\"parts\": [{\"text\": \"bob\\n{\"}]}\n    }\n  ],\n  \"responseId\": \"r2\",\n  \"usageMetadata\": {\"promptTokenCount\": 4}\n}\n,\r\n{\n  \"candidates\": [{\"finishReason\": \"STOP\"}],\n  \"usageMetadata\": {\n    \"promptTokenCount\": 4,\n    \"candidatesTokenCount\": 6\n  }\n}\n]\n";

fn gemini(method: &str) -> String {
    format!("/v1beta/models/gemini-2.5-flash:{method}")
}

#[test]
fn a_whole_answer_is_read() {
    let target = gemini("generateContent?key=bob");
    let body = [ANSWER.as_bytes()];
    let host = "generativelanguage.googleapis.com";
    let call = Wire { host, target: &target, request: REQUEST, pieces: &body, ..Wire::default() }.play();
    assert_eq!((call.provider, call.stream), ("gcp.gemini", false));
    assert_eq!(call.request_model.as_deref(), Some("gemini-2.5-flash"));
    assert_eq!(call.response_model.as_deref(), Some("gemini-2.5-flash-001"));
    assert_eq!(call.response_id.as_deref(), Some("r1"));
    assert_eq!(call.finish_reasons(), ["max_tokens", "stop"]);
    assert_eq!(call.service_tier.as_deref(), Some("ON_DEMAND"));
    let usage = Usage {
        input: Some(25),
        output: Some(10),
        cache_read: Some(8),
        reasoning: Some(3),
        input_by: Modalities { text: Some(17), image: Some(8), audio: None },
        ..Usage::default()
    };
    assert_eq!(call.usage, usage);
    let parameters = Parameters {
        temperature: Some(0.0),
        top_k: Some(3),
        top_p: Some(0.5),
        max_tokens: Some(9),
        choice_count: Some(2),
        stop_sequences: vec!["END".to_owned()],
        output_type: Some("json"),
        reasoning_level: Some("LOW".to_owned()),
        ..Parameters::default()
    };
    assert_eq!(call.parameters, parameters);
    let media: Vec<_> = call.media.iter().map(|part| (part.modality, part.bytes)).collect();
    assert_eq!(media, [("image", Some(6)), ("document", None)]);
    assert_eq!(call.tool_calls.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["weather"]);
    assert_eq!(call.notes, [""; 0]);
    assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
}

#[test]
fn a_list_is_a_stream() {
    let target = gemini("streamGenerateContent");
    for size in [1, 40, 10_000] {
        let pieces = pieces(LIST.as_bytes(), size);
        let call = Wire { target: &target, pieces: &pieces, ..Wire::default() }.play();
        assert_eq!((call.provider, call.stream), ("gcp.gen_ai", true));
        assert_eq!(call.usage, Usage { input: Some(4), output: Some(6), ..Usage::default() });
        assert_eq!(
            (call.finish_reasons(), call.response_id.as_deref()),
            (&["stop".to_owned()][..], Some("r2"))
        );
        let first = LIST.find("}\n,").unwrap_or(0) / size;
        assert_eq!(call.first_chunk_ns, Some(1_000 + first as u64), "{size}");
        assert_eq!(call.notes, [""; 0]);
    }
    // Behind a gap it goes on with the next element.
    let (head, tail) = LIST.as_bytes().split_at(60);
    let tail = tail.split_at(20).1;
    let call = Wire { target: &target, pieces: &[head, tail], gap: 20, ..Wire::default() }.play();
    assert_eq!(call.finish_reasons(), ["stop"]);
    assert_eq!(call.usage.output, Some(6));
    assert_eq!(call.notes, ["stream event is damaged", "bytes of the bodies were not captured"]);
}

#[test]
fn errors_and_ends_are_told() {
    let sse = "Content-Type: text/event-stream\r\n";
    let json = "Content-Type: application/json\r\n";
    let error: &[u8] = br#"{"error":{"code":429,"message":"bob","status":"RESOURCE_EXHAUSTED"}}"#;
    let wrapped: &[u8] = br#"[{"error":{"code":503,"message":"bob","status":"bob is sad"}}]"#;
    let bare: &[u8] = br#"{"error":{"message":"bob"}}"#;
    let first: &[u8] =
        b"data: {\"candidates\":[{\"content\":{}}],\"usageMetadata\":{\"promptTokenCount\":4}}\r\n\r\n";
    let late: &[u8] =
        b"data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\",\"message\":\"bob\"}}\r\n\r\n";
    let blocked: &[u8] =
        br#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#;
    let nulls: &[u8] = br#"{"candidates":null,"usageMetadata":null,"promptFeedback":null,"error":null}"#;
    for (method, answer, status, pieces, end, reasons, code) in [
        ("generateContent", json, 429, &[error][..], None, &[][..], Some("RESOURCE_EXHAUSTED")),
        ("streamGenerateContent", json, 503, &[wrapped], None, &[], Some("503")),
        ("generateContent", json, 400, &[bare], None, &[], None),
        ("generateContent", json, 502, &[b"<html>bob"], None, &[], None),
        ("streamGenerateContent", sse, 200, &[first, late], None, &["error"], Some("UNAVAILABLE")),
        ("streamGenerateContent", sse, 200, &[first], Some(End::Closed), &["error"], None),
        ("streamGenerateContent", sse, 200, &[first], Some(End::PeerClosed), &["error"], None),
        ("generateContent", json, 200, &[blocked], None, &["safety"], None),
        ("generateContent", json, 200, &[nulls], None, &[], None),
    ] {
        let target = gemini(method);
        let call = Wire { target: &target, answer, status, pieces, end, ..Wire::default() }.play();
        assert_eq!(call.finish_reasons(), reasons, "{call:?}");
        assert_eq!(call.error_code.as_deref(), code, "{call:?}");
        assert_eq!(call.first_chunk_ns.is_some(), answer == sse, "{call:?}");
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn the_class_of_service_has_three_names() {
    let json = "Content-Type: application/json\r\n";
    let field = "Content-Type: application/json\r\nX-Gemini-Service-Tier: standard\r\n";
    for (answer, body, expected) in [
        (field, "{}", Some("standard")),
        (field, r#"{"usageMetadata":{"serviceTier":"flex"}}"#, Some("flex")),
        (
            json,
            r#"{"usageMetadata":{"trafficType":"PROVISIONED_THROUGHPUT"}}"#,
            Some("PROVISIONED_THROUGHPUT"),
        ),
        (json, r#"{"usageMetadata":{"trafficType":7}}"#, None),
    ] {
        let target = gemini("generateContent");
        let call = Wire { target: &target, answer, pieces: &[body.as_bytes()], ..Wire::default() }.play();
        assert_eq!(call.service_tier.as_deref(), expected, "{body}");
    }
}

#[test]
fn the_path_names_model_and_backend() {
    let vertex = "/v1beta1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent";
    for (host, target, provider, model) in [
        ("eu-aiplatform.googleapis.com", vertex, "gcp.vertex_ai", "gemini-2.5-pro"),
        ("localhost", vertex, "gcp.vertex_ai", "gemini-2.5-pro"),
        ("localhost", "/v1/models/gemini%3AgenerateContent", "gcp.gen_ai", "gemini"),
        ("localhost", "/v1/tunedModels/mine:generateContent", "gcp.gen_ai", "tunedModels/mine"),
        (
            "aiplatform.googleapis.com",
            "/v1/projects/p/locations/l/endpoints/7:generateContent",
            "gcp.vertex_ai",
            "endpoints/7",
        ),
    ] {
        let call = Wire { host, target, pieces: &[b"{}"], ..Wire::default() }.play();
        assert_eq!((call.provider, call.request_model.as_deref()), (provider, Some(model)), "{target}");
    }
}

#[test]
fn embeddings_and_predictions_are_read() {
    let vertex = |model: &str, method: &str| {
        format!("/v1/projects/p/locations/l/publishers/google/models/{model}:{method}")
    };
    let statistics = r#"{"predictions":[{"embeddings":{"values":[1,2,3],"statistics":{"token_count":4.0}}},{"embeddings":{"values":[4,5,6],"statistics":{"token_count":2}}}]}"#;
    for (target, request, body, dimensions, input) in [
        (
            gemini("embedContent"),
            "{}",
            r#"{"embedding":{"values":[1,2]},"usageMetadata":{"promptTokenCount":4}}"#,
            Some(2),
            Some(4),
        ),
        (
            gemini("batchEmbedContents"),
            r#"{"requests":[{"outputDimensionality":8}]}"#,
            r#"{"embeddings":[{"values":[1]}]}"#,
            Some(8),
            None,
        ),
        (
            gemini("batchEmbedContents"),
            "{}",
            r#"{"embeddings":[{"values":[1,2]},{"values":[3,4]}]}"#,
            Some(2),
            None,
        ),
        (vertex("text-embedding-005", "predict"), "{}", statistics, Some(3), Some(6)),
        (
            vertex("multimodalembedding", "predict"),
            r#"{"parameters":{"dimension":128}}"#,
            r#"{"predictions":[{"imageEmbedding":[1]}]}"#,
            Some(128),
            None,
        ),
        (vertex("text-embedding-005", "predict"), "{}", r#"{"predictions":null}"#, None, None),
    ] {
        let call = Wire { target: &target, request, pieces: &[body.as_bytes()], ..Wire::default() }.play();
        assert_eq!(
            call.subject,
            Subject::Embeddings { dimensions, encoding_formats: Vec::new() },
            "{target}"
        );
        assert_eq!(call.usage.input, input, "{target}");
    }
    let target = vertex("imagen-4.0-generate-001", "predict");
    let request = r#"{"instances":[{"prompt":"bob"}],"parameters":{"sampleCount":2}}"#;
    let body: &[u8] = br#"{"predictions":[{"bytesBase64Encoded":"Ym9i","mimeType":"image/png"}]}"#;
    let call = Wire { target: &target, request, pieces: &[body], ..Wire::default() }.play();
    let operation = Inference::GenerateContent;
    assert_eq!(call.subject, Subject::Inference { operation, finish_reasons: Vec::new() });
    assert_eq!((call.parameters.output_type, call.parameters.choice_count), (Some("image"), Some(2)));
}

#[test]
fn a_publisher_s_own_format_is_read() {
    let claude = |method: &str| {
        format!("/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5@20250929:{method}")
    };
    let request = r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[{"role":"user","content":"bob"}]}"#;
    let body: &[u8] = br#"{"id":"msg_1","type":"message","model":"claude-sonnet-4-5-20250929","stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;
    let target = claude("rawPredict");
    let call = Wire { target: &target, request, pieces: &[body], ..Wire::default() }.play();
    assert_eq!((call.provider, call.subject.operation()), ("gcp.vertex_ai", Some("chat")));
    assert_eq!(call.request_model.as_deref(), Some("claude-sonnet-4-5@20250929"));
    assert_eq!(call.response_model.as_deref(), Some("claude-sonnet-4-5-20250929"));
    assert_eq!(
        (call.usage.input, call.usage.output, call.finish_reasons()),
        (Some(3), Some(4), &["stop".to_owned()][..])
    );
    for (body, expected) in [
        (r#"{"error":{"code":404,"message":"bob","status":"NOT_FOUND"}}"#, "NOT_FOUND"),
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"bob"}}"#, "overloaded_error"),
    ] {
        let wire = Wire { target: &target, status: 404, pieces: &[body.as_bytes()], ..Wire::default() };
        assert_eq!(wire.play().error_code.as_deref(), Some(expected));
    }
}

#[test]
fn counting_is_no_call() {
    let count = "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict";
    let request = r#"{"model":"claude","anthropic_version":"x","messages":[{"role":"user","content":"bob"}],"contents":[]}"#;
    let generative = r#"{"contents":[{"parts":[{"text":"bob"}]}]}"#;
    let tokens = gemini("countTokens");
    for (target, request) in [
        (count, request),
        (&*tokens, generative),
        ("/v1/models/half_plus_two:predict", r#"{"instances":[1]}"#),
    ] {
        let wire =
            Wire { target, request, pieces: &[br#"{"input_tokens":9,"totalTokens":9}"#], ..Wire::default() };
        assert_eq!(wire.calls(), [], "{target}");
    }
}
