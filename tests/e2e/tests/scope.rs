//! Which processes and connections are traced, and what the agent says of them.

#![allow(clippy::indexing_slicing, reason = "of JSON values: what is not there is null")]

use std::ffi::OsStr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::{KEY, Service};
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::Scene;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::{DEADLINE, Setup};

/// Which of two programs, curl and one in Python, are traced under these arguments.
async fn traced(plain: bool, arguments: &[&str]) -> Result<Vec<String>> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let standin = StandIn::start(&setup, plain).await?;
    let port = standin.port.to_string();
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("PORT", &port)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let agent = Agent::start(&setup, &receiver, &arguments).await?;
    let scene = Scene { setup, receiver, standin, agent };
    scene.python("one_second.py").model("by-python").run().await?;
    scene.curl("by-curl").run().await?;
    scene.standin.log(2).await?;
    let ended = scene.agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let spans = scene.receiver.spans();
    let mut models: Vec<_> =
        spans.iter().filter_map(|span| span.text("gen_ai.request.model").map(str::to_owned)).collect();
    models.retain(|model| model.starts_with("by-"));
    models.sort();
    Ok(models)
}

#[tokio::test]
async fn what_is_included_and_excluded() -> Result<()> {
    for (plain, arguments, expected) in [
        (false, &["--include", "executable=*/curl"][..], &["by-curl"][..]),
        (true, &["--include", "executable=*/curl"], &["by-curl"]),
        (false, &["--exclude", "process=curl"], &["by-python"]),
        (true, &["--include", "namespace=host", "--exclude", "executable=*/python*"], &["by-curl"]),
        (false, &["--include", "namespace=nobody"], &[]),
        (true, &["--include", "container=0"], &[]),
        (false, &["--exclude", "port=PORT"], &[]),
        (true, &["--exclude", "port=PORT"], &[]),
        (false, &["--include", "port=PORT"], &["by-curl", "by-python"]),
        (true, &["--include", "port=1-2"], &[]),
    ] {
        let models = traced(plain, arguments).await?;
        ensure!(models == expected, "{arguments:?}, plain {plain}: {models:?}");
    }
    Ok(())
}

/// What the agent says of the process.
fn process(status: &Value, pid: u32) -> Option<&Value> {
    let processes = status.get("processes")?.as_array()?;
    processes.iter().find(|process| process.get("pid").and_then(Value::as_u64) == Some(pid.into()))
}

/// A service that asks the model, with this environment, and a gateway that has asked it once.
async fn asked(scene: &Scene, environment: &[(&str, &OsStr)]) -> Result<(Service, Service)> {
    let url = scene.standin.base_url();
    let url = url.strip_suffix("/v1").context("the URL ends so")?;
    let agent = Service::start(&scene.setup, "gateway.py", &["agent", url], environment)?;
    let url = format!("http://127.0.0.1:{}", agent.line().await?);
    let gateway = Service::start(&scene.setup, "gateway.py", &["gateway", &url], &[])?;
    gateway.say("ask").await?;
    gateway.line().await?;
    Ok((agent, gateway))
}

#[tokio::test]
async fn the_status_says_what_is_probed_where_and_what_was_seen() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let ca = scene.standin.ca().context("there is TLS")?;
    let (agent, gateway) = asked(&scene, &[("SSL_CERT_FILE", ca.as_os_str())]).await?;
    let status = scene
        .agent
        .status_when("a call of the service", DEADLINE, |status| {
            process(status, agent.pid)
                .is_some_and(|process| process.pointer("/seen/calls") == Some(&1.into()))
        })
        .await?;
    let seen = process(&status, agent.pid).context("it is listed")?;
    ensure!(seen["probed_because"] == "asks a provider", "{seen:#}");
    let written = seen.pointer("/seen/tls_written_bytes").and_then(Value::as_u64).unwrap_or(0);
    let key = KEY.len() as u64;
    ensure!(written > key && seen.pointer("/seen/exchanges") == Some(&1.into()), "{seen:#}");
    let probed = seen["probed_files"][0].as_str().context("a file is probed")?;
    let files = status["files"].as_array().context("files are listed")?;
    let file = files.iter().find(|file| file["path"] == probed).with_context(|| format!("{files:#?}"))?;
    for site in file["sites"].as_array().context("sites are listed")? {
        ensure!(["emulated", "single-stepped"].contains(&site["class"].as_str().unwrap_or("")), "{site:#}");
    }
    ensure!(
        process(&status, gateway.pid)
            .is_none_or(|gateway| gateway["probed_because"] != "peer of one that asks")
    );
    let text = scene.agent.status_text().await?;
    ensure!(text.contains(probed) && text.contains("asks a provider"), "{text}");
    ensure!(!status.to_string().contains(KEY), "a key is shown");
    Ok(())
}

#[tokio::test]
async fn peers_of_those_that_ask_a_provider_join_when_they_are_followed() -> Result<()> {
    let scene = Scene::plain(&["--follow-peers", "on"]).await?;
    let (_agent, gateway) = asked(&scene, &[]).await?;
    let status = scene
        .agent
        .status_when("the gateway's probes", DEADLINE, |status| {
            process(status, gateway.pid)
                .is_some_and(|process| process["probed_because"] == "peer of one that asks")
        })
        .await?;
    // One that is nobody's peer is not.
    let others = status["processes"].as_array().context("processes are listed")?;
    let peers = others.iter().filter(|process| process["probed_because"] == "peer of one that asks").count();
    // The gateway in front, and the stand-in behind.
    ensure!((1..=2).contains(&peers), "{others:#?}");
    Ok(())
}
