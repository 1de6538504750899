//! What a process writes, as it writes it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;

use crate::evidence::Evidence;

/// The text so far of one of a process's outputs.
#[derive(Clone, Debug)]
pub struct Transcript {
    name: Arc<str>,
    text: watch::Receiver<String>,
}

impl Transcript {
    /// Reads `source` to its end in the background. `name` is for messages, and for the file in the test's
    /// folder to which all of it goes as it comes.
    pub fn of(name: &str, mut source: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (sender, text) = watch::channel(String::new());
        let evidence = Evidence::new(name, "log");
        tokio::spawn(async move {
            let mut pending = Vec::new();
            // An error ends the transcript just as the end of the output does.
            while let Ok(count @ 1..) = source.read_buf(&mut pending).await {
                evidence.add(pending.get(pending.len() - count..).unwrap_or_default());
                let whole = pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let lines = String::from_utf8_lossy(pending.get(..whole).unwrap_or_default()).into_owned();
                pending.drain(..whole);
                sender.send_modify(|text| text.push_str(&lines));
            }
            sender.send_modify(|text| text.push_str(&String::from_utf8_lossy(&pending)));
        });
        Self { name: name.into(), text }
    }

    /// What was written so far, in whole lines.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.borrow().clone()
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.text.has_changed().is_err()
    }

    /// Waits until `found` says that the text is what it waits for; returns the text.
    ///
    /// # Errors
    /// When the output ends or `deadline` passes before that; the message has the text.
    pub async fn wait_for(
        &self,
        what: &str,
        deadline: Duration,
        mut found: impl FnMut(&str) -> bool,
    ) -> Result<String> {
        let mut text = self.text.clone();
        let wait = text.wait_for(|text| found(text));
        let why = match tokio::time::timeout(deadline, wait).await {
            Ok(Ok(text)) => return Ok(text.clone()),
            Ok(Err(_)) => "it ended",
            Err(_) => "the deadline passed",
        };
        bail!("{}: no sign of {what} when {why}; it says:\n{}", self.name, self.text());
    }

    /// Waits for the output's end; returns all of it.
    ///
    /// # Errors
    /// When `deadline` passes first.
    pub async fn wait_for_end(&self, deadline: Duration) -> Result<String> {
        let mut text = self.text.clone();
        let end = async { while text.changed().await.is_ok() {} };
        if tokio::time::timeout(deadline, end).await.is_err() {
            bail!("{} does not end; it says:\n{}", self.name, self.text());
        }
        Ok(self.text())
    }
}
