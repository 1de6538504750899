//! Signals from the operator.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Done when the operator asks the agent to stop: SIGINT, SIGTERM, or SIGHUP, by which a terminal says that it is gone. That one
/// is for the process that supervises this one, if one does.
///
/// # Errors
/// When the signals cannot be caught.
pub fn stop_signal(is_supervised: bool) -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
    let mut hang_up = signal(SignalKind::hangup()).context("cannot catch SIGHUP")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv(), if !is_supervised => {}
        }
    })
}
