//! `spanwire run -- COMMAND`: one command and what it starts, traced from its first instruction to its end.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;

use anyhow::Context;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::{Agent, Duty, StartError};
use crate::config::{Config, Rule, STATUS_SOCKET};
use crate::telemetry::Counters;

/// Exit codes of shells for a command that cannot be started, and for one that ended by a signal, to
/// which the signal's number is added (POSIX.1-2017, Shell Command Language, section 2.8.2).
const NOT_STARTED: u8 = 127;
const BY_SIGNAL: i32 = 128;

/// Runs a command under a configuration whose rules of inclusion about processes give way to it; returns
/// the exit code that a shell would give it. SIGTERM is handed on to the command; SIGINT is not, since a
/// terminal sends it to both.
///
/// # Errors
/// [`StartError`] when tracing does not begin; then the command was not started.
pub async fn run(config: Config, command: &[OsString], counters: Arc<Counters>) -> Result<u8, StartError> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
    let limit = getrlimit(Resource::Nofile);
    let agent = Agent::start(&of_children(config), counters)?.with(Duty::Command);
    // What the agent needs for itself is not the command's.
    let raised = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, limit);
    let started = start(command);
    let _ = setrlimit(Resource::Nofile, raised);
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            tracing::error!("{error:#}");
            agent.trace(std::future::ready(())).await?;
            return Ok(NOT_STARTED);
        }
    };
    let (tell, told) = oneshot::channel();
    let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let ended = async move {
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {
                    // It may have ended meanwhile.
                    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
                }
            }
        };
        // Who waits for it is the caller below, and still there.
        let _ = tell.send(status);
    };
    agent.trace(ended).await?;
    let status =
        told.await.context("the command's end was not seen")?.context("cannot wait for the command")?;
    Ok(code(status))
}

/// The configuration for what this process starts, and for nothing else. Another agent may have the usual
/// place for questions, and the command a use of its own for the standard variables.
pub(crate) fn of_children(mut config: Config) -> Config {
    config.include.retain(Rule::is_of_connections);
    config.include.push(Rule::Tree(std::process::id()));
    config.status_socket = config.status_socket.filter(|path| path.to_str() != Some(STATUS_SOCKET));
    config.metrics_listen = config.metrics_listen.filter(|listen| !listen.is_standard);
    config
}

fn start(command: &[OsString]) -> anyhow::Result<Child> {
    let (program, arguments) = command.split_first().context("no command")?;
    Command::new(program)
        .args(arguments)
        .spawn()
        .with_context(|| format!("cannot start {}", program.to_string_lossy()))
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(BY_SIGNAL + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_a_shell() {
        // wait(2): the exit code in the second byte, or the signal in the first.
        for (status, expected) in [(0, 0), (3 << 8, 3), (15, 143), (9, 137)] {
            assert_eq!(code(ExitStatus::from_raw(status)), expected);
        }
    }
}
