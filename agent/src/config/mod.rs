//! The agent's configuration: settings from flags, environment and file, joined and checked.
//!
//! [`Settings`] is the one list of settings, as their sources spell them; [`Config`] is what the rest
//! of the agent reads: complete, in plain units and within bounds.

mod audit;
mod content;
mod error;
mod key;
mod layers;
mod listen;
mod otlp;
mod rule;
mod sampling;
mod secret;
mod settings;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use audit::{Audit, Endpoints};
pub use content::{ContentPolicy, Detect, Direction, Entry, Kind, Replacements};
pub use error::{ConfigError, Origin};
pub use key::KeyBytes;
pub use listen::Listen;
pub use otlp::{Identity, Otlp, Pem, Receiver, Tls};
pub use rule::{Pattern, Rule, Rules};
pub use sampling::{Keep, Sampler, Sampling};
pub use secret::Secret;
pub use settings::Settings;
pub use value::{
    AdoptChoice, ColorChoice, Compression, ContentMode, ContentPlace, Count, HookChoice, OtlpProtocol,
    OutputChoice, Paths, ProbeLog, Size, Switch, Text, TlsChoice, UprobeChoice,
};

use layers::Layers;
use opentelemetry_sdk::metrics::Temporality;
use otlp::Outputs;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The file that is read when no other is named and it exists.
pub const DEFAULT_PATH: &str = "/etc/spanwire/config.yaml";

/// Where `spanwire status` finds the agent when nothing else is said.
pub const STATUS_SOCKET: &str = "/run/spanwire/status.sock";

/// Where the audit is kept when it is only said that there is to be one, and where `spanwire audit` looks for it.
pub const AUDIT_STORE: &str = "/var/lib/spanwire/audit.db";

/// Where spans wait on disk when it is only said that they are to.
pub const OTLP_QUEUE: &str = "/var/lib/spanwire/queue";

/// In place of a path.
const NONE: &str = "none";
/// In place of a path: the usual one.
const ON: &str = "on";

/// Begins the name of every environment variable of the agent; any other such variable is warned of.
const PREFIX: &str = "SPANWIRE_";

/// The process environment, passed in so that it can be tested.
pub type Environment = BTreeMap<String, String>;

/// The environment of this process. What is not Unicode is replaced, and fails as a wrong value would.
#[must_use]
pub fn environment() -> Environment {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect()
}

/// Where what is for OTLP receivers waits on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskQueue {
    /// With a folder for each receiver and signal.
    pub folder: PathBuf,
    /// Bytes of files for each of these.
    pub bytes: u64,
}

/// The checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes kept per direction and exchange, 1 KiB to 16 MiB.
    pub body_limit: u32,
    /// Most bytes held for what is under way on all connections.
    pub memory_budget: usize,
    /// Size of the ring buffer in bytes, a power of two from 256 KiB to 1 GiB.
    pub ring_size: u32,
    /// Spans are shown on standard output.
    pub console: bool,
    /// Spans and metrics are sent to each of these.
    pub otlp: Vec<Receiver>,
    /// What sums and histograms that are sent count from.
    pub temporality: Temporality,
    /// Which traces are sent to them.
    pub sampling: Sampling,
    /// Spans kept for each OTLP receiver while it is away, 1 to 1,000,000.
    pub export_queue: usize,
    /// Where spans wait on disk for receivers.
    pub otlp_queue: Option<DiskQueue>,
    /// How long the agent waits, when it stops, for what is still to be delivered: 1 s to 10 min.
    pub stop_timeout: Duration,
    /// What is traced only; everything when empty.
    pub include: Vec<Rule>,
    /// What is not traced.
    pub exclude: Vec<Rule>,
    /// Whether the peers of processes that ask providers carry probes, too.
    pub follow_peers: bool,
    /// Whether what traced processes serve, and ask of others than providers, is followed.
    pub services: bool,
    /// Processes of which that is so from their start on; none where it is not to be at all.
    pub services_from_start: Vec<Rule>,
    /// When a client span takes the id in its request's header.
    pub adopt: AdoptChoice,
    /// Where `spanwire status` asks.
    pub status_socket: Option<PathBuf>,
    /// Where monitoring systems ask.
    pub metrics_listen: Option<Listen>,
    /// The operator's own prices.
    pub prices: Option<PathBuf>,
    /// What leaves of content, and how.
    pub content: ContentPolicy,
    /// Where records of calls are kept.
    pub audit: Option<Audit>,
    /// The endpoints that programs may use.
    pub approved_endpoints: Endpoints,
    /// Calls to others, and connections that could not be read, are sent as log records.
    pub audit_events: bool,
    /// What the BPF programs log.
    pub probe_log: ProbeLog,
    /// By which kernel hooks sockets are seen.
    pub hooks: HookChoice,
    /// As what probes are put on functions of programs.
    pub uprobes: UprobeChoice,
    /// How TLS is read.
    pub tls: TlsChoice,
    /// Whether what is not needed after the start is given up.
    pub hardening: bool,
    /// What the agent logs: a filter in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// Further libssl files to hook, as absolute paths.
    pub libraries: Vec<PathBuf>,
    /// When output is coloured.
    pub color: ColorChoice,
    /// The agent takes over from the one that answers at `status_socket`, if one does: a flag of `spanwire run`, and no setting.
    pub take_over: bool,
    /// What is odd about the sources, for the operator.
    pub warning: Option<String>,
}

impl Config {
    /// Reads the sources and checks what they say. Without `file` the variable `SPANWIRE_CONFIG`
    /// names it, else it is [`DEFAULT_PATH`] if that exists.
    ///
    /// # Errors
    /// [`ConfigError`], which names the source, the setting and what is expected.
    pub fn load(
        flags: &Settings,
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let named = file.map(Path::to_owned).or_else(|| {
            environment.get("SPANWIRE_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
        });
        let path = named.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_PATH));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => None,
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        Self::resolve(flags, text.as_deref().map(|text| (path.as_path(), text)), environment)
    }

    /// [`Config::load`] without I/O, but for the content policy and the files of headers, certificates and keys that are named: the file is given as its path and text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn resolve(
        flags: &Settings,
        file: Option<(&Path, &str)>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::new();
        if let Some((path, text)) = file {
            layers.file(path, text)?;
        }
        layers.environment(environment)?;
        layers.flags(flags)?;
        let warning = layers.warning();
        let (settings, origins) = layers.join()?;
        let outputs = Outputs::of(&settings, environment);
        let (sampling, unsampled) = sampling::resolve(&settings, &origins, environment)?;
        let untold = settings.audit_events == Some(Switch::On) && !outputs.logs;
        let untold = untold.then(|| "audit-events sends nothing: set OTEL_LOGS_EXPORTER=otlp".to_owned());
        let warnings =
            warning.into_iter().chain(outputs.warnings.iter().cloned()).chain(unsampled).chain(untold);
        let warnings: Vec<_> = warnings.collect();
        let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
        Ok(Self { warning, sampling, ..Self::check(settings, &origins, environment, &outputs)? })
    }

    fn check(
        settings: Settings,
        origins: &BTreeMap<String, Origin>,
        environment: &Environment,
        outputs: &Outputs,
    ) -> Result<Self, ConfigError> {
        let invalid = |key: &str, value: &dyn Display, expected: &str| ConfigError::Invalid {
            origin: origins.get(key).cloned().unwrap_or(Origin::Default),
            key: key.to_owned(),
            value: value.to_string(),
            expected: expected.to_owned(),
        };
        let otlp = otlp::resolve(&settings, origins, environment, outputs)?;
        let metrics_listen = listen::resolve(&settings, origins, environment)?;

        // `Layers` begins with the defaults, so that nothing below is absent.
        let body_limit = settings.body_limit.unwrap_or(Size(0));
        let memory_budget = settings.memory_budget.unwrap_or(Size(0));
        let ring_size = settings.ring_size.unwrap_or(Size(0));
        let export_queue = settings.export_queue.unwrap_or(Count(0));
        let content_limit = settings.content_limit.unwrap_or(Size(0));
        let stop_timeout = settings.stop_timeout.unwrap_or(Count(0));
        let log = settings.log.unwrap_or_else(|| Text(String::new())).0;
        if !is_log_filter(&log) {
            return Err(invalid(
                "log",
                &log,
                "a level such as info, or a filter such as info,spanwire::export=debug",
            ));
        }
        let path = |name: &str, text: Option<Text>| {
            let text = text.unwrap_or_else(|| Text(String::new())).0;
            let path = (text != NONE).then(|| PathBuf::from(&text));
            match path {
                Some(path) if !path.is_absolute() => Err(invalid(name, &text, "an absolute path, or none")),
                path => Ok(path),
            }
        };
        let path_or_usual = |name: &str, text: Option<Text>, usual: &str| match text {
            Some(Text(text)) if text == ON => Ok(Some(PathBuf::from(usual))),
            text => path(name, text),
        };
        let services = settings.services == Some(Switch::On);
        let from_start = settings.services_from_start.unwrap_or_default();
        if from_start.0.iter().any(Rule::is_of_connections) {
            return Err(invalid(
                "services-from-start",
                &from_start,
                "rules about processes, not about ports",
            ));
        }
        Ok(Self {
            memory_budget: bounded(memory_budget.0, 1 << 20, 16 << 30)
                .ok_or_else(|| invalid("memory-budget", &memory_budget, "a size from 1MiB to 16GiB"))?,
            body_limit: bounded(body_limit.0, 1 << 10, 1 << 30)
                .ok_or_else(|| invalid("body-limit", &body_limit, "a size from 1KiB to 1GiB"))?,
            ring_size: bounded(ring_size.0, 256 << 10, 1 << 30)
                .filter(|size: &u32| size.is_power_of_two())
                .ok_or_else(|| {
                invalid("ring-size", &ring_size, "a power of two from 256KiB to 1GiB")
            })?,
            console: outputs.console,
            otlp,
            temporality: outputs.temporality,
            sampling: Sampling::default(),
            export_queue: bounded(export_queue.0, 1, 1_000_000)
                .ok_or_else(|| invalid("export-queue", &export_queue, "a number from 1 to 1000000"))?,
            otlp_queue: path_or_usual("otlp-queue", settings.otlp_queue, OTLP_QUEUE)?
                .map(|folder| {
                    let size = settings.otlp_queue_size.unwrap_or(Size(0));
                    let bytes = bounded(size.0, 64 << 20, 1 << 40)
                        .ok_or_else(|| invalid("otlp-queue-size", &size, "a size from 64MiB to 1TiB"))?;
                    Ok(DiskQueue { folder, bytes })
                })
                .transpose()?,
            stop_timeout: bounded(stop_timeout.0, 1, 600)
                .map(Duration::from_secs)
                .ok_or_else(|| invalid("stop-timeout", &stop_timeout, "a number of seconds from 1 to 600"))?,
            include: settings.include.unwrap_or_default().0,
            exclude: settings.exclude.unwrap_or_default().0,
            follow_peers: settings.follow_peers == Some(Switch::On),
            services,
            services_from_start: if services { from_start.0 } else { Vec::new() },
            adopt: settings.adopt.unwrap_or_default(),
            status_socket: path("status-socket", settings.status_socket)?,
            metrics_listen,
            prices: path("prices", settings.prices)?,
            content: ContentPolicy::load(
                settings.content.unwrap_or_default(),
                path("content-policy", settings.content_policy)?,
                bounded(content_limit.0, 1 << 10, 1 << 20)
                    .ok_or_else(|| invalid("content-limit", &content_limit, "a size from 1KiB to 1MiB"))?,
                settings.content_as.unwrap_or_default(),
            )?,
            audit: path_or_usual("audit", settings.audit, AUDIT_STORE)?
                .map(|store| {
                    let (days, bytes) = (settings.audit_days, settings.audit_size);
                    let (days, bytes) = (days.unwrap_or(Count(0)), bytes.unwrap_or(Size(0)));
                    Ok(Audit {
                        store,
                        keep: bounded(days.0, 1, 36_500)
                            .map(|days: u64| Duration::from_hours(24 * days))
                            .ok_or_else(|| {
                                invalid("audit-days", &days, "a number of days from 1 to 36500")
                            })?,
                        bytes: bounded(bytes.0, 16 << 20, 1 << 40)
                            .ok_or_else(|| invalid("audit-size", &bytes, "a size from 16MiB to 1TiB"))?,
                        key: path("audit-key", settings.audit_key)?,
                    })
                })
                .transpose()?,
            approved_endpoints: settings.approved_endpoints.unwrap_or_default(),
            audit_events: settings.audit_events == Some(Switch::On),
            probe_log: settings.probe_log.unwrap_or(ProbeLog::Off),
            hooks: settings.hooks.unwrap_or(HookChoice::Auto),
            uprobes: settings.uprobes.unwrap_or_default(),
            tls: settings.tls.unwrap_or(TlsChoice::Auto),
            hardening: settings.hardening == Some(Switch::On),
            log,
            libraries: settings.libraries.unwrap_or_default().0,
            color: settings.color.unwrap_or(ColorChoice::Auto),
            take_over: false,
            warning: None,
        })
    }
}

/// A bare word must be a level: `EnvFilter` would take a misspelt one as the name of a module.
fn is_log_filter(text: &str) -> bool {
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let is_directive = |part: &str| part.contains(['=', '[']) || is_level(part);
    text.split(',').all(is_directive) && EnvFilter::try_new(text).is_ok()
}

fn bounded<T: TryFrom<u64>>(value: u64, least: u64, most: u64) -> Option<T> {
    (least..=most).contains(&value).then(|| T::try_from(value).ok()).flatten()
}
