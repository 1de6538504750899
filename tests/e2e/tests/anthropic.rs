//! Anthropic's own SDK, which speaks its own dialect.

use anyhow::{Result, ensure};
use spanwire_e2e::coverage::{HTTP_1_1, OPENSSL_3, Row};
use spanwire_e2e::scene::{Scene, traced};

const CLIENT: &str = "anthropic_sdk.py";
const MODEL: &str = "claude-standin";

#[tokio::test]
async fn anthropic_sdk() -> Result<()> {
    for stream in [&[][..], &["--stream"]] {
        let scene = Scene::tls(&[]).await?;
        let client = scene.python(CLIENT).args(stream).model(MODEL).count(3);
        let row = Row { program: "anthropic (Python)", tls: OPENSSL_3, protocol: HTTP_1_1 };
        let (outcome, _) = row.measured(scene, client, 3).await?;
        for span in &outcome.spans {
            assert_eq!(span.service(), Some("anthropic_sdk"));
            assert_eq!(span.text("gen_ai.provider.name"), Some("anthropic"));
            // The stand-in's own figures; `compare` has seen that the input is the sum of all.
            assert_eq!(span.int("gen_ai.usage.cache_read.input_tokens"), Some(201));
            assert_eq!(span.int("gen_ai.usage.cache_write.input_tokens"), Some(33));
            assert_eq!(span.int("gen_ai.request.max_tokens"), Some(1234));
            assert_eq!(span.attributes.texts("gen_ai.request.stop_sequences"), ["END"]);
            assert_eq!(span.attributes.texts("gen_ai.response.finish_reasons"), ["stop"]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_tool_use() -> Result<()> {
    for stream in [&[][..], &["--stream"]] {
        let scene = Scene::tls(&[]).await?;
        let client = scene.python(CLIENT).args(["--tools"]).args(stream).model(MODEL);
        let (outcome, _) = traced(scene, client, 1).await?;
        let reasons = outcome.only()?.attributes.texts("gen_ai.response.finish_reasons");
        assert_eq!(reasons, ["tool_call"], "{stream:?}");
    }
    Ok(())
}

#[tokio::test]
async fn refused_and_failed_in_the_stream() -> Result<()> {
    for (model, stream, status, error) in [
        ("claude-429", &[][..], 429, "rate_limit_error"),
        ("claude-429", &["--stream"], 429, "rate_limit_error"),
        ("claude-stream-error", &["--stream"], 200, "overloaded_error"),
    ] {
        let scene = Scene::tls(&[]).await?;
        let done = scene.python(CLIENT).args(stream).model(model).run().await?;
        ensure!(done.calls.iter().all(|call| call.error.is_some()), "{done:?}");
        let outcome = scene.finish(1).await?;
        let span = outcome.only()?;
        assert_eq!(span.text("gen_ai.request.model"), Some(model));
        assert_eq!(span.int("http.response.status_code"), Some(status));
        assert_eq!(span.error_type(), Some(error));
        ensure!(span.failed(), "{span:#?}");
        if status == 200 {
            // What came before the error is told: the stream had begun.
            assert_eq!(span.response_id(), outcome.log.first().map(|served| served.id.as_str()));
            assert_eq!(span.text("gen_ai.response.model"), Some("claude-sonnet-4-5-20250929"));
        }
        let text = String::from_utf8_lossy(&outcome.bytes);
        ensure!(!text.contains("prompt-canary"), "a message left the host");
    }
    Ok(())
}
