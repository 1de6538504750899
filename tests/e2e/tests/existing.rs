//! Processes that ran, and connections that were open, before the agent was there.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::Client;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::{compare, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::{DEADLINE, Setup};

/// Calls on a connection before the agent starts, and after.
const BEFORE: usize = 2;
const AFTER: usize = 2;

async fn goes_on(script: &str, plain: bool) -> Result<()> {
    let setup = Setup::find()?;
    let standin = StandIn::start(&setup, plain).await?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let mut client = Client::python(&setup, script, &standin).by_steps().start()?;
    for _ in 0..BEFORE {
        client.step().await?;
    }
    let agent = Agent::start(&setup, &receiver, &[]).await?;
    for _ in 0..AFTER {
        client.step().await?;
    }
    let log = standin.log(BEFORE + AFTER).await?;
    let ports: Vec<_> = log.iter().map(|served| served.client_port).collect();
    ensure!(ports.windows(2).all(|pair| pair.first() == pair.last()), "not one connection: {ports:?}");
    let enough = |spans: &[Span]| concerning(&standin, spans).count() >= AFTER;
    let arrived = receiver.wait_for("calls on open connections", DEADLINE, enough).await;
    let ended = agent.stop().await?;
    let spans = arrived.with_context(|| ended.stderr.clone())?;
    let spans: Vec<&Span> = concerning(&standin, &spans).collect();
    ensure!(spans.len() == AFTER, "{spans:#?}");
    for (span, served) in spans.into_iter().zip(log.iter().skip(BEFORE)) {
        compare(span, served).with_context(|| format!("{served:#?}\n{span:#?}"))?;
        ensure!(span.resource.int("process.pid") == Some(client.pid().into()), "{span:#?}");
        ensure!(span.text("network.peer.address") == Some("127.0.0.1"), "{span:#?}");
        ensure!(span.int("network.peer.port") == Some(standin.port.into()), "{span:#?}");
    }
    client.end(DEADLINE).await.map(drop)
}

#[tokio::test]
async fn a_connection_in_plain_text_goes_on() -> Result<()> {
    goes_on("steps.py", true).await
}

#[tokio::test]
async fn a_tls_connection_goes_on() -> Result<()> {
    goes_on("steps.py", false).await
}

#[tokio::test]
async fn an_event_loops_connections_go_on() -> Result<()> {
    goes_on("aiohttp_steps.py", true).await?;
    goes_on("aiohttp_steps.py", false).await
}

/// What cannot be read is told of: the keys of a session are not seen again, and calls are not to be probed.
#[tokio::test]
async fn a_tls_session_that_is_not_read_is_counted() -> Result<()> {
    // As many as make the kernel side give a session up.
    const CALLS: usize = 20;
    // Above those that the kernel gives out by itself, of which the server has one.
    const HIGH: std::ops::Range<u16> = 61_000..65_000;
    let setup = Setup::find()?;
    let standin = StandIn::start(&setup, false).await?;
    let receiver = Receiver::start(Protocol::Http).await?;
    // Of an old session the kernel side knows by the ports alone who is the client.
    let is_free = |port: &u16| std::net::TcpListener::bind(("0.0.0.0", *port)).is_ok();
    let port = HIGH.into_iter().find(is_free).context("no port is free")?;
    let client = Client::python(&setup, "steps.py", &standin).env("SOURCE_PORT", port.to_string());
    let mut client = client.by_steps().start()?;
    client.step().await?;
    // Other programs of the host have such sessions, too.
    let scope = format!("tree={}", client.pid());
    let agent = Agent::start(&setup, &receiver, &["--tls", "keys", "--include", &scope]).await?;
    for _ in 0..CALLS {
        client.step().await?;
    }
    let old = |status: &Value| status.pointer("/counters/tls_sessions_old").and_then(Value::as_u64);
    agent.status_when("the session", DEADLINE, |status| old(status).is_some_and(|count| count > 0)).await?;
    for _ in 0..CALLS {
        client.step().await?;
    }
    let log = standin.log(1 + 2 * CALLS).await?;
    let ports: Vec<_> = log.iter().map(|served| served.client_port).collect();
    ensure!(ports.windows(2).all(|pair| pair.first() == pair.last()), "not one connection: {ports:?}");
    // Once, however often it is used.
    agent.status_when("one session", DEADLINE, |status| old(status) == Some(1)).await?;
    let ended = agent.stop().await?;
    ensure!(concerning(&standin, &receiver.spans()).next().is_none(), "{}", ended.stderr);
    client.end(DEADLINE).await.map(drop)
}
