//! All numbers of the agent in one form, which the Prometheus text, the OTLP metrics and `spanwire status` read.

use std::time::UNIX_EPOCH;

use super::usage::usage;
use super::{Counters, Family, Groups};

/// One number, or several that differ in their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// In words that an underscore joins, the unit last; without prefix.
    pub name: &'static str,
    /// What is counted or measured.
    pub help: &'static str,
    /// How it changes.
    pub kind: Kind,
    /// Its values.
    pub points: Vec<Point>,
}

/// How a number changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Number,
}

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Of things or bytes.
    Whole(u64),
    /// Of seconds.
    Real(f64),
}

/// Numbers of any process: their names by Prometheus's conventions for client libraries, and by OpenTelemetry's for
/// processes.
const OF_PROCESS: [(&str, &str); 4] = [
    ("process_cpu_seconds", "process.cpu.time"),
    ("process_resident_memory_bytes", "process.memory.usage"),
    ("process_threads", "process.thread.count"),
    ("process_start_time_seconds", "spanwire.start_time"),
];

impl Metric {
    /// A number without labels.
    fn single(name: &'static str, help: &'static str, kind: Kind, value: Number) -> Self {
        Self { name, help, kind, points: vec![Point { labels: Vec::new(), value }] }
    }

    /// Its name in the Prometheus text.
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let prefix = if self.process_name().is_some() { "" } else { "spanwire_" };
        let suffix = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{prefix}{}{suffix}", self.name)
    }

    /// Its name in OpenTelemetry.
    #[must_use]
    pub fn otlp_name(&self) -> String {
        self.process_name().map_or_else(|| format!("spanwire.{}", self.name), str::to_owned)
    }

    /// Its unit, as UCUM writes it; none of things.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match self.name.rsplit('_').next() {
            Some("bytes") => "By",
            Some("seconds") => "s",
            _ => "",
        }
    }

    fn process_name(&self) -> Option<&'static str> {
        OF_PROCESS.iter().find(|(name, _)| *name == self.name).map(|(_, otlp)| *otlp)
    }
}

/// What the metrics are made of; each has the same metrics in the same order whenever it is asked.
pub const PARTS: [fn(&Counters) -> Vec<Metric>; 3] = [counted, held, used];

/// All numbers of the agent.
#[must_use]
pub fn metrics(counters: &Counters) -> Vec<Metric> {
    PARTS.iter().flat_map(|part| part(counters)).collect()
}

fn counted(counters: &Counters) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for sample in counters.snapshot() {
        add(&mut metrics, Kind::Counter, (sample.name, sample.help), sample.value, sample.member);
    }
    metrics.push(grouped(
        ("malformed_requests", "requests that break the rules of HTTP, by what is wrong"),
        Kind::Counter,
        ["reason"],
        &counters.reasons.malformed,
    ));
    metrics.push(grouped(
        ("notes", "notes on spans, each once a call: what could not be seen, read or placed of it"),
        Kind::Counter,
        ["note"],
        &counters.reasons.notes,
    ));
    metrics
}

fn held(counters: &Counters) -> Vec<Metric> {
    let gauges = &counters.gauges;
    let mut metrics = Vec::new();
    for reading in gauges.snapshot() {
        add(&mut metrics, Kind::Gauge, (reading.name, reading.help), reading.value, reading.member);
    }
    metrics.push(grouped(
        ("tls_files", "files with TLS code, by whose it is and whether probes are on it"),
        Kind::Gauge,
        ["stack", "state"],
        &gauges.tls_files,
    ));
    metrics.push(grouped(
        ("processes_probed", "processes whose TLS is read, by why it is"),
        Kind::Gauge,
        ["reason"],
        &gauges.processes_probed,
    ));
    metrics
}

fn grouped<const N: usize>(
    (name, help): (&'static str, &'static str),
    kind: Kind,
    labels: [&'static str; N],
    groups: &Groups<N>,
) -> Metric {
    let point = |(values, count): ([&'static str; N], u64)| Point {
        labels: labels.into_iter().zip(values.map(str::to_owned)).collect(),
        value: Number::Whole(count),
    };
    Metric { name, help, kind, points: groups.get().into_iter().map(point).collect() }
}

fn used(counters: &Counters) -> Vec<Metric> {
    let usage = usage();
    let start = &counters.gauges.start;
    let began = start.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let [cpu, memory, threads, start_time] = OF_PROCESS.map(|(name, _)| name);
    let system = rustix::system::uname();
    let info = Point {
        labels: vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("kernel", system.release().to_string_lossy().into_owned()),
            ("sockets_by", start.sockets_by.get().copied().unwrap_or_default().to_owned()),
        ],
        value: Number::Whole(1),
    };
    vec![
        Metric::single(
            cpu,
            "processor time that the agent has used, of users and system",
            Kind::Counter,
            Number::Real(usage.cpu.as_secs_f64()),
        ),
        Metric::single(
            memory,
            "memory of the agent that is resident",
            Kind::Gauge,
            Number::Whole(usage.resident_bytes),
        ),
        Metric::single(threads, "threads of the agent", Kind::Gauge, Number::Whole(usage.threads)),
        Metric::single(
            start_time,
            "when the agent began, since 1970",
            Kind::Gauge,
            Number::Real(began.as_secs_f64()),
        ),
        Metric {
            name: "build_info",
            help: "1, by the agent's version, the kernel's, and what the bytes on sockets are seen by",
            kind: Kind::Gauge,
            points: vec![info],
        },
    ]
}

/// Adds a number to its family's metric, or as one of its own.
fn add(
    metrics: &mut Vec<Metric>,
    kind: Kind,
    (name, help): (&'static str, &'static str),
    value: u64,
    member: Option<(&'static Family, &'static str)>,
) {
    let value = Number::Whole(value);
    let Some((family, member)) = member else {
        return metrics.push(Metric::single(name, help, kind, value));
    };
    let point = Point { labels: vec![(family.label, member.to_owned())], value };
    match metrics.iter_mut().find(|metric| metric.name == family.name) {
        Some(metric) => metric.points.push(point),
        None => metrics.push(Metric { name: family.name, help: family.help, kind, points: vec![point] }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_counter_has_its_place_and_none_has_two() {
        let counters = Counters::default();
        let all = metrics(&counters);
        let names: HashSet<_> = all.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), all.len());
        let places: usize =
            all.iter().filter(|metric| metric.kind == Kind::Counter).map(|metric| metric.points.len()).sum();
        // The processor time is no counter of the agent's own.
        assert_eq!(places, counters.snapshot().count() + 1);
        for metric in &all {
            let labels: HashSet<_> =
                metric.points.iter().map(|point| format!("{:?}", point.labels)).collect();
            assert_eq!(labels.len(), metric.points.len(), "{}", metric.name);
        }
    }

    #[test]
    fn a_member_is_told_by_its_label() {
        let counters = Counters::default();
        counters.exchanges_lost.add(3);
        counters.gauges.queue_place.set(5);
        let all = metrics(&counters);
        let has = |name: &str, label: (&'static str, &str), value| {
            let point = Point { labels: vec![(label.0, label.1.to_owned())], value: Number::Whole(value) };
            all.iter().any(|metric| metric.name == name && metric.points.contains(&point))
        };
        assert!(has("exchanges", ("outcome", "lost"), 3) && has("exchanges", ("outcome", "complete"), 0));
        assert!(has("queue_spans", ("queue", "place"), 5));
    }

    #[test]
    fn names_have_prefix_and_unit() {
        let all = metrics(&Counters::default());
        let named = |name: &str| {
            let metric = all.iter().find(|metric| metric.name == name);
            metric.map(|metric| (metric.prometheus_name(), metric.otlp_name(), metric.unit()))
        };
        for (name, prometheus, otlp, unit) in [
            ("calls", "spanwire_calls_total", "spanwire.calls", ""),
            ("gap_bytes", "spanwire_gap_bytes_total", "spanwire.gap_bytes", "By"),
            ("connections_open", "spanwire_connections_open", "spanwire.connections_open", ""),
            ("process_cpu_seconds", "process_cpu_seconds_total", "process.cpu.time", "s"),
        ] {
            assert_eq!(named(name), Some((prometheus.to_owned(), otlp.to_owned(), unit)));
        }
    }

    #[test]
    fn what_is_gone_is_zero() {
        let counters = Counters::default();
        counters.gauges.tls_files.count([["OpenSSL", "probed"], ["OpenSSL", "probed"]].into_iter());
        counters.gauges.tls_files.count([["NSS", "idle"]].into_iter());
        let groups = counters.gauges.tls_files.get();
        assert_eq!(
            groups.into_iter().collect::<Vec<_>>(),
            [(["NSS", "idle"], 1), (["OpenSSL", "probed"], 0)]
        );
    }
}
