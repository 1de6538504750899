//! What all measurements share: what xtask prepared, how long to measure, and the agent under test.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::Setup;
use spanwire_e2e::agent::{Agent, USUAL};
use spanwire_e2e::receiver::Protocol;

use crate::usage::{Usage, usage};

/// What was prepared, and how much to measure.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) setup: Setup,
    pub(crate) rounds: usize,
    /// How long each load runs.
    pub(crate) seconds: u64,
}

impl Bench {
    /// A file that a task of xtask built.
    pub(crate) fn target(&self, path: &str) -> PathBuf {
        self.setup.root.join("target").join(path)
    }

    /// A file of this crate that is no Rust.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.setup.test_file("bench/files").join(name)
    }

    /// The object with the empty programs.
    pub(crate) fn empty(&self) -> PathBuf {
        self.target("bpf/empty.bpf.o")
    }
}

/// In which order the kinds of hooks take their turns: another one begins in each round.
pub(crate) fn turns(round: usize, kinds: usize) -> impl Iterator<Item = usize> {
    (0..kinds).map(move |turn| (turn + round) % kinds)
}

/// An agent that captures.
#[derive(Debug)]
pub(crate) struct Tracing {
    agent: Agent,
    pub(crate) pid: u32,
    began: Usage,
    /// How long it took until capture was on.
    pub(crate) start: Duration,
}

/// What an agent says of itself when it stops.
#[derive(Clone, Debug)]
pub(crate) struct Stopped {
    pub(crate) calls: u64,
    /// What it did not see or deliver, in its words.
    pub(crate) losses: Option<String>,
    /// What it used since capture was on, until it was told to stop.
    pub(crate) usage: Usage,
}

impl Tracing {
    /// Starts an agent that exports to `endpoint`, and waits until capture is on.
    pub(crate) async fn start(bench: &Bench, endpoint: &str, arguments: &[&str]) -> Result<Self> {
        let begin = Instant::now();
        let agent =
            Agent::exporting(&bench.setup, endpoint, Protocol::Http, &[&USUAL, arguments].concat()).await?;
        let start = begin.elapsed();
        let pid = agent.pid().context("the agent ended by itself")?;
        Ok(Self { agent, pid, began: usage(pid)?, start })
    }

    /// What it used since capture was on.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Ok(usage(self.pid)?.since(&self.began))
    }

    /// Stops it, and reads what it says of the calls that it saw.
    pub(crate) async fn stop(self) -> Result<Stopped> {
        let usage = self.usage()?;
        let ended = self.agent.stop().await?;
        ensure!(ended.status.success(), "the agent ended with {}:\n{}", ended.status, ended.stderr);
        let last = ended.stderr.lines().rev().find_map(|line| line.split_once("stopped; "));
        let (_, said) =
            last.with_context(|| format!("the agent did not say how it ended:\n{}", ended.stderr))?;
        let (calls, rest) = said.split_once(" calls").with_context(|| format!("the agent said: {said}"))?;
        let losses =
            (!rest.contains("nothing lost")).then(|| rest.trim_start_matches([',', ';', ' ']).to_owned());
        Ok(Stopped { calls: calls.parse()?, losses, usage })
    }
}
