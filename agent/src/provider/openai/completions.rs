//! Text completions: a prompt in, its continuation out. Also Mistral's and DeepSeek's, which fill in the middle.

use super::chat::Completion;
use super::{ATTRIBUTES, AZURE, OPENAI};
use crate::call::{Inference, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::follow::Follow;
use crate::provider::json::Json;
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};

/// Azure's path, as for chats. It is no endpoint of its own: the deployment may be called `chat`.
const DEPLOYMENT: Endpoint = Endpoint {
    parameters: &["api-version"],
    provider: Some(AZURE),
    ..Endpoint::post("deployments/{deployment}/completions")
};

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[
        Endpoint::post("v1/completions"),
        Endpoint { provider: Some("mistral_ai"), ..Endpoint::post("fim/completions") },
    ],
    claims,
    provider: OPENAI,
    signs: &[("prompt", 0), ("prompt[]", 0)],
    attributes: ATTRIBUTES,
    follow,
};

/// A path that ends in the API's name, and a prompt for a model, which Azure names in the path.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let has_model = body.get("model").text().is_some() || DEPLOYMENT.matches(request);
    super::ends_in(&request.path, "completions") && has_model && body.has("prompt")
}

fn follow(mut recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    if !recognised.named && DEPLOYMENT.matches(recognised.request) {
        recognised = Recognised { provider: AZURE, named: true, ..recognised };
    }
    let operation = Inference::TextCompletion;
    let subject = Subject::Inference { operation, finish_reasons: Vec::new() };
    let mut call = super::begin(subject, &recognised, None);
    call.request_model = recognised.captured(&DEPLOYMENT, "deployment");
    Follow::begin(Completion::new(operation, &recognised), call, limits)
}

#[cfg(test)]
mod tests {
    use crate::provider::tests::scene::Scene;

    const REQUEST: &[u8] =
        br#"{"model":"gpt-3.5-turbo-instruct","prompt":"of bob","max_tokens":9,"stop":["END"]}"#;

    #[test]
    fn a_prompt_is_continued() {
        let body = br#"{"id":"cmpl-1","model":"m-1","choices":[{"index":0,"text":"of bob","finish_reason":"length"}],
            "usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}}"#;
        let call = Scene { path: "/v1/completions", request: REQUEST, body, ..Scene::default() }.play();
        assert_eq!(call.subject.operation(), Some("text_completion"));
        assert_eq!((call.finish_reasons(), call.usage.output), (&["length".to_owned()][..], Some(9)));
        assert_eq!((call.parameters.max_tokens, call.extra.len()), (Some(9), 0), "no API type is its own");
        assert!(!format!("{call:?}").contains("bob"), "{call:?}");
        let events =
            [r#"{"id":"cmpl-1","choices":[{"index":0,"text":"of bob","finish_reason":"stop"}]}"#, "[DONE]"];
        let call =
            Scene { path: "/v1/completions", request: REQUEST, events: &events, ..Scene::default() }.play();
        assert_eq!((call.finish_reasons(), call.stream), (&["stop".to_owned()][..], true));
    }

    #[test]
    fn mistral_fills_in_the_middle() {
        let request = br#"{"model":"codestral-latest","prompt":"def","suffix":"return","random_seed":7}"#;
        let body = br#"{"id":"1","model":"codestral","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"model_length"}]}"#;
        for (host, path) in [("api.mistral.ai", "/v1/fim/completions"), ("10.0.0.7", "/v1/fim/completions")] {
            let call = Scene { host, path, request, body, ..Scene::default() }.play();
            assert_eq!((call.provider, call.parameters.seed), ("mistral_ai", Some(7)));
            assert_eq!(call.finish_reasons(), ["model_length"]);
        }
    }
}
