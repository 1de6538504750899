//! A ring that is too small: what is lost is known, counted, and adds up.

#![allow(clippy::print_stdout, reason = "the figures are of interest also where the test passes")]

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use spanwire_e2e::LONG_DEADLINE;
use spanwire_e2e::client::Received;
use spanwire_e2e::scene::{Scene, concerning};
use spanwire_e2e::span::Span;

const THREADS: usize = 16;
const CALLS: usize = 60;

#[tokio::test]
async fn what_finds_no_room_is_known() -> Result<()> {
    // Prompts that fill the ring many times over, faster than an agent that is stopped can read.
    let scene = Scene::tls(&["--ring-size", "256KiB"]).await?;
    let agent = scene.agent.pid().context("the agent runs")?;
    let client = scene.python("threads_many.py").count(CALLS);
    let client = client.args(["--threads", &THREADS.to_string(), "--prompt-bytes", "30000"]);
    let running = client.start()?;
    running.calls(THREADS).await?;
    // It reads nothing for a while, whatever machine this is.
    signal(agent, Signal::STOP)?;
    running.calls(THREADS * CALLS / 2).await?;
    signal(agent, Signal::CONT)?;
    let done = running.end(LONG_DEADLINE).await?;
    let served = scene.standin.log(THREADS * CALLS).await?.len();
    ensure!(served == done.calls.len(), "{served} were served");
    // The agent delivers what it has when it stops.
    let ended = scene.agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let spans: Vec<Span> = concerning(&scene.standin, &scene.receiver.spans()).cloned().collect();

    let losses = ended.losses();
    let counter =
        |name: &str| losses.get(name).map_or(0, |count| usize::try_from(*count).unwrap_or(usize::MAX));
    let (unseen, partial) =
        (counter("requests_dropped") + counter("requests_unread"), counter("exchanges_lost"));
    println!(
        "{served} calls: {} spans, of which {partial} without their end; {unseen} not seen; {} records dropped",
        spans.len(),
        counter("ring_drops_chunk")
    );
    ensure!(unseen > 0 && !spans.is_empty(), "nothing was lost, or all: {}", ended.stderr);
    ensure!(spans.len() + unseen == served, "{} + {unseen} are not {served}: {}", spans.len(), ended.stderr);
    for span in &spans {
        let known = served_as(&done.calls, span);
        let whole = known && span.tokens().1.is_some();
        ensure!(whole || !span.notes().is_empty(), "it lacks something, and does not say so: {span:#?}");
    }
    Ok(())
}

/// Whether a span has the id of an answer and its tokens.
fn served_as(calls: &[Received], span: &Span) -> bool {
    calls.iter().any(|call| {
        span.response_id().is_some()
            && call.id.as_deref() == span.response_id()
            && (call.input_tokens, call.output_tokens) == span.tokens()
    })
}

fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(pid.try_into()?).context("a pid")?;
    Ok(kill_process(pid, signal)?)
}
