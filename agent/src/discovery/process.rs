//! Who a process is: the resource that its spans belong to.

use crate::call::Value;

/// A traced process as OpenTelemetry resource attributes describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Process id in the root PID namespace.
    pub pid: u32,
    /// `service.name`: see [`crate::discovery::process`] for where it comes from.
    pub service_name: String,
    /// The other resource attributes (`process.*`, `host.*`, `service.*`), by name.
    pub attributes: Vec<(String, Value)>,
}
