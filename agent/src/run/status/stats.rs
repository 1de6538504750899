//! What traces measure, as a person reads it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use crate::export::console::text::{clip, count, dollars, duration, thousands};
use crate::health::{Distribution, HealthReport, ServiceHealth};

/// Characters of a service's name.
const NAME_MAX: usize = 64;

/// What the numbers of a row are.
#[derive(Clone, Copy)]
enum Unit {
    Count,
    Seconds,
    Dollars,
}

/// Writes the measures of all services together, if there are several, and of each.
///
/// # Errors
/// When `out` cannot be written.
pub fn show_stats(report: &HealthReport, out: &mut impl Write) -> io::Result<()> {
    let HealthReport { all, services, others, .. } = report;
    writeln!(
        out,
        "{} over, {} under way: a trace is over after {} s without a span",
        count(all.traces, "trace"),
        thousands(report.open_traces),
        report.quiet_seconds
    )?;
    let error = report.relative_error * 100.0;
    writeln!(
        out,
        "Quantiles are of the nearest rank, within {error:.0} %; of less than 100 numbers p99 is the largest."
    )?;
    if report.traces_closed_early > 0 {
        let early = count(report.traces_closed_early, "trace");
        writeln!(
            out,
            "{early} measured before they were over: too many were under way, or they did not end."
        )?;
    }
    if services.len() + usize::from(others.is_some()) > 1 {
        block("All services", all, out)?;
    }
    for (name, service) in services {
        block(&clip(name, NAME_MAX), service, out)?;
    }
    match others {
        Some(others) => block("Further services", others, out),
        None => Ok(()),
    }
}

fn block(name: &str, of: &ServiceHealth, out: &mut impl Write) -> io::Result<()> {
    let (traces, spans, errors) =
        (count(of.traces, "trace"), count(of.spans, "span"), count(of.errors, "error"));
    writeln!(out, "\n{name}: {traces} that begin here, {spans}, {errors}")?;
    if of.traces > 0 {
        table(of, out)?;
    }
    if of.cut > 0 {
        let cut = count(of.cut, "trace");
        writeln!(
            out,
            "  {cut} with too many spans to be kept: of these only spans, errors and duration are whole"
        )?;
    }
    if of.rootless > 0 {
        writeln!(out, "  {} without a root", count(of.rootless, "trace"))?;
    }
    if of.billed_calls > 0 {
        let priced = part(of.priced_calls, of.billed_calls);
        writeln!(out, "  calls with a cost: {priced} that say what they used")?;
    }
    if of.linked_spans > 0 {
        let orphans: u64 = of.orphans.values().sum();
        let linked = part(orphans, of.linked_spans);
        writeln!(out, "  orphans: {linked} that name a parent{}", named(&of.orphans, ": "))?;
        let rate = of.orphan_rate_adjusted.map_or("none left to judge".to_owned(), percent);
        writeln!(out, "  orphans whose parent the agent should have seen: {rate}")?;
        writeln!(out, "  linked by{}", named(&of.link_methods, " "))?;
    }
    if of.outside_parent > 0 {
        let outside = part(of.outside_parent, of.joined_spans);
        writeln!(out, "  outside their parent's time by more than 1 ms: {outside} that have it")?;
    }
    if of.late_spans > 0 {
        writeln!(out, "  {} after the trace was over", count(of.late_spans, "span"))?;
    }
    Ok(())
}

fn table(of: &ServiceHealth, out: &mut impl Write) -> io::Result<()> {
    let line = |out: &mut dyn Write, name: &str, cells: &[String; 6]| {
        let [n, mean, p50, p95, p99, max] = cells;
        writeln!(out, "  {name:<22} {n:>9} {mean:>10} {p50:>10} {p95:>10} {p99:>10} {max:>10}")
    };
    line(out, "", &["TRACES", "MEAN", "P50", "P95", "P99", "MAX"].map(str::to_owned))?;
    // The root says the same of most.
    let root = Distribution {
        count: of.root_duration_seconds.count * u64::from(of.outlived > 0),
        ..of.root_duration_seconds
    };
    for (name, distribution, unit) in [
        ("spans", of.spans_per_trace, Unit::Count),
        ("depth", of.depth, Unit::Count),
        ("errors", of.errors_per_trace, Unit::Count),
        ("duration", of.duration_seconds, Unit::Seconds),
        ("duration of the root", root, Unit::Seconds),
        ("service hops", of.service_hops, Unit::Count),
        ("external hops", of.external_hops, Unit::Count),
        ("fan-out", of.fan_out, Unit::Count),
        ("parts (1 is whole)", of.fragments, Unit::Count),
        ("input tokens", of.input_tokens, Unit::Count),
        ("  of these cached", of.cache_read_tokens, Unit::Count),
        ("output tokens", of.output_tokens, Unit::Count),
        ("  of these reasoning", of.reasoning_tokens, Unit::Count),
        ("cost", of.cost_usd, Unit::Dollars),
    ] {
        if distribution.count > 0 {
            line(out, name, &cells(&distribution, unit))?;
        }
    }
    Ok(())
}

fn cells(of: &Distribution, unit: Unit) -> [String; 6] {
    let mean = of.sum / of.count as f64;
    let text = |number| unit.text(number);
    let mean = match unit {
        // Nobody reads a tenth of a token.
        Unit::Count if mean < 100.0 => format!("{mean:.1}"),
        _ => text(mean),
    };
    [thousands(of.count), mean, text(of.p50), text(of.p95), text(of.p99), text(of.max)]
}

impl Unit {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    fn text(self, number: f64) -> String {
        match self {
            Self::Count => thousands(number.round() as u64),
            Self::Seconds => duration(Duration::try_from_secs_f64(number).unwrap_or_default()),
            Self::Dollars => dollars(number),
        }
    }
}

/// `3 of 20 spans (15 %)`, less the noun.
fn part(part: u64, of: u64) -> String {
    format!("{} of {} ({})", thousands(part), thousands(of), percent(part as f64 / of as f64))
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        percent @ ..1.0 => format!("{percent:.2} %"),
        percent => format!("{percent:.1} %"),
    }
}

/// `remote 3, unsampled 1`, behind `lead`; nothing where there are none.
fn named(counts: &BTreeMap<String, u64>, lead: &str) -> String {
    let words: Vec<_> = counts
        .iter()
        .map(|(name, count)| format!("{} {}", clip(&name.replace('_', " "), NAME_MAX), thousands(*count)))
        .collect();
    if words.is_empty() { String::new() } else { format!("{lead}{}", words.join(", ")) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn text(report: &HealthReport) -> String {
        let mut out = Vec::new();
        show_stats(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn of(count: u64, sum: f64, p50: f64, max: f64) -> Distribution {
        Distribution { count, sum, p50, p95: max, p99: max, max }
    }

    #[test]
    fn nothing_yet() {
        let report = HealthReport {
            quiet_seconds: 60,
            relative_error: 0.01,
            open_traces: 2,
            ..HealthReport::default()
        };
        assert_eq!(
            text(&report),
            "0 traces over, 2 under way: a trace is over after 60 s without a span\n\
             Quantiles are of the nearest rank, within 1 %; of less than 100 numbers p99 is the largest.\n"
        );
    }

    #[test]
    fn everything_has_its_line() {
        let agent = ServiceHealth {
            traces: 4,
            cut: 1,
            rootless: 1,
            outlived: 1,
            spans_per_trace: of(4, 10.0, 2.0, 4.0),
            duration_seconds: of(4, 5.0, 1.25, 2.0),
            root_duration_seconds: of(3, 3.0, 1.0, 1.0),
            input_tokens: of(2, 24_690.0, 10_000.0, 14_690.0),
            cost_usd: of(2, 0.06, 0.02, 0.04),
            billed_calls: 8,
            priced_calls: 6,
            spans: 10,
            errors: 1,
            late_spans: 2,
            linked_spans: 6,
            orphans: [("own_tracer".to_owned(), 1), ("remote".to_owned(), 2)].into(),
            orphan_rate_adjusted: Some(0.005),
            link_methods: [("header".to_owned(), 5), ("thread".to_owned(), 1)].into(),
            joined_spans: 3,
            outside_parent: 1,
            ..ServiceHealth::default()
        };
        let services = BTreeMap::from([
            ("agent\u{1b}[2J".to_owned(), agent.clone()),
            ("idle".to_owned(), ServiceHealth::default()),
        ]);
        let report = HealthReport { all: agent, services, traces_closed_early: 3, ..HealthReport::default() };
        let text = text(&report);
        for line in [
            "3 traces measured before they were over: ",
            "\nAll services: 4 traces that begin here, 10 spans, 1 error\n",
            "\nagent\u{fffd}[2J: 4 traces that begin here",
            "\nidle: 0 traces that begin here, 0 spans, 0 errors\n",
            "                            TRACES       MEAN        P50        P95        P99        MAX\n",
            "  spans                          4        2.5          2          4          4          4\n",
            "  duration                       4      1.25s      1.25s      2.00s      2.00s      2.00s\n",
            "  duration of the root           3      1.00s      1.00s      1.00s      1.00s      1.00s\n",
            "  input tokens                   2     12,345     10,000     14,690     14,690     14,690\n",
            "  cost                           2    $0.0300    $0.0200    $0.0400    $0.0400    $0.0400\n",
            "  1 trace with too many spans to be kept: ",
            "  1 trace without a root\n",
            "  calls with a cost: 6 of 8 (75.0 %) that say what they used\n",
            "  orphans: 3 of 6 (50.0 %) that name a parent: own tracer 1, remote 2\n",
            "  orphans whose parent the agent should have seen: 0.50 %\n",
            "  linked by header 5, thread 1\n",
            "  outside their parent's time by more than 1 ms: 1 of 3 (33.3 %) that have it\n",
            "  2 spans after the trace was over\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("reasoning") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn what_an_agent_says_can_be_anything() {
        let odd = of(u64::MAX, f64::MAX, -1.0, 1e300);
        let service = ServiceHealth {
            traces: 1,
            duration_seconds: odd,
            cost_usd: odd,
            depth: odd,
            ..ServiceHealth::default()
        };
        let report = HealthReport { services: [("a".to_owned(), service)].into(), ..HealthReport::default() };
        assert!(text(&report).contains("cost"));
    }
}
