//! Where redacted spans go: an OTLP endpoint, the terminal, the audit.
//!
//! Nothing here can hold up the pipeline: each exporter has a bounded queue and works on its own task
//! or thread; what finds a queue full is dropped and counted.

pub mod audit;
pub mod console;
pub mod otlp;

#[cfg(test)]
pub(crate) mod fixture;

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::correlate::Unseen;
use crate::correlate::span::Span;
use crate::health::Closed;
use crate::redact::Redacted;
use crate::telemetry::Counters;

/// Why an exporter could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The OTLP client could not be built.
    #[error("cannot send OTLP to {endpoint}")]
    Otlp {
        /// The endpoint, without credentials.
        endpoint: String,
        /// Why.
        source: otlp::ClientError,
    },
    /// The queue on disk could not be opened.
    #[error("spans cannot wait on disk: {0}")]
    Queue(#[from] spanwire_queue::Error),
    /// The thread that writes to the terminal could not be started.
    #[error("cannot start the terminal view: {0}")]
    Console(std::io::Error),
}

/// All outputs that the configuration asks for.
#[derive(Debug)]
pub struct Exporters {
    otlp: Option<otlp::Exporter>,
    console: Option<console::Terminal>,
    audit: Option<audit::Writer>,
}

impl Exporters {
    /// Starts them beside the audit, which began before. Must be called within a tokio runtime, which runs the OTLP exporter's task.
    ///
    /// # Errors
    /// When an output cannot be set up; a receiver that is merely not there yet is no error.
    pub fn start(
        config: &Config,
        audit: Option<audit::Writer>,
        counters: &Arc<Counters>,
    ) -> Result<Self, ExportError> {
        let otlp = (!config.otlp.is_empty()).then(|| otlp::Exporter::start(config, counters));
        let console = config.console.then(|| {
            let out = std::io::stdout();
            let color = config.color.enabled_on(&out);
            console::Terminal::start(out, color, Arc::clone(counters)).map_err(ExportError::Console)
        });
        Ok(Self { otlp: otlp.transpose()?, console: console.transpose()?, audit })
    }

    /// Hands a span to every output. Never blocks.
    pub fn export(&mut self, span: Redacted<Span>) {
        if let Some(audit) = &self.audit {
            audit.span(&span);
        }
        match (&mut self.otlp, &self.console) {
            (Some(otlp), Some(console)) => {
                console.show(span.clone());
                otlp.export(span);
            }
            (Some(otlp), None) => otlp.export(span),
            (None, Some(console)) => console.show(span),
            (None, None) => {}
        }
    }

    /// Takes a conversation that was not read. Never blocks.
    pub fn unseen(&self, unseen: &Redacted<Unseen>) {
        if let Some(audit) = &self.audit {
            audit.unseen(unseen);
        }
        if let Some(otlp) = &self.otlp {
            otlp.unseen(unseen);
        }
    }

    /// Whether any output has a place for conversations that were not read.
    #[must_use]
    pub fn wants_unseen(&self) -> bool {
        self.audit.is_some() || self.otlp.as_ref().is_some_and(otlp::Exporter::wants_unseen)
    }

    /// Spans that wait for the OTLP receiver, those that are being sent included.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.otlp.as_ref().map_or(0, otlp::Exporter::waiting)
    }

    /// Spans that wait for whether sampling keeps their trace.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.otlp.as_ref().map_or(0, otlp::Exporter::undecided)
    }

    /// What waits on disk for all receivers together: spans and log records, and the bytes of files.
    #[must_use]
    pub fn on_disk(&self) -> (usize, u64) {
        self.otlp.as_ref().map_or((0, 0), otlp::Exporter::on_disk)
    }

    /// A trace was closed. Never blocks.
    pub fn trace_closed(&mut self, closed: Closed<'_>) {
        if let Some(otlp) = &mut self.otlp {
            otlp.trace_closed(closed);
        }
    }

    /// A process is over, and its last span was exported: its tree can be shown. Never blocks.
    pub fn process_ended(&self, pid: u32) {
        if let Some(console) = &self.console {
            console.process_ended(pid);
        }
    }

    /// Delivers what waits, for at most about `limit` on each output; counts what is left behind.
    pub async fn shutdown(self, limit: Duration) {
        if let Some(console) = self.console {
            console.shutdown(limit).await;
        }
        if let Some(otlp) = self.otlp {
            otlp.shutdown(limit).await;
        }
        if let Some(audit) = self.audit {
            audit.shutdown(limit).await;
        }
    }
}
