//! Many calls, and an agent that is killed among them.

use std::time::Duration;

use anyhow::{Result, ensure};
use spanwire_e2e::agent::Agent;
use spanwire_e2e::scene::{Scene, concerning};
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
async fn a_thousand_calls_one_after_another() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let done = scene.python("httpx_client.py").count(1000).run().await?;
    let outcome = scene.finish(1000).await?;
    assert_eq!(done.calls.len(), 1000);
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

/// Ids of the BPF programs of this host that the agent loaded, by the names that all of its have.
fn programs() -> Result<Vec<u32>> {
    let mut ids = Vec::new();
    for program in aya::programs::loaded_programs() {
        ids.push(program?.id());
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Waits until the kernel has let go of every program that was not there `before`: it does so by
/// itself, in a worker of its own, some time after the process is gone, and tells nobody.
async fn programs_gone(before: &[u32]) -> Result<()> {
    let gone = async {
        loop {
            let left: Vec<u32> = programs()?.into_iter().filter(|id| !before.contains(id)).collect();
            if left.is_empty() {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await?
}

#[tokio::test]
async fn a_killed_agent_harms_nobody_and_leaves_nothing() -> Result<()> {
    let before = programs()?;
    let scene = Scene::tls(&[]).await?;
    ensure!(programs()?.len() > before.len(), "the agent has no programs loaded");
    let Scene { setup, receiver, standin, agent } = scene;

    let client = spanwire_e2e::client::Client::python(&setup, "httpx_client.py", &standin).count(600);
    let running = client.start()?;
    running.calls(100).await?;
    agent.kill().await?;
    running.calls(200).await?;
    programs_gone(&before).await?;

    // A session that began before the agent is seen from its next call on.
    let agent = Agent::start(&setup, &receiver, &[]).await?;
    let done = running.end(LONG_DEADLINE).await?;
    assert_eq!(done.calls.len(), 600);
    ensure!(done.calls.iter().all(|call| call.error.is_none()), "the client met errors");

    let client = spanwire_e2e::client::Client::python(&setup, "openai_sdk.py", &standin).service("later");
    let later = client.count(5).run().await?;
    let of_later = |spans: &[spanwire_e2e::span::Span]| {
        concerning(&standin, spans).filter(|span| span.service() == Some("later")).count()
    };
    let spans = receiver.wait_for("spans after the restart", DEADLINE, |spans| of_later(spans) >= 5).await?;
    for call in &later.calls {
        ensure!(spans.iter().any(|span| span.response_id() == call.id.as_deref()), "{call:?}");
    }
    agent.stop().await?;
    programs_gone(&before).await
}
