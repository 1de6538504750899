#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use opentelemetry_sdk::metrics::Temporality;
use rcgen::{CertificateParams, KeyPair};

use super::super::{Config, ConfigError, Environment, Settings};
use super::*;

/// A folder that is removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("spanwire-otlp-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn config(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment: Environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::resolve(&Settings::default(), Some((Path::new("test.yaml"), file)), &environment)
}

fn receivers(file: &str, variables: &[(&str, &str)]) -> Vec<Receiver> {
    config(&format!("output: otlp\n{file}"), variables).unwrap().otlp
}

fn traces(file: &str, variables: &[(&str, &str)]) -> Otlp {
    receivers(file, variables)[0].traces.clone().unwrap()
}

#[track_caller]
fn refused(file: &str, variables: &[(&str, &str)], message: &str) {
    let error = config(&format!("output: otlp\n{file}"), variables).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_standard_variables_are_honoured_this_signals_first() {
    let plain = traces("", &[]);
    assert_eq!(plain, Otlp::new("http://localhost:4318/v1/traces".to_owned(), OtlpProtocol::HttpProtobuf));
    let all = receivers(
        "",
        &[
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://host"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x=y"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", " Api-Key = a%20b%3D , no pair,x=,=y, z=1=2"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "4000"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "GZIP"),
            ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"),
        ],
    );
    let traces = all[0].traces.clone().unwrap();
    assert_eq!(traces.headers, pairs(&[("api-key", "a b="), ("z", "1=2")]));
    assert_eq!((traces.timeout, traces.compression), (Duration::from_millis(250), Compression::Gzip));
    let metrics = all[0].metrics.clone().unwrap();
    assert_eq!(metrics.headers, pairs(&[("x", "y")]));
    assert_eq!((metrics.timeout, metrics.compression), (Duration::from_secs(4), Compression::Zstd));
    assert_eq!((traces.protocol, metrics.protocol), (OtlpProtocol::HttpProtobuf, OtlpProtocol::HttpJson));
}

#[test]
fn settings_win_over_variables_for_all_signals() {
    let all = receivers(
        "otlp-headers: {X-Key: hunter2, Number: 7}\notlp-timeout: 5\notlp-compression: zstd\notlp-protocol: grpc",
        &[
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b"),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "what"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ],
    );
    for otlp in all[0].signals() {
        let mut headers = otlp.headers.clone();
        headers.sort();
        assert_eq!(headers, pairs(&[("number", "7"), ("x-key", "hunter2")]));
        assert_eq!((otlp.timeout, otlp.compression), (Duration::from_millis(5), Compression::Zstd));
        assert_eq!((otlp.endpoint.as_str(), otlp.protocol), ("http://localhost:4317", OtlpProtocol::Grpc));
    }
    assert_eq!(all[0].signals().count(), 2);
    let text = "otlp-headers: 'a=b%2C, c = d'";
    assert_eq!(traces(text, &[]).headers, pairs(&[("a", "b,"), ("c", "d")]));
}

#[test]
fn headers_come_from_a_file_too() {
    let folder = Folder::new("headers");
    let file = folder.file("headers", "# keys\n\nAuthorization: Bearer a:b\nx-team : blue \n");
    let of_file = format!("otlp-headers-file: {file}");
    let expected = pairs(&[("authorization", "Bearer a:b"), ("x-team", "blue")]);
    assert_eq!(traces(&of_file, &[("OTEL_EXPORTER_OTLP_HEADERS", "x=y")]).headers, expected);
    let both = format!("{of_file}\notlp-headers: X-Team=red");
    let expected = pairs(&[("authorization", "Bearer a:b"), ("x-team", "red")]);
    assert_eq!(traces(&both, &[]).headers, expected);
    for (text, message) in [
        ("a: b\nhunter2", "which line 2 is not"),
        ("hunter2 x: y", "which line 1 is not"),
        ("key: hunter2\u{1}", "which line 1 is not"),
        ("key:", "which line 1 is not"),
    ] {
        folder.file("headers", text);
        refused(&of_file, &[], message);
    }
    folder.file("headers", &"x: y\n".repeat(20_000));
    refused(&of_file, &[], "a file of at most 65536 bytes");
    refused(
        "otlp-headers-file: /nonexistent",
        &[],
        "line 2: 'otlp-headers-file' is '/nonexistent', expected a file",
    );
}

#[test]
fn metrics_are_sent_where_they_are_asked_for() {
    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host/base");
    const TRACES: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://host/x");
    const OWN: (&str, &str) = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://other/m");
    const ASKED: (&str, &str) = ("OTEL_METRICS_EXPORTER", "prometheus, otlp");
    for (variables, expected) in [
        (vec![BASE], None),
        (vec![BASE, ("OTEL_METRICS_EXPORTER", "none")], None),
        (vec![BASE, ASKED], Some("http://host/base/v1/metrics")),
        (vec![TRACES, ASKED], Some("http://host/x/v1/metrics")),
        (vec![TRACES, BASE, ASKED], Some("http://host/base/v1/metrics")),
        (vec![BASE, ASKED, OWN], Some("http://other/m")),
        (vec![BASE, ASKED, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], Some("http://host/base")),
        (vec![ASKED], Some("http://localhost:4318/v1/metrics")),
        (vec![ASKED, ("SPANWIRE_OTLP_ENDPOINT", "http://a/v1/traces")], Some("http://a/v1/metrics")),
    ] {
        let config = config("", &variables).unwrap();
        let metrics = config.otlp.first().and_then(|receiver| receiver.metrics.as_ref());
        assert_eq!(metrics.map(|otlp| otlp.endpoint.as_str()), expected, "{variables:?}");
    }
}

#[test]
fn exporters_are_chosen_by_the_standard_variables_where_no_setting_does() {
    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host");
    let traces = |word| ("OTEL_TRACES_EXPORTER", word);
    for (variables, console, sends) in [
        (vec![traces("otlp")], false, true),
        (vec![traces("console"), BASE], true, false),
        (vec![traces("console, otlp")], true, true),
        (vec![traces("none"), BASE], false, false),
        (vec![traces("zipkin"), BASE], false, true),
        (vec![traces("none"), ("SPANWIRE_OUTPUT", "both")], true, true),
        // It is about the programs' own SDKs.
        (vec![("OTEL_SDK_DISABLED", "true"), BASE], false, true),
    ] {
        let config = config("", &variables).unwrap();
        assert_eq!((config.console, !config.otlp.is_empty()), (console, sends), "{variables:?}");
        assert_eq!(config.warning.is_some(), variables.contains(&traces("zipkin")), "{:?}", config.warning);
    }
    let only_metrics = config("", &[traces("none"), BASE, ("OTEL_METRICS_EXPORTER", "otlp")]).unwrap();
    assert!(only_metrics.otlp[0].traces.is_none() && only_metrics.otlp[0].metrics.is_some());
    let logs = config("", &[BASE, ("OTEL_LOGS_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "5")])
        .unwrap();
    let otlp = logs.otlp[0].logs.clone().unwrap();
    assert_eq!((otlp.endpoint.as_str(), otlp.timeout), ("http://host/v1/logs", Duration::from_millis(5)));
    assert!(logs.otlp[0].traces.is_some() && logs.otlp[0].metrics.is_none());
    let preference = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    assert_eq!(config("", &[(preference, "Delta")]).unwrap().temporality, Temporality::Delta);
    assert!(config("", &[(preference, "alpha")]).unwrap().warning.unwrap().contains("'alpha'"));
}

#[test]
fn further_receivers_stand_for_themselves() {
    let file = "
otlp-endpoint: http://main:4318
otlp-headers: {x-key: hunter2}
otlp-compression: gzip
otlp-endpoints:
  - http://second:4318
  - endpoint: https://third
    protocol: grpc
    headers: {x-other: '1'}
    timeout: 500
    compression: zstd
";
    let all = receivers(file, &[("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "77")]);
    let [main, second, third] = <[Receiver; 3]>::try_from(all).unwrap();
    assert_eq!(main.traces.as_ref().unwrap().timeout, Duration::from_millis(77));
    let expected = |url: &str| Otlp::new(url.to_owned(), OtlpProtocol::HttpProtobuf);
    assert_eq!(second.traces, Some(expected("http://second:4318/v1/traces")));
    assert_eq!(second.metrics, Some(expected("http://second:4318/v1/metrics")));
    let expected = Otlp {
        headers: pairs(&[("x-other", "1")]),
        timeout: Duration::from_millis(500),
        compression: Compression::Zstd,
        ..Otlp::new("https://third/".to_owned(), OtlpProtocol::Grpc)
    };
    assert_eq!((third.traces.clone(), third.metrics.clone()), (Some(expected.clone()), Some(expected)));
    // In one line, as a flag or a variable has them; without a main one the usual place counts for nothing.
    for text in ["http://a:1, http://b:2", "[http://a:1, {endpoint: 'http://b:2'}]"] {
        let config = config("", &[("SPANWIRE_OTLP_ENDPOINTS", text)]).unwrap();
        let urls: Vec<_> =
            config.otlp.iter().map(|receiver| &receiver.traces.as_ref().unwrap().endpoint).collect();
        assert_eq!(urls, ["http://a:1/v1/traces", "http://b:2/v1/traces"]);
        assert!(!config.console);
    }
}

#[test]
fn what_cannot_be_used_is_refused_without_being_told() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "300001"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
    ] {
        refused("", &[(name, value)], name);
    }
    for (file, message) in [
        ("otlp-headers: hunter2", "line 2: 'otlp-headers' is '(not shown)', expected headers as name=value"),
        ("otlp-headers: {key: [hunter2]}", "expected headers"),
        ("otlp-headers: {bad key: hunter2}", "expected headers"),
        ("otlp-headers: [hunter2]", "expected headers"),
        ("otlp-headers: {[hunter2]: x}", "'(not shown)', expected text"),
        (
            "otlp-endpoints: [{endpoint: 'ftp://x:hunter2@h'}]",
            "endpoint of receiver 1' is 'ftp://h', expected a URL",
        ),
        (
            "otlp-endpoints: [{endpoint: 'http://h', headrs: hunter2}]",
            "receiver 1' is 'headrs', expected only the keys",
        ),
        (
            "otlp-endpoints: ['http://h', {headers: hunter2}]",
            "receiver 2' is '(not shown)', expected an endpoint",
        ),
        (
            "otlp-endpoints: [{endpoint: 'http://h', headers: hunter2}]",
            "headers of receiver 1' is '(not shown)'",
        ),
        ("otlp-endpoints: [[hunter2]]", "expected URLs"),
        ("otlp-endpoints: {endpoint: hunter2}", "expected URLs"),
        ("otlp-endpoints: [a, b, c, d, e, f, g, h, i]", "is '9 receivers', expected 8 receivers at the most"),
        ("otlp-timeout: 0", "line 2: 'otlp-timeout' is '0', expected milliseconds from 1 to 300000"),
    ] {
        refused(file, &[], message);
    }
}

#[test]
fn certificates_and_keys_are_read_and_checked_at_the_start() {
    let folder = Folder::new("tls");
    let made = || {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let ((certificate, key), (_, other_key)) = (made(), made());
    let (certificate_file, key_file) = (folder.file("one.pem", &certificate), folder.file("one.key", &key));
    let other = folder.file("other.key", &other_key);
    let text = folder.file("text", "hunter2");
    let broken = folder.file("broken", &certificate.replace("-----END", "----END"));
    let variables = [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate_file.as_str()),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &certificate_file),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", &key_file),
    ];
    let tls = traces("", &variables).tls;
    assert_eq!(tls.authorities.unwrap().bytes(), certificate.as_bytes());
    let identity = tls.identity.unwrap();
    assert_eq!(
        (identity.certificates.bytes(), identity.key.bytes()),
        (certificate.as_bytes(), key.as_bytes())
    );
    assert!(!format!("{identity:?}").contains("BEGIN"));
    let by_file = format!(
        "otlp-certificate: {certificate_file}\notlp-client-certificate: {certificate_file}\notlp-client-key: {key_file}"
    );
    assert_eq!(traces(&by_file, &[]).tls, traces("", &variables).tls);
    let client = |key: &str| format!("otlp-client-certificate: {certificate_file}\notlp-client-key: {key}");
    for (file, message) in [
        (
            "otlp-certificate: /nonexistent".to_owned(),
            "'/nonexistent', expected a file in PEM that can be read: No such",
        ),
        (format!("otlp-certificate: {text}"), "expected a file with certificates in PEM"),
        (format!("otlp-certificate: {broken}"), "expected a file with certificates in PEM"),
        (format!("otlp-certificate: {key_file}"), "expected a file with certificates in PEM"),
        (client(&text), "expected a file with a private key in PEM"),
        (client(&certificate_file), "expected a file with a private key in PEM"),
        (client(&other), "expected the private key of the certificate in"),
        (format!("otlp-client-certificate: {certificate_file}"), "expected its key beside it"),
        (format!("otlp-client-key: {key_file}"), "expected its certificate beside it"),
        ("otlp-certificate: /dev/zero".to_owned(), "a file of at most 1048576 bytes"),
    ] {
        refused(&file, &[], message);
    }
    let variable = "environment variable OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: ";
    refused("", &[("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", &text)], variable);
}

#[test]
fn debug_output_holds_no_credential() {
    let flags = Settings { otlp_headers: "key=hunter2".parse().ok(), ..Settings::default() };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://bob:hunter2@host");
    let file = "otlp-endpoints: [{endpoint: 'http://h', headers: 'x=hunter2'}]";
    let config = config(file, &[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "key=hunter2")]).unwrap();
    let text = format!("{config:?} {flags:?}");
    assert!(text.contains("//host/v1/traces") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_flag_is_read_as_a_file_is() {
    let flags = Settings {
        otlp_headers: "key=a%20b".parse().ok(),
        otlp_endpoints: "http://second".parse().ok(),
        otlp_endpoint: Some("http://main".parse().unwrap()),
        ..Settings::default()
    };
    let all = Config::resolve(&flags, None, &Environment::new()).unwrap().otlp;
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].traces.as_ref().unwrap().headers, pairs(&[("key", "a b")]));
}

#[test]
fn a_bad_endpoint_is_shown_without_its_password() {
    for (given, shown) in [
        ("ftp://bob:hunter2@host/x", "ftp://host/x"),
        ("http://bob:hun/ter2@ho st:1", "http://ho st:1"),
        ("bob:hunter2@host:4317", "host:4317"),
        ("ftp://a:hunter2@b:hunter2@host", "ftp://host"),
        ("ftp://host/?token=hunter2", "ftp://host/"),
        ("ftp://host/#hunter2", "ftp://host/"),
        ("no url", "no url"),
    ] {
        refused("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", given)], &format!("'{shown}'"));
    }
}
