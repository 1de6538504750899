//! Who a process is: the resource that its spans belong to.
//!
//! `service.name` is the first that is there of
//! 1. `OTEL_SERVICE_NAME` in the process's environment;
//! 2. `service.name` in its `OTEL_RESOURCE_ATTRIBUTES`;
//! 3. its systemd service (not a session or a user's manager, which name nothing);
//! 4. the script, module or archive that its interpreter runs (`process/command.rs`);
//! 5. its executable;
//! 6. `unknown_service`, with a note.
//!
//! Names of Kubernetes workloads and containers will stand between 2 and 3; the container's id is
//! an attribute already. Command lines hold secrets: of a process's arguments only the first, the
//! program as it was called, becomes an attribute.

mod begun;
mod cgroup;
mod command;
mod environment;
mod lineage;
mod procfs;
mod sdk;
mod table;
#[cfg(test)]
mod tests;

pub use begun::Begun;
pub use cgroup::container_of;
pub use lineage::{Lineage, User};
pub use procfs::Procfs;
pub use table::ProcessTable;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// A traced process as OpenTelemetry resource attributes describe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Process id in the root PID namespace.
    pub pid: u32,
    /// `service.name`: see [`crate::discovery::process`] for where it comes from.
    pub service_name: String,
    /// The other resource attributes (`process.*`, `host.*`, `service.*`), by name.
    pub attributes: Vec<(String, Value)>,
    /// Whether it is set up to export spans of its own: by its environment, its command line, or a tracer that it has
    /// loaded. `None` where these say nothing about it.
    pub exports_spans: Option<bool>,
    /// Where it comes from, if that is wanted; no attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Arc<Lineage>>,
}
