//! What is kept of a span until its trace is closed.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::correlate::attributes as names;
use crate::correlate::span::{Kind, Span, SpanId, Status};
use crate::discovery::process::Process;
use crate::value::Value;

/// By what a span was linked to its parent, as `spanwire.link.method` says; the last two are for what it says beside these,
/// and for spans with a parent that do not say.
pub const METHODS: [&str; 8] =
    ["header", "connection", "thread", "only", "program", "content", "other", "unstated"];
const HEADER: usize = 0;
const OTHER: usize = 6;
const UNSTATED: usize = 7;

/// Addresses that are remembered as this host's; past it all are forgotten, to be learned again.
const ADDRESSES_MAX: usize = 4096;

/// A span: some 80 bytes, and as many again for one that used tokens.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Not zero.
    pub(super) id: u64,
    /// Zero where there is none.
    pub(super) parent: u64,
    pub(super) kind: Kind,
    /// Nanoseconds since the epoch.
    pub(super) started_ns: u64,
    /// Not before the start.
    pub(super) ended_ns: u64,
    pub(super) process: Arc<Process>,
    /// Of a client the server's address, else the peer's, hashed; zero where none is known.
    pub(super) far: u64,
    pub(super) failed: bool,
    pub(super) sampled: bool,
    /// Came after its trace was closed.
    pub(super) late: bool,
    /// Index in [`METHODS`].
    pub(super) method: usize,
    /// Of a client's GenAI call that says what it used.
    pub(super) usage: Option<Box<Usage>>,
}

/// What a call used.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    /// Of provider and response id, hashed; zero where there is no id.
    pub(super) identity: u64,
    /// Of the operation's name, hashed.
    pub(super) operation: u64,
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) cache_read: u64,
    pub(super) reasoning: u64,
    /// In US dollars.
    pub(super) cost: Option<f64>,
}

/// Texts become numbers here: equal ones equal numbers, and nobody outside knows which.
#[derive(Debug, Default)]
pub(super) struct Hasher(RandomState);

impl Hasher {
    fn of(&self, words: impl std::hash::Hash) -> u64 {
        self.0.hash_one(words).max(1)
    }

    /// Of an address in any spelling.
    fn address(&self, text: &str) -> u64 {
        match text.parse::<IpAddr>() {
            Ok(address) => self.of(address.to_canonical()),
            Err(_) => self.of(text),
        }
    }
}

/// The addresses that are known to be on this host, which is all that the agent observes.
#[derive(Debug, Default)]
pub(super) struct Perimeter(HashSet<u64>);

impl Perimeter {
    /// Whether a peer is on this host, as far as is known. One without an address is: it came by a Unix socket.
    pub(super) fn has(&self, far: u64) -> bool {
        far == 0 || self.0.contains(&far)
    }

    /// Learns a span's own address.
    pub(super) fn learn(&mut self, span: &Span, hasher: &Hasher) {
        let Some(local) = get(span, names::NETWORK_LOCAL_ADDRESS).and_then(Value::as_str) else { return };
        let local = hasher.address(local);
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains(&local) {
            self.0.clear();
        }
        self.0.insert(local);
    }
}

impl Node {
    pub(super) fn of(span: &Span, hasher: &Hasher) -> Self {
        let started_ns = nanoseconds(span.started);
        let far = match span.kind {
            Kind::Client => {
                get(span, names::SERVER_ADDRESS).and_then(Value::as_str).map(|far| hasher.of(far))
            }
            _ => get(span, names::NETWORK_PEER_ADDRESS)
                .and_then(Value::as_str)
                .filter(|far| !far.parse::<IpAddr>().is_ok_and(|far| far.to_canonical().is_loopback()))
                .map(|far| hasher.address(far)),
        };
        Self {
            id: number(span.span_id),
            parent: span.parent.map_or(0, number),
            kind: span.kind,
            started_ns,
            ended_ns: nanoseconds(span.ended).max(started_ns),
            process: Arc::clone(&span.process),
            far: far.unwrap_or(0),
            failed: span.status == Status::Error,
            sampled: span.flags & 1 == 1,
            late: false,
            method: get(span, names::LINK_METHOD).and_then(Value::as_str).map_or(UNSTATED, |method| {
                METHODS.iter().take(OTHER).position(|known| *known == method).unwrap_or(OTHER)
            }),
            usage: usage(span, hasher).map(Box::new),
        }
    }

    /// What tells it from every other span of its trace: a client and its server may share an id (B3).
    pub(super) fn key(&self) -> (u64, u8) {
        (self.id, self.kind as u8)
    }

    /// Its parent was told by a header, rather than found by the agent.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.method, HEADER | UNSTATED)
    }

    /// It answers a message that came from elsewhere.
    pub(super) fn is_entered(&self) -> bool {
        matches!(self.kind, Kind::Server | Kind::Consumer)
    }

    pub(super) fn is_of_service(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.process, &other.process) || self.process.service_name == other.process.service_name
    }
}

fn usage(span: &Span, hasher: &Hasher) -> Option<Usage> {
    let operation = get(span, names::OPERATION_NAME).and_then(Value::as_str);
    let operation = operation.filter(|name| span.kind == Kind::Client && *name != "invoke_agent")?;
    let tokens = |name| match get(span, name) {
        Some(Value::Int(count)) => u64::try_from(*count).ok(),
        _ => None,
    };
    let (input, output) = (tokens(names::USAGE_INPUT_TOKENS), tokens(names::USAGE_OUTPUT_TOKENS));
    let cost = match get(span, names::COST_TOTAL) {
        Some(Value::Double(cost)) => Some(*cost).filter(|cost| cost.is_finite() && *cost >= 0.0),
        _ => None,
    };
    // What is billed by the piece has a cost and no tokens.
    if input.is_none() && output.is_none() && cost.is_none() {
        return None;
    }
    let provider = get(span, names::PROVIDER_NAME).and_then(Value::as_str);
    let response = get(span, names::RESPONSE_ID).and_then(Value::as_str);
    Some(Usage {
        identity: response.map_or(0, |id| hasher.of((provider, id))),
        operation: hasher.of(operation),
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
        cache_read: tokens(names::USAGE_CACHE_READ_INPUT_TOKENS).unwrap_or(0),
        reasoning: tokens(names::USAGE_REASONING_OUTPUT_TOKENS).unwrap_or(0),
        cost,
    })
}

fn get<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn number(id: SpanId) -> u64 {
    u64::from_be_bytes(id.0)
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
