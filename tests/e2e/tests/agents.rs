//! Agent frameworks that nobody has changed: the spans' graph, tools and loops are what the framework did.

use std::collections::BTreeSet;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::DEADLINE;
use spanwire_e2e::client::Client;
use spanwire_e2e::did::{Did, compare};
use spanwire_e2e::scene::Scene;
use spanwire_e2e::span::Span;
use tokio::process::Command;

/// Runs a program of `tests/frameworks`; returns its process and what it says.
async fn run(client: &Client) -> Result<(i64, Vec<Did>)> {
    let words = client.words();
    let (program, arguments) = words.split_first().context("a program")?;
    let mut command = Command::new(program);
    command.args(arguments).envs(client.environment()).stdin(Stdio::null()).stdout(Stdio::piped());
    let process = command.kill_on_drop(true).spawn()?;
    let pid = i64::from(process.id().context("a process has an id")?);
    let output = tokio::time::timeout(DEADLINE, process.wait_with_output()).await;
    let output = output.context("the framework does not end")??;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{}: {said}", output.status);
    let did = said.lines().map(|line| serde_json::from_str(line).with_context(|| format!("it said {line}")));
    Ok((pid, did.collect::<Result<_>>()?))
}

async fn same(script: &str, arguments: &[&str]) -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python(&format!("../frameworks/{script}")).args(arguments);
    let (pid, did) = run(&client).await?;
    let of_run = |spans: &[Span]| -> Vec<Span> {
        spans.iter().filter(|span| span.resource.int("process.pid") == Some(pid)).cloned().collect()
    };
    let agent = |did: &Did| match did {
        Did::Chat { agent } => Some(agent.clone()),
        _ => None,
    };
    let agents: BTreeSet<_> = did.iter().filter_map(agent).collect();
    let steps = did.iter().filter(|did| !matches!(did, Did::Agent { .. })).count();
    let all = |spans: &[Span]| of_run(spans).len() >= steps + agents.len();
    let Scene { receiver, agent, standin: _standin, .. } = scene;
    let waited = receiver.wait_for("a span of each step and agent", DEADLINE, all).await;
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
    waited?;
    compare(&did, &of_run(&receiver.spans()))
}

#[tokio::test]
async fn a_loop_over_the_openai_sdk() -> Result<()> {
    same("plain_loop.py", &[]).await
}

#[tokio::test]
async fn a_loop_whose_model_calls_two_tools_at_once() -> Result<()> {
    same("plain_loop.py", &["--model", "standin-script-all"]).await
}

#[tokio::test]
async fn a_loop_that_calls_the_same_again() -> Result<()> {
    same("plain_loop.py", &["--model", "standin-script-twice"]).await
}

#[tokio::test]
async fn langgraph() -> Result<()> {
    same("langgraph_agent.py", &[]).await
}

#[tokio::test]
async fn pydantic_ai() -> Result<()> {
    same("pydantic_agent.py", &[]).await
}

#[tokio::test]
async fn openai_agents_with_a_hand_over() -> Result<()> {
    for api in ["responses", "chat_completions"] {
        same("openai_agents.py", &["--api", api]).await.context(api)?;
    }
    Ok(())
}

#[tokio::test]
async fn openai_agents_with_an_agent_as_a_tool() -> Result<()> {
    for api in ["responses", "chat_completions"] {
        same("openai_agents.py", &["--api", api, "--as-tool"]).await.context(api)?;
    }
    Ok(())
}
