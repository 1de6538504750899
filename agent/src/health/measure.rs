//! The measures of one trace.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::billing::{self, Billed};
use super::node::{METHODS, Node, Perimeter};
use super::tree::Tree;
use crate::correlate::span::Kind;
use crate::discovery::process::Process;

/// How far a child may lie outside its parent's time: what spans of one host differ by.
const SKEW_NS: u64 = 1_000_000;

/// Why a span's parent is not in its trace, by index.
pub const CAUSES: [&str; 4] = ["unknown", "remote", "unsampled", "own_tracer"];
/// It should be there: the agent gave it an id that nobody exported, or did not see it.
const UNKNOWN: usize = 0;
/// The caller is on another host.
const REMOTE: usize = 1;
/// The caller's trace is not sampled.
const UNSAMPLED: usize = 2;
/// The program exports it by itself.
const OWN_TRACER: usize = 3;

/// One trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// Of the earliest root; without a root, of the earliest span without a parent in the trace.
    pub entry: Arc<Process>,
    /// How many spans.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// From the first begin to the last end.
    pub duration: Duration,
    /// The last end.
    pub ended: SystemTime,
    /// Of the earliest root.
    pub root_duration: Option<Duration>,
    /// Unknown where there were more spans than are kept.
    pub shape: Option<Shape>,
    /// `None` without a call that says what it used.
    pub billed: Option<Billed>,
    /// The trace's spans by their services.
    pub shares: Vec<Share>,
}

/// The form of a trace's tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Spans on the longest way down.
    pub depth: u64,
    /// Most children of one span.
    pub fan_out: u64,
    /// Changes of service on the way down that has most of them.
    pub service_hops: u64,
    /// Servers, by address, that were called and have no span in the trace.
    pub external_hops: u64,
    /// Parts that no parent joins; 1 is whole.
    pub fragments: u64,
    /// A span without a parent is there.
    pub has_root: bool,
}

/// The spans of one service in a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// One process of the service.
    pub process: Arc<Process>,
    /// How many.
    pub counts: SpanCounts,
}

/// How many spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// All.
    pub spans: u64,
    /// That failed.
    pub errors: u64,
    /// That came after their trace was closed.
    pub late: u64,
    /// That name a parent.
    pub linked: u64,
    /// Whose parent is not there, by [`CAUSES`].
    pub orphans: [u64; CAUSES.len()],
    /// That name a parent, by [`METHODS`].
    pub methods: [u64; METHODS.len()],
    /// Whose parent is there.
    pub joined: u64,
    /// Of these, those that begin before it or end after it.
    pub outside_parent: u64,
}

/// What is known of spans that were not kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uncounted {
    pub(super) spans: u64,
    pub(super) errors: u64,
    /// First begin and last end.
    pub(super) times_ns: Option<(u64, u64)>,
}

/// What is told down the tree.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    depth: u64,
    hops: u64,
}

/// Measures spans that are sorted by [`Node::key`] and each there once. `None` without any.
pub(super) fn measure(nodes: &[Node], uncounted: Uncounted, perimeter: &Perimeter) -> Option<Measures> {
    let tree = Tree::of(nodes);
    let earliest = |at: &usize| nodes.get(*at).map(|node| (node.started_ns, node.key()));
    let roots = tree.tops().filter(|at| nodes.get(*at).is_some_and(|node| node.parent == 0));
    let root = roots.min_by_key(earliest).and_then(|at| nodes.get(at));
    let top = tree.tops().min_by_key(earliest).or_else(|| (0..nodes.len()).min_by_key(earliest));
    let entry = Arc::clone(&root.or_else(|| nodes.get(top?))?.process);
    let times = nodes.iter().map(|node| (node.started_ns, node.ended_ns)).chain(uncounted.times_ns);
    let (first, last) = times.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
    let is_whole = uncounted.spans == 0;
    let mut shares = shares(nodes, &tree, is_whole.then_some(perimeter));
    if !is_whole
        && let Some(share) = shares.iter_mut().find(|share| share.process.service_name == entry.service_name)
    {
        share.counts.spans += uncounted.spans;
        share.counts.errors += uncounted.errors;
    }
    Some(Measures {
        spans: shares.iter().map(|share| share.counts.spans).sum(),
        errors: shares.iter().map(|share| share.counts.errors).sum(),
        duration: Duration::from_nanos(last - first),
        ended: SystemTime::UNIX_EPOCH + Duration::from_nanos(last),
        root_duration: root.map(|root| Duration::from_nanos(root.ended_ns - root.started_ns)),
        shape: is_whole.then(|| shape(nodes, &tree, root.is_some())),
        billed: billing::of(nodes, &tree),
        entry,
        shares,
    })
}

fn shape(nodes: &[Node], tree: &Tree, has_root: bool) -> Shape {
    let crosses = |at: usize| match (nodes.get(at), tree.parent(at).and_then(|parent| nodes.get(parent))) {
        (Some(node), Some(parent)) => u64::from(!node.is_of_service(parent)),
        _ => 0,
    };
    let mut levels = vec![Level::default(); nodes.len()];
    let mut set = |at: usize, level: &dyn Fn(&[Level]) -> Level| {
        let level = level(&levels);
        if let Some(slot) = levels.get_mut(at) {
            *slot = level;
        }
        level
    };
    let mut deepest = Level::default();
    // Round a cycle each span has all others above it, one step less than there are.
    for cycle in tree.cycles() {
        let depth = cycle.len() as u64;
        let hops = cycle.iter().map(|at| crosses(*at)).sum::<u64>().min(depth - 1);
        deepest = deepest.max(Level { depth, hops });
        for at in cycle {
            set(*at, &|_| Level { depth, hops });
        }
    }
    for at in tree.order().iter().copied() {
        let level = set(at, &|levels| match tree.parent(at).and_then(|parent| levels.get(parent)) {
            Some(above) => Level { depth: above.depth + 1, hops: above.hops + crosses(at) },
            None => Level { depth: 1, hops: 0 },
        });
        deepest = deepest.max(level);
    }
    Shape {
        depth: deepest.depth,
        fan_out: tree.fan_out(),
        service_hops: deepest.hops,
        external_hops: external_hops(nodes, tree),
        // What hangs together without cycles has one top.
        fragments: tree.tops().count() as u64 + tree.cycles().len() as u64,
        has_root,
    }
}

impl Level {
    fn max(self, other: Self) -> Self {
        Self { depth: self.depth.max(other.depth), hops: self.hops.max(other.hops) }
    }
}

/// Servers that were called and have no span of the call.
fn external_hops(nodes: &[Node], tree: &Tree) -> u64 {
    let served: HashSet<usize> = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.is_entered())
        .filter_map(|(at, _)| tree.parent(at))
        .collect();
    let clients = nodes.iter().enumerate().filter(|(_, node)| node.kind == Kind::Client && node.far != 0);
    let far: HashSet<u64> =
        clients.filter(|(at, _)| !served.contains(at)).map(|(_, node)| node.far).collect();
    far.len() as u64
}

/// The spans by service; what concerns parents only where all spans are there.
fn shares(nodes: &[Node], tree: &Tree, perimeter: Option<&Perimeter>) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        let place = *places.entry(&node.process.service_name).or_insert_with(|| {
            shares.push(Share { process: Arc::clone(&node.process), counts: SpanCounts::default() });
            shares.len() - 1
        });
        let Some(Share { counts, .. }) = shares.get_mut(place) else { continue };
        counts.spans += 1;
        counts.errors += u64::from(node.failed);
        counts.late += u64::from(node.late);
        let Some(perimeter) = perimeter.filter(|_| node.parent != 0) else { continue };
        counts.linked += 1;
        if let Some(count) = counts.methods.get_mut(node.method) {
            *count += 1;
        }
        match tree.parent(at).and_then(|parent| nodes.get(parent)) {
            Some(parent) => {
                counts.joined += 1;
                let before = parent.started_ns.saturating_sub(node.started_ns) > SKEW_NS;
                let after = node.ended_ns.saturating_sub(parent.ended_ns) > SKEW_NS;
                counts.outside_parent += u64::from(before || after);
            }
            None => {
                if let Some(count) = counts.orphans.get_mut(cause(node, perimeter)) {
                    *count += 1;
                }
            }
        }
    }
    shares
}

/// Why the parent of an orphan is not there. What the agent made a parent itself has no excuse.
fn cause(node: &Node, perimeter: &Perimeter) -> usize {
    match node.is_told() {
        false => UNKNOWN,
        true if !node.sampled => UNSAMPLED,
        true if !node.is_entered() => OWN_TRACER,
        true if !perimeter.has(node.far) => REMOTE,
        true => UNKNOWN,
    }
}
