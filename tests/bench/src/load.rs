//! `bench load`: loss, processor time and memory under many exchanges; how soon capture is on.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::LONG_DEADLINE;
use tokio::process::{Child, Command};

use crate::bench::{Bench, Stopped, Tracing};
use crate::empty::Statistics;
use crate::nginx::{Nginx, output_of, python};
use crate::stats::{Bound, Samples, Table};
use crate::wrk::{Load, Outcome};

/// Bytes of an answer's body; a request's has 1 KiB.
const ANSWER_BYTES: usize = 4096;
/// Connections and their pause between two calls: some 2,000 a second.
const CONNECTIONS: usize = 22;
const PAUSE_MS: &str = "10";
/// Connections that are kept open, and processes that are there when the agent starts.
const OPEN: usize = 10_000;
const PROCESSES: usize = 500;

/// Measures; prints tables.
pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Bound>> {
    let nginx = Nginx::start(ANSWER_BYTES).await?;
    let mut bounds = start(bench, &nginx).await?;
    let mut table =
        Table::new(["load", "exchanges/s", "lost", "agent's CPU, µs an exchange", "resident, MiB"]);
    for (tls, paced) in [(false, true), (true, true), (false, false), (true, false)] {
        let (mut rate, mut lost, mut cpu, mut resident) =
            (Samples::default(), Samples::default(), Samples::default(), Samples::default());
        let mut said = None;
        for _ in 0..bench.rounds {
            let agent = Tracing::start(bench, &nginx.sink(), &[]).await?;
            let outcome = exchanges(bench, &nginx, tls, paced).await?;
            let stopped = agent.stop().await?;
            rate.add(outcome.per_second);
            lost.add(outcome.requests.saturating_sub(stopped.calls) as f64);
            cpu.add(1e6 * stopped.usage.cpu / outcome.requests as f64);
            resident.add(stopped.usage.peak);
            let Stopped { losses, .. } = stopped;
            said = losses.or(said);
        }
        let name = format!(
            "{}, {}",
            if tls { "TLS" } else { "plain" },
            if paced { "paced" } else { "as fast as can be" }
        );
        table.row([name.clone(), rate.shown(0), lost.shown(0), cpu.shown(1), resident.shown(1)]);
        if let Some(said) = said {
            println!("{name}: the agent said: {said}");
        }
        if paced {
            bounds.push(Bound::at_most(format!("exchanges lost, {name}"), lost.range().1, 0.0, ""));
            bounds.push(Bound::at_most(format!("CPU of an exchange, {name}"), cpu.median(), 60.0, " µs"));
        }
    }
    table.print(&format!("Exchanges of 1 KiB and {} KiB", ANSWER_BYTES >> 10));
    programs(bench, &nginx).await?;
    bounds.push(open_connections(bench, &nginx).await?);
    nginx.stop().await?;
    Ok(bounds)
}

async fn exchanges(bench: &Bench, nginx: &Nginx, tls: bool, paced: bool) -> Result<Outcome> {
    let script = bench.file("chat.lua");
    let script = script.to_str().context("a path that is no text")?;
    let url = nginx.url(tls, "/v1/chat/completions");
    let arguments = ["-s", script, "--", if paced { PAUSE_MS } else { "0" }];
    Load { url: &url, connections: CONNECTIONS, seconds: bench.seconds, close: false, arguments: &arguments }
        .run()
        .await
}

/// How soon capture is on, and what an idle agent holds.
async fn start(bench: &Bench, nginx: &Nginx) -> Result<Vec<Bound>> {
    let sleeping = |_| Command::new("sleep").arg("600").kill_on_drop(true).spawn();
    let sleepers: Vec<Child> = (0..PROCESSES).map(sleeping).collect::<Result<_, _>>()?;
    let (mut took, mut resident) = (Samples::default(), Samples::default());
    for _ in 0..bench.rounds {
        let agent = Tracing::start(bench, &nginx.sink(), &[]).await?;
        took.add(agent.start.as_secs_f64());
        tokio::time::sleep(Duration::from_secs(2)).await;
        resident.add(agent.usage()?.resident);
        agent.stop().await?;
    }
    drop(sleepers);
    println!(
        "\nCapture is on after {} s, with {PROCESSES} processes; idle, {} MiB are resident.",
        took.shown(2),
        resident.shown(1)
    );
    Ok(vec![
        Bound::at_most(format!("start with {PROCESSES} processes"), took.median(), 1.0, " s"),
        Bound::at_most("resident, idle", resident.median(), 40.0, " MiB"),
    ])
}

/// What each BPF program takes under load, by the kernel's statistics.
async fn programs(bench: &Bench, nginx: &Nginx) -> Result<()> {
    let mut table = Table::new(["load", "program", "runs an exchange", "ns a run", "ns an exchange"]);
    for tls in [false, true] {
        let agent = Tracing::start(bench, &nginx.sink(), &[]).await?;
        let statistics = Statistics::on()?;
        let outcome = exchanges(bench, nginx, tls, true).await?;
        let runs = statistics.runs()?;
        drop(statistics);
        agent.stop().await?;
        for run in runs {
            run.add_to(&mut table, if tls { "TLS" } else { "plain" }, outcome.requests);
        }
    }
    table.print("The agent's BPF programs, both ends of each exchange being on this host");
    Ok(())
}

/// What the agent holds for many open connections.
async fn open_connections(bench: &Bench, nginx: &Nginx) -> Result<Bound> {
    let agent = Tracing::start(bench, &nginx.sink(), &[]).await?;
    let mut command = python(&bench.setup, bench.file("open_connections.py"));
    command.args([nginx.plain_port().to_string(), OPEN.to_string()]).stdin(Stdio::piped());
    let mut client = command.spawn().context("no Python")?;
    let said = output_of(&mut client, "open_connections.py")?;
    said.wait_for("open connections", LONG_DEADLINE, |text| text.contains("open")).await?;
    let usage = agent.usage()?;
    drop(client.stdin.take());
    client.wait().await?;
    let stopped = agent.stop().await?;
    println!(
        "\nWith {OPEN} open connections {:.1} MiB are resident; of {OPEN} calls the agent saw {}{}.",
        usage.resident,
        stopped.calls,
        stopped.losses.map_or(String::new(), |losses| format!("; it said: {losses}"))
    );
    ensure!(stopped.calls > 0, "the agent saw no calls");
    Ok(Bound::at_most(format!("resident with {OPEN} open connections"), usage.resident, 200.0, " MiB"))
}
