//! The Prometheus text format, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>): the one that all scrapers read.

use std::fmt::{self, Write};

use crate::telemetry::{Kind, Metric, Number, Point};

/// Its media type.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes all of these that have a value.
pub(super) fn text(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics.iter().filter(|metric| !metric.points.is_empty()) {
        // Writing to a string cannot fail.
        let _ = write(metric, &mut text);
    }
    text
}

fn write(metric: &Metric, out: &mut String) -> fmt::Result {
    let name = metric.prometheus_name();
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    };
    writeln!(out, "# HELP {name} {}", escaped(metric.help, false))?;
    writeln!(out, "# TYPE {name} {kind}")?;
    for Point { labels, value } in &metric.points {
        out.push_str(&name);
        for (place, (label, value)) in labels.iter().enumerate() {
            out.push(if place == 0 { '{' } else { ',' });
            write!(out, "{label}=\"{}\"", escaped(value, true))?;
        }
        if !labels.is_empty() {
            out.push('}');
        }
        match value {
            Number::Whole(value) => writeln!(out, " {value}")?,
            Number::Real(value) => writeln!(out, " {value}")?,
        }
    }
    Ok(())
}

/// A help text; or a label's value, in which quotes are escaped, too.
fn escaped(text: &str, is_quoted: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if is_quoted { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
pub(super) mod tests;
