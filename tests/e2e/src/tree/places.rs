//! Which span stands for which end of a request.

use std::collections::{HashMap, HashSet};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::truth::{End, Hop, Truth};
use crate::span::Span;

/// How far two clocks of one host may differ, in nanoseconds: JavaScript's wall clock has whole milliseconds.
const SLACK: u64 = 2_000_000;

/// The end of a request for each span that stands for one, by their numbers.
pub(super) struct Places {
    places: HashMap<usize, usize>,
    /// Whether a span is the agent's.
    ours: Vec<bool>,
}

impl Places {
    /// A span of the agent's stands for the request with its process, kind, client's port, path and answer whose time fits
    /// it best; what it does not tell of these may be any. A client's span of an SDK's is the one that the
    /// request's header names, a server's is a child of that.
    pub(super) fn of(truth: &Truth, spans: &[Span]) -> Self {
        let mut by_process: HashMap<(i64, End), Vec<usize>> = HashMap::new();
        let mut by_context: HashMap<(&str, End), Vec<usize>> = HashMap::new();
        for (number, hop) in truth.hops().iter().enumerate() {
            by_process.entry((hop.pid.into(), hop.end)).or_default().push(number);
            if let Some(context) = &hop.context {
                by_context.entry((context, hop.end)).or_default().push(number);
            }
        }
        let ours: Vec<bool> = spans.iter().map(is_ours).collect();
        let mut places = HashMap::new();
        let mut fits = Vec::new();
        for (number, (span, ours)) in spans.iter().zip(&ours).enumerate() {
            let end = match span.raw.kind() {
                SpanKind::Server => End::In,
                SpanKind::Client => End::Out,
                _ => continue,
            };
            if *ours {
                let process = span.resource.int("process.pid").unwrap_or_default();
                let candidates = by_process.get(&(process, end)).map(Vec::as_slice).unwrap_or_default();
                let fit = |place: &usize| Some((fit(span, truth.hops().get(*place)?)?, number, *place));
                fits.extend(candidates.iter().filter_map(fit));
                continue;
            }
            let named = if end == End::Out { &span.raw.span_id } else { &span.raw.parent_span_id };
            let named: String = named.iter().map(|byte| format!("{byte:02x}")).collect();
            // A header that several requests have names none of them.
            if let Some([place]) = by_context.get(&(named.as_str(), end)).map(Vec::as_slice) {
                places.insert(number, *place);
            }
        }
        fits.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
        let mut taken = HashSet::new();
        // Those for which nothing is left share the place that they fit best.
        for may_share in [false, true] {
            for (_, number, place) in &fits {
                if !places.contains_key(number) && (may_share || !taken.contains(place)) {
                    places.insert(*number, *place);
                    taken.insert(*place);
                }
            }
        }
        Self { places, ours }
    }

    /// That of a span.
    pub(super) fn get(&self, span: usize) -> Option<usize> {
        self.places.get(&span).copied()
    }

    /// Those of all spans, with the spans' numbers.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, usize)> {
        self.places.iter().map(|(span, place)| (*span, *place))
    }

    /// Those of the agent's.
    pub(super) fn ours(&self) -> impl Iterator<Item = (usize, usize)> {
        // In their order, so that what is told of them is the same each time.
        let spans = self.ours.iter().enumerate().filter(|(_, ours)| **ours);
        spans.filter_map(|(span, _)| Some((span, self.get(span)?)))
    }
}

fn is_ours(span: &Span) -> bool {
    span.resource.text("telemetry.distro.name") == Some("spanwire")
}

/// How well a span fits an end of a request, from above 0 to 1: the nearer its begin is before a moment at which the
/// request had its connection for itself, or else the share of the time that either takes in which both do.
fn fit(span: &Span, hop: &Hop) -> Option<f64> {
    let port = match span.raw.kind() {
        SpanKind::Server => span.int("network.peer.port").or_else(|| span.int("client.port")),
        _ => span.int("network.local.port"),
    };
    let is_port = port.zip(hop.client_port()).is_none_or(|(port, known)| port == i64::from(known));
    // Without the query: the span has that apart, if at all.
    let is_path = span.text("url.path").is_none_or(|path| hop.path.split('?').next() == Some(path));
    let is_answer =
        span.response_id().zip(hop.answer.as_deref()).is_none_or(|(answer, known)| answer == known);
    if !(is_port && is_path && is_answer) {
        return None;
    }
    let (start, end) = (span.raw.start_time_unix_nano, span.raw.end_time_unix_nano);
    if let Some(held) = hop.held_ns {
        // No request has begun on that connection between its own and this moment.
        let since = held.checked_sub(start)?;
        return Some(1.0 / (1.0 + since as f64));
    }
    let (known_start, known_end) = (hop.start_ns.saturating_sub(SLACK), hop.end_ns + SLACK);
    let both = end.min(known_end).checked_sub(start.max(known_start)).filter(|both| *both > 0)?;
    let either = end.max(known_end) - start.min(known_start);
    Some(both as f64 / either as f64)
}
