//! Every kind of client, and every shape of a good answer: what is exported is what was sent.

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::client::{Client, Done};
use spanwire_e2e::coverage::{HTTP_1_1, NO_TLS, OPENSSL_3, Row};
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::{Scene, compare, traced};

/// A row of programs that use the shared libssl, and one of those that use no TLS.
fn shared(program: &str) -> Row<'_> {
    Row { program, tls: OPENSSL_3, protocol: HTTP_1_1 }
}

fn plain(program: &str) -> Row<'_> {
    Row { program, tls: NO_TLS, protocol: HTTP_1_1 }
}

const OPENAI: &str = "openai (Python)";

#[tokio::test]
async fn openai_sdk() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("openai_sdk.py").count(3);
    let (outcome, _) = shared(OPENAI).measured(scene, client, 3).await?;
    for span in &outcome.spans {
        assert_eq!(span.service(), Some("openai_sdk"));
        assert_eq!(span.text("url.scheme"), Some("https"));
        assert_eq!(span.text("gen_ai.provider.name"), Some("openai"));
        assert_eq!(span.int("gen_ai.usage.cache_read.input_tokens"), Some(5));
        assert_eq!(span.int("gen_ai.usage.reasoning.output_tokens"), Some(7));
        assert_eq!(span.int("server.port"), Some(outcome.standin.port.into()));
        assert!(!span.attributes.has("gen_ai.response.time_to_first_chunk"));
    }
    Ok(())
}

#[tokio::test]
async fn openai_sdk_streamed() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("openai_sdk.py").args(["--stream"]).model("standin-long-stream").count(3);
    let (outcome, _) = shared(OPENAI).measured(scene, client, 3).await?;
    for span in &outcome.spans {
        let waited =
            span.attributes.double("gen_ai.response.time_to_first_chunk").context("no first chunk")?;
        let nanoseconds = span.raw.end_time_unix_nano - span.raw.start_time_unix_nano;
        ensure!(waited > 0.0 && waited * 1e9 < nanoseconds as f64, "{waited} s of {nanoseconds} ns");
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_without_usage_has_no_tokens() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("openai_sdk.py").args(["--stream", "--no-usage"]);
    let done = client.run().await?;
    let outcome = scene.finish(1).await?;
    outcome.compare(&done.calls)?;
    ensure!(outcome.only()?.tokens() == (None, None));
    Ok(())
}

#[tokio::test]
async fn tools() -> Result<()> {
    for stream in [&[][..], &["--stream"]] {
        let scene = Scene::tls(&[]).await?;
        let client = scene.python("openai_sdk.py").args(["--tools"]).args(stream);
        let (outcome, _) = traced(scene, client, 1).await?;
        let reasons = outcome.only()?.attributes.texts("gen_ai.response.finish_reasons");
        assert_eq!(reasons, ["tool_calls"], "{stream:?}");
    }
    Ok(())
}

#[tokio::test]
async fn openai_sdk_asynchronous() -> Result<()> {
    for stream in [&[][..], &["--stream"]] {
        let scene = Scene::tls(&[]).await?;
        let client = scene.python("openai_async.py").args(stream).count(8);
        shared("openai, asynchronous (Python)").measured(scene, client, 8).await?;
    }
    Ok(())
}

#[tokio::test]
async fn httpx_requests_and_aiohttp() -> Result<()> {
    for name in ["httpx", "requests", "aiohttp"] {
        for stream in [&[][..], &["--stream"]] {
            let scene = Scene::tls(&[]).await?;
            let client = scene.python(&format!("{name}_client.py")).args(stream).count(3);
            let program = format!("{name} (Python)");
            let measured = shared(&program).measured(scene, client, 3).await;
            let (outcome, _) = measured.with_context(|| format!("{name} {stream:?}"))?;
            let service = outcome.spans.first().and_then(|span| span.service());
            assert_eq!(service, Some(format!("{name}_client").as_str()));
        }
    }
    Ok(())
}

#[tokio::test]
async fn curl() -> Result<()> {
    for (row, scheme) in [(shared("curl"), "https"), (plain("curl"), "http")] {
        let scene = Scene::new(Protocol::Http, scheme == "http", &[]).await?;
        let client = scene.curl("gpt-4o-mini");
        let (outcome, _) = row.measured(scene, client, 1).await?;
        assert_eq!(outcome.only()?.service(), Some("curl"));
        assert_eq!(outcome.only()?.text("url.scheme"), Some(scheme));
        let scene = Scene::new(Protocol::Http, scheme == "http", &[]).await?;
        let client = Client::curl_streaming(&scene.standin, "gpt-4o-mini");
        row.measured(scene, client, 1).await?;
    }
    Ok(())
}

#[tokio::test]
async fn requests_and_the_sdk_without_tls() -> Result<()> {
    let scene = Scene::plain(&[]).await?;
    let client = scene.python("requests_client.py").count(3);
    plain("requests (Python)").measured(scene, client, 3).await?;
    let scene = Scene::plain(&[]).await?;
    let client = scene.python("openai_sdk.py").args(["--stream"]).count(3);
    plain(OPENAI).measured(scene, client, 3).await?;
    Ok(())
}

#[tokio::test]
async fn packed_and_chunked_answers() -> Result<()> {
    for model in ["standin-gzip", "standin-chunked"] {
        let scene = Scene::tls(&[]).await?;
        let client = scene.python("openai_sdk.py").model(model).count(2);
        traced(scene, client, 2).await.context(model)?;
        let scene = Scene::plain(&[]).await?;
        let client = scene.python("requests_client.py").model(model).count(2);
        traced(scene, client, 2).await.context(model)?;
    }
    Ok(())
}

#[tokio::test]
async fn calls_among_other_requests_of_one_connection() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let base = scene.standin.base_url();
        let (chat, other) = (format!("{base}/chat/completions"), format!("{base}/models"));
        // curl keeps one connection for all of its URLs; the first is a call as well. What is
        // asked of others is no call.
        let body = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}"#;
        let mut client = scene.curl("gpt-4o-mini");
        for (url, body) in [(&other, "{}"), (&other, "{}"), (&chat, body), (&other, "{}"), (&chat, body)] {
            client = client.args(["--next", "--silent", "--data-binary", body]);
            client = client.args(["--header", "content-type: application/json"]);
            if let Some(ca) = scene.standin.ca() {
                client = client.args(["--cacert".as_ref(), ca.as_os_str()]);
            }
            client = client.args([url]);
        }
        client.run().await?;
        let outcome = scene.finish(3).await?;
        for served in &outcome.log {
            let span = outcome.span(&served.id)?;
            assert_eq!(span.tokens(), (Some(served.input_tokens), Some(served.output_tokens)));
            ensure!(span.notes().is_empty(), "{span:#?}");
        }
        ensure!(outcome.agent.stderr.contains("nothing lost"), "{}", outcome.agent.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn a_large_answer() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("openai_sdk.py").model("standin-large").count(2);
    traced(scene, client, 2).await?;
    Ok(())
}

#[tokio::test]
async fn a_large_answer_past_the_limit_is_noted() -> Result<()> {
    let scene = Scene::tls(&["--body-limit", "64KiB"]).await?;
    let done = scene.python("openai_sdk.py").model("standin-large").run().await?;
    ensure!(done.calls.iter().all(|call| call.error.is_none()), "{done:?}");
    let outcome = scene.finish(1).await?;
    let span = outcome.only()?;
    assert_eq!(span.text("gen_ai.request.model"), Some("standin-large"));
    assert_eq!(span.int("http.response.status_code"), Some(200));
    ensure!(!span.failed(), "{span:#?}");
    ensure!(!span.notes().is_empty(), "nothing says that the body was not read whole: {span:#?}");
    // What is told in spite of it must be true.
    let served = outcome.log.first().context("no log")?;
    for (told, sent) in [(span.tokens().0, served.input_tokens), (span.tokens().1, served.output_tokens)] {
        ensure!(told.is_none_or(|told| told == sent), "{told:?} tokens, not {sent}");
    }
    Ok(())
}

#[tokio::test]
async fn the_traced_process_names_its_service() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("openai_sdk.py").service("weather-desk");
    let (outcome, _) = traced(scene, client, 1).await?;
    assert_eq!(outcome.only()?.service(), Some("weather-desk"));
    Ok(())
}

#[tokio::test]
async fn processes_of_different_names_side_by_side() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let (one, two, three) = tokio::join!(
        scene.python("openai_sdk.py").service("one").count(5).run(),
        scene.python("aiohttp_client.py").service("two").count(5).run(),
        scene.python("requests_client.py").count(5).run(),
    );
    let clients = [("one", one?), ("two", two?), ("requests_client", three?)];
    let outcome = scene.finish(15).await?;
    for (service, done) in &clients {
        outcome.compare(&done.calls)?;
        for call in &done.calls {
            let span = outcome.span(call.id.as_deref().unwrap_or_default())?;
            assert_eq!(span.service(), Some(*service));
            assert_eq!(span.resource.int("process.pid"), Some(done.pid.into()));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_traceparent_on_the_wire_is_the_truth() -> Result<()> {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let scene = Scene::tls(&[]).await?;
    let header = format!("traceparent: 00-{TRACE}-{SPAN}-01");
    let with = scene.curl("gpt-4o-mini").args(["--header", &header]).run().await?;
    let without = scene.curl("gpt-4o-mini").run().await?;
    let outcome = scene.finish(2).await?;
    let find = |done: &Done| {
        let id = done.calls.first().and_then(|call| call.id.clone()).context("no answer")?;
        compare(outcome.span(&id)?, outcome.served(&id)?)?;
        Ok::<_, anyhow::Error>(outcome.span(&id)?.raw.clone())
    };
    let (taken, made) = (find(&with)?, find(&without)?);
    assert_eq!(hex(&taken.trace_id), TRACE);
    assert_eq!(hex(&taken.span_id), SPAN);
    assert!(taken.parent_span_id.is_empty());
    assert_ne!(made.trace_id, taken.trace_id);
    assert!(made.trace_id.iter().any(|byte| *byte != 0) && made.trace_id.len() == 16);
    // The agent only watches: what the caller did not send, the provider did not get.
    let sent: Vec<bool> = outcome
        .log
        .iter()
        .map(|served| served.header_names.iter().any(|name| name == "traceparent"))
        .collect();
    assert_eq!(sent, [true, false]);
    Ok(())
}
