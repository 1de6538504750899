//! `bench tls`: what a handshake, a call and a stream cost a traced program by the calls of its TLS library and by
//! the keys of its connections, side by side; and what a server pays that is not traced.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use spanwire_e2e::LONG_DEADLINE;
use spanwire_e2e::standin::StandIn;
use tokio::io::AsyncWriteExt as _;

use crate::bench::{Bench, Tracing, turns};
use crate::host;
use crate::nginx::{Nginx, output_of, python};
use crate::stats::{Bound, Samples, Table};
use crate::usage::{Usage, usage};

/// Bytes of an answer's body; a request's has 1 KiB.
const ANSWER_BYTES: usize = 4096;

/// Kinds of agents, none being the first.
const KINDS: [(&str, Option<&[&str]>); 3] = [
    ("no agent", None),
    ("spanwire --tls calls", Some(&["--tls", "calls"])),
    ("spanwire --tls keys", Some(&["--tls", "keys"])),
];

/// What is measured: as `tests/bench/files/tls_costs.py` knows it, how many of it, and its name.
const COSTS: [(&str, usize, &str); 3] = [
    ("handshakes", 300, "a handshake"),
    ("calls", 1000, "a call on a kept connection"),
    ("streams", 30, "a stream of 500 pieces"),
];

/// What one kind measured of one cost.
#[derive(Clone, Debug, Default)]
struct Measured {
    /// Median of one round, µs.
    p50: Samples,
    /// The agent's processor time of each, µs.
    cpu: Samples,
    /// Calls that the agent did not see.
    unseen: Samples,
}

/// Measures; prints tables.
pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Bound>> {
    traced(bench).await?;
    host::bystander(bench).await?;
    Ok(Vec::new())
}

async fn traced(bench: &Bench) -> Result<()> {
    let nginx = Nginx::start(ANSWER_BYTES).await?;
    let standin = StandIn::start(&bench.setup, false).await?;
    let mut all: [[Measured; COSTS.len()]; KINDS.len()] = Default::default();
    for round in 0..bench.rounds {
        for turn in turns(round, KINDS.len()) {
            let (Some((_, arguments)), Some(measured)) = (KINDS.get(turn), all.get_mut(turn)) else {
                continue;
            };
            for ((what, count, _), measured) in COSTS.into_iter().zip(measured) {
                let (url, ca) = if what == "streams" {
                    let ca = standin.ca().context("a stand-in with TLS has a CA")?.to_owned();
                    (format!("{}/chat/completions", standin.base_url()), ca)
                } else {
                    (nginx.url(true, "/v1/chat/completions"), nginx.ca())
                };
                let agent = match arguments {
                    Some(arguments) => Some(Tracing::start(bench, &nginx.sink(), arguments).await?),
                    None => None,
                };
                let (p50, used) = run(bench, what, &url, &ca, count, agent.as_ref()).await?;
                measured.p50.add(p50);
                measured.cpu.add(1e6 * used.cpu / count as f64);
                if let Some(agent) = agent {
                    // The first, which is not counted, is seen as well.
                    let seen = agent.stop().await?.calls;
                    measured.unseen.add((count as u64 + 1).saturating_sub(seen) as f64);
                }
            }
        }
    }
    nginx.stop().await?;
    show(&all);
    Ok(())
}

fn show(all: &[[Measured; COSTS.len()]; KINDS.len()]) {
    let mut table = Table::new(["", "", "p50, µs", "% of no agent", "agent's CPU, µs", "calls unseen"]);
    for (index, (_, _, cost)) in COSTS.into_iter().enumerate() {
        let of = |kind: usize| all.get(kind).and_then(|kind| kind.get(index)).cloned().unwrap_or_default();
        let none = of(0).p50;
        for (kind, (name, arguments)) in KINDS.into_iter().enumerate() {
            let Measured { p50, cpu, unseen } = of(kind);
            let of_agent = |text: String| if arguments.is_some() { text } else { String::new() };
            table.row([
                cost.to_owned(),
                name.to_owned(),
                p50.shown(0),
                of_agent(p50.over(&none).times(100.0).shown(1)),
                of_agent(cpu.shown(1)),
                of_agent(unseen.shown(0)),
            ]);
        }
    }
    table.print(
        "A Python program over TLS, traced by the calls of its library and by the keys of its connections",
    );
}

/// The median time of one, in microseconds, and what the agent used meanwhile.
async fn run(
    bench: &Bench,
    what: &str,
    url: &str,
    ca: &Path,
    count: usize,
    agent: Option<&Tracing>,
) -> Result<(f64, Usage)> {
    let mut command = python(&bench.setup, bench.file("tls_costs.py"));
    command.arg(what).arg(url).arg(ca).arg(count.to_string());
    let mut client = command.stdin(Stdio::piped()).spawn().context("no Python")?;
    let mut input = client.stdin.take().context("no input")?;
    let said = output_of(&mut client, "tls_costs.py")?;
    said.wait_for("the connection", LONG_DEADLINE, |text| text.contains("connected")).await?;
    let used = || agent.map_or(Ok(Usage::default()), |agent| usage(agent.pid));
    let before = used()?;
    input.write_all(b"\n").await?;
    said.wait_for("the end", LONG_DEADLINE, |text| text.contains('}')).await?;
    let after = used()?;
    drop(input);
    ensure!(client.wait().await?.success(), "the client failed");
    let said = said.wait_for_end(LONG_DEADLINE).await?;
    let said: Value = serde_json::from_str(said.lines().last().context("it said nothing")?)?;
    let p50 =
        said.get("p50_us").and_then(Value::as_f64).with_context(|| format!("the client said {said}"))?;
    Ok((p50, after.since(&before)))
}
