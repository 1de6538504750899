//! The agent's audit, and questions to it.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::agent::{command, finished};
use crate::folder::Folder;
use crate::{DEADLINE, Setup};

/// How long to wait before the audit is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// An audit in a folder of its own, which is gone with this value.
#[derive(Debug)]
pub struct Audit {
    folder: Folder,
    setup: Setup,
}

impl Audit {
    /// Where there is no audit yet.
    ///
    /// # Errors
    /// When the folder cannot be made, or [`Setup::find`] fails.
    pub fn new() -> Result<Self> {
        Ok(Self { folder: Folder::new()?, setup: Setup::find()? })
    }

    /// For other files of the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its file, in a folder that the agent makes.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("audit/audit.db")
    }

    /// The same, as an argument.
    #[must_use]
    pub fn text(&self) -> String {
        self.path().display().to_string()
    }

    /// Runs `spanwire audit` with these arguments.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn ask(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = command(&self.setup);
        command.arg("audit").args(arguments).arg("--store").arg(self.path());
        finished(&mut command).await
    }

    /// What it answers as JSON.
    ///
    /// # Errors
    /// When it answers none.
    pub async fn records(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let output = self.ask(&[arguments, &["--format", "json"]].concat()).await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).with_context(|| format!("no records: {errors}"))
    }

    /// Waits until there are so many records of exchanges.
    ///
    /// # Errors
    /// When there are more, or not so many within [`DEADLINE`].
    pub async fn wait_for(&self, count: usize) -> Result<Vec<Value>> {
        let since = Instant::now();
        loop {
            let records = self.records(&[]).await?;
            if records.len() >= count {
                ensure!(records.len() == count, "{} records, not {count}: {records:#?}", records.len());
                return Ok(records);
            }
            ensure!(since.elapsed() < DEADLINE, "{} records, not {count}", records.len());
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Whether nothing was changed, and what is said.
    ///
    /// # Errors
    /// When it is neither proven nor disproven.
    pub async fn verify(&self) -> Result<(bool, String)> {
        let output = self.ask(&["verify"]).await?;
        let text = String::from_utf8(output.stdout)?;
        match output.status.code() {
            Some(0) => Ok((true, text)),
            Some(4) => Ok((false, text)),
            _ => anyhow::bail!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
        }
    }
}
