//! What goes where: the setting `output`, then the variables that choose exporters.

use opentelemetry_sdk::metrics::Temporality;

use super::super::Environment;
use super::super::settings::Settings;
use super::super::value::OutputChoice;
use super::{is_configured, variable};

const TRACES_EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const METRICS_EXPORTER: &str = "OTEL_METRICS_EXPORTER";
const LOGS_EXPORTER: &str = "OTEL_LOGS_EXPORTER";
const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

/// What goes where.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Outputs {
    /// Spans are shown on the terminal.
    pub(in super::super) console: bool,
    /// Spans are sent to OTLP receivers.
    pub(in super::super) traces: bool,
    /// Metrics are.
    pub(in super::super) metrics: bool,
    /// What was said is, by itself.
    pub(in super::super) logs: bool,
    /// What metrics count from.
    pub(in super::super) temporality: Temporality,
    /// Values of variables that are not known and count for nothing, as the specification says.
    pub(in super::super) warnings: Vec<String>,
}

impl Outputs {
    /// By the settings and the variables.
    pub(in super::super) fn of(settings: &Settings, environment: &Environment) -> Self {
        let mut warnings = Vec::new();
        let traces = exporters(environment, TRACES_EXPORTER, &["otlp", "console", "none"], &mut warnings);
        let metrics =
            exporters(environment, METRICS_EXPORTER, &["otlp", "prometheus", "none"], &mut warnings);
        let logs = exporters(environment, LOGS_EXPORTER, &["otlp", "none"], &mut warnings);
        let names = |list: &[&str], name: &str| list.contains(&name);
        let (console, sends, may_send) = match settings.output.unwrap_or(OutputChoice::Auto) {
            OutputChoice::Auto if !traces.is_empty() => {
                (names(&traces, "console"), names(&traces, "otlp"), true)
            }
            OutputChoice::Auto => {
                let configured = is_configured(settings, environment);
                (!configured, configured, true)
            }
            OutputChoice::Console => (true, false, false),
            OutputChoice::Otlp => (false, true, true),
            OutputChoice::Both => (true, true, true),
        };
        let temporality = variable(environment, TEMPORALITY).map(|word| {
            word.parse().unwrap_or_else(|()| {
                warnings.push(format!("{TEMPORALITY} is '{word}', expected cumulative, delta or lowmemory"));
                Temporality::default()
            })
        });
        Self {
            console,
            traces: sends,
            metrics: may_send && names(&metrics, "otlp"),
            logs: may_send && names(&logs, "otlp"),
            temporality: temporality.unwrap_or_default(),
            warnings,
        }
    }
}

/// The known ones of those that a variable names; the others are warned of.
fn exporters<'a>(
    environment: &'a Environment,
    name: &str,
    known: &[&str],
    warnings: &mut Vec<String>,
) -> Vec<&'a str> {
    let list = variable(environment, name).unwrap_or_default();
    let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    let (words, unknown): (Vec<_>, Vec<_>) = words.partition(|word| known.contains(word));
    if !unknown.is_empty() {
        warnings.push(format!(
            "{name} names '{}', which counts for nothing here; known are {}",
            unknown.join(", "),
            known.join(", ")
        ));
    }
    words
}
