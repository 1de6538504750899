//! What monitoring systems are told: numbers that agree with what was done, and whether the agent captures.

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::DEADLINE;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::scene::Scene;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep};

/// Has the agent listen at a port that is free, which its log names.
const LISTEN: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

/// How long to wait before the agent is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Where the agent is asked.
async fn address(agent: &Agent) -> Result<String> {
    const SAID: &str = "metrics at http://";
    let log = agent.log().wait_for(SAID, DEADLINE, |log| log.contains(SAID)).await?;
    let (_, address) = log.split_once(SAID).context("it is there")?;
    Ok(address.split_once('/').context("a path follows")?.0.to_owned())
}

/// The status and the body.
async fn get(address: &str, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split_ascii_whitespace().nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

/// Waits until a line stands in what is answered; returns all of it.
async fn answered_with(address: &str, (path, status): (&str, u16), line: &str) -> Result<String> {
    let since = Instant::now();
    loop {
        let (code, body) = get(address, path).await?;
        if code == status && body.contains(line) {
            return Ok(body);
        }
        ensure!(since.elapsed() < DEADLINE, "no sign of {line:?} at {path}: {code}\n{body}");
        sleep(AGAIN).await;
    }
}

#[tokio::test]
async fn what_was_done_is_counted_and_who_captures_is_well() -> Result<()> {
    let scene = Scene::plain(&LISTEN).await?;
    let address = address(&scene.agent).await?;
    answered_with(&address, ("/healthz", 200), "\"status\":\"ok\"").await?;
    scene.curl("gpt-4o-mini").run().await?;
    scene.curl("gpt-4o-mini").run().await?;
    answered_with(&address, ("/metrics", 200), "\nspanwire_calls_total 2\n").await?;
    let metrics =
        answered_with(&address, ("/metrics", 200), "\nspanwire_spans_total{result=\"exported\"} ").await?;
    for line in [
        "\nspanwire_exchanges_total{outcome=\"complete\"} 2\n",
        "\nspanwire_spans_total{result=\"dropped_queue_full\"} 0\n",
        "\nspanwire_ring_drops_total{record=\"chunk\"} 0\n",
        "\nspanwire_ring_bytes 8388608\n",
        "\nprocess_resident_memory_bytes ",
        ",state=\"probed\"} ",
    ] {
        ensure!(metrics.contains(line), "{line}\n{metrics}");
    }
    ensure!(!metrics.contains("\nprocess_resident_memory_bytes 0\n"), "it may not look: {metrics}");
    ensure!(get(&address, "/").await?.0 == 404);
    let status = scene.agent.status_text().await?;
    ensure!(status.contains("\nLosses\n  none\n"), "{status}");
    ensure!(status.contains("  2 calls understood and turned into spans\n"), "{status}");
    scene.finish(2).await?;
    Ok(())
}

/// More clients than are answered at a time, none of which says what it wants, hold up neither capture nor, for long, each
/// other.
#[tokio::test]
async fn clients_that_say_nothing_hold_up_no_capture() -> Result<()> {
    let scene = Scene::plain(&LISTEN).await?;
    let address = address(&scene.agent).await?;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(&address).await?);
    }
    scene.curl("gpt-4o-mini").run().await?;
    // Asked at the socket, since at the port others are first.
    let counted = |status: &serde_json::Value| status.pointer("/counters/calls") == Some(&1.into());
    scene.agent.status_when("the call", DEADLINE, counted).await?;
    answered_with(&address, ("/healthz", 200), "\"status\":\"ok\"").await?;
    drop(silent);
    scene.finish(1).await?;
    Ok(())
}
