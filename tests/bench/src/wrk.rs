//! Load by wrk, on loopback and bounded in time.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// How to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) url: &'a str,
    pub(crate) connections: usize,
    pub(crate) seconds: u64,
    /// Whether each request has a connection of its own.
    pub(crate) close: bool,
    /// More arguments: a script that makes the requests, and its own behind `--`.
    pub(crate) arguments: &'a [&'a str],
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
}

impl Load<'_> {
    /// Runs it.
    pub(crate) async fn run(&self) -> Result<Outcome> {
        let mut command = Command::new("wrk");
        command.args(["-t", "2", "-c", &self.connections.to_string(), "-d", &format!("{}s", self.seconds)]);
        if self.close {
            command.args(["-H", "Connection: close"]);
        }
        let split = self.arguments.iter().position(|argument| *argument == "--");
        let (before, behind) = self.arguments.split_at(split.unwrap_or(self.arguments.len()));
        command.args(before).arg(self.url).args(behind).kill_on_drop(true);
        let limit = Duration::from_secs(self.seconds + 20);
        let output = tokio::time::timeout(limit, command.output()).await.context("wrk does not end")??;
        let text = String::from_utf8_lossy(&output.stdout);
        let outcome = parse(&text).with_context(|| format!("wrk said:\n{text}"))?;
        ensure!(!text.contains("Non-2xx"), "nginx refused requests:\n{text}");
        Ok(outcome)
    }
}

fn parse(text: &str) -> Option<Outcome> {
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "))?.0.parse().ok()?;
    let per_second = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"))?.trim().parse().ok()?;
    Some(Outcome { requests, per_second })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let text =
            "Running 1s test\n  2 threads\n  12903 requests in 1.10s, 1.9MB read\nRequests/sec:  11729.8\n";
        assert_eq!(parse(text), Some(Outcome { requests: 12_903, per_second: 11_729.8 }));
        assert_eq!(parse("no connection"), None);
    }
}
