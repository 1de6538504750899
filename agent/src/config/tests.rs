#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use super::*;

const SAMPLE: &str = include_str!("../../../deploy/spanwire.yaml");
const MANUAL: &str = include_str!("../../../docs/configuration.md");

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with_file(text: &str) -> Result<Config, ConfigError> {
    Config::resolve(&Settings::default(), Some((Path::new("test.yaml"), text)), &Environment::new())
}

fn with_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::resolve(&Settings::default(), None, &environment(variables))
}

fn otlp(variables: &[(&str, &str)]) -> Otlp {
    let [receiver] = <[Receiver; 1]>::try_from(with_environment(variables).unwrap().otlp).unwrap();
    receiver.traces.unwrap()
}

#[track_caller]
fn refused(result: Result<Config, ConfigError>, message: &str) {
    assert_eq!(result.unwrap_err().to_string(), message);
}

#[test]
fn defaults_are_as_documented() {
    let config = with_environment(&[]).unwrap();
    assert_eq!(
        config,
        Config {
            body_limit: 64 << 20,
            memory_budget: 64 << 20,
            ring_size: 8 << 20,
            console: true,
            otlp: Vec::new(),
            temporality: Temporality::Cumulative,
            sampling: Sampling::default(),
            export_queue: 8192,
            stop_timeout: std::time::Duration::from_secs(5),
            include: Vec::new(),
            exclude: Vec::new(),
            follow_peers: false,
            services: true,
            services_from_start: Vec::new(),
            adopt: AdoptChoice::Auto,
            status_socket: Some(PathBuf::from(STATUS_SOCKET)),
            metrics_listen: None,
            prices: None,
            content: ContentPolicy { limit: 64 << 10, ..ContentPolicy::default() },
            audit: None,
            approved_endpoints: Endpoints::default(),
            audit_events: false,
            probe_log: ProbeLog::Off,
            hooks: HookChoice::Auto,
            uprobes: UprobeChoice::Auto,
            tls: TlsChoice::Auto,
            hardening: true,
            log: "info".to_owned(),
            libraries: Vec::new(),
            color: ColorChoice::Auto,
            take_over: false,
            otlp_queue: None,
            warning: None,
        }
    );
}

#[test]
fn the_sample_file_has_every_setting_at_its_default() {
    assert_eq!(with_file(SAMPLE).unwrap(), with_environment(&[]).unwrap());
    let sample: serde_yaml_ng::Mapping = serde_yaml_ng::from_str(SAMPLE).unwrap();
    let mut keys: Vec<_> = sample.keys().map(|key| key.as_str().unwrap().to_owned()).collect();
    let mut names = Settings::names();
    keys.sort();
    names.sort();
    assert_eq!(keys, names);
}

#[test]
fn the_manual_names_every_setting_with_its_variable_and_default() {
    let defaults = serde_yaml_ng::to_value(Settings::defaults()).unwrap();
    for name in Settings::names() {
        let variable = format!("SPANWIRE_{}", name.to_uppercase().replace('-', "_"));
        let row = MANUAL.lines().find(|line| line.starts_with(&format!("| `{name}` ")));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        assert!(row.contains(&format!("`{variable}`")), "{row}");
        if let Some(default) = defaults[&name].as_str().filter(|default| !default.is_empty()) {
            assert!(row.contains(&format!("`{default}`")), "{default} is not in: {row}");
        }
    }
}

#[test]
fn the_help_has_the_defaults() {
    let defaults = serde_yaml_ng::to_value(Settings::defaults()).unwrap();
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("spanwire"));
    for flag in command.get_arguments() {
        let name = flag.get_long().unwrap();
        let help = flag.get_help().unwrap().to_string();
        match defaults[name].as_str().filter(|default| !default.is_empty()) {
            Some(default) => assert!(help.contains(&format!("[default: {default}]")), "{name}: {help}"),
            None => assert!(help.contains("[default: "), "{name}: {help}"),
        }
    }
}

#[test]
fn the_file_and_the_flags_have_the_same_names() {
    let value = serde_yaml_ng::to_value(Settings::default()).unwrap();
    let keys: Vec<_> =
        value.as_mapping().unwrap().keys().map(|key| key.as_str().unwrap().to_owned()).collect();
    assert_eq!(keys, Settings::names());
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = "body-limit: 2MiB\nexport-queue: 10\nlog: warn\n";
    let variables = environment(&[("SPANWIRE_EXPORT_QUEUE", "20"), ("SPANWIRE_LOG", "debug")]);
    let flags = Settings { log: Some(Text("trace".to_owned())), ..Settings::default() };
    let config = Config::resolve(&flags, Some((Path::new("test.yaml"), file)), &variables).unwrap();
    assert_eq!(config.ring_size, 8 << 20);
    assert_eq!(config.body_limit, 2 << 20);
    assert_eq!(config.export_queue, 20);
    assert_eq!(config.log, "trace");
}

#[test]
fn unknown_settings_are_refused_with_the_nearest_known() {
    refused(
        with_file("# limits\nbody-limt: 1MiB\n"),
        "test.yaml, line 2: there is no setting 'body-limt'; did you mean 'body-limit'?",
    );
    refused(
        with_file("ring_size: 1MiB\n"),
        "test.yaml, line 1: there is no setting 'ring_size'; did you mean 'ring-size'?",
    );
    refused(
        with_file("qqq: 1\n"),
        "test.yaml, line 1: there is no setting 'qqq'; all settings are listed in `spanwire run --help`",
    );
}

#[test]
fn unknown_variables_are_ignored_with_a_warning() {
    for variables in [
        &[("SPANWIRE_RINGSIZE", "1MiB", "SPANWIRE_RINGSIZE (did you mean SPANWIRE_RING_SIZE?)")][..],
        &[("SPANWIRE_log", "info", "SPANWIRE_log (did you mean SPANWIRE_LOG?)")],
        // What Kubernetes makes of a Service that is called spanwire.
        &[
            ("SPANWIRE_PORT", "tcp://10.0.0.1:443", "SPANWIRE_PORT"),
            ("SPANWIRE_PORT_443_TCP", "tcp://10.0.0.1:443", "SPANWIRE_PORT_443_TCP"),
            ("SPANWIRE_PORT_443_TCP_ADDR", "10.0.0.1", "SPANWIRE_PORT_443_TCP_ADDR"),
            ("SPANWIRE_SERVICE_HOST", "10.0.0.1", "SPANWIRE_SERVICE_HOST"),
            ("SPANWIRE_SERVICE_PORT", "443", "SPANWIRE_SERVICE_PORT"),
        ],
    ] {
        let given: Vec<_> = variables.iter().map(|(name, value, _)| (*name, *value)).collect();
        let config = with_environment(&given).unwrap();
        let warning = config.warning.clone().unwrap();
        assert!(variables.iter().all(|(.., told)| warning.contains(told)), "{warning}");
        assert!(!warning.contains("10.0.0.1"), "{warning}");
        assert_eq!(Config { warning: None, ..config }, with_environment(&[]).unwrap());
    }
}

#[test]
fn other_variables_and_empty_ones_do_not_count() {
    let config =
        with_environment(&[("SPANWIREX", "1"), ("SPANWIRE_CONFIG", "x"), ("SPANWIRE_LOG", "")]).unwrap();
    assert_eq!(config, with_environment(&[]).unwrap());
}

#[test]
fn wrong_values_say_where_what_and_what_is_expected() {
    refused(
        with_file("log: info\nbody-limit: 12 apples\n"),
        "test.yaml, line 2: 'body-limit' is '12 apples', expected a size such as 1MiB, 256KiB or 65536",
    );
    refused(
        with_file("body-limit: [1, 2]\n"),
        "test.yaml, line 1: 'body-limit' is '[1,2]', expected a size such as 1MiB, 256KiB or 65536",
    );
    refused(
        with_file("export-queue: 1.5\n"),
        "test.yaml, line 1: 'export-queue' is '1.5', expected a whole number",
    );
    refused(
        with_environment(&[("SPANWIRE_OUTPUT", "disk")]),
        "environment variable SPANWIRE_OUTPUT: 'output' is 'disk', expected one of auto, console, otlp, both",
    );
    refused(
        with_environment(&[("SPANWIRE_ADOPT", "sometimes")]),
        "environment variable SPANWIRE_ADOPT: 'adopt' is 'sometimes', expected one of auto, always, never",
    );
    refused(
        with_environment(&[("SPANWIRE_LIBRARIES", "libssl.so.3")]),
        "environment variable SPANWIRE_LIBRARIES: 'libraries' is 'libssl.so.3', expected absolute paths, as a \
         list or separated by commas",
    );
    refused(
        with_environment(&[("SPANWIRE_SERVICES_FROM_START", "process=a,port=80")]),
        "environment variable SPANWIRE_SERVICES_FROM_START: 'services-from-start' is 'process=a,port=80', expected \
         rules about processes, not about ports",
    );
    refused(
        with_file("log: spanwire=loud\n"),
        "test.yaml, line 1: 'log' is 'spanwire=loud', expected a level such as info, or a filter such as \
         info,spanwire::export=debug",
    );
}

#[test]
fn a_misspelt_level_is_no_filter() {
    for text in ["info", "OFF", "info,spanwire::export=debug", "spanwire[call]=trace"] {
        assert!(is_log_filter(text), "{text}");
    }
    for text in ["", "warn, h2=off", "inof", "info,debg", "spanwire=loud"] {
        assert!(!is_log_filter(text), "{text}");
    }
}

#[test]
fn bounds_are_kept() {
    for (text, message) in [
        ("body-limit: 1025MiB", "'body-limit' is '1025MiB', expected a size from 1KiB to 1GiB"),
        ("body-limit: 1023", "'body-limit' is '1023B', expected a size from 1KiB to 1GiB"),
        ("ring-size: 3MiB", "'ring-size' is '3MiB', expected a power of two from 256KiB to 1GiB"),
        ("ring-size: 128KiB", "'ring-size' is '128KiB', expected a power of two from 256KiB to 1GiB"),
        ("ring-size: 2GiB", "'ring-size' is '2GiB', expected a power of two from 256KiB to 1GiB"),
        ("export-queue: 0", "'export-queue' is '0', expected a number from 1 to 1000000"),
        ("stop-timeout: 601", "'stop-timeout' is '601', expected a number of seconds from 1 to 600"),
        ("export-queue: 1000001", "'export-queue' is '1000001', expected a number from 1 to 1000000"),
    ] {
        refused(with_file(text), &format!("test.yaml, line 1: {message}"));
    }
    for text in
        ["body-limit: 1GiB", "body-limit: 1KiB", "ring-size: 256KiB", "ring-size: 1GiB", "export-queue: 1"]
    {
        with_file(text).unwrap();
    }
    let flags = Settings { ring_size: Some(Size(5)), ..Settings::default() };
    refused(
        Config::resolve(&flags, None, &Environment::new()),
        "--ring-size: 'ring-size' is '5B', expected a power of two from 256KiB to 1GiB",
    );
}

#[test]
fn a_file_that_is_no_mapping_is_refused_and_an_empty_one_is_not() {
    assert!(with_file("- a\n").unwrap_err().to_string().contains("name: value"));
    assert!(with_file("a: [").unwrap_err().to_string().starts_with("test.yaml is not a configuration file"));
    assert!(with_file("log: info\nlog: warn\n").unwrap_err().to_string().contains("duplicate"));
    assert_eq!(with_file("# nothing\n").unwrap(), with_environment(&[]).unwrap());
}

#[test]
fn libraries_are_a_list_in_either_form() {
    let paths = vec![PathBuf::from("/a/libssl.so"), PathBuf::from("/b/libssl.so.3")];
    assert_eq!(with_file("libraries: [/a/libssl.so, /b/libssl.so.3]").unwrap().libraries, paths);
    let variable = with_environment(&[("SPANWIRE_LIBRARIES", "/a/libssl.so, /b/libssl.so.3")]).unwrap();
    assert_eq!(variable.libraries, paths);
}

#[test]
fn sizes_are_read_and_written() {
    for (text, bytes) in [("0", 0), ("65536", 65536), ("4 KiB", 4096), ("1mib", 1 << 20), ("2GiB", 2 << 30)] {
        assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
    }
    for text in ["", "MiB", "1MB", "-1", "1.5MiB", "99999999999GiB"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
    for size in [0, 1, 1023, 1024, 1536, 1 << 20, 3 << 30] {
        assert_eq!(Size(size).to_string().parse(), Ok(Size(size)));
    }
}

#[test]
fn output_auto_follows_the_endpoint() {
    for name in
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "SPANWIRE_OTLP_ENDPOINT"]
    {
        let config = with_environment(&[(name, "http://collector:4318")]).unwrap();
        assert!(!config.console && !config.otlp.is_empty(), "{name}");
    }
    let empty = with_environment(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap();
    assert!(empty.console && empty.otlp.is_empty());
    let both = with_environment(&[("SPANWIRE_OUTPUT", "both")]).unwrap();
    assert!(both.console);
    let traces = both.otlp.first().and_then(|receiver| receiver.traces.as_ref());
    assert_eq!(traces.unwrap().endpoint, "http://localhost:4318/v1/traces");
    let console =
        with_environment(&[("SPANWIRE_OUTPUT", "console"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")]);
    assert!(console.unwrap().otlp.is_empty());
}

#[test]
fn endpoints_follow_the_specification() {
    let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    assert_eq!(otlp(&[(base, "http://c:4318")]).endpoint, "http://c:4318/v1/traces");
    assert_eq!(otlp(&[(base, "http://c/api/")]).endpoint, "http://c/api/v1/traces");
    assert_eq!(otlp(&[(base, "http://b"), (traces, "http://c/as-is")]).endpoint, "http://c/as-is");
    assert_eq!(
        otlp(&[(traces, "http://c"), ("SPANWIRE_OTLP_ENDPOINT", "http://a")]).endpoint,
        "http://a/v1/traces"
    );
    assert_eq!(otlp(&[("SPANWIRE_OTLP_ENDPOINT", "https://a/v1/traces")]).endpoint, "https://a/v1/traces");
    assert_eq!(otlp(&[(base, "http://c:4317"), protocol]).endpoint, "http://c:4317/");
    assert_eq!(otlp(&[(base, "c:4317"), protocol]).endpoint, "https://c:4317/");
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    assert_eq!(otlp(&[(base, "c:4317"), protocol, insecure]).endpoint, "http://c:4317/");
    refused(
        with_environment(&[(base, "collector:4318")]),
        "environment variable OTEL_EXPORTER_OTLP_ENDPOINT: 'OTEL_EXPORTER_OTLP_ENDPOINT' is 'collector:4318', \
         expected a URL such as http://localhost:4318",
    );
}

#[test]
fn the_protocol_follows_the_specification() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c");
    let general = "OTEL_EXPORTER_OTLP_PROTOCOL";
    let traces = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
    assert_eq!(otlp(&[endpoint]).protocol, OtlpProtocol::HttpProtobuf);
    assert_eq!(otlp(&[endpoint, (general, "grpc")]).protocol, OtlpProtocol::Grpc);
    assert_eq!(
        otlp(&[endpoint, (general, "grpc"), (traces, "http/protobuf")]).protocol,
        OtlpProtocol::HttpProtobuf
    );
    let setting = ("SPANWIRE_OTLP_PROTOCOL", "grpc");
    assert_eq!(otlp(&[endpoint, (traces, "http/protobuf"), setting]).protocol, OtlpProtocol::Grpc);
    assert_eq!(otlp(&[endpoint, (general, "http/json")]).protocol, OtlpProtocol::HttpJson);
    refused(
        with_environment(&[endpoint, (general, "http/xml")]),
        "environment variable OTEL_EXPORTER_OTLP_PROTOCOL: 'OTEL_EXPORTER_OTLP_PROTOCOL' is 'http/xml', \
         expected one of grpc, http/protobuf, http/json",
    );
    with_environment(&[(general, "http/xml")]).unwrap();
}

#[test]
fn a_label_has_no_credentials() {
    let endpoint = "https://user:secret@c:4318/v1/traces?key=secret#secret".to_owned();
    let label = Otlp::new(endpoint, OtlpProtocol::HttpProtobuf).label();
    assert_eq!(label, "https://c:4318/v1/traces");
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    assert!(ColorChoice::Auto.enabled(true, false));
    assert!(!ColorChoice::Auto.enabled(true, true));
    assert!(!ColorChoice::Auto.enabled(false, false));
    assert!(ColorChoice::Always.enabled(false, true));
    assert!(!ColorChoice::Never.enabled(true, false));
}
