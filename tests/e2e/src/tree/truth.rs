//! What services log of their requests.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// Which end of a request.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The server's.
    In,
    /// The client's.
    Out,
}

/// One end of a request, as it is logged by who had it.
#[derive(Clone, Debug, Deserialize)]
pub struct Hop {
    /// The request's name, which both ends know.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The name of the request that was handled meanwhile, and which this one was made for.
    pub parent: Option<String>,
    /// Which end.
    pub end: End,
    /// Who logs.
    pub service: String,
    /// The URL's path.
    pub path: String,
    /// Address and port of this end; none where the service could not tell.
    pub own: Option<(String, u16)>,
    /// Those of the other.
    pub peer: Option<(String, u16)>,
    /// Nanoseconds of the wall clock, at or soon after the request's begin.
    pub start_ns: u64,
    /// Nanoseconds of the wall clock, at or shortly before its end.
    pub end_ns: u64,
    /// A moment between the first byte of the answer and the next request on its connection, in nanoseconds of the wall clock;
    /// none where the client does not tell.
    #[serde(default)]
    pub held_ns: Option<u64>,
    /// The process.
    pub pid: u32,
    /// The thread, by the kernel's number.
    pub tid: u32,
    /// The id that the answer has, of a model's.
    #[serde(default)]
    pub answer: Option<String>,
    /// The span id on the wire, in hexadecimal; none without a trace context.
    pub context: Option<String>,
}

impl Hop {
    /// The name of the user's request that it is part of.
    #[must_use]
    pub fn root(&self) -> &str {
        self.reference.split_once('.').map_or(self.reference.as_str(), |(root, _)| root)
    }

    /// The port of the client's end.
    pub(super) fn client_port(&self) -> Option<u16> {
        let end = if self.end == End::Out { &self.own } else { &self.peer };
        end.as_ref().map(|(_, port)| *port)
    }
}

/// Reads all that services have logged to files of this folder.
///
/// # Errors
/// When a line cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Hop>> {
    let mut hops = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(entry?.path())?;
        // A line may be half written by who goes on.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            hops.push(serde_json::from_str(line).with_context(|| format!("a service's log: {line}"))?);
        }
    }
    Ok(hops)
}

/// The true tree.
#[derive(Clone, Debug)]
pub struct Truth {
    hops: Vec<Hop>,
    index: HashMap<(String, End), usize>,
    observed: HashSet<u32>,
    prefix: String,
}

impl Truth {
    /// Of what was logged. The agent could see the processes `observed`; requests whose names begin with `prefix` are
    /// to be judged.
    ///
    /// # Errors
    /// When a request was made or handled twice under one name.
    pub fn new(hops: Vec<Hop>, observed: impl IntoIterator<Item = u32>, prefix: &str) -> Result<Self> {
        let mut index = HashMap::new();
        for (number, hop) in hops.iter().enumerate() {
            let before = index.insert((hop.reference.clone(), hop.end), number);
            ensure!(before.is_none(), "{} was logged twice", hop.reference);
        }
        let mut truth =
            Self { hops, index, observed: observed.into_iter().collect(), prefix: prefix.to_owned() };
        truth.fill_ends();
        Ok(truth)
    }

    /// What one end does not know of its addresses, the other may.
    fn fill_ends(&mut self) {
        for number in 0..self.hops.len() {
            let Some(hop) = self.hops.get(number) else { continue };
            let other = self.place(&hop.reference, if hop.end == End::In { End::Out } else { End::In });
            let Some((own, peer)) = other
                .and_then(|other| self.hops.get(other))
                .map(|other| (other.own.clone(), other.peer.clone()))
            else {
                continue;
            };
            if let Some(hop) = self.hops.get_mut(number) {
                hop.own = hop.own.take().or(peer);
                hop.peer = hop.peer.take().or(own);
            }
        }
    }

    /// All ends of requests.
    #[must_use]
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// One end of a request, if it was logged.
    #[must_use]
    pub fn hop(&self, reference: &str, end: End) -> Option<&Hop> {
        self.hops.get(self.place(reference, end)?)
    }

    /// Those that are judged: of the processes that the agent could see.
    pub fn judged(&self) -> impl Iterator<Item = &Hop> {
        self.hops.iter().filter(|hop| self.judges(hop))
    }

    fn judges(&self, hop: &Hop) -> bool {
        hop.reference.starts_with(&self.prefix) && self.observed.contains(&hop.pid)
    }

    pub(super) fn is_judged(&self, place: usize) -> bool {
        self.hops.get(place).is_some_and(|hop| self.judges(hop))
    }

    /// From the begin of the first judged request to the end of the last, at whichever ends.
    pub(super) fn time(&self) -> RangeInclusive<u64> {
        let judged = || self.hops.iter().filter(|hop| hop.reference.starts_with(&self.prefix));
        let begin = judged().map(|hop| hop.start_ns).min();
        begin.unwrap_or_default()..=judged().map(|hop| hop.end_ns).max().unwrap_or_default()
    }

    pub(super) fn place(&self, reference: &str, end: End) -> Option<usize> {
        self.index.get(&(reference.to_owned(), end)).copied()
    }

    /// What stands above an end of a request in the true tree, of that which the agent could see.
    pub(super) fn parent(&self, place: usize) -> Option<usize> {
        let hop = self.hops.get(place)?;
        let parent = match hop.end {
            End::In => self.place(&hop.reference, End::Out),
            End::Out => self.place(hop.parent.as_ref()?, End::In),
        };
        parent.filter(|parent| self.hops.get(*parent).is_some_and(|hop| self.observed.contains(&hop.pid)))
    }

    /// Whether it is the id that a client sent which the agent could not see.
    pub(super) fn is_outside(&self, span: &[u8]) -> bool {
        let hex: String = span.iter().map(|byte| format!("{byte:02x}")).collect();
        let unseen = self.hops.iter().filter(|hop| hop.end == End::Out && !self.observed.contains(&hop.pid));
        unseen.filter_map(|hop| hop.context.as_ref()).any(|context| *context == hex)
    }
}
