//! The cost of `SSL_write` and `SSL_read` of this machine's libssl, each call timed by itself.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::DEADLINE;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::Hooks;
use crate::bench::{Bench, Tracing, turns};
use crate::empty::{Empty, Statistics};
use crate::nginx::Nginx;
use crate::sites::{Sites, mapped_libssl};
use crate::stats::{Bound, Samples, Table};

/// Exchanges of one measurement. Paced to some 2,000 a second, which the agent keeps up with: calls
/// whose records find no room would be cheaper.
const EXCHANGES: usize = 1000;
const BURST: usize = 20;
const PAUSE_US: usize = 10_000;

/// How two ends are joined, and the bytes of plaintext of each message. Sockets come first: what is only
/// ever written into memory would be looked for in the records of the next handshake.
const CASES: [(&str, usize); 4] =
    [("socket", 1024), ("socket", 16_384), ("memory", 1024), ("memory", 16_384)];

/// Nanoseconds of one case: writes, reads; by the kinds of hooks.
type Times = [[Samples; 4]; 2];

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Bound>> {
    let mut program = Program::start(bench).await?;
    let sites = Sites::of(&mapped_libssl(program.pid)?)?;
    println!("\n{}: {}", sites.file.display(), sites.described);
    let sink = Nginx::start(1024).await?;
    let mut times: [Times; CASES.len()] = Default::default();
    for round in 0..bench.rounds {
        for index in turns(round, Hooks::ALL.len()) {
            let hooks = *Hooks::ALL.get(index).context("a kind of hooks")?;
            let (object, file) = (bench.empty(), &sites.file);
            let mut agent = None;
            let mut empty = None;
            match hooks {
                Hooks::None => {}
                Hooks::EmptyExported => empty = Some(Empty::by_perf_events(&object, file, &sites.exported)?),
                Hooks::EmptyChosen => {
                    empty = Some(Empty::as_the_agent(&object, file, &sites.chosen, Some(program.pid))?);
                }
                Hooks::Agent => agent = Some(Tracing::start(bench, &sink.sink(), &[]).await?),
            }
            for ((transport, bytes), times) in CASES.into_iter().zip(&mut times) {
                let medians = program.exchange(transport, bytes).await?;
                for (median, times) in medians.into_iter().zip(times) {
                    times.get_mut(index).context("a kind of hooks")?.add(median);
                }
            }
            if let Some(empty) = empty {
                empty.detach().await?;
            }
            if let Some(agent) = agent {
                let stopped = agent.stop().await?;
                let made = (EXCHANGES * CASES.len()) as u64;
                ensure!(
                    stopped.calls >= made && stopped.losses.is_none(),
                    "of {made} exchanges the agent saw {}; {:?}",
                    stopped.calls,
                    stopped.losses
                );
            }
        }
    }
    let bounds = show(&times);
    programs(bench, &sink, &mut program).await?;
    sink.stop().await?;
    Ok(bounds)
}

/// What the agent's BPF programs take of it, by the kernel's statistics.
async fn programs(bench: &Bench, sink: &Nginx, program: &mut Program) -> Result<()> {
    let mut table =
        Table::new(["joined by, bytes", "program", "runs an exchange", "ns a run", "ns an exchange"]);
    for (transport, bytes) in CASES {
        let agent = Tracing::start(bench, &sink.sink(), &[]).await?;
        let statistics = Statistics::on()?;
        program.exchange(transport, bytes).await?;
        for runs in statistics.runs()? {
            runs.add_to(&mut table, &format!("{transport}, {bytes}"), EXCHANGES as u64);
        }
        agent.stop().await?;
    }
    table.print("The agent's BPF programs, with the kernel's statistics on; both ends have probes");
    Ok(())
}

fn show(times: &[Times]) -> Vec<Bound> {
    let mut table = Table::new([
        "joined by",
        "bytes",
        "call",
        "hooks",
        "ns a call",
        "added ns",
        "× empty at the same sites",
    ]);
    let mut bounds = Vec::new();
    for ((transport, bytes), times) in CASES.into_iter().zip(times) {
        for (call, [none, exported, chosen, agent]) in ["SSL_write", "SSL_read"].into_iter().zip(times) {
            let empty = chosen.beyond(none);
            for (hooks, times) in Hooks::ALL.into_iter().zip([none, exported, chosen, agent]) {
                let added = times.beyond(none);
                table.row([
                    transport.to_owned(),
                    bytes.to_string(),
                    call.to_owned(),
                    hooks.name().to_owned(),
                    times.shown(0),
                    if hooks == Hooks::None { String::new() } else { added.shown(0) },
                    if hooks == Hooks::Agent { added.over(&empty).shown(2) } else { String::new() },
                ]);
            }
            let added = agent.beyond(none);
            let what = format!("added by tracing to {call}, {bytes} bytes, {transport}");
            bounds.push(Bound::at_most(what.clone(), added.median() / 1000.0, 2.0, " µs"));
            bounds.push(Bound::at_most(format!("{what}, × empty"), added.over(&empty).median(), 1.3, " ×"));
        }
    }
    table.print("A call of libssl: medians of rounds (least–greatest)");
    bounds
}

/// `tls_calls.c`, running.
struct Program {
    _process: Child,
    pid: u32,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    async fn start(bench: &Bench) -> Result<Self> {
        let folder = bench.target("bench");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let executable = folder.join("tls_calls");
        let mut command = Command::new("cc");
        command
            .arg("-O2")
            .arg("-o")
            .arg(&executable)
            .arg(bench.file("tls_calls.c"))
            .args(["-lssl", "-lcrypto"]);
        let compiled = command.status().await.context("no C compiler")?;
        ensure!(compiled.success(), "tls_calls.c does not compile");
        let mut command = Command::new(executable);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("tls_calls does not start")?;
        let input = process.stdin.take().context("no input")?;
        let output = BufReader::new(process.stdout.take().context("no output")?).lines();
        let pid = process.id().context("tls_calls ended")?;
        let mut program = Self { _process: process, pid, input, output };
        // Its libraries are there from now on.
        ensure!(program.line().await? == "ready", "tls_calls is not ready");
        Ok(program)
    }

    async fn line(&mut self) -> Result<String> {
        let line = tokio::time::timeout(DEADLINE, self.output.next_line()).await;
        line.context("tls_calls does not answer")??.context("tls_calls ended")
    }

    /// Makes exchanges over a new session; the median times of its writes and its reads.
    async fn exchange(&mut self, transport: &str, bytes: usize) -> Result<[f64; 2]> {
        let line = format!("{transport} {bytes} {EXCHANGES} {BURST} {PAUSE_US}\n");
        self.input.write_all(line.as_bytes()).await?;
        let mut medians = [0.0; 2];
        for median in &mut medians {
            let line = self.line().await?;
            *median =
                line.split_whitespace().filter_map(|time| time.parse().ok()).collect::<Samples>().median();
        }
        Ok(medians)
    }
}
