//! What leaves the agent, and how: protocols, a receiver that is away, and nothing secret.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::agent::{Agent, spans_on_disk};
use spanwire_e2e::client::{CANARY, Client, KEY, Received};
use spanwire_e2e::door::Doorkeeper;
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver, Reserved};
use spanwire_e2e::scene::{Outcome, Scene, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::{DEADLINE, Setup};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Neither the key nor the prompt may stand in anything that left the agent.
fn nothing_secret(outcome: &Outcome) -> Result<()> {
    // This would pass for an export of nothing at all.
    ensure!(contains(&outcome.bytes, "gen_ai.response.id"), "the bytes are not those of the export");
    for secret in [KEY, KEY.trim_start_matches("sk-"), CANARY, "What is the weather", "It is sunny"] {
        ensure!(!contains(&outcome.bytes, secret), "{secret:?} was exported");
        ensure!(!outcome.agent.stderr.contains(secret), "{secret:?} was logged:\n{}", outcome.agent.stderr);
        ensure!(!outcome.agent.stdout.contains(secret), "{secret:?} was shown:\n{}", outcome.agent.stdout);
    }
    Ok(())
}

/// Calls that end well and badly, under a log of everything but what the HTTP library below says of itself.
async fn no_secret_leaves(protocol: Protocol, plain: bool) -> Result<()> {
    let scene = Scene::new(protocol, plain, &["--log", "info,spanwire=trace"]).await?;
    let mut calls = 0;
    for model in ["gpt-4o-mini", "standin-500", "standin-429", "standin-cut", "standin-not-http"] {
        scene.python("openai_sdk.py").model(model).run().await?;
        scene.python("openai_sdk.py").model(model).args(["--stream", "--tools"]).run().await?;
        calls += 2;
    }
    scene.curl("standin-stream-error").args(["--url-query", &format!("api-key={KEY}")]).run().await?;
    let outcome = scene.finish(calls + 1).await?;
    nothing_secret(&outcome)
}

#[tokio::test]
async fn nothing_secret_leaves() -> Result<()> {
    no_secret_leaves(Protocol::Http, false).await
}

#[tokio::test]
async fn nothing_secret_leaves_of_plain_text() -> Result<()> {
    no_secret_leaves(Protocol::Http, true).await
}

#[tokio::test]
async fn nothing_secret_leaves_over_grpc() -> Result<()> {
    no_secret_leaves(Protocol::Grpc, false).await
}

#[tokio::test]
async fn otlp_over_grpc_and_http() -> Result<()> {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let scene = Scene::new(protocol, false, &[]).await?;
        let done = scene.python("openai_sdk.py").count(4).run().await?;
        let outcome = scene.finish(4).await?;
        outcome.compare(&done.calls).with_context(|| protocol.name())?;
    }
    Ok(())
}

/// Whether a line of the log warns of the receiver. Of other things on this host it may warn as well.
fn is_warning(line: &str) -> bool {
    line.contains("WARN") && line.contains("OTLP receiver")
}

/// The ids of a call's spans. A receiver that stops, or is slow, may have taken a span and not said so: then
/// the same one comes again.
fn ids_of(call: &Received, standin: &StandIn, spans: &[Span]) -> BTreeSet<Vec<u8>> {
    let of_call = concerning(standin, spans).filter(|span| span.response_id() == call.id.as_deref());
    of_call.map(|span| span.raw.span_id.clone()).collect()
}

#[tokio::test]
async fn a_receiver_that_comes_late_gets_everything() -> Result<()> {
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let setup = Setup::find()?;
        let mut standin = StandIn::asking(&setup, false).await?;
        let reserved = Reserved::port()?;
        let port = reserved.number()?;
        let agent = Agent::exporting(&setup, &format!("http://127.0.0.1:{port}"), protocol, &[]).await?;
        let _door = Doorkeeper::start(&mut standin, Some(agent.log()));
        let done = Client::python(&setup, "openai_sdk.py", &standin).count(20).run().await?;
        agent.log().wait_for("a warning", DEADLINE, |log| log.lines().any(is_warning)).await?;

        let receiver = Receiver::start_on(protocol, port).await?;
        let enough = |spans: &[Span]| concerning(&standin, spans).count() >= 20;
        let spans = receiver.wait_for("what was kept", DEADLINE, enough).await?;
        let ended = agent.stop().await?;
        for call in &done.calls {
            assert_eq!(ids_of(call, &standin, &spans).len(), 1, "{call:?}");
        }
        ensure!(ended.status.success(), "{}", ended.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_goes_and_comes_back_misses_nothing() -> Result<()> {
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let setup = Setup::find()?;
        let mut standin = StandIn::asking(&setup, false).await?;
        let reserved = Reserved::port()?;
        let port = reserved.number()?;
        let receiver = Receiver::start_on(protocol, port).await?;
        let agent = Agent::start(&setup, &receiver, &[]).await?;
        let _door = Doorkeeper::start(&mut standin, Some(agent.log()));
        let before = Client::python(&setup, "openai_sdk.py", &standin).count(5).run().await?;
        let arrived = |spans: &[Span], count| concerning(&standin, spans).count() >= count;
        receiver.wait_for("the first calls", DEADLINE, |spans| arrived(spans, 5)).await?;
        let first = receiver.stop().await?;

        let during = Client::python(&setup, "openai_sdk.py", &standin).count(20).run().await?;
        agent.log().wait_for("a warning", DEADLINE, |log| log.lines().any(is_warning)).await?;
        let receiver = Receiver::start_on(protocol, port).await?;
        receiver.wait_for("what was kept", DEADLINE, |spans| arrived(spans, 20)).await?;
        let ended = agent.stop().await?;

        let spans = [first, receiver.spans()].concat();
        for call in before.calls.iter().chain(&during.calls) {
            assert_eq!(ids_of(call, &standin, &spans).len(), 1, "{call:?}");
        }
        ensure!(ended.status.success(), "{}", ended.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn with_a_queue_on_disk_an_outage_and_a_kill_lose_nothing() -> Result<()> {
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let setup = Setup::find()?;
        let folder = Folder::new()?;
        let queue = folder.path().join("queue").display().to_string();
        let standin = StandIn::start(&setup, true).await?;
        let reserved = Reserved::port()?;
        let port = reserved.number()?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let arguments = ["--otlp-queue", &queue];
        let agent = Agent::exporting(&setup, &endpoint, protocol, &arguments).await?;
        let before = Client::python(&setup, "openai_sdk.py", &standin).count(10).run().await?;
        // The program's own span may be one of them.
        agent.status_when("spans on disk", DEADLINE, |status| spans_on_disk(status) >= Some(10.0)).await?;
        agent.kill().await?;
        let agent = Agent::exporting(&setup, &endpoint, protocol, &arguments).await?;
        let during = Client::python(&setup, "openai_sdk.py", &standin).count(5).run().await?;
        agent.status_when("more of them", DEADLINE, |status| spans_on_disk(status) >= Some(15.0)).await?;
        let receiver = Receiver::start_on(protocol, port).await?;
        let enough = |spans: &[Span]| concerning(&standin, spans).count() >= 15;
        let spans = receiver.wait_for("what was kept", DEADLINE, enough).await?;
        agent.status_when("an empty queue", DEADLINE, |status| spans_on_disk(status) == Some(0.0)).await?;
        let ended = agent.stop().await?;
        for call in before.calls.iter().chain(&during.calls) {
            assert_eq!(ids_of(call, &standin, &spans).len(), 1, "{call:?}");
        }
        ensure!(ended.status.success() && ended.losses().is_empty(), "{}", ended.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn what_waits_is_delivered_at_the_stop() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let done = scene.python("openai_sdk.py").count(30).run().await?;
    let Scene { receiver, standin, agent, .. } = scene;
    let ended = agent.stop().await?;
    let spans = receiver.spans();
    let found = concerning(&standin, &spans).count();
    ensure!(found == done.calls.len(), "{found} spans of {}:\n{}", done.calls.len(), ended.stderr);
    Ok(())
}
