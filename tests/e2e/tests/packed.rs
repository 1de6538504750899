//! Answers in every content encoding, and answers that bend HTTP's rules and are read by clients all the same.

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::client::Client;
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::{Outcome, Scene, traced};

/// Encodings, with the programs that unpack them.
const PACKED: &[(&str, &[&str])] = &[
    ("gzip", &["httpx", "requests", "aiohttp", "curl"]),
    ("br", &["httpx", "requests", "aiohttp", "curl"]),
    // The others would need one more package for it.
    ("zstd", &["httpx", "curl"]),
];

fn client(scene: &Scene, program: &str, model: &str, stream: bool) -> Client {
    match (program, stream) {
        ("curl", false) => scene.curl(model).args(["--compressed"]),
        ("curl", true) => Client::curl_streaming(&scene.standin, model).args(["--compressed"]),
        (_, false) => scene.python(&format!("{program}_client.py")).model(model),
        (_, true) => scene.python(&format!("{program}_client.py")).model(model).args(["--stream"]),
    }
}

async fn packed(coding: &str) -> Result<()> {
    let (_, programs) = PACKED.iter().find(|(name, _)| *name == coding).context("no such encoding")?;
    let model = format!("standin-packed-{coding}");
    for program in *programs {
        for stream in [false, true] {
            for plain in [false, true] {
                let scene = Scene::new(Protocol::Http, plain, &[]).await?;
                let client = client(&scene, program, &model, stream);
                let measured = traced(scene, client, 1).await;
                measured.with_context(|| format!("{coding}, {program}, stream: {stream}, plain: {plain}"))?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn gzip() -> Result<()> {
    packed("gzip").await
}

#[tokio::test]
async fn brotli() -> Result<()> {
    packed("br").await
}

#[tokio::test]
async fn zstandard() -> Result<()> {
    packed("zstd").await
}

/// RFC 9112, section 6.3: the chunks are right. curl keeps the connection, on which a clean call follows.
#[tokio::test]
async fn a_length_beside_chunks() -> Result<()> {
    for plain in [false, true] {
        for stream in [false, true] {
            let scene = Scene::new(Protocol::Http, plain, &[]).await?;
            let body = format!(
                r#"{{"model":"standin-framed-twice","stream":{stream},"stream_options":{{"include_usage":true}},
                "messages":[{{"role":"user","content":"hi"}}]}}"#
            );
            let url = format!("{}/chat/completions", scene.standin.base_url());
            let mut client = scene.curl("gpt-4o-mini").args(["--next", "--silent", "--data-binary", &body]);
            client = client.args(["--header", "content-type: application/json"]);
            if let Some(ca) = scene.standin.ca() {
                client = client.args(["--cacert".as_ref(), ca.as_os_str()]);
            }
            // The clean call is the first and once more the last.
            let client = client.args([&url, "--next", "--silent"]);
            let plain_body = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}"#;
            let mut client = client.args(["--data-binary", plain_body]);
            client = client.args(["--header", "content-type: application/json"]);
            if let Some(ca) = scene.standin.ca() {
                client = client.args(["--cacert".as_ref(), ca.as_os_str()]);
            }
            client.args([&url]).run().await?;
            all_true(&scene.finish(3).await?)?;
        }
    }
    Ok(())
}

/// Every answer has a span with its tokens, without an error.
fn all_true(outcome: &Outcome) -> Result<()> {
    for served in &outcome.log {
        let span = outcome.span(&served.id)?;
        ensure!(span.tokens() == (Some(served.input_tokens), Some(served.output_tokens)), "{span:#?}");
        let reasons = span.attributes.texts("gen_ai.response.finish_reasons");
        ensure!(reasons == [served.finish_reason.as_str()] && !span.failed(), "{span:#?}");
        assert_eq!(span.text("gen_ai.request.model"), Some(served.request_model.as_str()));
        assert_eq!(span.text("gen_ai.response.model"), Some(served.response_model.as_str()));
    }
    Ok(())
}

#[tokio::test]
async fn answers_under_another_label() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        Client::curl_streaming(&scene.standin, "standin-stream-as-document").run().await?;
        let outcome = scene.finish(1).await?;
        all_true(&outcome)?;
        let span = outcome.only()?;
        ensure!(span.attributes.has("gen_ai.response.time_to_first_chunk"), "{span:#?}");
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        scene.curl("standin-document-as-stream").run().await?;
        all_true(&scene.finish(1).await?)?;
    }
    Ok(())
}

#[tokio::test]
async fn failures_behind_a_good_status() -> Result<()> {
    for (model, error) in [("standin-failed-choice", "502"), ("standin-failed-event", "400")] {
        let scene = Scene::tls(&[]).await?;
        Client::curl_streaming(&scene.standin, model).run().await?;
        let outcome = scene.finish(1).await?;
        let span = outcome.only()?;
        ensure!(span.failed(), "{span:#?}");
        assert_eq!(span.error_type(), Some(error), "{model}");
        assert_eq!(span.int("http.response.status_code"), Some(200));
        assert_eq!(span.attributes.texts("gen_ai.response.finish_reasons"), ["error"], "{model}");
        let text = String::from_utf8_lossy(&outcome.bytes);
        ensure!(!text.contains("prompt-canary"), "a message left the host");
    }
    Ok(())
}
