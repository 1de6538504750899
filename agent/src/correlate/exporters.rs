//! Which processes export spans of their own: the span id in a request's header is then one of theirs, and
//! no second span may have it.
//!
//! What a process is seen to do counts for more than what it is set up to do. Of OTLP over gRPC only the connection is
//! seen: a process that makes one exports spans until it ends. An attempt that meets nobody at all (connection refused)
//! carries no bytes and is not seen: `discovery` looks who listens.

use std::collections::HashMap;

use crate::config::AdoptChoice;
use crate::discovery::process::Process;
use crate::protocol::http1::RequestHead;

/// How long a process is watched before it counts as one that exports nothing, in nanoseconds. SDKs send
/// what they have every five seconds (OpenTelemetry, batch span processor, `scheduledDelayMillis`).
pub const WATCH_NS: u64 = 6_000_000_000;

/// A process all of whose spans were refused for so long exports nothing, in nanoseconds. So long, too, one
/// acceptance is believed before another answer is looked at.
pub const REFUSED_NS: u64 = 60_000_000_000;

/// A process that makes spans for so long without handing any over is watched again, in nanoseconds.
pub const SILENT_NS: u64 = 600_000_000_000;

/// Processes that are remembered; past it any one is forgotten, to be watched again.
const PROCESSES: usize = 16_384;

/// The port of OTLP over gRPC.
pub const OTLP_GRPC_PORT: u16 = 4317;

/// Ends of the paths at which receivers of spans listen.
const RECEIVERS: &[&str] = &[
    // OTLP, AWS X-Ray's with it; Splunk's has a path of its own.
    "/v1/traces",
    "/v2/trace/otlp",
    // Zipkin, and Splunk's.
    "/api/v2/spans",
    "/api/v1/spans",
    "/v2/trace",
    // New Relic: of spans, and of all that its agents have to say.
    "/trace/v1",
    "/agent_listener/invoke_raw_method",
    // Elastic APM.
    "/intake/v2/events",
];

/// Whether a request hands spans to a receiver.
#[must_use]
pub fn is_span_export(request: &RequestHead) -> bool {
    if !matches!(request.method.as_str(), "POST" | "PUT") {
        return false;
    }
    let path = request.path.trim_end_matches('/');
    let is_known = RECEIVERS.iter().any(|known| path.ends_with(known));
    is_known || is_datadog(path) || is_jaeger(path, request)
}

/// `/v0.4/traces` and the other versions of it.
fn is_datadog(path: &str) -> bool {
    let version = path.strip_suffix("/traces").and_then(|path| path.rsplit('/').next());
    version.is_some_and(|version| matches!(version.as_bytes(), [b'v', b'0'..=b'9', b'.', b'0'..=b'9']))
}

/// A path that others may have as well, but not with Thrift.
fn is_jaeger(path: &str, request: &RequestHead) -> bool {
    let is_thrift = || request.headers.get("content-type").is_none_or(|of| of.contains("thrift"));
    path.ends_with("/api/traces") && is_thrift()
}

/// How an export shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// By a connection to the port of OTLP over gRPC; what goes over it is not seen.
    Connection,
    /// By a request.
    Request,
}

/// What was seen of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Nothing, since this time. `was_seen`: it did export spans before, whatever it is set up for.
    Nothing { since_ns: u64, was_seen: bool },
    /// It hands spans to a receiver.
    Exports(Exports),
}

/// What is known of the exports of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Exports {
    /// They go over a connection that is not looked into.
    are_unseen: bool,
    /// Since when it makes spans that it did not hand over.
    owes_since_ns: Option<u64>,
    /// Since when all that it handed over was refused.
    refused_since_ns: Option<u64>,
    /// When spans were last seen to be accepted.
    accepted_ns: Option<u64>,
}

impl Exports {
    fn are_in_vain(&self, now_ns: u64) -> bool {
        let since = self.refused_since_ns.filter(|_| !self.are_unseen);
        since.is_some_and(|since| now_ns.saturating_sub(since) >= REFUSED_NS)
    }
}

/// What was seen of processes, and whether it counts.
#[derive(Debug, Default)]
pub(super) struct Exporters {
    /// Unless this is [`AdoptChoice::Auto`], the operator has decided for all processes.
    pub(super) adopt: AdoptChoice,
    /// By process id.
    seen: HashMap<u32, Seen>,
}

impl Exporters {
    /// Whether a process exports a span that it made; while that is not known, until when it will be at the
    /// latest. One that is not sampled is exported by nobody.
    pub(super) fn decide(&mut self, process: &Process, is_sampled: bool, now_ns: u64) -> Result<bool, u64> {
        match self.adopt {
            AdoptChoice::Auto if is_sampled => {}
            AdoptChoice::Auto => return Ok(false),
            AdoptChoice::Always => return Ok(false),
            AdoptChoice::Never => return Ok(true),
        }
        let seen = self.of(process.pid, Seen::Nothing { since_ns: now_ns, was_seen: false });
        if let Seen::Exports(exports) = seen {
            let since_ns = *exports.owes_since_ns.get_or_insert(now_ns);
            if exports.are_in_vain(now_ns) {
                return Ok(false);
            }
            if exports.are_unseen || now_ns.saturating_sub(since_ns) < SILENT_NS {
                return Ok(true);
            }
            *seen = Seen::Nothing { since_ns: now_ns, was_seen: true };
        }
        let Seen::Nothing { since_ns, was_seen } = *seen else { return Ok(true) };
        match (process.exports_spans, since_ns.saturating_add(WATCH_NS)) {
            (Some(exports_spans), _) if !was_seen => Ok(exports_spans),
            (_, until_ns) if now_ns >= until_ns => Ok(false),
            (_, until_ns) => Err(until_ns),
        }
    }

    /// A process handed spans to a receiver. Whether that is news, and whether the receiver's answer is worth a look.
    pub(super) fn saw_export(&mut self, pid: u32, export: Export, now_ns: u64) -> (bool, bool) {
        // A process that is not there made no span so far.
        let makes_spans = self.seen.contains_key(&pid);
        let seen = self.of(pid, Seen::Nothing { since_ns: now_ns, was_seen: false });
        let (mut exports, is_news) = match *seen {
            Seen::Exports(exports) => (exports, false),
            Seen::Nothing { .. } => (Exports::default(), true),
        };
        let makes_spans = if is_news { makes_spans } else { exports.owes_since_ns.is_some() };
        let is_old = |accepted_ns: u64| now_ns.saturating_sub(accepted_ns) >= REFUSED_NS;
        let is_open = exports.refused_since_ns.is_some() || exports.accepted_ns.is_none_or(is_old);
        exports.are_unseen |= export == Export::Connection;
        exports.owes_since_ns = None;
        *seen = Seen::Exports(exports);
        (is_news, makes_spans && is_open && export == Export::Request)
    }

    /// What a receiver answered to a process.
    pub(super) fn answered(&mut self, pid: u32, is_accepted: bool, now_ns: u64) {
        let Some(Seen::Exports(exports)) = self.seen.get_mut(&pid) else { return };
        if is_accepted {
            (exports.accepted_ns, exports.refused_since_ns) = (Some(now_ns), None);
        } else {
            exports.refused_since_ns.get_or_insert(now_ns);
        }
    }

    /// A process is gone, or runs another program.
    pub(super) fn forget(&mut self, pid: u32) {
        self.seen.remove(&pid);
    }

    /// What was seen of a process, or this.
    fn of(&mut self, pid: u32, first: Seen) -> &mut Seen {
        if self.seen.len() >= PROCESSES
            && !self.seen.contains_key(&pid)
            && let Some(any) = self.seen.keys().next().copied()
        {
            self.seen.remove(&any);
        }
        self.seen.entry(pid).or_insert(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::http1::Headers;

    const SECOND_NS: u64 = 1_000_000_000;

    fn process(pid: u32, exports_spans: Option<bool>) -> Process {
        Process { pid, service_name: "x".to_owned(), attributes: Vec::new(), exports_spans, lineage: None }
    }

    fn decide(exporters: &mut Exporters, process: &Process, now_ns: u64) -> Result<bool, u64> {
        exporters.decide(process, true, now_ns)
    }

    #[test]
    fn receivers_of_spans_are_known_by_their_paths() {
        const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
        for (method, path, fields, expected) in [
            ("POST", "/v1/traces", &[][..], true),
            ("POST", "/otlp/v1/traces/", &[], true),
            ("POST", "/v1/traces", JSON, true),
            ("PUT", "/v0.4/traces", &[], true),
            ("POST", "/api/v0.2/traces", &[], true),
            ("POST", "/v1.0/traces", &[], true),
            ("POST", "/v10/traces", &[], false),
            ("POST", "/api/v2/spans", &[], true),
            ("POST", "/api/v1/spans", &[], true),
            ("POST", "/api/traces", &[("content-type", "application/vnd.apache.thrift.binary")], true),
            ("POST", "/api/traces", JSON, false),
            ("POST", "/trace/v1", JSON, true),
            ("POST", "/intake/v2/events", &[], true),
            ("POST", "/v1/metrics", &[], false),
            ("GET", "/api/traces", &[], false),
            ("GET", "/v1/traces", &[], false),
            ("POST", "/v1/chat/completions", &[], false),
        ] {
            let head = RequestHead {
                method: method.to_owned(),
                path: path.to_owned(),
                parameters: Vec::new(),
                host: None,
                port: None,
                minor_version: 1,
                headers: Headers::of(fields),
            };
            assert_eq!(is_span_export(&head), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_process_is_watched_for_a_while() {
        let mut exporters = Exporters::default();
        let unknown = process(1, None);
        assert_eq!(decide(&mut exporters, &unknown, 10), Err(10 + WATCH_NS));
        assert_eq!(decide(&mut exporters, &unknown, 11), Err(10 + WATCH_NS));
        assert_eq!(decide(&mut exporters, &unknown, 10 + WATCH_NS), Ok(false));
        assert!(exporters.saw_export(1, Export::Request, 10 + WATCH_NS).0);
        assert!(!exporters.saw_export(1, Export::Request, 10 + WATCH_NS).0);
        assert_eq!(decide(&mut exporters, &unknown, 10 + WATCH_NS), Ok(true), "decided anew");
        exporters.forget(1);
        assert_eq!(decide(&mut exporters, &unknown, 90), Err(90 + WATCH_NS));
    }

    #[test]
    fn what_the_environment_says_is_known_at_once() {
        let mut exporters = Exporters::default();
        assert_eq!(decide(&mut exporters, &process(1, Some(true)), 0), Ok(true));
        assert_eq!(decide(&mut exporters, &process(2, Some(false)), 0), Ok(false));
        exporters.saw_export(2, Export::Request, 0);
        assert_eq!(decide(&mut exporters, &process(2, Some(false)), 0), Ok(true), "what it does says more");
    }

    #[test]
    fn what_is_not_sampled_is_exported_by_nobody() {
        let mut exporters = Exporters::default();
        exporters.saw_export(1, Export::Request, 0);
        for now_ns in [0, 2 * SILENT_NS] {
            assert_eq!(exporters.decide(&process(1, Some(true)), false, now_ns), Ok(false));
        }
        assert_eq!(decide(&mut exporters, &process(1, None), 2 * SILENT_NS), Ok(true), "it owed nothing");
    }

    #[test]
    fn the_operator_may_decide_for_all() {
        for (adopt, expected) in [(AdoptChoice::Always, false), (AdoptChoice::Never, true)] {
            let mut exporters = Exporters { adopt, ..Exporters::default() };
            for exports_spans in [None, Some(false), Some(true)] {
                assert_eq!(decide(&mut exporters, &process(1, exports_spans), 0), Ok(expected), "{adopt:?}");
                exporters.saw_export(1, Export::Request, 0);
            }
        }
    }

    #[test]
    fn exports_that_are_refused_for_a_minute_are_none() {
        for exports_spans in [None, Some(true)] {
            let mut exporters = Exporters::default();
            let process = process(1, exports_spans);
            let _ = decide(&mut exporters, &process, 0);
            let mut refuse = |at_ns: u64, expected: bool| {
                assert!(exporters.saw_export(1, Export::Request, at_ns).1, "its answer is looked at");
                exporters.answered(1, false, at_ns);
                assert_eq!(decide(&mut exporters, &process, at_ns), Ok(expected), "{at_ns}");
            };
            refuse(SECOND_NS, true);
            refuse(REFUSED_NS, true);
            refuse(REFUSED_NS + SECOND_NS, false);
            refuse(2 * SILENT_NS, false);
            exporters.saw_export(1, Export::Request, 2 * SILENT_NS);
            exporters.answered(1, true, 2 * SILENT_NS);
            assert_eq!(decide(&mut exporters, &process, 2 * SILENT_NS), Ok(true));
        }
    }

    #[test]
    fn one_answer_a_minute_is_looked_at_of_those_who_make_spans() {
        let mut exporters = Exporters::default();
        assert_eq!(exporters.saw_export(1, Export::Request, 0), (true, false), "it makes none that we know");
        let process = process(1, None);
        for (at_ns, expected) in [(0, true), (SECOND_NS, false), (REFUSED_NS, true), (REFUSED_NS + 1, false)]
        {
            let _ = decide(&mut exporters, &process, at_ns);
            assert_eq!(exporters.saw_export(1, Export::Request, at_ns), (false, expected), "{at_ns}");
            if expected {
                exporters.answered(1, true, at_ns);
            }
        }
        assert_eq!(exporters.saw_export(1, Export::Request, SILENT_NS), (false, false), "no span since");
    }

    #[test]
    fn who_stops_to_export_is_watched_again() {
        for (export, exports_spans, is_watched) in [
            (Export::Request, None, true),
            (Export::Request, Some(true), true),
            // What goes over the connection is not seen.
            (Export::Connection, None, false),
        ] {
            let mut exporters = Exporters::default();
            let process = process(1, exports_spans);
            exporters.saw_export(1, export, 0);
            let later_ns = 5 * SILENT_NS;
            assert_eq!(decide(&mut exporters, &process, later_ns), Ok(true), "it had nothing to export");
            assert_eq!(decide(&mut exporters, &process, later_ns + SILENT_NS - 1), Ok(true));
            let now_ns = later_ns + SILENT_NS;
            let expected = if is_watched { Err(now_ns + WATCH_NS) } else { Ok(true) };
            assert_eq!(decide(&mut exporters, &process, now_ns), expected, "{export:?}");
            let expected = Ok(!is_watched);
            assert_eq!(decide(&mut exporters, &process, now_ns + WATCH_NS), expected, "{export:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut exporters = Exporters::default();
        for pid in 0..2 * u32::try_from(PROCESSES).unwrap_or(u32::MAX) {
            let _ = decide(&mut exporters, &process(pid, None), 0);
            exporters.saw_export(u32::MAX - pid, Export::Request, 0);
        }
        assert_eq!(exporters.seen.len(), PROCESSES);
    }
}
