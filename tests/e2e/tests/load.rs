//! Many calls, and an agent that is killed among them.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::Client;
use spanwire_e2e::scene::{Scene, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::{DEADLINE, LONG_DEADLINE};

#[tokio::test]
async fn eight_threads_of_one_client() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let done = scene.python("openai_sdk.py").args(["--threads", "8"]).count(25).run().await?;
    let outcome = scene.finish(200).await?;
    assert_eq!(done.calls.len(), 200);
    outcome.compare(&done.calls)
}

#[tokio::test]
async fn three_hundred_calls_one_after_another() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let done = scene.python("httpx_client.py").count(300).run().await?;
    let outcome = scene.finish(300).await?;
    assert_eq!(done.calls.len(), 300);
    outcome.compare(&done.calls)?;
    let exported: (i64, i64) = outcome.spans.iter().fold((0, 0), |(input, output), span| {
        let (more_input, more_output) = span.tokens();
        (input + more_input.unwrap_or(0), output + more_output.unwrap_or(0))
    });
    let sent = outcome
        .log
        .iter()
        .fold((0, 0), |(input, output), served| (input + served.input_tokens, output + served.output_tokens));
    assert_eq!(exported, sent);
    ensure!(outcome.agent.stderr.contains("nothing lost"), "{}", outcome.agent.stderr);
    Ok(())
}

/// Ids of the BPF programs that a process holds, by its descriptors (proc(5), `/proc/PID/fdinfo`).
fn programs_of(pid: u32) -> Result<Vec<u32>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // One may be closed meanwhile.
        let text = std::fs::read_to_string(entry?.path()).unwrap_or_default();
        let id = text.lines().find_map(|line| line.strip_prefix("prog_id:"));
        ids.extend(id.and_then(|id| id.trim().parse::<u32>().ok()));
    }
    ensure!(!ids.is_empty(), "the agent holds no programs");
    Ok(ids)
}

/// Waits until the kernel has let go of all of `those`: it does so by itself, in a worker of its own,
/// some time after the process is gone, and tells nobody.
async fn unloaded(those: &[u32]) -> Result<()> {
    let gone = async {
        loop {
            // Programs of others may be gone before they are looked at.
            let mut loaded = aya::programs::loaded_programs().filter_map(Result::ok);
            if !loaded.any(|program| those.contains(&program.id())) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.context("BPF programs stay loaded")
}

#[tokio::test]
async fn a_killed_agent_harms_nobody_and_leaves_nothing() -> Result<()> {
    let Scene { setup, receiver, standin, agent, door } = Scene::tls(&[]).await?;
    let loaded = programs_of(agent.pid().context("it runs")?)?;

    let client = Client::python(&setup, "httpx_client.py", &standin).count(600);
    let running = client.start()?;
    running.calls(100).await?;
    agent.kill().await?;
    running.calls(200).await?;
    unloaded(&loaded).await?;

    let agent = Agent::start(&setup, &receiver, &[]).await?;
    door.as_ref().context("the stand-in asks")?.follow(agent.log());
    let loaded = programs_of(agent.pid().context("it runs")?)?;
    let done = running.end(LONG_DEADLINE).await?;
    assert_eq!(done.calls.len(), 600);
    ensure!(done.calls.iter().all(|call| call.error.is_none()), "the client met errors");

    let client = Client::python(&setup, "openai_sdk.py", &standin).service("later");
    let later = client.count(5).run().await?;
    let of_later = |spans: &[Span]| -> BTreeSet<Option<String>> {
        let later = concerning(&standin, spans).filter(|span| span.service() == Some("later"));
        later.map(|span| span.response_id().map(str::to_owned)).collect()
    };
    let enough = |spans: &[Span]| of_later(spans).len() >= 5;
    let spans = receiver.wait_for("spans after the restart", DEADLINE, enough).await?;
    let ids: BTreeSet<_> = later.calls.iter().map(|call| call.id.clone()).collect();
    assert_eq!(of_later(&spans), ids);
    agent.stop().await?;
    unloaded(&loaded).await
}
