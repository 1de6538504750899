//! A client that runs, and what it has said when it is over.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin};

use super::Received;
use crate::LONG_DEADLINE;
use crate::transcript::Transcript;

/// A client that runs.
#[derive(Debug)]
pub struct Running {
    pub(super) process: Child,
    pub(super) pid: u32,
    pub(super) said: Transcript,
    pub(super) steps: Option<ChildStdin>,
    pub(super) prints_body: bool,
}

/// A client that ended well.
#[derive(Clone, Debug)]
pub struct Done {
    /// The process that it was.
    pub pid: u32,
    /// Its calls, in the order in which they ended.
    pub calls: Vec<Received>,
}

impl Running {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A child that it has forked.
    ///
    /// # Errors
    /// When it forks none.
    pub async fn child(&self) -> Result<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid);
        let forked = async {
            loop {
                let children = std::fs::read_to_string(&path)?;
                if let Some(child) = children.split_ascii_whitespace().next() {
                    return Ok(child.parse()?);
                }
                // Nothing tells.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LONG_DEADLINE, forked).await.context("it forks no child")?
    }

    /// Lets a client that waits for it make its next call, and waits for the result.
    ///
    /// # Errors
    /// When the client ends before that.
    pub async fn step(&mut self) -> Result<()> {
        let made = self.said.text().lines().count();
        let steps = self.steps.as_mut().context("this client does not wait")?;
        steps.write_all(b"go\n").await?;
        self.calls(made + 1).await
    }

    /// Kills it, so that it can end nothing properly, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Waits until the client has the results of `count` calls.
    ///
    /// # Errors
    /// When it ends before that.
    pub async fn calls(&self, count: usize) -> Result<()> {
        let enough = |text: &str| text.lines().count() >= count;
        self.said.wait_for("so many calls", LONG_DEADLINE, enough).await.map(drop)
    }

    /// The results that it has so far.
    ///
    /// # Errors
    /// When what it says cannot be read.
    pub fn so_far(&self) -> Result<Vec<Received>> {
        self.said.text().lines().map(received).collect()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When it fails, or does not end by `deadline`, or what it says cannot be read.
    pub async fn end(mut self, deadline: Duration) -> Result<Done> {
        drop(self.steps.take());
        let text = self.said.wait_for_end(deadline).await?;
        let status = tokio::time::timeout(deadline, self.process.wait()).await??;
        if self.prints_body {
            return Ok(Done { pid: self.pid, calls: vec![body_received(status.code(), &text)] });
        }
        ensure!(status.success(), "the client failed ({status}); it said:\n{text}");
        Ok(Done { pid: self.pid, calls: text.lines().map(received).collect::<Result<_>>()? })
    }
}

/// One line of a client's output.
pub(super) fn received(line: &str) -> Result<Received> {
    serde_json::from_str(line).with_context(|| format!("the client said {line}"))
}

/// What a program received, by its exit code and the body that it printed: a document, or events of
/// which the last has the usage.
fn body_received(code: Option<i32>, body: &str) -> Received {
    let event = |line: &str| serde_json::from_str(line.strip_prefix("data: ")?).ok();
    let document: Value = serde_json::from_str(body)
        .ok()
        .or_else(|| body.lines().filter_map(event).next_back())
        .unwrap_or_default();
    let number = |pointer| document.pointer(pointer).and_then(Value::as_i64);
    Received {
        id: document.pointer("/id").and_then(Value::as_str).map(str::to_owned),
        input_tokens: number("/usage/prompt_tokens"),
        output_tokens: number("/usage/completion_tokens"),
        error: (code != Some(0)).then(|| format!("exit code {code:?}")),
        ..Received::default()
    }
}
