//! Bodies that are larger than most: what stands at their beginning and at their end is told all the same.

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::{Scene, traced};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::Served;

const IMAGES: usize = 10;
const IMAGE_BYTES: usize = (16 << 20) / IMAGES;
const MODEL: &str = "gpt-4o-mini";
/// Room for a whole body, however long the agent has to wait for a processor.
const ROOMY: &[&str] = &["--ring-size", "64MiB"];
/// What a note says where a limit of the settings was met.
const OVER: &str = "over the limit";

/// A chat request with pictures in it.
fn request() -> String {
    let part = format!(
        r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}"}}}}"#,
        "iVBORw0KGgo+/AAB".repeat(IMAGE_BYTES / 16)
    );
    let parts = vec![part; IMAGES].join(",");
    format!(
        r#"{{"model":"{MODEL}","temperature":0.5,"messages":[{{"role":"user","content":[{parts}]}}],"max_tokens":77}}"#
    )
}

/// The span of a large request whose model stands before its messages.
fn is_true(span: &Span, served: &Served) -> Result<()> {
    ensure!(span.raw.name == format!("chat {MODEL}"), "{span:#?}");
    assert_eq!(span.text("gen_ai.request.model"), Some(MODEL));
    answer_is_true(span, served)
}

/// The answer, whatever is known of the request.
fn answer_is_true(span: &Span, served: &Served) -> Result<()> {
    assert_eq!(span.text("gen_ai.response.model"), Some(served.response_model.as_str()));
    ensure!(span.tokens() == (Some(served.input_tokens), Some(served.output_tokens)), "{span:#?}");
    let reasons = span.attributes.texts("gen_ai.response.finish_reasons");
    ensure!(reasons == [served.finish_reason.as_str()] && !span.failed(), "{span:#?}");
    ensure!(!span.notes().iter().any(|note| note.contains(OVER)), "{span:#?}");
    Ok(())
}

#[tokio::test]
async fn a_request_with_pictures_by_curl() -> Result<()> {
    let folder = Folder::new()?;
    let file = folder.path().join("request.json");
    std::fs::write(&file, request())?;
    for plain in [false, true] {
        for headers in
            [&["expect:"][..], &["expect: 100-continue"], &["expect:", "transfer-encoding: chunked"]]
        {
            let scene = Scene::new(Protocol::Http, plain, ROOMY).await?;
            let mut words = vec!["curl".into(), "--silent".into(), "--data-binary".into()];
            words.push(format!("@{}", file.display()));
            for header in headers.iter().chain(&["content-type: application/json"]) {
                words.extend(["--header".to_owned(), (*header).to_owned()]);
            }
            if let Some(ca) = scene.standin.ca() {
                words.extend(["--cacert".to_owned(), ca.display().to_string()]);
            }
            words.push(format!("{}/chat/completions", scene.standin.base_url()));
            scene.curl(MODEL).instead(&words).run().await?;
            let outcome = scene.finish(1).await?;
            is_true(outcome.only()?, outcome.log.first().context("no log")?)
                .with_context(|| format!("{headers:?}, plain: {plain}"))?;
            assert_eq!(outcome.only()?.attributes.double("gen_ai.request.temperature"), Some(0.5));
            assert_eq!(outcome.only()?.int("gen_ai.request.max_tokens"), Some(77));
            ensure!(outcome.only()?.notes().is_empty(), "{:#?}", outcome.spans);
        }
    }
    Ok(())
}

/// These hand the whole body to one call of the TLS library, or of the system.
#[tokio::test]
async fn a_request_with_pictures_in_one_write() -> Result<()> {
    for name in ["httpx", "requests", "aiohttp"] {
        for plain in [false, true] {
            let scene = Scene::new(Protocol::Http, plain, &[]).await?;
            let client = scene.python(&format!("{name}_client.py")).model(MODEL);
            let client = client.args(["--image-bytes", &(IMAGES * IMAGE_BYTES).to_string()]);
            let done = client.count(2).run().await?;
            ensure!(done.calls.iter().all(|call| call.error.is_none()), "{done:?}");
            let outcome = scene.finish(2).await?;
            for served in &outcome.log {
                is_true(outcome.span(&served.id)?, served)
                    .with_context(|| format!("{name}, plain: {plain}"))?;
            }
        }
    }
    Ok(())
}

/// Its requests have the model behind the messages.
#[tokio::test]
async fn a_request_with_pictures_by_the_sdk() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("openai_sdk.py").model(MODEL);
    let client = client.args(["--image-bytes", &(IMAGES * IMAGE_BYTES).to_string()]);
    let done = client.count(2).run().await?;
    ensure!(done.calls.iter().all(|call| call.error.is_none()), "{done:?}");
    let outcome = scene.finish(2).await?;
    for served in &outcome.log {
        let span = outcome.span(&served.id)?;
        answer_is_true(span, served)?;
        let model = span.text("gen_ai.request.model");
        ensure!(model == Some(MODEL) || (model.is_none() && !span.notes().is_empty()), "{span:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn usage_at_the_end_of_a_large_answer() -> Result<()> {
    for model in ["standin-2800k", "standin-2800k-gzip", "standin-2800k-chunked"] {
        for plain in [false, true] {
            let scene = Scene::new(Protocol::Http, plain, &[]).await?;
            let client = scene.python("openai_sdk.py").model(model).count(2);
            traced(scene, client, 2).await.with_context(|| format!("{model}, plain: {plain}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_large_stream() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, ROOMY).await?;
        let client = scene.python("openai_sdk.py").model("standin-16m").args(["--stream"]);
        traced(scene, client, 1).await.with_context(|| format!("plain: {plain}"))?;
    }
    Ok(())
}
