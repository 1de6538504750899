//! The one list of settings. A field is a flag, an environment variable and a key of the file at once.

use clap::CommandFactory;
use serde::{Deserialize, Serialize};

use super::audit::Endpoints;
use super::rule::Rules;
use super::secret::Secret;
use super::value::{
    AdoptChoice, ColorChoice, Compression, ContentMode, ContentPlace, Count, HookChoice, OtlpProtocol,
    OutputChoice, Paths, ProbeLog, Size, Switch, Text, TlsChoice, UprobeChoice,
};

/// Settings as one source gave them; `None` leaves the word to the next source.
///
/// The text above each field is its help; the name of its flag is also its key in the file, and in
/// capitals, with underscores and the prefix `SPANWIRE_`, its environment variable.
#[derive(Clone, Debug, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Bytes read of each body, 1KiB to 1GiB: a bound on work, since memory does not grow with a body.
    /// A longer one is read so far, and counted [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub body_limit: Option<Size>,

    /// Bytes of memory for what is under way on all connections together, 1MiB to 16GiB. Past it, what is held
    /// of the least valuable connections is dropped, and counted [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub memory_budget: Option<Size>,

    /// Size of the buffer between kernel and agent, a power of two from 256KiB to 1GiB. Events that
    /// find it full are dropped and counted [default: 8MiB]
    #[arg(long, value_name = "SIZE")]
    pub ring_size: Option<Size>,

    /// Where spans go; auto is otlp when an OTLP endpoint is configured, here or in
    /// OTEL_EXPORTER_OTLP_ENDPOINT, and console otherwise [default: auto]
    #[arg(long, value_name = "WHERE")]
    pub output: Option<OutputChoice>,

    /// Base URL of the OTLP receiver, in place of OTEL_EXPORTER_OTLP_ENDPOINT; over HTTP, /v1/traces is
    /// appended [default: http://localhost:4318, or port 4317 with grpc]
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<Text>,

    /// How OTLP is spoken, in place of OTEL_EXPORTER_OTLP_PROTOCOL: grpc, http/protobuf or http/json
    /// [default: http/protobuf]
    #[arg(long, value_name = "PROTOCOL")]
    pub otlp_protocol: Option<OtlpProtocol>,

    /// Headers of each request, in place of OTEL_EXPORTER_OTLP_HEADERS: name=value, separated by commas and
    /// percent-encoded. Other users of the host see flags: keys are better in a file [default: none]
    #[arg(long, value_name = "HEADERS")]
    pub otlp_headers: Option<Secret>,

    /// A file with such headers, a line 'name: value' each [default: none]
    #[arg(long, value_name = "PATH")]
    pub otlp_headers_file: Option<Text>,

    /// Milliseconds that one attempt may take, 1 to 300000, in place of OTEL_EXPORTER_OTLP_TIMEOUT
    /// [default: 10000]
    #[arg(long, value_name = "MILLISECONDS")]
    pub otlp_timeout: Option<Count>,

    /// How requests are compressed, in place of OTEL_EXPORTER_OTLP_COMPRESSION: none, gzip or zstd
    /// [default: none]
    #[arg(long, value_name = "HOW")]
    pub otlp_compression: Option<Compression>,

    /// A file with certificates of authorities (PEM) that are trusted beside the system's, in place of
    /// OTEL_EXPORTER_OTLP_CERTIFICATE [default: none]
    #[arg(long, value_name = "PATH")]
    pub otlp_certificate: Option<Text>,

    /// A file with the certificate (PEM) that is shown to receivers that ask for one, in place of
    /// OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE [default: none]
    #[arg(long, value_name = "PATH")]
    pub otlp_client_certificate: Option<Text>,

    /// The file with its private key (PEM), in place of OTEL_EXPORTER_OTLP_CLIENT_KEY [default: none]
    #[arg(long, value_name = "PATH")]
    pub otlp_client_key: Option<Text>,

    /// Further OTLP receivers, each with a queue of its own: URLs separated by commas, or in the file a list of
    /// them or of mappings; see docs/export.md [default: none]
    #[arg(long, value_name = "URLS")]
    pub otlp_endpoints: Option<Secret>,

    /// Which traces are sent to OTLP receivers, in place of OTEL_TRACES_SAMPLER: always_on, always_off, traceidratio,
    /// parentbased_always_on, parentbased_always_off or parentbased_traceidratio; see docs/export.md
    /// [default: always_on]
    #[arg(long, value_name = "SAMPLER")]
    pub traces_sampler: Option<Text>,

    /// The ratio of the samplers that have one, 0 to 1, in place of OTEL_TRACES_SAMPLER_ARG [default: 1]
    #[arg(long, value_name = "RATIO")]
    pub traces_sampler_arg: Option<Text>,

    /// Traces that are not sampled are sent all the same, whole, if a span of theirs failed: on or off [default: off]
    #[arg(long, value_name = "SWITCH")]
    pub keep_errors: Option<Switch>,

    /// So are those that took longer than so many seconds, or none [default: none]
    #[arg(long, value_name = "SECONDS")]
    pub keep_slower_than: Option<Text>,

    /// So are those that cost more than so many US dollars on this host, or none [default: none]
    #[arg(long, value_name = "DOLLARS")]
    pub keep_costlier_than: Option<Text>,

    /// Spans kept in memory while the OTLP receiver is slow or away, 1 to 1000000. Spans that find it
    /// full are dropped and counted [default: 8192]
    #[arg(long, value_name = "SPANS")]
    pub export_queue: Option<Count>,

    /// The folder in which spans wait on disk for OTLP receivers, so that neither their outage nor the agent's end loses them:
    /// an absolute path, on (/var/lib/spanwire/queue), or none; see docs/export.md [default: none]
    #[arg(long, value_name = "PATH")]
    pub otlp_queue: Option<Text>,

    /// Size of that for each receiver and signal, 64MiB to 1TiB: past it the oldest are dropped and counted [default: 1GiB]
    #[arg(long, value_name = "SIZE")]
    pub otlp_queue_size: Option<Size>,

    /// Seconds that the agent waits, when it stops, for spans that are still to be delivered, 1 to 600;
    /// what is left then is dropped and counted [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub stop_timeout: Option<Count>,

    /// Trace these only: rules such as executable=/usr/bin/python*, process=NAME, process=PID, tree=PID,
    /// user=NAME, cgroup=PATH, container=ID, namespace=NAME and port=8000-8080, separated by commas
    /// [default: everything]
    #[arg(long, value_name = "RULES")]
    pub include: Option<Rules>,

    /// Do not trace these, whatever --include says; the same rules [default: none]
    #[arg(long, value_name = "RULES")]
    pub exclude: Option<Rules>,

    /// Processes of this host that exchange HTTP with one that asks a provider carry probes as well:
    /// on or off [default: off]
    #[arg(long, value_name = "SWITCH")]
    pub follow_peers: Option<Switch>,

    /// Requests that processes serve which ask a provider, and that they make of others, are spans as well: on or
    /// off [default: on]
    #[arg(long, value_name = "SWITCH")]
    pub services: Option<Switch>,

    /// Requests that these processes serve are spans from their start on, whether or not they ask a provider; rules
    /// about processes, as of --include [default: none]
    #[arg(long, value_name = "RULES")]
    pub services_from_start: Option<Rules>,

    /// When a call's span takes the span id in its request's trace header: auto (when the program exports no
    /// spans of its own), always, or never: then it is that id's child; see docs/correlation.md [default: auto]
    #[arg(long, value_name = "WHEN")]
    pub adopt: Option<AdoptChoice>,

    /// The Unix socket at which `spanwire status` asks this agent; an absolute path, or none
    /// [default: /run/spanwire/status.sock]
    #[arg(long, value_name = "PATH")]
    pub status_socket: Option<Text>,

    /// Where monitoring systems ask this agent, at /metrics and /healthz: an address of this host and a port such as
    /// 127.0.0.1:9464, or none; see docs/health.md [default: none]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<Text>,

    /// A file with prices of your own, which go before the built-in list: an absolute path, or none; see
    /// docs/cost.md [default: none]
    #[arg(long, value_name = "PATH")]
    pub prices: Option<Text>,

    /// What leaves of what is said to models and by them: off (nothing), metadata (roles, kinds, sizes, names of
    /// tools, and how much was found that redacted would hide), redacted (text without credentials and personal
    /// data), or full (text without credentials); see docs/redaction.md [default: off]
    #[arg(long, value_name = "MODE")]
    pub content: Option<ContentMode>,

    /// A file that says which content leaves of whom, what is looked for in it and what stands in its place: an
    /// absolute path, or none; see docs/redaction.md [default: none]
    #[arg(long, value_name = "PATH")]
    pub content_policy: Option<Text>,

    /// Bytes of text kept of one call in each direction, 1KiB to 1MiB; the rest is cut off, which is marked
    /// [default: 64KiB]
    #[arg(long, value_name = "SIZE")]
    pub content_limit: Option<Size>,

    /// As what content leaves: attributes of the call's span, events, or both [default: attributes]
    #[arg(long, value_name = "PLACE")]
    pub content_as: Option<ContentPlace>,

    /// Where a record of each call is kept, which shows afterwards whether anything in it was changed: an absolute path,
    /// on (/var/lib/spanwire/audit.db), or none; see docs/audit.md [default: none]
    #[arg(long, value_name = "PATH")]
    pub audit: Option<Text>,

    /// Days that records are kept, 1 to 36500 [default: 90]
    #[arg(long, value_name = "DAYS")]
    pub audit_days: Option<Count>,

    /// Size that the audit's file stays below, by taking out the oldest records, 16MiB to 1TiB [default: 4GiB]
    #[arg(long, value_name = "SIZE")]
    pub audit_size: Option<Size>,

    /// The file of the key that seals the audit: an absolute path, or none: then it is drawn, and kept beside the audit
    /// with .key behind its name [default: none]
    #[arg(long, value_name = "PATH")]
    pub audit_key: Option<Text>,

    /// Hosts of models and vector stores that programs may use, such as api.openai.com, *.openai.azure.com or
    /// llm.internal:8080, separated by commas; calls to others are marked as unapproved [default: nothing is marked]
    #[arg(long, value_name = "HOSTS")]
    pub approved_endpoints: Option<Endpoints>,

    /// Calls to endpoints that are not approved, and connections to known endpoints that could not be read, are sent as log
    /// records of their own where logs are sent (OTEL_LOGS_EXPORTER=otlp): on or off [default: off]
    #[arg(long, value_name = "SWITCH")]
    pub audit_events: Option<Switch>,

    /// What the BPF programs log about themselves; costly at debug [default: off]
    #[arg(long, value_name = "LEVEL")]
    pub probe_log: Option<ProbeLog>,

    /// By which kernel hooks the bytes on sockets are seen: sockets (tracepoints of the socket layer,
    /// Linux 6.3), functions (the return of the functions of TCP and Unix sockets; not under lockdown),
    /// syscalls (the return of every system call), or auto: the first of these that the kernel allows
    /// [default: auto]
    #[arg(long, value_name = "HOOKS")]
    pub hooks: Option<HookChoice>,

    /// As what probes are put on functions of programs: perf-events, or auto: links to many places at once where the
    /// kernel has them (Linux 6.6), or else perf events [default: auto]
    #[arg(long, value_name = "KIND")]
    pub uprobes: Option<UprobeChoice>,

    /// How what programs say over TLS is read: by the keys that their TLS libraries expand (keys), at those
    /// libraries' calls (calls), or auto: by keys, and by calls what keys cannot read [default: auto]
    #[arg(long, value_name = "WAY")]
    pub tls: Option<TlsChoice>,

    /// Gives up after the start what the agent does not need any more: capabilities, system calls, and where the
    /// kernel has Landlock, files and ports; see SECURITY.md: on or off [default: on]
    #[arg(long, value_name = "SWITCH")]
    pub hardening: Option<Switch>,

    /// What the agent logs to standard error: a level (error, warn, info, debug, trace) or a filter
    /// such as info,spanwire::export=debug [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<Text>,

    /// More TLS libraries to watch from the start, for those that the agent would find only when they
    /// are used: absolute paths, separated by commas [default: none]
    #[arg(long, value_name = "PATHS")]
    pub libraries: Option<Paths>,

    /// When the terminal view and the log are coloured; auto is on a terminal unless NO_COLOR is set
    /// [default: auto]
    #[arg(long, value_name = "WHEN")]
    pub color: Option<ColorChoice>,
}

impl Settings {
    /// What holds where no source says otherwise. What is said of the OTLP receiver has its defaults
    /// from the OTLP exporter specification, behind its own environment variables.
    #[must_use]
    pub fn defaults() -> Self {
        Self {
            body_limit: Some(Size(64 << 20)),
            memory_budget: Some(Size(64 << 20)),
            ring_size: Some(Size(8 << 20)),
            output: Some(OutputChoice::Auto),
            otlp_endpoint: None,
            otlp_protocol: None,
            otlp_headers: None,
            otlp_headers_file: None,
            otlp_timeout: None,
            otlp_compression: None,
            otlp_certificate: None,
            otlp_client_certificate: None,
            otlp_client_key: None,
            otlp_endpoints: None,
            traces_sampler: None,
            traces_sampler_arg: None,
            keep_errors: Some(Switch::Off),
            keep_slower_than: Some(Text(super::NONE.to_owned())),
            keep_costlier_than: Some(Text(super::NONE.to_owned())),
            export_queue: Some(Count(8192)),
            otlp_queue: Some(Text(super::NONE.to_owned())),
            otlp_queue_size: Some(Size(1 << 30)),
            stop_timeout: Some(Count(5)),
            include: Some(Rules::default()),
            exclude: Some(Rules::default()),
            follow_peers: Some(Switch::Off),
            services: Some(Switch::On),
            services_from_start: Some(Rules::default()),
            adopt: Some(AdoptChoice::Auto),
            status_socket: Some(Text(super::STATUS_SOCKET.to_owned())),
            metrics_listen: None,
            prices: Some(Text(super::NONE.to_owned())),
            content: Some(ContentMode::Off),
            content_policy: Some(Text(super::NONE.to_owned())),
            content_limit: Some(Size(super::content::LIMIT as u64)),
            content_as: Some(ContentPlace::Attributes),
            audit: Some(Text(super::NONE.to_owned())),
            audit_days: Some(Count(90)),
            audit_size: Some(Size(4 << 30)),
            audit_key: Some(Text(super::NONE.to_owned())),
            approved_endpoints: Some(Endpoints::default()),
            audit_events: Some(Switch::Off),
            probe_log: Some(ProbeLog::Off),
            hooks: Some(HookChoice::Auto),
            uprobes: Some(UprobeChoice::Auto),
            tls: Some(TlsChoice::Auto),
            hardening: Some(Switch::On),
            log: Some(Text("info".to_owned())),
            libraries: Some(Paths::default()),
            color: Some(ColorChoice::Auto),
        }
    }

    /// Whether the setting of this name may hold keys, which no message shows.
    pub(super) fn is_secret(name: &str) -> bool {
        matches!(name, "otlp-endpoint" | "otlp-endpoints" | "otlp-headers")
    }

    /// The settings' names as the file has them, in the order of the help.
    #[must_use]
    pub fn names() -> Vec<String> {
        #[derive(clap::Parser)]
        struct Flags {
            #[command(flatten)]
            _settings: Settings,
        }
        Flags::command().get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)).collect()
    }
}
