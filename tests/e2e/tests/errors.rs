//! Calls that go wrong: each attempt is a span that says how, and the rest of what was seen.

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::client::Done;
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::{Outcome, Scene};
use spanwire_e2e::span::Span;

/// Runs the SDK once against `model`, with or without a stream; there must be one span, which names
/// the model and is that of the client.
async fn one_call(scene: Scene, model: &str, arguments: &[&str]) -> Result<(Outcome, Span, Done)> {
    let done = scene.python("openai_sdk.py").model(model).args(arguments).run().await?;
    let outcome = scene.finish(1).await?;
    let span = outcome.only()?.clone();
    assert_eq!(span.text("gen_ai.request.model"), Some(model));
    assert_eq!(span.service(), Some("openai_sdk"));
    let served = outcome.log.first().context("no log")?;
    ensure!(span.raw.start_time_unix_nano <= served.received_ns, "{served:?} {span:#?}");
    Ok((outcome, span, done))
}

fn client_failed(done: &Done) -> bool {
    done.calls.iter().all(|call| call.error.is_some())
}

#[tokio::test]
async fn each_attempt_of_a_refused_call_is_a_span() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("openai_sdk.py").model("standin-429").args(["--max-retries", "3"]);
    let done = client.run().await?;
    ensure!(client_failed(&done));
    let outcome = scene.finish(4).await?;
    let mut resent = Vec::new();
    for span in &outcome.spans {
        assert_eq!(span.int("http.response.status_code"), Some(429));
        assert_eq!(span.error_type(), Some("rate_limit_exceeded"));
        ensure!(span.failed() && span.tokens() == (None, None), "{span:#?}");
        resent.push(span.int("http.request.resend_count"));
    }
    resent.sort_unstable();
    assert_eq!(resent, [None, Some(1), Some(2), Some(3)]);
    Ok(())
}

#[tokio::test]
async fn a_failing_server() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let (_, span, done) = one_call(scene, "standin-500", &[]).await?;
        ensure!(client_failed(&done));
        assert_eq!(span.int("http.response.status_code"), Some(500));
        // The body has no code, so its type is the most specific word.
        assert_eq!(span.error_type(), Some("server_error"));
        ensure!(span.failed() && !span.attributes.has("gen_ai.response.id"), "{span:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_error_inside_a_stream() -> Result<()> {
    let (outcome, span, done) =
        one_call(Scene::tls(&[]).await?, "standin-stream-error", &["--stream"]).await?;
    ensure!(client_failed(&done));
    assert_eq!(span.int("http.response.status_code"), Some(200));
    assert_eq!(span.error_type(), Some("engine_overloaded"));
    assert_eq!(span.response_id(), outcome.log.first().map(|served| served.id.as_str()));
    ensure!(span.failed() && span.tokens() == (None, None), "{span:#?}");
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_not_json() -> Result<()> {
    let (_, span, done) = one_call(Scene::tls(&[]).await?, "standin-not-json", &[]).await?;
    ensure!(client_failed(&done));
    assert_eq!(span.int("http.response.status_code"), Some(200));
    // The JSON breaks off, though HTTP says that the body is whole.
    assert_eq!(span.notes(), ["response body is incomplete"]);
    ensure!(span.tokens() == (None, None), "{span:#?}");
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_cut() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let (_, span, done) = one_call(scene, "standin-cut", &[]).await?;
        ensure!(client_failed(&done));
        assert_eq!(span.int("http.response.status_code"), Some(200));
        assert_eq!(span.error_type(), Some("connection_closed"));
        ensure!(span.failed(), "{span:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_is_reset() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let (outcome, span, done) = one_call(scene, "standin-reset", &["--stream"]).await?;
        ensure!(client_failed(&done));
        assert_eq!(span.int("http.response.status_code"), Some(200));
        assert_eq!(span.error_type(), Some("connection_reset"));
        // RST may overtake the events, but never make up others.
        let sent = outcome.log.first().map(|served| served.id.as_str());
        ensure!(span.failed() && span.response_id().is_none_or(|id| Some(id) == sent), "{span:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_that_the_client_leaves() -> Result<()> {
    let arguments = ["--stream", "--abandon"];
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let (outcome, span, done) = one_call(scene, "standin-wait", &arguments).await?;
        ensure!(!client_failed(&done));
        assert_eq!(span.error_type(), Some("cancelled"));
        assert_eq!(span.response_id(), outcome.log.first().map(|served| served.id.as_str()));
        ensure!(span.failed() && span.tokens() == (None, None), "{span:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_not_http() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let wrong = scene.python("openai_sdk.py").model("standin-not-http").run().await?;
        ensure!(client_failed(&wrong));
        let right = scene.python("openai_sdk.py").run().await?;
        let outcome = scene.finish(2).await?;
        outcome.compare(&right.calls)?;
        let of_wrong = |span: &&Span| span.text("gen_ai.request.model") == Some("standin-not-http");
        let span = outcome.spans.iter().find(of_wrong).context("the failed call has no span")?;
        // That the agent could not read an answer does not mean that its client could not.
        ensure!(!span.failed() && !span.attributes.has("http.response.status_code"), "{span:#?}");
        ensure!(span.notes().contains(&"the exchange could not be read to its end"), "{span:#?}");
    }
    Ok(())
}
