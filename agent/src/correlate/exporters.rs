//! Which processes export spans of their own: the span id in a request's header is then one of theirs, and
//! no second span may have it.

use std::collections::HashMap;

use crate::discovery::process::Process;
use crate::protocol::http1::RequestHead;

/// How long a process is watched before it counts as one that exports nothing, in nanoseconds. SDKs send
/// what they have every five seconds (OpenTelemetry, batch span processor, `scheduledDelayMillis`).
pub const WATCH_NS: u64 = 6_000_000_000;

/// Processes that are remembered; past it any one is forgotten, to be watched again.
const PROCESSES: usize = 16_384;

/// The port of OTLP over gRPC.
pub const OTLP_GRPC_PORT: u16 = 4317;

/// Last segments of the paths at which receivers of spans listen: OTLP, Zipkin, Jaeger, Datadog.
const RECEIVERS: &[&str] = &[
    "/v1/traces",
    "/api/v2/spans",
    "/api/traces",
    "/v0.3/traces",
    "/v0.4/traces",
    "/v0.5/traces",
    "/v0.7/traces",
    "/v1.0/traces",
];

/// Whether a request hands spans to a receiver.
#[must_use]
pub fn is_span_export(request: &RequestHead) -> bool {
    let path = request.path.trim_end_matches('/');
    matches!(request.method.as_str(), "POST" | "PUT") && RECEIVERS.iter().any(|known| path.ends_with(known))
}

/// What was seen of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Nothing, since this time.
    Nothing { since_ns: u64 },
    /// It handed spans to a receiver.
    Export,
}

/// Processes by id.
#[derive(Debug, Default)]
pub(super) struct Exporters(HashMap<u32, Seen>);

impl Exporters {
    /// Whether a process exports spans; `None` while that is not known, and until when it will be at the
    /// latest.
    pub(super) fn decide(&mut self, process: &Process, now_ns: u64) -> Result<bool, u64> {
        if process.exports_spans == Some(true) {
            return Ok(true);
        }
        if self.0.len() >= PROCESSES
            && !self.0.contains_key(&process.pid)
            && let Some(any) = self.0.keys().next().copied()
        {
            self.0.remove(&any);
        }
        match *self.0.entry(process.pid).or_insert(Seen::Nothing { since_ns: now_ns }) {
            Seen::Export => Ok(true),
            Seen::Nothing { .. } if process.exports_spans == Some(false) => Ok(false),
            Seen::Nothing { since_ns } => match since_ns.saturating_add(WATCH_NS) {
                until_ns if now_ns >= until_ns => Ok(false),
                until_ns => Err(until_ns),
            },
        }
    }

    /// A process handed spans to a receiver; false when that was known.
    pub(super) fn saw_export(&mut self, pid: u32) -> bool {
        self.0.insert(pid, Seen::Export) != Some(Seen::Export)
    }

    /// A process is gone, or runs another program.
    pub(super) fn forget(&mut self, pid: u32) {
        self.0.remove(&pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::http1::Headers;

    fn process(pid: u32, exports_spans: Option<bool>) -> Process {
        Process { pid, service_name: "x".to_owned(), attributes: Vec::new(), exports_spans }
    }

    #[test]
    fn receivers_of_spans_are_known_by_their_paths() {
        for (method, path, expected) in [
            ("POST", "/v1/traces", true),
            ("POST", "/otlp/v1/traces/", true),
            ("PUT", "/v0.4/traces", true),
            ("POST", "/api/v2/spans", true),
            ("POST", "/v1/metrics", false),
            ("GET", "/api/traces", false),
            ("POST", "/v1/chat/completions", false),
        ] {
            let head = RequestHead {
                method: method.to_owned(),
                path: path.to_owned(),
                parameters: Vec::new(),
                host: None,
                port: None,
                minor_version: 1,
                headers: Headers::default(),
            };
            assert_eq!(is_span_export(&head), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_process_is_watched_for_a_while() {
        let mut exporters = Exporters::default();
        let unknown = process(1, None);
        assert_eq!(exporters.decide(&unknown, 10), Err(10 + WATCH_NS));
        assert_eq!(exporters.decide(&unknown, 11), Err(10 + WATCH_NS));
        assert_eq!(exporters.decide(&unknown, 10 + WATCH_NS), Ok(false));
        assert!(exporters.saw_export(1));
        assert!(!exporters.saw_export(1));
        assert_eq!(exporters.decide(&unknown, 10 + WATCH_NS), Ok(true), "decided anew");
        exporters.forget(1);
        assert_eq!(exporters.decide(&unknown, 90), Err(90 + WATCH_NS));
    }

    #[test]
    fn what_the_environment_says_is_known_at_once() {
        let mut exporters = Exporters::default();
        assert_eq!(exporters.decide(&process(1, Some(true)), 0), Ok(true));
        assert_eq!(exporters.decide(&process(2, Some(false)), 0), Ok(false));
        exporters.saw_export(2);
        assert_eq!(exporters.decide(&process(2, Some(false)), 0), Ok(true), "what it does says more");
    }

    #[test]
    fn memory_is_bounded() {
        let mut exporters = Exporters::default();
        for pid in 0..2 * u32::try_from(PROCESSES).unwrap_or(u32::MAX) {
            let _ = exporters.decide(&process(pid, None), 0);
        }
        assert_eq!(exporters.0.len(), PROCESSES);
    }
}
