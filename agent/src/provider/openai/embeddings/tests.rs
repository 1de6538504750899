#![allow(clippy::panic, reason = "tests")]

use crate::call::{Call, Subject, Usage};
use crate::exchange::Outcome;
use crate::provider::tests::scene::Scene;

fn embeddings(call: &Call) -> (Option<u64>, Vec<&str>) {
    let Subject::Embeddings { dimensions, encoding_formats } = &call.subject else { panic!("{call:?}") };
    (*dimensions, encoding_formats.iter().map(String::as_str).collect())
}

fn play(request: &str, body: &str) -> Call {
    let scene = Scene {
        path: "/v1/embeddings",
        request: request.as_bytes(),
        body: body.as_bytes(),
        ..Scene::default()
    };
    let whole = scene.play();
    assert_eq!(Scene { piece: 1, ..scene }.play(), whole, "byte by byte");
    whole
}

#[test]
fn the_length_of_vectors_is_known_from_either_side() {
    // Two floats of four bytes.
    let base64 = r#"{"data":[{"embedding":"AACAPwAAAEA="}]}"#;
    let list = r#"{"data":[{"index":0,"embedding":[0.1,-2e-3,0.5]},{"index":1,"embedding":[1]}]}"#;
    for (request, body, dimensions, formats) in [
        (r#"{"input":"x","model":"m","encoding_format":"base64"}"#, base64, Some(2), &["base64"][..]),
        (r#"{"input":"x","model":"m"}"#, list, Some(3), &[]),
        (
            r#"{"input":"x","model":"m","dimensions":256,"encoding_format":"float"}"#,
            list,
            Some(256),
            &["float"],
        ),
        (r#"{"input":"x","model":"m","output_dimension":512,"output_dtype":"int8"}"#, list, Some(512), &[]),
        (r#"{"input":"x","model":"m","output_dtype":"ubinary"}"#, list, Some(24), &[]),
        (
            r#"{"input":"x","model":"m","output_dtype":"int8","encoding_format":"base64"}"#,
            base64,
            None,
            &["base64"],
        ),
        (
            r#"{"input":["x"],"model":"m","embedding_type":["float","binary"]}"#,
            base64,
            None,
            &["float", "binary"],
        ),
        (r#"{"input":"x","model":"m","dimensions":"many"}"#, r#"{"data":[{"embedding":null}]}"#, None, &[]),
        (r#"{"input":"x","model":"m"}"#, r#"{"data":[{"embedding":[]}]}"#, None, &[]),
        (r#"{"input":"x","model":"m"}"#, r#"{"data":{}}"#, None, &[]),
        (r#"{"inputs":[["x"]],"model":"m"}"#, r#"{"data":[{"data":[{"embedding":[1,2]}]}]}"#, Some(2), &[]),
    ] {
        assert_eq!(embeddings(&play(request, body)), (dimensions, formats.to_vec()), "{request} {body}");
    }
    let cut = Scene {
        path: "/v1/embeddings",
        request: br#"{"input":"x","model":"m"}"#,
        body: br#"{"data":[{"embedding":[0.1,-2e-3,"#,
        outcome: Outcome::PeerClosed,
        ..Scene::default()
    };
    assert_eq!(embeddings(&cut.play()).0, None, "half a vector has no length");
}

#[test]
fn all_tokens_are_input() {
    for (usage, input) in [
        (r#"{"prompt_tokens":8,"total_tokens":8}"#, Some(8)),
        (r#"{"prompt_tokens":8,"completion_tokens":0,"total_tokens":8}"#, Some(8)),
        (r#"{"total_tokens":8}"#, Some(8)),
        (r#"{"input_tokens":8}"#, Some(8)),
        ("null", None),
    ] {
        let call =
            play(r#"{"input":"x","model":"m"}"#, &format!(r#"{{"model":"m-1","data":[],"usage":{usage}}}"#));
        assert_eq!(call.usage, Usage { input, ..Usage::default() }, "{usage}");
        assert_eq!(call.notes.contains(&"response carried no usage"), input.is_none());
    }
}

#[test]
fn errors_are_named() {
    let call = Scene {
        path: "/v1/embeddings",
        request: br#"{"input":"x","model":"m"}"#,
        status: 400,
        body: br#"{"error":{"message":"of bob","type":"invalid_request_error","code":"too_long"}}"#,
        ..Scene::default()
    };
    assert_eq!(call.play().error_code.as_deref(), Some("too_long"));
}

#[test]
fn images_are_counted_too() {
    let request = r#"{"model":"m","inputs":[{"content":[{"type":"text","text":"x"},
        {"type":"image_base64","image_base64":"data:image/png;base64,AAAA"},{"type":"image_url","image_url":"https://x"}]}]}"#;
    let call = play(request, "{}");
    assert_eq!(call.media.iter().map(|part| part.bytes).collect::<Vec<_>>(), [Some(3), None]);
    let call = play(r#"{"model":"m","input":[{"text":"x"},{"image":"AAAA"}]}"#, "{}");
    assert_eq!(call.media.len(), 1);
}

#[test]
fn only_embeddings_are_some() {
    for (host, path, request, body, expected) in [
        ("ml.example", "/v1/embeddings", r#"{"name":"x"}"#, r#"{"id":1}"#, 0),
        ("ml.example", "/v1/embeddings", r#"{"input":"x"}"#, "{}", 1),
        ("ml.example", "/v1/embeddings", "", r#"{"data":[{"embedding":[1]}]}"#, 1),
        ("api.openai.com", "/v1/embeddings", "", "", 1),
        ("api.voyageai.com", "/v1/multimodalembeddings", "{}", "{}", 1),
    ] {
        let scene =
            Scene { host, path, request: request.as_bytes(), body: body.as_bytes(), ..Scene::default() };
        assert_eq!(scene.calls().len(), expected, "{host} {path} {request} {body}");
    }
}

#[test]
fn azure_names_the_deployment_in_the_path() {
    let call = Scene {
        host: "acme.openai.azure.com",
        path: "/openai/deployments/embed/embeddings",
        parameters: &["api-version"],
        request: br#"{"input":"x"}"#,
        body: br#"{"model":"text-embedding-3-small","data":[]}"#,
        ..Scene::default()
    }
    .play();
    assert_eq!((call.provider, call.request_model.as_deref()), ("azure.ai.openai", Some("embed")));
    assert_eq!(call.response_model.as_deref(), Some("text-embedding-3-small"));
}
