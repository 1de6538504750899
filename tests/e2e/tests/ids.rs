//! Whose a span id is: where a program exports the span that its request's header names, ours is that span's
//! child; where it does not, ours is that span. No two spans have one id.

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::DEADLINE;
use spanwire_e2e::client::Client;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::{Outcome, Scene, traced};
use spanwire_e2e::span::Span;

const CALLS: usize = 3;
const HEADER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const HEADER_SPAN: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ours are children of the program's own spans, one each.
fn children(outcome: &Outcome, theirs: &[Span]) -> Result<()> {
    let mut ids = HashSet::new();
    for span in outcome.spans.iter().chain(theirs) {
        ensure!(ids.insert(span.raw.span_id.clone()), "two spans have one id: {span:#?}");
    }
    let mut parents = HashSet::new();
    for span in &outcome.spans {
        let parent = theirs
            .iter()
            .find(|their| their.raw.span_id == span.raw.parent_span_id)
            .with_context(|| format!("a parent that nobody exported: {:?}", span.raw))?;
        assert_eq!(parent.raw.trace_id, span.raw.trace_id);
        ensure!(parents.insert(parent.raw.span_id.clone()), "two children of one: {:?}", parent.raw);
        ensure!(
            parent.raw.start_time_unix_nano <= span.raw.start_time_unix_nano
                && span.raw.end_time_unix_nano <= parent.raw.end_time_unix_nano,
            "a child outside of its parent: {:?} {:?}",
            parent.raw,
            span.raw
        );
    }
    Ok(())
}

type Configure = fn(Client, &Receiver) -> Client;

fn by_environment(client: Client, theirs: &Receiver) -> Client {
    client.env("OTEL_EXPORTER_OTLP_ENDPOINT", theirs.endpoint())
}

/// Its spans go out at its end, after the calls: ours wait for that.
fn by_code(client: Client, theirs: &Receiver) -> Client {
    client.env("EXPORT_TO", format!("{}/v1/traces", theirs.endpoint()))
}

async fn exporting(client: impl Fn(&Scene) -> Client, configure: Configure) -> Result<()> {
    for plain in [false, true] {
        let theirs = Receiver::start(Protocol::Http).await?;
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let client = configure(client(&scene).count(CALLS), &theirs);
        let (outcome, _) = traced(scene, client, CALLS).await?;
        let enough = |spans: &[Span]| spans.len() >= CALLS;
        let spans = theirs.wait_for("the program's own spans", DEADLINE, enough).await?;
        ensure!(spans.len() == CALLS, "{spans:#?}");
        children(&outcome, &spans)?;
    }
    Ok(())
}

fn by_hand(scene: &Scene) -> Client {
    scene.python("otel_client.py")
}

/// This SDK makes spans by itself and sends their context.
fn by_sdk(scene: &Scene) -> Client {
    scene.python("anthropic_sdk.py").model("claude-standin").env("OTEL_PROVIDER", "1")
}

#[tokio::test]
async fn the_environment_says_that_it_exports() -> Result<()> {
    exporting(by_hand, by_environment).await
}

#[tokio::test]
async fn its_own_code_says_that_it_exports() -> Result<()> {
    exporting(by_hand, by_code).await
}

#[tokio::test]
async fn anthropics_sdk_exports() -> Result<()> {
    exporting(by_sdk, by_environment).await?;
    exporting(by_sdk, by_code).await
}

/// Every span is the one that its request's header names.
fn taken(outcome: &Outcome) -> Result<()> {
    for span in &outcome.spans {
        ensure!(span.raw.parent_span_id.is_empty(), "a parent that nobody exports: {:?}", span.raw);
        let sent = outcome.served(span.response_id().unwrap_or_default())?.traceparent.as_deref();
        let told = format!("00-{}-{}-", hex(&span.raw.trace_id), hex(&span.raw.span_id));
        ensure!(sent.is_some_and(|sent| sent.starts_with(&told)), "{sent:?}, not {told}");
    }
    Ok(())
}

/// The SDK makes the ids and sends them, and nobody exports its spans.
#[tokio::test]
async fn nobody_exports_the_spans_that_headers_name() -> Result<()> {
    for client in [by_hand, by_sdk] {
        let scene = Scene::tls(&[]).await?;
        let client = client(&scene).count(CALLS);
        let (outcome, _) = traced(scene, client, CALLS).await?;
        taken(&outcome)?;
    }
    Ok(())
}

/// A program that goes on without a word to any receiver.
#[tokio::test]
async fn a_program_that_lives_on_and_exports_nothing() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let running = by_hand(&scene).count(CALLS).by_steps().start()?;
    running.calls(CALLS).await?;
    scene.receiver.wait_for("spans of what still runs", DEADLINE, |spans| spans.len() >= CALLS).await?;
    running.end(DEADLINE).await?;
    taken(&scene.finish(CALLS).await?)
}

/// One header that many requests have, as where a program copies its caller's: one span takes the id.
#[tokio::test]
async fn one_header_on_several_requests() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let header = format!("traceparent: 00-{HEADER_TRACE}-{HEADER_SPAN}-01");
    for _ in 0..CALLS {
        scene.curl("gpt-4o-mini").args(["--header", &header]).run().await?;
    }
    let outcome = scene.finish(CALLS).await?;
    let ids: HashSet<_> = outcome.spans.iter().map(|span| hex(&span.raw.span_id)).collect();
    ensure!(ids.len() == CALLS && ids.contains(HEADER_SPAN), "{ids:?}");
    for span in &outcome.spans {
        assert_eq!(hex(&span.raw.trace_id), HEADER_TRACE);
    }
    Ok(())
}
