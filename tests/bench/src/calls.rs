//! `bench calls`: what the agent takes for one call, and for one piece of a stream, at the load of a busy
//! program; and what the program's calls take longer.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use spanwire_e2e::LONG_DEADLINE;
use spanwire_e2e::standin::StandIn;
use tokio::io::AsyncWriteExt as _;

use crate::bench::{Bench, Tracing};
use crate::nginx::{Nginx, output_of, python};
use crate::probes::stream;
use crate::stats::{Bound, Samples, Table};
use crate::usage::{Usage, usage};

const CONNECTIONS: usize = 10;
/// Calls a second.
const RATE: usize = 300;
/// Bytes of an answer's body; a request's has 1 KiB.
const ANSWER_BYTES: usize = 4096;

/// What an agent took, round by round, for one call or one piece.
#[derive(Default)]
struct Took {
    cpu_us: Samples,
    switches: Samples,
    reads: Samples,
}

impl Took {
    fn add(&mut self, used: &Usage, count: f64) {
        self.cpu_us.add(1e6 * used.cpu / count);
        self.switches.add(used.switches as f64 / count);
        self.reads.add(used.reads as f64 / count);
    }

    fn row(&self, table: &mut Table, name: &str, [took, longer]: [String; 2]) {
        let Self { cpu_us, switches, reads } = self;
        table.row([name.to_owned(), cpu_us.shown(1), switches.shown(2), reads.shown(2), took, longer]);
    }
}

const HEADS: [&str; 6] =
    ["", "agent's CPU, µs", "its context switches", "its read calls", "the program's p50", "longer by"];

/// Measures; prints tables. `beside` are further agents to measure by turns with this one.
pub(crate) async fn measure(bench: &Bench, beside: &[std::path::PathBuf]) -> Result<Vec<Bound>> {
    let agents: Vec<&Path> =
        std::iter::once(bench.setup.agent.as_path()).chain(beside.iter().map(AsRef::as_ref)).collect();
    calls(bench, &agents).await?;
    streams(bench, &agents).await?;
    Ok(Vec::new())
}

fn with_agent(bench: &Bench, agent: &Path) -> Bench {
    let mut bench = bench.clone();
    bench.setup.agent = agent.to_owned();
    bench
}

async fn calls(bench: &Bench, agents: &[&Path]) -> Result<()> {
    let nginx = Nginx::start(ANSWER_BYTES).await?;
    let mut without = Samples::default();
    let mut with: Vec<(Took, Samples)> = agents.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.rounds {
        without.add(paced(bench, &nginx, None).await?.0);
        for (agent, (took, p50)) in agents.iter().zip(&mut with) {
            let tracing = Tracing::start(&with_agent(bench, agent), &nginx.sink(), &[]).await?;
            let (median, used) = paced(bench, &nginx, Some(&tracing)).await?;
            let stopped = tracing.stop().await?;
            let count = RATE as u64 * bench.seconds;
            ensure!(stopped.calls >= count, "of {count} calls the agent saw {}", stopped.calls);
            p50.add(median);
            took.add(&used, count as f64);
        }
    }
    nginx.stop().await?;
    let mut table = Table::new(HEADS);
    table.row([
        "no agent".into(),
        String::new(),
        String::new(),
        String::new(),
        without.shown(0),
        String::new(),
    ]);
    for (agent, (took, p50)) in agents.iter().zip(&with) {
        took.row(&mut table, &agent.display().to_string(), [p50.shown(0), p50.beyond(&without).shown(0)]);
    }
    table.print(&format!(
        "A call of Python over TLS, {RATE} a second on {CONNECTIONS} connections, times in µs"
    ));
    Ok(())
}

/// The calls' median time in microseconds, and what the agent used meanwhile.
async fn paced(bench: &Bench, nginx: &Nginx, agent: Option<&Tracing>) -> Result<(f64, Usage)> {
    let mut command = python(&bench.setup, bench.file("paced_calls.py"));
    command.arg(nginx.url(true, "/v1/chat/completions")).arg(nginx.ca());
    command.args([CONNECTIONS.to_string(), RATE.to_string(), bench.seconds.to_string()]);
    let mut client = command.stdin(Stdio::piped()).spawn().context("no Python")?;
    let said = output_of(&mut client, "paced_calls.py")?;
    said.wait_for("the connections", LONG_DEADLINE, |text| text.contains("connected")).await?;
    let used = || agent.map_or(Ok(Usage::default()), |agent| usage(agent.pid));
    let before = used()?;
    client.stdin.take().context("no input")?.write_all(b"\n").await?;
    said.wait_for("the calls", LONG_DEADLINE, |text| text.contains('}')).await?;
    let after = used()?;
    ensure!(client.wait().await?.success(), "the client failed");
    let said = said.wait_for_end(LONG_DEADLINE).await?;
    let said: Value = serde_json::from_str(said.lines().last().context("it said nothing")?)?;
    let number =
        |name| said.get(name).and_then(Value::as_f64).with_context(|| format!("the client said {said}"));
    ensure!(number("calls")? == (RATE as u64 * bench.seconds) as f64, "the client said {said}");
    Ok((number("p50_us")?, after.since(&before)))
}

async fn streams(bench: &Bench, agents: &[&Path]) -> Result<()> {
    let standin = StandIn::start(&bench.setup, false).await?;
    let sink = Nginx::start(1024).await?;
    let mut without = Samples::default();
    let mut with: Vec<(Took, Samples)> = agents.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.rounds {
        without.add(stream::run(bench, &standin).await?);
        for (agent, (took, ms)) in agents.iter().zip(&mut with) {
            let tracing = Tracing::start(&with_agent(bench, agent), &sink.sink(), &[]).await?;
            ms.add(stream::run(bench, &standin).await?);
            let stopped = tracing.stop().await?;
            ensure!(stopped.calls >= stream::STREAMS as u64, "the agent saw {} streams", stopped.calls);
            took.add(&stopped.usage, (stream::STREAMS * stream::PIECES) as f64);
        }
    }
    sink.stop().await?;
    let mut table = Table::new(HEADS);
    table.row([
        "no agent".into(),
        String::new(),
        String::new(),
        String::new(),
        without.shown(2),
        String::new(),
    ]);
    for (agent, (took, ms)) in agents.iter().zip(&with) {
        let longer = ms.beyond(&without).shown(2);
        took.row(&mut table, &agent.display().to_string(), [ms.shown(2), longer]);
    }
    table.print(
        "A piece of streams of 500, Python's openai SDK over TLS, the client's start included; times of a stream in ms",
    );
    Ok(())
}
