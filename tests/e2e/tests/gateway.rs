//! Requests that say by themselves what they are, and headers and paths that say too much.

use anyhow::{Result, ensure};
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::{Scene, traced};

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"prompt-canary"}]}"#;

/// curl's arguments for one POST.
fn post(scene: &Scene, path: &str, body: &str) -> Vec<String> {
    let mut arguments = ["--silent", "--data-binary", body, "--header", "content-type: application/json"]
        .map(str::to_owned)
        .to_vec();
    if let Some(ca) = scene.standin.ca() {
        arguments.extend(["--cacert".to_owned(), ca.display().to_string()]);
    }
    let root = scene.standin.base_url();
    arguments.push(format!("{}{path}", root.trim_end_matches("/v1")));
    arguments
}

#[tokio::test]
async fn a_chat_body_on_a_path_that_nobody_knows() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let gateway = "/api/assistant/run";
        // The first is a call on a path that everybody knows; what has no messages is none.
        let mut client = scene.curl("gpt-4o-mini");
        for (path, body) in [
            ("/api/orders", r#"{"model":"T-34","amount":3}"#),
            (gateway, CHAT),
            ("/api/search", r#"{"query":"weather","messages":[]}"#),
            ("/api/metrics", r#"[{"name":"x","value":1}]"#),
            (gateway, CHAT),
        ] {
            client = client.args(["--next"]).args(post(&scene, path, body));
        }
        client.run().await?;
        // On a connection of its own, too, with nothing known before it.
        let own = scene
            .curl("gpt-4o-mini")
            .instead(&[vec!["curl".to_owned()], post(&scene, gateway, CHAT)].concat());
        own.run().await?;
        let outcome = scene.finish(4).await?;
        for served in &outcome.log {
            let span = outcome.span(&served.id)?;
            assert_eq!(span.raw.name, "chat gpt-4o-mini");
            assert_eq!(span.text("gen_ai.response.model"), Some(served.response_model.as_str()));
            ensure!(span.tokens() == (Some(served.input_tokens), Some(served.output_tokens)), "{span:#?}");
            ensure!(span.notes().is_empty() && !span.failed(), "{span:#?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn two_headers_that_differ_are_no_link() -> Result<()> {
    let (one, other) = ("4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c");
    let scene = Scene::tls(&[]).await?;
    let client = scene
        .curl("gpt-4o-mini")
        .args(["--header".to_owned(), format!("traceparent: 00-{one}-00f067aa0ba902b7-01")])
        .args(["--header".to_owned(), format!("traceparent: 00-{other}-b7ad6b7169203331-01")]);
    client.run().await?;
    let outcome = scene.finish(1).await?;
    let span = outcome.only()?;
    let trace: String = span.raw.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let below_run = span.text("spanwire.link.method") == Some("program");
    ensure!(trace != one && trace != other && below_run, "{trace} {span:#?}");
    ensure!(span.notes().iter().any(|note| note.contains("traceparent")), "{span:#?}");
    Ok(())
}

#[tokio::test]
async fn a_credential_in_a_path_is_told_nowhere() -> Result<()> {
    let secret = "proj-9f2b7c1d5e8a4063b1c9d7e5f3a20416abcdefghij";
    for begins in ["sk-", "%73k-", "s%6B%2d"] {
        let scene = Scene::plain(&[]).await?;
        let path = format!("/{begins}{secret}/v1/chat/completions");
        let words = [vec!["curl".to_owned()], post(&scene, &path, CHAT)].concat();
        scene.curl("gpt-4o-mini").instead(&words).run().await?;
        let outcome = scene.finish(1).await?;
        let told = String::from_utf8_lossy(&outcome.bytes).into_owned() + &outcome.agent.stderr;
        ensure!(!told.contains(secret), "{begins}: the key left the host");
        ensure!(outcome.only()?.response_id().is_some(), "{:#?}", outcome.spans);
    }
    Ok(())
}

#[tokio::test]
async fn calls_after_much_that_was_none() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let client = scene.python("late_gateway.py").count(3);
        traced(scene, client, 6).await?;
    }
    Ok(())
}
