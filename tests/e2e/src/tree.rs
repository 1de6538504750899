//! The tree that spans make, judged by the tree that is true: each service of `tests/services` logs what it is asked and what
//! it asks for that.

mod measures;
mod places;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

pub use measures::Measures;
pub use truth::{End, Hop, Truth, read};

use crate::span::Span;
use places::Places;

/// How many wrong links are told in words.
const TOLD: usize = 10;

/// The method of a link of which its span says none.
const UNSAID: &str = "unsaid";

/// A span's id: that of its trace, and its own.
type Id<'a> = (&'a [u8], &'a [u8]);

fn id(span: &Span) -> Id<'_> {
    (&span.raw.trace_id, &span.raw.span_id)
}

fn is_internal(span: &Span) -> bool {
    span.raw.kind() == SpanKind::Internal
}

/// Links that say by one method how they were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Spans that have a parent.
    pub assigned: usize,
    /// Those of them whose parent is the true one.
    pub right: usize,
}

impl Links {
    /// Right of those assigned; none where there are none.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        (self.assigned > 0).then(|| share(self.right, self.assigned))
    }
}

/// What a tree is worth. Only requests that [`Truth::judged`] names are judged.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Ends of requests that the agent could see.
    pub hops: usize,
    /// Those of them that have a span of the agent's.
    pub seen: usize,
    /// Those of them that have several.
    pub doubled: usize,
    /// Links that truly exist: between the two ends of a request, and between what a service was asked and what it
    /// asked for that.
    pub links: usize,
    /// Those of them that a span of the agent's has.
    pub found: usize,
    /// Assigned links by `spanwire.link.method`.
    pub methods: BTreeMap<String, Links>,
    /// Right links by method, each link that exists counted once.
    pub found_by: BTreeMap<String, usize>,
    /// What holds whatever the truth is.
    pub measures: Measures,
    /// Requests of users whose spans are in several traces.
    pub split: usize,
    /// Traces that have spans of several users' requests.
    pub mixed: usize,
    /// Some wrong links in words.
    pub wrong: Vec<String>,
}

impl Score {
    /// Of all methods together; none where nothing has a parent.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        let sum = self.methods.values().fold(Links::default(), |sum, links| Links {
            assigned: sum.assigned + links.assigned,
            right: sum.right + links.right,
        });
        sum.precision()
    }

    /// Found of those that exist.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.found, self.links)
    }
}

/// 1 of nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} ends of requests seen, {} of them twice", self.seen, self.hops, self.doubled)?;
        let precision = self.precision().map_or("-".to_owned(), |share| format!("{:.2} %", 100.0 * share));
        writeln!(f, "precision {precision}, recall {:.2} % of {}", 100.0 * self.recall(), self.links)?;
        for (method, links) in &self.methods {
            let precision = 100.0 * links.precision().unwrap_or_default();
            let recall = 100.0 * share(self.found_by.get(method).copied().unwrap_or_default(), self.links);
            writeln!(
                f,
                "  {method}: {} of {} right, precision {precision:.2} %, recall {recall:.2} %",
                links.right, links.assigned
            )?;
        }
        writeln!(f, "{} requests in several traces, {} traces of several requests", self.split, self.mixed)?;
        write!(f, "{}", self.measures)?;
        self.wrong.iter().try_for_each(|wrong| writeln!(f, "  wrong: {wrong}"))
    }
}

/// Where a span's chain of parents leads, past what stands for no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parent<'a> {
    /// To nothing: the span, or what stands above it, is a root.
    None,
    /// To an end of a request.
    At(usize),
    /// To an id that nobody exported.
    Unexported(&'a [u8]),
    /// To a span that belongs to no request that is judged, or in a circle.
    Elsewhere,
}

impl Truth {
    /// How many ends of requests that are to be judged have spans of the agent's.
    #[must_use]
    pub fn seen(&self, spans: &[Span]) -> usize {
        let places = Places::of(self, spans);
        let judged = places.ours().filter(|(_, place)| self.is_judged(*place)).map(|(_, place)| place);
        judged.collect::<HashSet<_>>().len()
    }

    /// The agent's spans of judged clients' ends, by the requests' names.
    #[must_use]
    pub fn called<'a>(&'a self, spans: &'a [Span]) -> BTreeMap<&'a str, &'a Span> {
        let places = Places::of(self, spans);
        let called = places.ours().filter_map(|(number, place)| {
            let hop = self.hops().get(place).filter(|hop| hop.end == End::Out && self.is_judged(place))?;
            Some((hop.reference.as_str(), spans.get(number)?))
        });
        called.collect()
    }

    /// Judges the tree of these spans. What began before the first judged request, or after the last,
    /// counts for nothing.
    #[must_use]
    pub fn score(&self, spans: &[Span]) -> Score {
        let time = self.time();
        let places = Places::of(self, spans);
        let ids: HashMap<Id<'_>, usize> =
            spans.iter().enumerate().map(|(number, span)| (id(span), number)).collect();
        let judged: Vec<&Span> =
            spans.iter().filter(|span| time.contains(&span.raw.start_time_unix_nano)).collect();
        let mut score = Score { measures: Measures::of(self, spans, &judged), ..Score::default() };
        for place in (0..self.hops().len()).filter(|place| self.is_judged(*place)) {
            score.hops += 1;
            score.links += usize::from(self.parent(place).is_some());
        }
        let mut seen: HashMap<usize, usize> = HashMap::new();
        let mut found: HashMap<usize, &str> = HashMap::new();
        for (number, place) in places.ours().filter(|(_, place)| self.is_judged(*place)) {
            let Some(span) = spans.get(number) else { continue };
            *seen.entry(place).or_default() += 1;
            let parent = parent(span, spans, &ids, &places);
            let method = span.text("spanwire.link.method").unwrap_or(UNSAID);
            let is_right = self.is_right(place, parent);
            if is_right && self.parent(place).is_some() && parent != Parent::None {
                found.entry(place).or_insert(method);
            }
            // What leads to nobody's span at last is no link to a request.
            if span.raw.parent_span_id.is_empty() || parent == Parent::None {
                continue;
            }
            let links = score.methods.entry(method.to_owned()).or_default();
            links.assigned += 1;
            links.right += usize::from(is_right);
            if !is_right && score.wrong.len() < TOLD {
                score.wrong.push(self.told(place, method, parent));
            }
        }
        score.seen = seen.len();
        score.doubled = seen.values().filter(|count| **count > 1).count();
        score.found = found.len();
        for method in found.into_values() {
            *score.found_by.entry(method.to_owned()).or_default() += 1;
        }
        self.compare_traces(spans, &places, &mut score);
        score
    }

    /// Whether a parent of a span of `place` is true. A request's end may have several spans, one of the agent's and
    /// one of an SDK's; which of them is above the other is nobody's to say.
    fn is_right(&self, place: usize, parent: Parent<'_>) -> bool {
        let truth = self.parent(place);
        match parent {
            Parent::At(other) => Some(other) == truth || other == place,
            // Who asked is not observed: the header names its span.
            Parent::Unexported(span) => truth.is_none() && self.is_outside(span),
            Parent::None => truth.is_none(),
            Parent::Elsewhere => false,
        }
    }

    fn told(&self, place: usize, method: &str, parent: Parent<'_>) -> String {
        let name = |place: usize| {
            self.hops().get(place).map_or(String::new(), |hop| {
                format!("{} {:?} of {} {}", hop.reference, hop.end, hop.service, hop.pid)
            })
        };
        let is = match parent {
            Parent::At(other) => name(other),
            other => format!("{other:?}"),
        };
        let truth = self.parent(place).map_or("nothing".to_owned(), name);
        format!("{} is by {method} below {is}, truly below {truth}", name(place))
    }

    fn compare_traces(&self, spans: &[Span], places: &Places, score: &mut Score) {
        let mut traces: HashMap<&str, BTreeSet<&[u8]>> = HashMap::new();
        let mut requests: HashMap<&[u8], BTreeSet<&str>> = HashMap::new();
        for (number, place) in places.all() {
            let (Some(span), Some(hop)) = (spans.get(number), self.hops().get(place)) else { continue };
            if self.is_judged(place) {
                traces.entry(hop.root()).or_default().insert(&span.raw.trace_id);
                requests.entry(&span.raw.trace_id).or_default().insert(hop.root());
            }
        }
        score.split = traces.values().filter(|traces| traces.len() > 1).count();
        score.mixed = requests.values().filter(|requests| requests.len() > 1).count();
    }
}

fn parent<'a>(
    span: &'a Span,
    spans: &'a [Span],
    ids: &HashMap<Id<'a>, usize>,
    places: &Places,
) -> Parent<'a> {
    let mut span = span;
    let mut met = HashSet::from([id(span)]);
    loop {
        let above = (span.raw.trace_id.as_slice(), span.raw.parent_span_id.as_slice());
        if above.1.is_empty() {
            return Parent::None;
        }
        let Some(number) = ids.get(&above).copied() else { return Parent::Unexported(above.1) };
        if let Some(place) = places.get(number) {
            return Parent::At(place);
        }
        match spans.get(number) {
            // An agent's run, or a tool's, stands between.
            Some(next) if is_internal(next) && met.insert(above) => span = next,
            _ => return Parent::Elsewhere,
        }
    }
}
