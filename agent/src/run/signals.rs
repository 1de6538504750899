//! Signals from the operator.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Done when the operator asks the agent to stop: SIGINT or SIGTERM.
///
/// # Errors
/// When the signals cannot be caught.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
