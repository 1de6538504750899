//! `bench host`: what is left of a server's throughput that talks to no LLM. `bench tls` has a part of it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::DEADLINE;
use spanwire_e2e::client::{Client, Running};
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::standin::StandIn;

use crate::bench::{Bench, Tracing, turns};
use crate::empty::{Empty, Statistics};
use crate::nginx::Nginx;
use crate::sites::Sites;
use crate::stats::{Bound, Samples, Table};
use crate::usage::{cpu_of_ended_children, cpu_with_children};
use crate::wrk::Load;

const CONNECTIONS: usize = 64;
/// Of answers to calls, of which there are none here.
const ANSWER_BYTES: usize = 1024;

/// What is on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hooks {
    None,
    Agent,
    AgentBySystemCalls,
    AgentByCalls,
    AgentByKeys,
    EmptyUprobes,
    EmptySystemCalls,
}

impl Hooks {
    const COMPARED: [Self; 5] =
        [Self::None, Self::Agent, Self::AgentBySystemCalls, Self::EmptyUprobes, Self::EmptySystemCalls];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Agent => "spanwire",
            Self::AgentBySystemCalls => "spanwire --hooks syscalls",
            Self::AgentByCalls => "spanwire --tls calls",
            Self::AgentByKeys => "spanwire --tls keys",
            Self::EmptyUprobes => "empty uprobes on SSL_read, SSL_write and their returns, all processes",
            Self::EmptySystemCalls => "empty tracepoints on all system calls",
        }
    }
}

/// A load: whether over TLS, whether with a connection for each request, and its name.
type Shape = (bool, bool, &'static str);

const LOADS: [Shape; 4] = [
    (false, false, "plain HTTP, kept connections"),
    (true, false, "TLS, kept connections"),
    (false, true, "plain HTTP, a connection each"),
    (true, true, "TLS, a connection each"),
];

/// What one load measured.
#[derive(Clone, Debug, Default)]
struct Measured {
    /// Requests a second.
    rate: Samples,
    /// Processor time of nginx and wrk for a request, µs. Other work on the machine does not show in it.
    cpu: Samples,
    /// The agent's, µs.
    agent: Samples,
}

/// By kinds of hooks and loads.
type Rates = Vec<Vec<Measured>>;

/// The programs beside the load: a client that makes a call each second in every measurement, with the
/// agent and without, and what receives its spans.
struct Beside {
    client: Running,
    _standin: StandIn,
    receiver: Receiver,
}

impl Beside {
    async fn start(bench: &Bench) -> Result<Self> {
        let standin = StandIn::start(&bench.setup, false).await?;
        let client = Client::python(&bench.setup, "every_second.py", &standin).start()?;
        client.calls(1).await?;
        Ok(Self { client, _standin: standin, receiver: Receiver::start(Protocol::Http).await? })
    }
}

/// What the ways of reading TLS leave of it; prints a table.
pub(crate) async fn bystander(bench: &Bench) -> Result<()> {
    let hooks = [Hooks::None, Hooks::AgentByCalls, Hooks::AgentByKeys];
    let loads: Vec<Shape> = LOADS.into_iter().filter(|(tls, ..)| *tls).collect();
    let beside = Beside::start(bench).await?;
    let nginx = Nginx::start(ANSWER_BYTES).await?;
    let rates = scene(bench, &hooks, &loads, Some(&nginx), &beside, &mut (0, 0)).await?;
    nginx.stop().await?;
    show("nginx, which is not traced, beside a program that is", &hooks, &loads, &rates);
    Ok(())
}

/// Measures; prints tables.
pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Bound>> {
    let beside = Beside::start(bench).await?;
    let mut traced = (0, 0);

    let nginx = Nginx::start(ANSWER_BYTES).await?;
    let running = scene(bench, &Hooks::COMPARED, &LOADS, Some(&nginx), &beside, &mut traced).await?;
    programs(bench, &nginx, &beside).await?;
    nginx.stop().await?;
    let mut bounds = show("nginx, started before the hooks", &Hooks::COMPARED, &LOADS, &running);
    let hooks = [Hooks::None, Hooks::Agent];
    let fresh = scene(bench, &hooks, &LOADS, None, &beside, &mut traced).await?;
    bounds.extend(show("nginx, started after the hooks", &hooks, &LOADS, &fresh));

    let (made, seen) = traced;
    println!("\nThe Python client beside it made {made} calls under an agent; {seen} were traced.");
    bounds.push(Bound::at_least("calls traced meanwhile", 100.0 * seen as f64 / made as f64, 100.0, " %"));
    Ok(bounds)
}

/// All rounds with a server that runs, or that is started when the hooks are there.
async fn scene(
    bench: &Bench,
    hooks: &[Hooks],
    loads: &[Shape],
    running: Option<&Nginx>,
    beside: &Beside,
    traced: &mut (usize, usize),
) -> Result<Rates> {
    let mut rates: Rates = hooks.iter().map(|_| vec![Measured::default(); loads.len()]).collect();
    for round in 0..bench.rounds {
        for turn in turns(round, hooks.len()) {
            let (Some(hooks), Some(rates)) = (hooks.get(turn), rates.get_mut(turn)) else { continue };
            let sites = Sites::of(&libssl()?)?;
            let mut agent = None;
            let mut empty = None;
            let by: &[&str] = match hooks {
                Hooks::AgentBySystemCalls => &["--hooks", "syscalls"],
                Hooks::AgentByCalls => &["--tls", "calls"],
                Hooks::AgentByKeys => &["--tls", "keys"],
                _ => &[],
            };
            match hooks {
                Hooks::None => {}
                Hooks::Agent | Hooks::AgentBySystemCalls | Hooks::AgentByCalls | Hooks::AgentByKeys => {
                    agent = Some(Watched::start(bench, beside, by).await?);
                }
                Hooks::EmptyUprobes => {
                    empty = Some(Empty::by_perf_events(&bench.empty(), &sites.file, &sites.exported)?);
                }
                Hooks::EmptySystemCalls => empty = Some(Empty::on_system_calls(&bench.empty())?),
            }
            let fresh = if running.is_none() { Some(Nginx::start(ANSWER_BYTES).await?) } else { None };
            let nginx = running.or(fresh.as_ref()).context("a server")?;
            for ((tls, close, _), measured) in loads.iter().copied().zip(rates) {
                let watched = agent.as_ref().map(|watched| &watched.agent);
                measure_load(bench, nginx, watched, (tls, close), measured).await?;
            }
            if let Some(fresh) = fresh {
                fresh.stop().await?;
            }
            if let Some(empty) = empty {
                empty.detach().await?;
            }
            if let Some(agent) = agent {
                let (made, seen) = agent.stop(beside).await?;
                *traced = (traced.0 + made, traced.1 + seen);
            }
        }
    }
    Ok(rates)
}

/// Runs one load.
async fn measure_load(
    bench: &Bench,
    nginx: &Nginx,
    agent: Option<&Tracing>,
    (tls, close): (bool, bool),
    measured: &mut Measured,
) -> Result<u64> {
    let url = nginx.url(tls, "/small.html");
    let load = Load { url: &url, connections: CONNECTIONS, seconds: bench.seconds, close, arguments: &[] };
    let cpu = || Ok::<_, anyhow::Error>(cpu_with_children(nginx.pid()?)? + cpu_of_ended_children()?);
    let of_agent = || agent.map_or(Ok(0.0), |agent| Ok::<_, anyhow::Error>(agent.usage()?.cpu));
    let before = (cpu()?, of_agent()?);
    let outcome = load.run().await?;
    let each = |seconds: f64| 1e6 * seconds / outcome.requests as f64;
    measured.rate.add(outcome.per_second);
    measured.cpu.add(each(cpu()? - before.0));
    measured.agent.add(each(of_agent()? - before.1));
    Ok(outcome.requests)
}

/// What the agent's BPF programs take of a request, by the kernel's statistics, which cost themselves.
async fn programs(bench: &Bench, nginx: &Nginx, beside: &Beside) -> Result<()> {
    let mut table = Table::new(["load", "program", "runs a request", "ns a run", "ns a request"]);
    for (tls, close, name) in LOADS {
        let watched = Watched::start(bench, beside, &[]).await?;
        let statistics = Statistics::on()?;
        let load = (tls, close);
        let requests =
            measure_load(bench, nginx, Some(&watched.agent), load, &mut Measured::default()).await?;
        for run in statistics.runs()? {
            run.add_to(&mut table, name, requests);
        }
        watched.stop(beside).await?;
    }
    table.print("The agent's BPF programs");
    Ok(())
}

fn show(title: &str, hooks: &[Hooks], loads: &[Shape], rates: &Rates) -> Vec<Bound> {
    let mut table = Table::new([
        "load",
        "hooks",
        "requests/s",
        "% of none",
        "CPU of nginx and wrk, µs a request",
        "% of none",
        "CPU of the agent",
    ]);
    let mut bounds = Vec::new();
    for (index, (.., load)) in loads.iter().copied().enumerate() {
        let of =
            |kind: usize| rates.get(kind).and_then(|rates| rates.get(index)).cloned().unwrap_or_default();
        for (kind, hooks) in hooks.iter().enumerate() {
            let (none, these) = (of(0), of(kind));
            let share = these.rate.over(&none.rate).times(100.0);
            table.row([
                load.to_owned(),
                hooks.name().to_owned(),
                these.rate.shown(0),
                share.shown(1),
                these.cpu.shown(1),
                these.cpu.over(&none.cpu).times(100.0).shown(1),
                these.agent.shown(1),
            ]);
            if *hooks == Hooks::Agent {
                bounds.push(Bound::at_least(format!("{title}: {load}"), share.median(), 95.0, " %"));
            }
        }
    }
    table.print(title);
    bounds
}

/// An agent, and when it began to capture.
struct Watched {
    agent: Tracing,
    since_ns: u128,
}

impl Watched {
    async fn start(bench: &Bench, beside: &Beside, arguments: &[&str]) -> Result<Self> {
        let agent = Tracing::start(bench, &beside.receiver.endpoint(), arguments).await?;
        Ok(Self { agent, since_ns: now_ns()? })
    }

    /// Stops it; how many calls the client beside it made under it, and how many of them were traced.
    async fn stop(self, beside: &Beside) -> Result<(usize, usize)> {
        let before = beside.client.so_far()?.len();
        // One call more, so that there is one.
        tokio::time::timeout(DEADLINE, beside.client.calls(before + 1)).await.context("no more calls")??;
        let made = beside.client.so_far()?;
        self.agent.stop().await?;
        let mine = made.iter().filter(|call| u128::from(call.started_ns) > self.since_ns);
        let ids: Vec<_> = mine.filter_map(|call| call.id.clone()).collect();
        ensure!(!ids.is_empty(), "the client beside made no call");
        let spans = beside.receiver.spans();
        let seen = ids.iter().filter(|id| spans.iter().any(|span| span.response_id() == Some(id.as_str())));
        Ok((ids.len(), seen.count()))
    }
}

fn now_ns() -> Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())
}

/// The libssl that nginx and wrk use.
fn libssl() -> Result<std::path::PathBuf> {
    let ldd = std::process::Command::new("ldd").arg("/usr/bin/wrk").output().context("no ldd")?;
    let text = String::from_utf8_lossy(&ldd.stdout).into_owned();
    let line = text.lines().find(|line| line.trim_start().starts_with("libssl"));
    let path = line.and_then(|line| line.split_whitespace().nth(2)).context("wrk has no shared libssl")?;
    Ok(path.into())
}
