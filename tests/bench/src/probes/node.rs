//! The cost of a TLS call in Node, which holds its OpenSSL itself. Node cannot be asked to time one:
//! the processor time of whole requests is measured, and what hooks add to one is divided by the calls
//! that it makes.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::LONG_DEADLINE;
use tokio::process::Command;

use super::Hooks;
use crate::bench::{Bench, Tracing, turns};
use crate::empty::{Empty, Statistics};
use crate::nginx::Nginx;
use crate::sites::Sites;
use crate::stats::{Bound, Samples, Table};

const NODE: &str = "/usr/bin/node";
const REQUESTS: usize = 2000;
/// Requests that are made before times count: see `node_calls.js`.
const WARM: usize = 200;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Bound>> {
    let sites = Sites::of(Path::new(NODE))?;
    println!("\n{NODE}: {}", sites.described);
    let nginx = Nginx::start(1024).await?;
    let calls = calls(bench, &nginx, &sites).await?;
    let mut times: [Samples; 4] = Default::default();
    for round in 0..bench.rounds {
        for turn in turns(round, Hooks::ALL.len()) {
            let (Some(&hooks), Some(times)) = (Hooks::ALL.get(turn), times.get_mut(turn)) else { continue };
            let (object, file) = (bench.empty(), &sites.file);
            let empty = match hooks {
                Hooks::EmptyExported => Some(Empty::by_perf_events(&object, file, &sites.exported)?),
                Hooks::EmptyChosen => Some(Empty::as_the_agent(&object, file, &sites.chosen, None)?),
                Hooks::None | Hooks::Agent => None,
            };
            let agent = if hooks == Hooks::Agent {
                Some(Tracing::start(bench, &nginx.sink(), &[]).await?)
            } else {
                None
            };
            times.add(run(bench, &nginx).await?);
            if let Some(empty) = empty {
                empty.detach().await?;
            }
            if let Some(agent) = agent {
                // It may still look for Node's TLS code while the first calls are made.
                let seen = agent.stop().await?.calls;
                ensure!(seen >= REQUESTS as u64, "of {REQUESTS} calls of Node the agent saw {seen}");
            }
        }
    }
    nginx.stop().await?;
    Ok(show(&times, calls))
}

fn show(times: &[Samples; 4], calls: f64) -> Vec<Bound> {
    let mut table = Table::new(["hooks", "CPU µs a request", "added ns a call"]);
    let none = &times[0];
    let added = |times: &Samples| times.beyond(none).times(1.0 / calls);
    for (hooks, times) in Hooks::ALL.into_iter().zip(times) {
        let added = if hooks == Hooks::None { String::new() } else { added(times).shown(0) };
        table.row([hooks.name().to_owned(), times.times(1e-3).shown(1), added]);
    }
    table.print(&format!("A request of Node, with {calls:.1} calls of SSL_read and SSL_write"));
    let [_, _, chosen, agent] = times;
    let ratio = added(agent).median() / added(chosen).median();
    vec![
        Bound::at_most("added by tracing to a call in Node", added(agent).median() / 1000.0, 2.0, " µs"),
        Bound::at_most("added by tracing to a call in Node, × empty", ratio, 1.3, " ×"),
    ]
}

/// How many calls a request makes: the kernel counts the runs of the programs at entries.
async fn calls(bench: &Bench, nginx: &Nginx, sites: &Sites) -> Result<f64> {
    let statistics = Statistics::on()?;
    let empty = Empty::as_the_agent(&bench.empty(), &sites.file, &sites.chosen, None)?;
    run(bench, nginx).await?;
    let runs = statistics.runs()?;
    let entries = runs.iter().find(|runs| runs.name == "empty_entry").context("the probes were not hit")?;
    empty.detach().await?;
    Ok(entries.count as f64 / (REQUESTS + WARM) as f64)
}

/// Nanoseconds of Node's processor time for a request.
async fn run(bench: &Bench, nginx: &Nginx) -> Result<f64> {
    let mut command = Command::new(NODE);
    command.arg(bench.file("node_calls.js")).arg(nginx.url(true, "/v1/chat/completions"));
    command.arg(REQUESTS.to_string()).env("NODE_EXTRA_CA_CERTS", nginx.ca());
    command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output =
        tokio::time::timeout(LONG_DEADLINE, command.output()).await.context("Node does not end")??;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().with_context(|| format!("Node said: {text}"))
}
