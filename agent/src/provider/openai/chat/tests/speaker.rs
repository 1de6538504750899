//! Who answered, at hosts that nobody knows.

use crate::provider::tests::scene::Scene;

#[test]
fn answers_give_their_server_away() {
    for (body, fields, provider) in [
        ("{}", &[][..], "openai"),
        (r#"{"system_fingerprint":"fp_44709d6fcb"}"#, &[], "openai"),
        ("{}", &[("server", "llama.cpp")], "llama_cpp"),
        (r#"{"system_fingerprint":"b6123-79c1160b"}"#, &[], "llama_cpp"),
        (r#"{"timings":{"predicted_n":5}}"#, &[], "llama_cpp"),
        (r#"{"system_fingerprint":"fp_ollama"}"#, &[], "ollama"),
        (r#"{"system_fingerprint":"3.3.4-sha-4d28897"}"#, &[], "huggingface"),
        (r#"{"choices":[{"index":0}],"prompt_logprobs":null,"kv_transfer_params":null}"#, &[], "vllm"),
        (r#"{"choices":[{"index":0,"matched_stop":7}]}"#, &[], "sglang"),
        (r#"{"stats":{}}"#, &[], "lm_studio"),
        (r#"{"x_groq":{"id":"r"}}"#, &[], "groq"),
        (r#"{"prompt_filter_results":[],"choices":[]}"#, &[], "azure.ai.openai"),
        (r#"{"usage":{"cost":0.1,"is_byok":false}}"#, &[], "openrouter"),
        (r#"{"x_groq":{"id":"r"}}"#, &[("x-litellm-call-id", "7")], "openai"),
        ("{}", &[("server", "uvicorn")], "openai"),
        (r#"{"x_groq":null,"timings":"of bob","stats":null}"#, &[], "groq"),
    ] {
        for streamed in [false, true] {
            let events = [body];
            let (body, events) = if streamed { (&b""[..], &events[..]) } else { (body.as_bytes(), &[][..]) };
            let call =
                Scene { host: "10.0.0.7", body, events, answer_fields: fields, ..Scene::default() }.play();
            assert_eq!(call.provider, provider, "{body:?} {events:?} {fields:?}");
            assert_eq!(call.extra.is_empty(), provider != "openai", "openai's attributes belong to openai");
        }
    }
}

#[test]
fn a_host_that_is_known_is_believed() {
    let body = br#"{"x_groq":{"id":"r"},"system_fingerprint":"fp_ollama"}"#;
    let fields = &[("server", "llama.cpp"), ("x-litellm-call-id", "7")];
    for (host, provider) in [("api.openai.com", "openai"), ("api.together.xyz", "together")] {
        let call = Scene { host, body, answer_fields: fields, ..Scene::default() }.play();
        assert_eq!(call.provider, provider);
    }
}
