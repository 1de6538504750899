//! The agent's own health: counters by cause for all that is dropped, truncated, skipped or guessed,
//! what it holds and uses, and its log.

mod family;
mod gauges;
mod groups;
mod manual;
mod metric;
mod usage;

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use family::Family;
use family::{
    CALLS_UNPRICED, CONNECTIONS_IGNORED, EXCHANGES, FINDINGS, GAP_BYTES, LOGS, MONITORING_REQUESTS,
    RING_DROPS, SPANS, TLS_UNREAD, UNNEEDED_BYTES, member,
};
pub use gauges::{Gauges, Pulse};
pub use groups::{Groups, Reasons};
pub use manual::remedy;
pub use metric::{Kind, Metric, Number, PARTS, Point, metrics};
pub use usage::prepare;

/// One number that only the agent's own code changes; safe to share between threads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `amount`.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Replaces the value: for totals that the kernel keeps.
    pub fn set(&self, total: u64) {
        self.0.store(total, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One counter as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The counter's name, with its unit where it does not count things.
    pub name: &'static str,
    /// The value.
    pub value: u64,
    /// What is counted.
    pub help: &'static str,
    /// Not zero means that something was not seen, not understood or not delivered.
    pub is_loss: bool,
    /// Whose member it is, and by which value of the family's label; `None` stands by itself.
    pub member: Option<(&'static Family, &'static str)>,
}

macro_rules! counters {
    (
        activity { $($activity:ident: $activity_help:literal $(=> $activity_family:ident[$activity_value:literal])?,)* }
        loss { $($loss:ident: $loss_help:literal $(=> $loss_family:ident[$loss_value:literal])?,)* }
    ) => {
        /// All counters of the agent.
        #[derive(Debug, Default)]
        pub struct Counters {
            /// What it holds now.
            pub gauges: Gauges,
            /// Why what was captured could not be read.
            pub reasons: Reasons,
            $(#[doc = $activity_help] pub $activity: Counter,)*
            $(#[doc = $loss_help] pub $loss: Counter,)*
        }

        impl Counters {
            /// Every counter with its value, in a fixed order.
            pub fn snapshot(&self) -> impl Iterator<Item = Sample> + use<> {
                [
                    $(Sample {
                        name: stringify!($activity),
                        value: self.$activity.get(),
                        help: $activity_help,
                        is_loss: false,
                        member: member!($($activity_family $activity_value)?),
                    },)*
                    $(Sample {
                        name: stringify!($loss),
                        value: self.$loss.get(),
                        help: $loss_help,
                        is_loss: true,
                        member: member!($($loss_family $loss_value)?),
                    },)*
                ]
                .into_iter()
            }
        }
    };
}

counters! {
    activity {
        chunks_received: "captured chunks received from the kernel",
        connections_opened: "connections seen to open",
        connections_ignored_not_http: "connections ignored because they do not begin as HTTP/1" => CONNECTIONS_IGNORED["not_http"],
        exchanges_without_endpoint: "exchanges skipped because their request was for no known endpoint",
        connections_ignored_server_side: "connections ignored because the process was the server" => CONNECTIONS_IGNORED["server_side"],
        exchanges_complete: "exchanges whose response came whole" => EXCHANGES["complete"],
        exchanges_cancelled: "exchanges that the client ended before the response was whole" => EXCHANGES["cancelled"],
        exchanges_peer_closed: "exchanges that the peer ended before the response was whole" => EXCHANGES["peer_closed"],
        exchanges_failed: "exchanges ended by an error of the connection" => EXCHANGES["failed"],
        bytes_skipped: "bytes that the kernel was told to leave out" => UNNEEDED_BYTES["left_out"],
        bytes_unclaimed: "captured bytes that belong to no exchange that is followed" => UNNEEDED_BYTES["unclaimed"],
        tls_connections_read: "TLS connections that were read by their keys",
        tls_sessions_old: "TLS sessions of clients that were under way when the agent came, and are not seen until they are begun anew",
        tls_keys: "AES keys that processes expanded as they began TLS connections, or for other ends",
        files_analysed: "files that were looked into for TLS code",
        files_known_by_copy: "files whose TLS code was known from a copy of them",
        connections_expired: "connections let go because nothing came on them for an hour",
        spans_placed_early: "spans that went before all was known that their place in a trace depends on, since they waited for too long or were too many",
        exchanges_untracked: "exchanges whose place in a tree is not known but by their headers, since too many were under way",
        inferred_spans_left: "spans of agents' runs and tools that were not made, since their calls are below spans of a tracer's own, or a run wants too many tools",
        header_ids_forgotten: "span ids of trace headers forgotten to bound memory: a retry may take one again",
        header_flags_forgotten: "traces of which it was forgotten whether their headers say that they are sampled, to bound memory: later spans without a header count as begun here",
        context_conflicts: "calls whose headers name several traces: the first counts, and the others are linked",
        contexts_invalid: "calls with an invalid trace header, which counts for nothing",
        traces_closed_early: "traces that were measured before they were over, since too many were under way or they did not end",
        trace_spans_cut: "spans of which their trace's measures have only the number, errors and times, since it has too many",
        trace_spans_late: "spans that came after their trace was measured, which was measured anew",
        calls: "calls understood and turned into spans",
        http_requests: "requests that traced processes served, or made to each other, turned into spans",
        served_calls: "calls of models that traced processes served, turned into spans beside those of their callers",
        served_calls_unread: "calls of models that traced processes served, of which the heads alone were read",
        calls_unpriced_model: "calls to vendors that have no cost, since no price is known for what they used" => CALLS_UNPRICED["model"],
        calls_unpriced_counts: "calls to vendors that have no cost, since their token counts contradict each other" => CALLS_UNPRICED["counts"],
        found_credential: "credentials found in contents" => FINDINGS["credential"],
        found_email: "addresses of electronic mail found in contents" => FINDINGS["email"],
        found_phone: "telephone numbers found in contents" => FINDINGS["phone"],
        found_card: "numbers of payment cards found in contents" => FINDINGS["card"],
        found_iban: "bank account numbers found in contents" => FINDINGS["iban"],
        found_national_id: "numbers by which states know persons found in contents" => FINDINGS["national_id"],
        found_ip: "addresses of the Internet Protocol found in contents" => FINDINGS["ip"],
        found_mac: "hardware addresses found in contents" => FINDINGS["mac"],
        found_rule: "findings of the operator's own rules found in contents" => FINDINGS["rule"],
        spans_exported: "spans that an OTLP receiver accepted; where there are several, a span counts for each" => SPANS["exported"],
        spans_sampled_out: "spans not sent to OTLP receivers, as sampling has it" => SPANS["sampled_out"],
        traces_sampled_early: "traces that sampling left out before they were over, or forgot that it keeps, since too much waited",
        logs_exported: "log records that an OTLP receiver accepted" => LOGS["exported"],
        export_requests: "requests with spans or log records that an OTLP receiver took",
        export_failures: "attempts to reach an OTLP receiver that failed and were tried again",
        queue_failures: "times that a queue on disk did not do what was asked of it",
        export_waits_cut: "times that an OTLP receiver asked for a longer pause than five minutes, which was cut to that",
        audit_records: "records written to the audit",
        audit_retired: "records taken out of the audit, as its bounds have it",
        audit_failures: "attempts to write to the audit that failed and were tried again",
        audit_unapproved: "calls and connections to endpoints that are not on the list of approved ones",
        monitoring_answered: "requests for metrics or health that were answered" => MONITORING_REQUESTS["answered"],
        monitoring_broken: "connections for metrics or health that were cut off: too slow, too large, or no HTTP" => MONITORING_REQUESTS["broken"],
    }
    loss {
        ring_drops_chunk: "captured chunks dropped by the kernel because the ring buffer was full" => RING_DROPS["chunk"],
        requests_dropped: "requests whose begin was among these chunks: their exchanges were not seen at all",
        requests_unread: "requests over TLS whose begin could not be read or told from other bytes, since a part of its record or what came before was dropped",
        ring_drops_connection: "connection events dropped by the kernel because the ring buffer was full" => RING_DROPS["connection"],
        ring_drops_process: "process events dropped by the kernel because the ring buffer was full" => RING_DROPS["process"],
        libraries_refused: "TLS libraries that could not be hooked",
        connections_unseen: "TLS connections to providers whose plaintext was not seen",
        tls_unread_suite: "TLS connections with a cipher suite that is not read by its keys" => TLS_UNREAD["suite"],
        tls_unread_keys: "TLS connections to whose records no key was seen to fit" => TLS_UNREAD["keys"],
        tls_unread_records: "TLS connections that carry something else than TLS records" => TLS_UNREAD["records"],
        gap_no_buffer_bytes: "bytes of sockets that were in no buffer of the process: sendfile, splice" => GAP_BYTES["no_buffer"],
        gap_io_uring_bytes: "bytes of sockets moved by io_uring" => GAP_BYTES["io_uring"],
        gap_compat_bytes: "bytes of sockets moved by 32-bit programs" => GAP_BYTES["compat"],
        gap_untied_bytes: "bytes of plaintext whose TLS records were not found on a socket" => GAP_BYTES["untied"],
        tree_members_lost: "processes that are not known as members of a process tree, since the table was full",
        verdicts_refused: "verdicts on a connection that the kernel refused",
        undecodable_records: "records from the kernel that could not be decoded",
        stream_gap_bytes: "bytes of traced streams that were not captured",
        late_bytes: "bytes that arrived after their place in the stream was given up",
        connections_ignored_http2: "connections ignored because they speak HTTP/2" => CONNECTIONS_IGNORED["http2"],
        connections_ignored_tunnel: "connections ignored after a change to another protocol" => CONNECTIONS_IGNORED["tunnel"],
        connections_ignored_malformed: "connections ignored because a request on them breaks the rules of HTTP" => CONNECTIONS_IGNORED["malformed"],
        connections_ignored_unpaired: "connections ignored because after a loss the answers to a client that pipelines could not be told apart" => CONNECTIONS_IGNORED["unpaired"],
        connections_shed: "times that what was held of a connection was dropped to stay within the memory budget",
        connections_ignored_table_full: "connections ignored because too many were open" => CONNECTIONS_IGNORED["table_full"],
        exchanges_lost: "exchanges whose end was not captured" => EXCHANGES["lost"],
        exchanges_unreadable: "exchanges with a message that could not be read to its end" => EXCHANGES["unreadable"],
        bodies_truncated: "bodies longer than the body limit, read in part",
        spans_dropped_redaction: "spans dropped because the thread that redacts fell behind" => SPANS["dropped_redaction"],
        contents_dropped: "calls whose spans do not say what was said, because too much waited to be redacted or for its place",
        spans_dropped_queue_full: "spans dropped because the export queue was full" => SPANS["dropped_queue_full"],
        spans_dropped_rejected: "spans that an OTLP receiver refused" => SPANS["dropped_rejected"],
        spans_dropped_expired: "spans dropped because an OTLP receiver was away for too long" => SPANS["dropped_expired"],
        spans_dropped_shutdown: "spans not delivered when the agent stopped" => SPANS["dropped_shutdown"],
        spans_dropped_disk_full: "spans dropped because the queue on disk was full" => SPANS["dropped_disk_full"],
        spans_dropped_disk_damaged: "spans that could not be read from the queue on disk" => SPANS["dropped_disk_damaged"],
        logs_dropped_queue_full: "log records dropped because the export queue was full" => LOGS["dropped_queue_full"],
        logs_dropped_rejected: "log records that an OTLP receiver refused" => LOGS["dropped_rejected"],
        logs_dropped_expired: "log records dropped because an OTLP receiver was away for too long" => LOGS["dropped_expired"],
        logs_dropped_shutdown: "log records not delivered when the agent stopped" => LOGS["dropped_shutdown"],
        logs_dropped_disk_full: "log records dropped because the queue on disk was full" => LOGS["dropped_disk_full"],
        logs_dropped_disk_damaged: "log records that could not be read from the queue on disk" => LOGS["dropped_disk_damaged"],
        queue_requests_missing: "requests that were missing in the queue on disk when the agent started",
        audit_dropped_queue_full: "records of the audit dropped because it could not be written, or too slowly",
        audit_dropped_shutdown: "records of the audit not written when the agent stopped",
        audit_set_aside: "times that a damaged audit was put aside and begun anew",
        metrics_dropped_services: "calls that no metrics have, since there are too many services",
        metrics_dropped_export: "requests with metrics that an OTLP receiver did not take",
        console_lines_dropped: "calls and trees not shown because the terminal was too slow or gone",
    }
}

impl Counters {
    /// What was lost, by cause, for the log; `None` when nothing was.
    #[must_use]
    pub fn loss_summary(&self) -> Option<String> {
        let causes: Vec<_> = self
            .snapshot()
            .filter(|sample| sample.is_loss && sample.value > 0)
            .map(|sample| format!("{} {} ({})", sample.value, sample.help, sample.name))
            .collect();
        (!causes.is_empty()).then(|| causes.join("; "))
    }
}

/// Name in the log of what the BPF programs say.
pub const PROBE_LOG_TARGET: &str = "bpf";

/// Filters that stand before the operator's own: libraries whose news is not the agent's.
const QUIET: &str = "bpf=debug,aya=warn,aya_obj=warn,opentelemetry=off,h2=warn,hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,tonic=warn,tower=warn";

/// Makes a text safe to show: `redact::for_log`, which is downstream of this module.
pub type Scrub = fn(&str) -> Cow<'_, str>;

/// What is written to it goes to `out` scrubbed: the log's formatter writes one event at a time.
struct Scrubbed<W> {
    scrub: Scrub,
    out: W,
}

impl<W: Write> Write for Scrubbed<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.out.write_all((self.scrub)(&text).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Sends the log to standard error, every event through `scrub`. `filter` is a checked
/// [`crate::config::Config::log`].
///
/// # Errors
/// When the process has a log already.
pub fn init_log(filter: &str, color: bool, scrub: Scrub) -> anyhow::Result<()> {
    let writer = move || Scrubbed { scrub, out: io::stderr() };
    let text = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(color);
    tracing_subscriber::registry()
        .with(text.with_filter(log_filter(filter)))
        .try_init()
        .map_err(|error| anyhow::anyhow!("cannot begin to log: {error}"))
}

fn log_filter(filter: &str) -> EnvFilter {
    EnvFilter::new(format!("{QUIET},{filter}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn counters_add_and_set() {
        let counters = Counters::default();
        counters.calls.increment();
        counters.calls.add(2);
        counters.ring_drops_chunk.add(5);
        counters.ring_drops_chunk.set(3);
        assert_eq!(counters.calls.get(), 3);
        assert_eq!(counters.ring_drops_chunk.get(), 3);
    }

    #[test]
    fn a_snapshot_names_every_counter_once() {
        let counters = Counters::default();
        counters.late_bytes.add(7);
        let samples: Vec<_> = counters.snapshot().collect();
        let names: HashSet<_> = samples.iter().map(|sample| sample.name).collect();
        assert_eq!(names.len(), samples.len());
        let non_zero: Vec<_> = samples.iter().filter(|sample| sample.value > 0).collect();
        assert!(matches!(non_zero.as_slice(), [sample] if (sample.name, sample.value) == ("late_bytes", 7)));
        assert!(samples.iter().all(|sample| !sample.help.is_empty()));
    }

    #[test]
    fn the_loss_summary_has_the_non_zero_causes_only() {
        let counters = Counters::default();
        assert_eq!(counters.loss_summary(), None);
        counters.calls.add(9);
        assert_eq!(counters.loss_summary(), None, "calls are no loss");
        counters.spans_dropped_queue_full.add(12);
        counters.exchanges_lost.increment();
        assert_eq!(
            counters.loss_summary().as_deref(),
            Some(
                "1 exchanges whose end was not captured (exchanges_lost); 12 spans dropped because the \
                 export queue was full (spans_dropped_queue_full)"
            )
        );
    }

    #[test]
    fn no_event_is_logged_with_a_credential() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        let writer = move || Scrubbed { scrub: crate::redact::for_log, out: Shared(Arc::clone(&shared)) };
        let text = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(true);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(text), || {
            let key = format!("sk-proj-{}", "Ab3dEf6hIj9lMn2pQr5t");
            tracing::warn!(key, "{key} (pid 7) talked TLS, password=hunter2");
            tracing::info!("https://bob:hunter2@host is back");
        });
        let text = log.lock().map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default();
        assert!(!text.contains("sk-proj") && !text.contains("hunter2"), "{text}");
        assert!(text.contains("[CREDENTIAL] (pid 7) talked TLS") && text.contains("@host is back"), "{text}");
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_err(|_| io::ErrorKind::Other)?.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_operators_filter_wins_over_the_quiet_one() {
        let filter = log_filter("debug,h2=trace").to_string();
        assert!(filter.contains("h2=trace") && !filter.contains("h2=warn"), "{filter}");
        assert!(filter.contains("hyper=warn") && filter.contains("debug"), "{filter}");
    }
}
