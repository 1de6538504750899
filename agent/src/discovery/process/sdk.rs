//! Whether a process is set up to export spans of its own: by variables, by agents that its command line loads, by
//! shared objects of tracers.
//!
//! Only what decides is looked at; keys and tokens in the same variables are not kept.

use super::environment::variable;

/// One family of tracers.
struct Tracer {
    /// Variables that hold a receiver's URL.
    urls: &'static [&'static str],
    /// Others that are there where there is a receiver.
    receivers: &'static [&'static str],
    /// Variables that turn it off, with the value that does.
    off: &'static [(&'static str, &'static str)],
    /// Words in the names of what an interpreter loads before the program: archives, modules, profilers.
    agents: &'static [&'static str],
    /// Words in the paths of its shared objects.
    objects: &'static [&'static str],
}

/// Names kinds of receivers, where these are not the usual ones.
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";

const TRACERS: &[Tracer] = &[
    // OpenTelemetry, and what is made of it.
    Tracer {
        urls: &[
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
            "OTEL_EXPORTER_JAEGER_ENDPOINT",
        ],
        receivers: &[EXPORTER, "OTEL_EXPORTER_JAEGER_AGENT_HOST", "SPLUNK_REALM", "SPLUNK_ACCESS_TOKEN"],
        off: &[("OTEL_SDK_DISABLED", "true"), (EXPORTER, "none")],
        agents: &["opentelemetry", "splunk-otel", "@splunk/otel", "applicationinsights-agent"],
        objects: &[
            "/opentelemetry.so",
            "libopentelemetry_exporter",
            "liboteljava",
            "opentelemetry.autoinstrumentation",
            "opentelemetry.exporter.",
        ],
    },
    Tracer {
        urls: &["JAEGER_ENDPOINT"],
        receivers: &["JAEGER_AGENT_HOST"],
        off: &[("JAEGER_DISABLED", "true")],
        agents: &[],
        objects: &[],
    },
    Tracer {
        urls: &["DD_TRACE_AGENT_URL"],
        receivers: &["DD_AGENT_HOST", "DD_TRACE_AGENT_PORT", "DD_TRACE_ENABLED"],
        off: &[("DD_TRACE_ENABLED", "false"), ("DD_TRACE_ENABLED", "0"), ("DD_APM_TRACING_ENABLED", "false")],
        agents: &["dd-java-agent", "dd-trace", "ddtrace", "datadog"],
        objects: &["/ddtrace.so", "/ddtrace/", "/@datadog/", "datadog.trace", "datadog.tracer"],
    },
    Tracer {
        urls: &[],
        receivers: &["NEW_RELIC_LICENSE_KEY", "NEW_RELIC_CONFIG_FILE"],
        off: &[
            ("NEW_RELIC_ENABLED", "false"),
            ("NEW_RELIC_AGENT_ENABLED", "false"),
            ("NEW_RELIC_MONITOR_MODE", "false"),
            ("NEW_RELIC_DEVELOPER_MODE", "true"),
            ("NEW_RELIC_DISTRIBUTED_TRACING_ENABLED", "false"),
        ],
        agents: &["newrelic"],
        objects: &["/newrelic.so", "/newrelic/", "/@newrelic/", "libnewrelicprofiler"],
    },
    Tracer {
        urls: &["ELASTIC_APM_SERVER_URL"],
        receivers: &["ELASTIC_APM_SERVER_URLS", "ELASTIC_APM_SECRET_TOKEN", "ELASTIC_APM_API_KEY"],
        off: &[
            ("ELASTIC_APM_ENABLED", "false"),
            ("ELASTIC_APM_ACTIVE", "false"),
            ("ELASTIC_APM_RECORDING", "false"),
            ("ELASTIC_APM_DISABLE_SEND", "true"),
        ],
        agents: &["elastic-apm", "elasticapm", "elastic_apm"],
        objects: &["/elastic_apm", "libelastic_apm"],
    },
];

/// Variables that hold options of an interpreter's command line.
const OPTIONS: &[&str] =
    &["NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "RUBYOPT"];

/// Places in Python's search path that load a tracer before the program.
const PYTHON_PLACES: &[&str] = &[
    "opentelemetry/instrumentation/auto_instrumentation",
    "ddtrace/bootstrap",
    "newrelic/bootstrap",
    "elasticapm/instrumentation/wrapper",
];

/// Variables that name .NET's profiler.
const PROFILERS: &[&str] = &["CORECLR_PROFILER_PATH", "CORECLR_PROFILER_PATH_64"];

/// Options that load what stands behind them.
const LOADING: &[&str] = &["-r", "--require", "--import", "--loader", "--experimental-loader"];

/// What is known of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setup<'a> {
    /// `NAME=value`.
    pub(super) environment: &'a [String],
    /// With the program first.
    pub(super) arguments: &'a [String],
    /// The text of its `maps`; empty where nobody looked.
    pub(super) maps: &'a str,
}

impl Setup<'_> {
    /// Whether it exports spans; `None` where nothing says so: it may still be done in the program itself.
    pub(super) fn exports_spans(self) -> Option<bool> {
        let states = self.states();
        let is = |wanted: bool| states.iter().any(|(_, is_on)| *is_on == wanted);
        if is(true) { Some(true) } else { is(false).then_some(false) }
    }

    /// The ports of this host at which all its receivers are, as far as variables name them; none where one may be
    /// elsewhere.
    pub(super) fn local_receivers(self) -> Vec<u16> {
        let value = |name: &&&str| variable(self.environment, name);
        let mut ports = Vec::new();
        for (tracer, _) in self.states().into_iter().filter(|(_, is_on)| *is_on) {
            let urls: Option<Vec<_>> =
                tracer.urls.iter().filter_map(|name| value(&name)).map(local_port).collect();
            let others =
                tracer.receivers.iter().filter(|name| **name != EXPORTER).any(|name| value(&name).is_some());
            match urls {
                Some(urls) if !urls.is_empty() && !others => ports.extend(urls),
                _ => return Vec::new(),
            }
        }
        ports
    }

    /// The tracers of which something is known: whether each is on.
    fn states(self) -> Vec<(&'static Tracer, bool)> {
        let agents = self.agents().to_lowercase();
        let objects = self.maps.to_lowercase();
        let is_in = |words: &[&str], text: &str| words.iter().any(|word| text.contains(word));
        let is_there = |name: &&str| variable(self.environment, name).is_some();
        let is = |(name, value): &(&str, &str)| {
            variable(self.environment, name).is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        let state = |tracer: &'static Tracer| {
            if tracer.off.iter().any(is) {
                return Some((tracer, false));
            }
            let is_on = tracer.urls.iter().chain(tracer.receivers).any(is_there)
                || is_in(tracer.agents, &agents)
                || is_in(tracer.objects, &objects);
            is_on.then_some((tracer, true))
        };
        TRACERS.iter().filter_map(state).collect()
    }

    /// The names of all that is loaded before the program, a line each.
    fn agents(self) -> String {
        let options = OPTIONS.iter().filter_map(|name| variable(self.environment, name));
        let words = options.flat_map(str::split_ascii_whitespace);
        let mut agents = loaded(words.chain(self.arguments.iter().skip(1).map(String::as_str)));
        if let Some(path) = variable(self.environment, "PYTHONPATH") {
            agents.extend(
                path.split(':').filter(|place| PYTHON_PLACES.iter().any(|tail| place.contains(tail))),
            );
        }
        if variable(self.environment, "CORECLR_ENABLE_PROFILING") == Some("1") {
            agents.extend(PROFILERS.iter().filter_map(|name| variable(self.environment, name)));
        }
        agents.join("\n")
    }
}

/// The port of a URL, or of `HOST:PORT`, that leads to this host.
fn local_port(url: &str) -> Option<u16> {
    let authority = url.split_once("://").map_or(url, |(_scheme, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_credentials, host)| host);
    let (host, port) = authority.rsplit_once(':')?;
    let is_local = matches!(host, "localhost" | "[::1]" | "0.0.0.0")
        || host.parse().is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback());
    port.parse().ok().filter(|_| is_local)
}

/// What options among these words load: `-javaagent:PATH`, `--require MODULE`, `--require=MODULE`, `-rMODULE`.
fn loaded<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut loaded = Vec::new();
    let mut is_next = false;
    for word in words {
        if std::mem::take(&mut is_next) {
            loaded.push(word);
        } else if LOADING.contains(&word) {
            is_next = true;
        } else if let Some(agent) = word.strip_prefix("-javaagent:").or_else(|| word.strip_prefix("-r")) {
            // What the agent is given stands behind `=`.
            loaded.extend(agent.split('=').next());
        } else if let Some((option, module)) = word.split_once('=')
            && LOADING.contains(&option)
        {
            loaded.push(module);
        }
    }
    loaded
}

#[cfg(test)]
mod tests {
    use super::Setup;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

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
            (&["OTEL_SDK_DISABLED=true", "DD_AGENT_HOST=10.0.0.1"], Some(true)),
            (&["OTEL_SDK_DISABLED=false"], None),
            (&["SPLUNK_REALM=us0", "SPLUNK_ACCESS_TOKEN=t"], Some(true)),
            (&["DD_AGENT_HOST=10.0.0.1"], Some(true)),
            (&["DD_SERVICE=shop", "DD_ENV=test"], None),
            (&["DD_TRACE_ENABLED=true"], Some(true)),
            (
                &["DD_TRACE_ENABLED=false", "DD_TRACE_AGENT_URL=unix:///var/run/datadog/apm.socket"],
                Some(false),
            ),
            (&["NEW_RELIC_LICENSE_KEY=k"], Some(true)),
            (&["NEW_RELIC_LICENSE_KEY=k", "NEW_RELIC_ENABLED=false"], Some(false)),
            (&["ELASTIC_APM_SERVER_URL=http://apm:8200"], Some(true)),
            (&["ELASTIC_APM_SERVER_URL=http://apm:8200", "ELASTIC_APM_DISABLE_SEND=true"], Some(false)),
            (&["JAEGER_AGENT_HOST=jaeger"], Some(true)),
            (&["JAEGER_DISABLED=true", "JAEGER_AGENT_HOST=jaeger"], Some(false)),
            (&["NODE_OPTIONS=--max-old-space-size=4096"], None),
            (&["NODE_OPTIONS=--require @opentelemetry/auto-instrumentations-node/register"], Some(true)),
            (&["NODE_OPTIONS=--import=dd-trace/initialize.mjs"], Some(true)),
            (&["JAVA_TOOL_OPTIONS=-Xmx1g -javaagent:/otel/opentelemetry-javaagent.jar"], Some(true)),
            (&["RUBYOPT=-rddtrace/auto_instrument"], Some(true)),
            (&["PYTHONPATH=/srv:/venv/opentelemetry/instrumentation/auto_instrumentation"], Some(true)),
            (&["PYTHONPATH=/srv/opentelemetry"], None),
            (&["CORECLR_PROFILER_PATH=/otel/OpenTelemetry.AutoInstrumentation.Native.so"], None),
            (
                &[
                    "CORECLR_ENABLE_PROFILING=1",
                    "CORECLR_PROFILER_PATH=/otel/OpenTelemetry.AutoInstrumentation.Native.so",
                ],
                Some(true),
            ),
        ] {
            let environment = words(environment);
            let setup = Setup { environment: &environment, ..Setup::default() };
            assert_eq!(setup.exports_spans(), expected, "{environment:?}");
        }
    }

    #[test]
    fn receivers_of_this_host_are_known_where_there_are_no_others() {
        for (environment, expected) in [
            (&[][..], &[][..]),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"], &[4318]),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4317", "OTEL_TRACES_EXPORTER=otlp"], &[4317]),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT=http://u:p@[::1]:4318/v1?x"], &[4318]),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost"], &[]),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"], &[]),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318", "SPLUNK_ACCESS_TOKEN=t"], &[]),
            (&["OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318", "NEW_RELIC_LICENSE_KEY=k"], &[]),
            (
                &[
                    "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318",
                    "DD_TRACE_AGENT_URL=http://localhost:8126",
                ],
                &[4318, 8126],
            ),
            (
                &[
                    "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318",
                    "DD_TRACE_AGENT_URL=unix:///run/apm.socket",
                ],
                &[],
            ),
            (&["OTEL_TRACES_EXPORTER=otlp"], &[]),
            (&["OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"], &[]),
        ] {
            let environment = words(environment);
            let setup = Setup { environment: &environment, ..Setup::default() };
            assert_eq!(setup.local_receivers(), expected, "{environment:?}");
        }
    }

    #[test]
    fn agents_on_the_command_line_and_tracers_in_memory_are_known() {
        let off = words(&["DD_TRACE_ENABLED=false"]);
        for (line, maps, expected) in [
            ("java -jar shop.jar opentelemetry", "", None),
            ("java -javaagent:/o/opentelemetry-javaagent.jar=a -jar shop.jar", "", Some(true)),
            ("java -javaagent:/o/jmx.jar=opentelemetry -jar shop.jar", "", None),
            ("java -javaagent:/o/dd-java-agent.jar -jar shop.jar", "", Some(false)),
            ("node -r @opentelemetry/auto-instrumentations-node/register app.js", "", Some(true)),
            ("node --require=newrelic app.js", "", Some(true)),
            ("node -r dotenv/config opentelemetry.js", "", None),
            ("-r opentelemetry", "", None),
            ("python3 app.py", "/venv/ddtrace/internal/native/_native.so", Some(false)),
            ("python3 app.py", "/venv/newrelic/core/_thread_utilization.so", Some(true)),
            ("dotnet Shop.dll", "/app/OpenTelemetry.Exporter.OpenTelemetryProtocol.dll", Some(true)),
            ("dotnet Shop.dll", "/app/OpenTelemetry.Api.dll", None),
            ("php-fpm", "/usr/lib/php/20220829/opentelemetry.so", Some(true)),
            ("python3 app.py", "/usr/lib/libssl.so.3", None),
        ] {
            let arguments = words(&line.split(' ').collect::<Vec<_>>());
            let maps = format!("7f00-7f01 r-xp 00000000 08:01 12 {maps}\n");
            let says_off = matches!(expected, Some(false));
            let environment = if says_off { &off[..] } else { &[] };
            let setup = Setup { environment, arguments: &arguments, maps: &maps };
            assert_eq!(setup.exports_spans(), expected, "{line} {maps}");
        }
    }
}
