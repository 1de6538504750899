//! Agents that take over from each other: by SIGHUP, with another configuration, and on a host that has one.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::Client;
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::{compare, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::{DEADLINE, Setup};

/// Calls on a connection before an agent takes over, and after.
const BEFORE: usize = 2;
const AFTER: usize = 2;

/// Between two calls: agents agree on the moment of their change to some microseconds, and a call that begins within these may be
/// reported twice.
const PAUSE: Duration = Duration::from_millis(20);

/// What an agent says that has ended, having handed over or not.
const STOPPED: &str = "stopped; ";

/// A call after another is made on one connection, while an agent is replaced by one that has another configuration: each is
/// reported once.
async fn is_taken_over(script: &str, plain: bool, arguments: &[&str]) -> Result<()> {
    let setup = Setup::find()?;
    let folder = Folder::new()?;
    let (config, store) = (folder.path().join("config.yaml"), folder.path().join("audit/audit.db"));
    fs::write(&config, "approved-endpoints: elsewhere.example.com\n")?;
    let standin = StandIn::start(&setup, plain).await?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let paths = [config.display().to_string(), store.display().to_string()];
    let [file, audit] = &paths;
    let agent =
        Agent::serving(&setup, &receiver, &[&["--config", file, "--audit", audit], arguments].concat())
            .await?;
    let mut client = Client::python(&setup, script, &standin).by_steps().start()?;
    for _ in 0..BEFORE {
        client.step().await?;
    }
    let reported = |count: usize| {
        let standin = &standin;
        move |spans: &[Span]| concerning(standin, spans).count() >= count
    };
    receiver.wait_for("calls before", DEADLINE, reported(BEFORE)).await?;
    fs::write(&config, "approved-endpoints: localhost\n")?;
    agent.signal(Signal::HUP)?;
    let (since, mut count) = (Instant::now(), BEFORE);
    while !agent.log().text().contains(STOPPED) {
        client.step().await?;
        count += 1;
        tokio::time::sleep(PAUSE).await;
        ensure!(since.elapsed() < DEADLINE, "no agent leaves:\n{}", agent.log().text());
    }
    for _ in 0..AFTER {
        client.step().await?;
    }
    count += AFTER;
    let log = standin.log(count).await?;
    let ports: BTreeSet<_> = log.iter().map(|served| served.client_port).collect();
    ensure!(ports.len() == 1, "not one connection: {ports:?}");
    let arrived = receiver.wait_for("all calls", DEADLINE, reported(count)).await;
    let ended = agent.stop().await?;
    let spans = arrived.with_context(|| ended.stderr.clone())?;
    ensure!(ended.status.success(), "{}:\n{}", ended.status, ended.stderr);
    let mut spans: Vec<&Span> = concerning(&standin, &spans).collect();
    spans.sort_by_key(|span| span.raw.start_time_unix_nano);
    ensure!(spans.len() == count, "{} spans for {count} calls:\n{}", spans.len(), ended.stderr);
    for (span, served) in spans.iter().zip(&log) {
        compare(span, served).with_context(|| format!("{served:#?}\n{span:#?}"))?;
        ensure!(span.text("network.peer.address") == Some("127.0.0.1"), "{span:#?}");
    }
    // By the configuration of their time.
    let approvals = [spans.first(), spans.last()]
        .map(|span| span.and_then(|span| span.text("spanwire.endpoint.approval")));
    ensure!(approvals == [Some("unapproved"), Some("approved")], "{approvals:?}");
    let mut ask = spanwire_e2e::agent::command(&setup);
    ask.args(["audit", "--format", "json", "--limit", "0", "--store", audit]);
    let records = spanwire_e2e::agent::finished(&mut ask).await?;
    let records: Vec<serde_json::Value> = serde_json::from_slice(&records.stdout)?;
    ensure!(records.len() == count, "{} records of {count} calls", records.len());
    client.end(DEADLINE).await.map(drop)
}

#[tokio::test]
async fn a_new_configuration_takes_over_a_connection_in_plain_text() -> Result<()> {
    is_taken_over("steps.py", true, &[]).await
}

#[tokio::test]
async fn a_new_configuration_takes_over_a_tls_connection() -> Result<()> {
    is_taken_over("steps.py", false, &[]).await
}

/// Nobody sees its keys a second time: they are handed over.
#[tokio::test]
async fn a_new_configuration_takes_over_a_tls_connection_that_is_read_by_its_keys() -> Result<()> {
    is_taken_over("steps.py", false, &["--tls", "keys"]).await
}

#[tokio::test]
async fn a_configuration_that_is_no_good_leaves_the_one_before_in_force() -> Result<()> {
    let setup = Setup::find()?;
    let folder = Folder::new()?;
    let config = folder.path().join("config.yaml");
    fs::write(&config, "")?;
    let standin = StandIn::start(&setup, true).await?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let agent = Agent::serving(&setup, &receiver, &["--config", &config.display().to_string()]).await?;
    fs::write(&config, "body-limit: much\n")?;
    agent.signal(Signal::HUP)?;
    let refused = |text: &str| text.contains("the one before stays in force");
    let log = agent.log().wait_for("the refusal", DEADLINE, refused).await?;
    ensure!(log.contains("body-limit") && log.contains("exit code 2"), "{log}");
    Client::curl(&standin, "gpt-4o-mini").run().await?;
    receiver.wait_for("the call", DEADLINE, |spans| concerning(&standin, spans).count() == 1).await?;
    let ended = agent.stop().await?;
    ensure!(ended.status.success() && ended.calls() == Some(1), "{}:\n{}", ended.status, ended.stderr);
    Ok(())
}

#[tokio::test]
async fn an_agent_that_comes_to_the_host_takes_over_and_the_one_before_waits_to_be_stopped() -> Result<()> {
    let setup = Setup::find()?;
    let standin = StandIn::start(&setup, true).await?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let before = Agent::serving(&setup, &receiver, &[]).await?;
    let socket = before.socket().display().to_string();
    let after = Agent::start(&setup, &receiver, &["--take-over", "--status-socket", &socket]).await?;
    before.log().wait_for("its end", DEADLINE, |text| text.contains("this one waits to be stopped")).await?;
    Client::curl(&standin, "gpt-4o-mini").run().await?;
    receiver.wait_for("the call", DEADLINE, |spans| concerning(&standin, spans).count() == 1).await?;
    let (before, after) = (before.stop().await?, after.stop().await?);
    ensure!(before.status.success() && before.calls() == Some(0), "{}", before.stderr);
    ensure!(after.status.success() && after.calls() == Some(1), "{}", after.stderr);
    Ok(())
}

#[tokio::test]
async fn a_program_that_was_upgraded_takes_over() -> Result<()> {
    let mut setup = Setup::find()?;
    let folder = Folder::new()?;
    let built = std::mem::replace(&mut setup.agent, folder.path().join("spanwire"));
    fs::copy(&built, &setup.agent)?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let agent = Agent::serving(&setup, &receiver, &[]).await?;
    let pid = |status: &serde_json::Value| status.pointer("/pid").and_then(serde_json::Value::as_u64);
    let status = agent.status_when("the agent", DEADLINE, |_| true).await?;
    let before = pid(&status).context("it says its process id")?;
    // As package managers do.
    let new = folder.path().join("new");
    fs::copy(&built, &new)?;
    fs::rename(new, &setup.agent)?;
    agent.signal(Signal::HUP)?;
    agent.log().wait_for("its end", DEADLINE, |text| text.contains(STOPPED)).await?;
    let status = agent.status_when("the next", DEADLINE, |_| true).await?;
    let after = pid(&status).context("it says its process id")?;
    let program = |pid: u64| fs::read_link(format!("/proc/{pid}/exe"));
    ensure!(before != after && program(after)? == setup.agent, "{before}, {after}: {:?}", program(after));
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn a_service_that_is_killed_leaves_no_agent_behind_and_nothing_undelivered() -> Result<()> {
    let setup = Setup::find()?;
    let standin = StandIn::start(&setup, true).await?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let agent = Agent::serving(&setup, &receiver, &[]).await?;
    Client::curl(&standin, "gpt-4o-mini").run().await?;
    // Its log ends with the last process that writes to it.
    let ended = agent.kill().await?;
    ensure!(ended.calls() == Some(1), "{}", ended.stderr);
    receiver.wait_for("the call", DEADLINE, |spans| concerning(&standin, spans).count() == 1).await.map(drop)
}
