//! What a process's environment says.

/// Variables that name a receiver of spans: OpenTelemetry, Jaeger's clients, Datadog.
const RECEIVERS: &[&str] = &[
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
    "OTEL_EXPORTER_JAEGER_ENDPOINT",
    "OTEL_EXPORTER_JAEGER_AGENT_HOST",
    "JAEGER_ENDPOINT",
    "JAEGER_AGENT_HOST",
    "DD_TRACE_AGENT_URL",
    "DD_AGENT_HOST",
];

/// An environment variable's value, when it is not empty.
pub(super) fn variable<'a>(environment: &'a [String], name: &str) -> Option<&'a str> {
    let value = environment.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

/// Whether the environment has a process export spans; `None` where it says nothing: it may still be done
/// in the program itself.
pub(super) fn exports_spans(environment: &[String]) -> Option<bool> {
    let is =
        |name: &str, word: &str| variable(environment, name).map(|value| value.eq_ignore_ascii_case(word));
    if is("OTEL_SDK_DISABLED", "true") == Some(true) || is("OTEL_TRACES_EXPORTER", "none") == Some(true) {
        return Some(false);
    }
    let named = is("OTEL_TRACES_EXPORTER", "none").is_some()
        || RECEIVERS.iter().any(|name| variable(environment, name).is_some());
    named.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::exports_spans;

    #[test]
    fn the_environment_decides_where_it_says_something() {
        for (environment, expected) in [
            (&[][..], None),
            (&["OTEL_SERVICE_NAME=x", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c"], None),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"], Some(true)),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT="], None),
            (&["OTEL_TRACES_EXPORTER=console"], Some(true)),
            (&["OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"], Some(false)),
            (&["OTEL_SDK_DISABLED=True", "OTEL_TRACES_EXPORTER=otlp"], Some(false)),
            (&["DD_AGENT_HOST=10.0.0.1"], Some(true)),
        ] {
            let environment: Vec<_> = environment.iter().map(|entry| (*entry).to_owned()).collect();
            assert_eq!(exports_spans(&environment), expected, "{environment:?}");
        }
    }
}
