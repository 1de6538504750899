//! What came of one kind of calls.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;
use spanwire_e2e::client::Received;
use spanwire_e2e::scene::{Scene, compare, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::Served;

/// Counters of which each unit is a call that became no span.
const CALLS_LOST: [&str; 3] = ["requests_dropped", "requests_unread", "connections_unseen"];

/// Counts connections of which the agent was not told: their calls have no addresses.
const ADDRESSES_LOST: &str = "ring_drops_connection";

/// Begins the names of counters of spans that did not reach the receiver.
const DROPPED: &str = "spans_dropped_";

/// Begins the names of counters of connections that were given up: how many calls they carried is not known.
const GIVEN_UP: &str = "connections_ignored_";

/// Complaints that are shown.
const SHOWN: usize = 5;

/// Made, seen and lost.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figure {
    /// What made the calls.
    pub(crate) what: String,
    /// Calls that the stand-in served.
    pub(crate) made: usize,
    /// Calls that became a span, by the agent's count.
    pub(crate) counted: u64,
    /// Calls of which the receiver has a span.
    pub(crate) seen: usize,
    /// Of these, spans that say that something of them was not captured.
    pub(crate) in_part: usize,
    /// What the agent says that it lost, by its counters.
    pub(crate) lost: BTreeMap<String, u64>,
    /// What is wrong at any speed.
    pub(crate) wrong: Vec<String>,
    /// How long the calls took.
    pub(crate) seconds: f64,
    /// The most memory that the agent had, in MiB.
    pub(crate) peak_mib: u64,
}

impl Figure {
    /// Ends a scene, and compares every span with what was truly sent.
    pub(crate) async fn of(what: String, scene: Scene, calls: &[Received], took: Duration) -> Result<Self> {
        let Scene { receiver, standin, agent, .. } = scene;
        let log = standin.log(calls.len()).await?;
        let peak_mib = agent.pid().map_or(0, peak_mib);
        // The agent delivers what it has when it stops.
        let ended = agent.stop().await?;
        ensure!(ended.status.success(), "the agent ended with {}:\n{}", ended.status, ended.stderr);
        let spans = receiver.spans();
        let mut figure =
            Self { what, made: log.len(), seconds: took.as_secs_f64(), peak_mib, ..Self::default() };
        figure.lost = ended.losses();
        let served: HashMap<&str, &Served> = log.iter().map(|served| (served.id.as_str(), served)).collect();
        let mut ids: HashMap<&str, usize> = HashMap::new();
        for span in concerning(&standin, &spans) {
            figure.seen += 1;
            figure.in_part += usize::from(!span.notes().is_empty());
            if let Some(id) = span.response_id() {
                *ids.entry(id).or_default() += 1;
            }
            if let Err(complaint) = check(span, &served, figure.lost.contains_key(ADDRESSES_LOST)) {
                figure.wrong.push(format!("{complaint:#}"));
            }
        }
        for (id, count) in ids.into_iter().filter(|(_, count)| *count > 1) {
            figure.wrong.push(format!("{count} spans of {id}"));
        }
        figure.counted = ended.calls().unwrap_or_default();
        let accounted = figure.seen as u64 + figure.calls_lost();
        let given_up = figure.lost.keys().any(|name| name.starts_with(GIVEN_UP));
        if accounted > figure.made as u64 || (accounted < figure.made as u64 && !given_up) {
            figure.wrong.push(format!(
                "{} calls were made, {} seen, {} counted as lost: {:?}",
                figure.made,
                figure.seen,
                figure.calls_lost(),
                figure.lost
            ));
        }
        println!("{}", table(std::slice::from_ref(&figure)));
        Ok(figure)
    }

    fn calls_lost(&self) -> u64 {
        CALLS_LOST.iter().filter_map(|name| self.lost.get(*name)).sum::<u64>() + self.dropped()
    }

    /// Spans that the exporter dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.lost.iter().filter(|(name, _)| name.starts_with(DROPPED)).map(|(_, count)| count).sum()
    }

    /// What is wrong, and where; the first of many.
    pub(crate) fn complaints(&self) -> impl Iterator<Item = String> {
        self.wrong.iter().take(SHOWN).map(|wrong| format!("{}: {wrong}", self.what))
    }
}

/// A span that claims to be whole must be what was sent; one that says that it is not may lack things, but
/// what it says must be true.
fn check(span: &Span, served: &HashMap<&str, &Served>, addresses_lost: bool) -> Result<()> {
    let served = span.response_id().and_then(|id| served.get(id));
    match served {
        Some(served) if span.notes().is_empty() => {
            let untold = addresses_lost && !span.attributes.has("network.local.port");
            let client_port = served.client_port.filter(|_| !untold);
            compare(span, &Served { client_port, ..(*served).clone() })
        }
        Some(served) => {
            let (input, output) = span.tokens();
            let is_true = input.is_none_or(|tokens| tokens == served.input_tokens)
                && output.is_none_or(|tokens| tokens == served.output_tokens);
            ensure!(is_true, "{:?} tokens for {served:?}", span.tokens());
            Ok(())
        }
        None => {
            ensure!(!span.notes().is_empty(), "a span of an answer that nobody gave: {span:#?}");
            Ok(())
        }
    }
}

/// The most memory that a process had until now (proc(5), `VmHWM`, in KiB); 0 where it is not said.
pub(crate) fn peak_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

/// A line for each.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = format!(
        "{:<48} {:>6} {:>6} {:>8} {:>7} {:>5} {:>8} {:>8}  {}",
        "calls of", "made", "seen", "exported", "in part", "lost", "calls/s", "peak MiB", "what was lost"
    );
    for figure in figures {
        let lost: Vec<_> = figure.lost.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let _ = write!(
            text,
            "\n{:<48} {:>6} {:>6} {:>8} {:>7} {:>5} {:>8.0} {:>8}  {}",
            figure.what,
            figure.made,
            figure.counted,
            figure.seen,
            figure.in_part,
            figure.calls_lost(),
            figure.made as f64 / figure.seconds.max(0.001),
            figure.peak_mib,
            if lost.is_empty() { "nothing".to_owned() } else { lost.join(", ") }
        );
    }
    text
}
