//! The agent's numbers as a person reads them: losses with what to do about them, what is held now, and what was counted.

use std::io::{self, Write};

use super::{GaugeReport, Report};
use crate::export::console::text::thousands;
use crate::telemetry::{Counters, Kind, Metric, Number, metrics, remedy};

/// Told in the report's first line, or by other numbers.
const ELSEWHERE: [&str; 2] = ["build_info", "process_start_time_seconds"];

/// Counters that are none of [`Counters::snapshot`].
const ALSO: [&str; 3] = ["process_cpu_seconds", "malformed_requests", "notes"];

/// What is held now, for the report.
pub(super) fn gauges(counters: &Counters) -> Vec<GaugeReport> {
    let mut gauges = Vec::new();
    for metric in metrics(counters).into_iter().filter(is_told) {
        gauges.extend(metric.points.into_iter().map(|point| GaugeReport {
            name: metric.name.to_owned(),
            labels: point.labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            value: match point.value {
                // Exact up to 8 PiB.
                Number::Whole(value) => value as f64,
                Number::Real(value) => value,
            },
        }));
    }
    gauges
}

/// Not of the agent's own counters, which the report has by their names.
fn is_told(metric: &Metric) -> bool {
    (metric.kind == Kind::Gauge || ALSO.contains(&metric.name)) && !ELSEWHERE.contains(&metric.name)
}

/// What was not seen, not understood or not delivered.
pub(super) fn losses(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nLosses")?;
    let mut none = true;
    for sample in Counters::default().snapshot().filter(|sample| sample.is_loss) {
        let value = counted(report, sample.name);
        if value > 0 {
            none = false;
            writeln!(out, "  {} {} ({})", thousands(value), sample.help, sample.name)?;
            if let Some(remedy) = remedy(sample.name) {
                writeln!(out, "      {}", plain(remedy))?;
            }
        }
    }
    if none {
        writeln!(out, "  none")?;
    }
    Ok(())
}

/// What the agent holds and uses now.
pub(super) fn held(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nNow")?;
    lines(report, |metric| !is_by_words(metric), out)
}

/// What was counted since the start besides losses.
pub(super) fn counts(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nSince the start")?;
    for sample in Counters::default().snapshot().filter(|sample| !sample.is_loss) {
        let value = counted(report, sample.name);
        if value > 0 {
            writeln!(out, "  {} {}", thousands(value), sample.help)?;
        }
    }
    lines(report, is_by_words, out)
}

/// Counted by words, rather than held or used.
fn is_by_words(metric: &Metric) -> bool {
    metric.kind == Kind::Counter && metric.unit().is_empty()
}

fn lines(report: &Report, wanted: fn(&Metric) -> bool, out: &mut impl Write) -> io::Result<()> {
    let known = metrics(&Counters::default());
    // One of another version may hold what this one has no words for.
    for gauge in report.gauges.iter().filter(|gauge| gauge.value != 0.0) {
        let metric = known.iter().find(|metric| metric.name == gauge.name);
        let Some(metric) = metric.filter(|metric| wanted(metric)) else { continue };
        let of: Vec<_> = gauge.labels.values().map(String::as_str).collect();
        let of = if of.is_empty() { String::new() } else { format!(" ({})", of.join(", ")) };
        writeln!(out, "  {} {}{of}", amount(gauge.value, metric.unit()), metric.help)?;
    }
    Ok(())
}

fn counted(report: &Report, name: &str) -> u64 {
    report.counters.get(name).copied().unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn amount(value: f64, unit: &str) -> String {
    const MIB: f64 = 1_048_576.0;
    match unit {
        "s" => format!("{value:.1} s:"),
        "By" if value >= MIB => format!("{:.1} MiB:", value / MIB),
        "By" => format!("{} bytes:", thousands(value as u64)),
        _ => thousands(value as u64),
    }
}

/// Without the marks of the manual's text.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    // A link is its words.
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        let words = after.split_once("](").and_then(|(words, after)| Some((words, after.split_once(')')?.1)));
        let Some((words, after)) = words else {
            rest = after;
            continue;
        };
        plain.push_str(words);
        rest = after;
    }
    (plain + rest).replace('`', "")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn written(report: &Report, by: fn(&Report, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        by(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_loss_comes_with_what_to_do() {
        let counters = [("requests_dropped".to_owned(), 1234), ("calls".to_owned(), 9)].into();
        let report = Report { counters, ..Report::default() };
        assert_eq!(
            written(&report, losses),
            "\nLosses\n  1,234 requests whose begin was among these chunks: their exchanges were not seen at all \
             (requests_dropped)\n      A larger ring-size, or more CPU for the agent.\n"
        );
        assert_eq!(written(&Report::default(), losses), "\nLosses\n  none\n");
        assert_eq!(
            written(&report, counts),
            "\nSince the start\n  9 calls understood and turned into spans\n"
        );
    }

    #[test]
    fn what_is_held_has_its_unit_and_what_it_is_of() {
        let counters = Counters::default();
        counters.gauges.ring_bytes.set(8 << 20);
        counters.gauges.held_bytes.set(1000);
        counters.gauges.queue_place.set(12_345);
        counters.reasons.malformed.increment(["invalid chunk"]);
        counters.gauges.tls_files.count([["OpenSSL", "probed"]].into_iter());
        let mut report = Report { gauges: gauges(&counters), ..Report::default() };
        assert!(report.gauges.iter().all(|gauge| gauge.name != "calls"), "{report:?}");
        // Of a later version.
        report.gauges.push(GaugeReport { name: "other".to_owned(), value: 1.0, ..GaugeReport::default() });
        let text = written(&report, held);
        for line in [
            "  8.0 MiB: size of the ring buffer between kernel and agent\n",
            "  1,000 bytes: memory for what is under way on all connections\n",
            "  12,345 spans that wait (place)\n",
            "  1 files with TLS code, by whose it is and whether probes are on it (OpenSSL, probed)\n",
            " s: processor time that the agent has used",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("other") && !text.contains("(export)") && !text.contains("chunk"), "{text}");
        let counts = written(&report, counts);
        let line = "  1 requests that break the rules of HTTP, by what is wrong (invalid chunk)\n";
        assert!(counts.contains(line) && !counts.contains("processor"), "{counts}");
    }

    #[test]
    fn the_manuals_marks_are_taken_away() {
        assert_eq!(plain("As for `late_bytes`; see [a b](c.md)."), "As for late_bytes; see a b.");
        assert_eq!(plain("[open"), "open");
    }
}
