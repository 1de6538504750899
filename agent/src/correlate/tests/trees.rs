//! What caused what, across processes, without a header and with some.

mod clocks;
mod habits;
mod sums;

use super::*;
use crate::correlate::span::SpanId;
use crate::correlate::tree::Method;

mod none;

/// A host whose processes serve and ask; each step takes a microsecond.
struct Host {
    correlator: Correlator,
    spans: Vec<Span>,
    now_ns: u64,
    begun: HashMap<ExchangeKey, (Exchange, Arc<Process>)>,
    /// What its processes run in.
    runtime: Option<&'static str>,
}

const fn key(connection: u64) -> ExchangeKey {
    nth(connection, 0)
}

const fn nth(connection: u64, ordinal: u64) -> ExchangeKey {
    ExchangeKey { connection: ConnectionId(connection), ordinal }
}

/// Tells the span of an exchange.
fn path(key: ExchangeKey) -> String {
    format!("/{}/{}", key.connection.0, key.ordinal)
}

impl Host {
    fn new() -> Self {
        let correlator = correlator().with_trees(true);
        Self { correlator, spans: Vec::new(), now_ns: 1_000_000_000, begun: HashMap::new(), runtime: None }
    }

    /// A process, by a thread of its own number, begins an exchange; its peer is at this connection, if that is known.
    fn began(
        &mut self,
        key: ExchangeKey,
        role: Role,
        (pid, tid): (u32, u32),
        peer: Option<u64>,
        header: &str,
    ) {
        self.now_ns += 1_000;
        let mut exchange = exchange(200, Outcome::Complete);
        let headers =
            if header.is_empty() { Headers::default() } else { Headers::of(&[("traceparent", header)]) };
        let head = RequestHead { path: path(key), headers, ..(*exchange.request).clone() };
        (exchange.role, exchange.request, exchange.started_ns) = (role, head.into(), self.now_ns);
        let mut process = (*process(pid, Some(false))).clone();
        let runtime = self.runtime.map(|name| ("process.runtime.name".to_owned(), name.into()));
        process.attributes.extend(runtime);
        let process = Arc::new(process);
        let begun = Beginning {
            role,
            process: Arc::clone(&process),
            tid,
            time_ns: self.now_ns,
            request: &exchange.request,
            peer: peer.map(ConnectionId),
        };
        self.correlator.began(key, begun);
        self.begun.insert(key, (exchange, process));
    }

    fn serves(&mut self, connection: u64, pid: u32, tid: u32, peer: Option<u64>) {
        self.began(key(connection), Role::Server, (pid, tid), peer, "");
    }

    fn asks(&mut self, connection: u64, pid: u32, tid: u32) {
        self.began(key(connection), Role::Client, (pid, tid), None, "");
    }

    fn ends(&mut self, connection: u64, tid: u32) {
        self.nth_ends(key(connection), tid);
    }

    fn nth_ends(&mut self, key: ExchangeKey, tid: u32) {
        self.now_ns += 1_000;
        let (mut exchange, process) = self.begun.remove(&key).unwrap();
        exchange.ended_ns = self.now_ns;
        self.correlator.answered(key, tid);
        let clock = Clock::new(0, CLOCK_ZERO);
        let subject = Subject::Http { route: None };
        let call = if exchange.role == Role::Server { Call::new(subject, "") } else { call() };
        let facts = ConnectionFacts::default();
        self.correlator.call(key, &call, &exchange, process, facts, (&clock, self.now_ns));
        self.correlator.ended(key, (self.now_ns, self.now_ns), None, &mut self.spans);
    }

    /// The span of an exchange.
    fn span(&self, connection: u64) -> &Span {
        self.nth_span(key(connection))
    }

    fn nth_span(&self, key: ExchangeKey) -> &Span {
        let path = Value::String(path(key));
        let is_meant =
            |span: &&Span| span.attributes.iter().any(|(name, value)| name == "url.path" && *value == path);
        self.spans.iter().find(is_meant).unwrap_or_else(|| panic!("no span of {key:?}: {:#?}", self.spans))
    }

    /// Whose child a span is, and how that is known.
    fn parent(&self, connection: u64) -> (Option<SpanId>, Option<String>) {
        let span = self.span(connection);
        let method = span.attributes.iter().find(|(name, _)| name == "spanwire.link.method");
        (span.parent, method.and_then(|(_, value)| value.as_str()).map(ToOwned::to_owned))
    }

    fn assert_child(&self, child: u64, parent: u64, method: Method) {
        let above = self.span(parent);
        assert_eq!(self.parent(child), (Some(above.span_id), Some(method.name().to_owned())), "{child}");
        assert_eq!(self.span(child).trace_id, above.trace_id, "{child}");
    }
}

#[test]
fn two_ends_of_an_exchange_are_parent_and_child() {
    // Whichever end is seen first, and where the other one becomes known late.
    for order in 0..3 {
        let mut host = Host::new();
        host.serves(1, 7, 71, None);
        let served = |host: &mut Host| host.serves(3, 8, 81, (order < 2).then_some(2));
        if order == 1 {
            served(&mut host);
            host.asks(2, 7, 71);
        } else {
            host.asks(2, 7, 71);
            served(&mut host);
        }
        host.asks(4, 8, 81);
        host.ends(4, 81);
        host.now_ns += 1_000;
        let (exchange, process) = host.begun.remove(&key(3)).unwrap();
        let clock = Clock::new(0, CLOCK_ZERO);
        let call = Call::new(Subject::Http { route: None }, "");
        host.correlator.answered(key(3), 81);
        host.correlator.call(
            key(3),
            &call,
            &exchange,
            process,
            ConnectionFacts::default(),
            (&clock, host.now_ns),
        );
        host.correlator.ended(key(3), (host.now_ns, host.now_ns), Some(ConnectionId(2)), &mut host.spans);
        host.ends(2, 71);
        host.ends(1, 71);
        assert_eq!(host.spans.len(), 4, "{order}");
        host.assert_child(2, 1, Method::Thread);
        host.assert_child(3, 2, Method::Connection);
        host.assert_child(4, 3, Method::Thread);
    }
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn header(span: &str) -> String {
    format!("00-{TRACE}-{span}-01")
}

fn id(span: &str) -> SpanId {
    SpanId(u64::from_str_radix(span, 16).unwrap().to_be_bytes())
}

#[test]
fn a_tracer_that_only_hands_ids_on_is_a_part_of_the_tree() {
    let (outer, inner) = ("00f067aa0ba902b7", "00f067aa0ba902b8");
    let mut host = Host::new();
    host.began(key(1), Role::Server, (7, 71), None, &header(outer));
    host.began(key(2), Role::Client, (7, 71), None, &header(inner));
    host.began(key(3), Role::Server, (8, 81), Some(2), &header(inner));
    for (connection, tid) in [(3, 81), (2, 71), (1, 71)] {
        host.ends(connection, tid);
    }
    assert_eq!(host.parent(1), (Some(id(outer)), Some("header".to_owned())));
    assert_eq!(host.span(2).span_id, id(inner), "nobody else exports it");
    host.assert_child(2, 1, Method::Header);
    host.assert_child(3, 2, Method::Header);
}

#[test]
fn a_header_that_is_passed_on_unchanged_is_nobodys_span() {
    let outer = "00f067aa0ba902b7";
    let mut host = Host::new();
    host.began(key(1), Role::Server, (7, 71), None, &header(outer));
    host.began(key(2), Role::Client, (7, 71), None, &header(outer));
    host.began(key(3), Role::Server, (8, 81), Some(2), &header(outer));
    for (connection, tid) in [(3, 81), (2, 71), (1, 71)] {
        host.ends(connection, tid);
    }
    assert_ne!(host.span(2).span_id, id(outer));
    host.assert_child(2, 1, Method::Header);
    host.assert_child(3, 2, Method::Connection);
}

#[test]
fn a_trace_id_tells_what_a_thread_that_serves_several_asks_for() {
    let traces = [
        "00-000000000000000000000000000000aa-00000000000000a1-01",
        "00-000000000000000000000000000000bb-00000000000000b1-01",
    ];
    let mut host = Host::new();
    for (connection, header) in [(1, traces[0]), (2, traces[1])] {
        host.began(key(connection), Role::Server, (7, 71), None, header);
    }
    // One hands on what it was given, the other a span that nobody exports.
    host.began(key(3), Role::Client, (7, 71), None, traces[1]);
    host.began(key(4), Role::Client, (7, 71), None, &traces[0].replace("a1", "a2"));
    for connection in [3, 4, 1, 2] {
        host.ends(connection, 71);
    }
    host.assert_child(3, 2, Method::Header);
    host.assert_child(4, 1, Method::Header);
    assert_eq!((host.span(4).span_id, host.parent(1).0), (id("a2"), Some(id("a1"))));
    assert_ne!(host.span(3).span_id, id("b1"));
}

#[test]
fn the_first_header_of_a_trace_says_whether_all_of_it_is_sampled() {
    for (flags, expected) in [("00", Some(0)), ("01", Some(1)), ("03", Some(3)), ("", None)] {
        let header = if flags.is_empty() { String::new() } else { header("00f067aa0ba902b7") };
        let header = header.strip_suffix("01").map(|begin| format!("{begin}{flags}")).unwrap_or_default();
        let mut host = Host::new();
        host.began(key(1), Role::Server, (7, 71), None, &header);
        host.asks(2, 7, 71);
        host.ends(2, 71);
        host.ends(1, 71);
        host.assert_child(2, 1, Method::Thread);
        for connection in [1, 2] {
            let span = host.span(connection);
            let expected = (expected.unwrap_or(3), expected.is_some());
            assert_eq!((span.flags, span.flags_are_told), expected, "{flags} {connection}");
        }
    }
}

#[test]
fn a_trace_that_begins_within_a_request_is_the_requests() {
    let mut host = Host::new();
    host.serves(1, 7, 71, None);
    host.asks(2, 7, 71);
    host.began(key(3), Role::Client, (7, 71), None, &header("00f067aa0ba902b7"));
    for connection in [2, 3, 1] {
        host.ends(connection, 71);
    }
    for child in [2, 3] {
        host.assert_child(child, 1, Method::Thread);
    }
    assert_eq!(host.span(1).trace_id, host.span(3).trace_id);
    assert_eq!(host.span(3).span_id, id("00f067aa0ba902b7"));
}

#[test]
fn what_a_program_asks_for_hangs_under_its_run() {
    let mut host = Host::new();
    for connection in [1, 2] {
        host.asks(connection, 7, 71);
        host.ends(connection, 71);
    }
    assert_eq!(host.spans.len(), 2, "they do not wait");
    host.correlator.process_ended(7, host.now_ns, &mut host.spans);
    let root = host.spans.last().unwrap();
    assert_eq!((&*root.name, root.parent, root.kind), ("shop", None, Kind::Internal));
    assert_eq!((root.started, root.ended), (host.span(1).started, host.span(2).ended));
    assert_eq!(map(root).get("spanwire.total.calls"), Some(&Value::Int(2)));
    for connection in [1, 2] {
        assert_eq!(host.parent(connection), (Some(root.span_id), Some("program".to_owned())));
        assert_eq!(host.span(connection).trace_id, root.trace_id);
    }
    // Not what has a trace of its own.
    host.began(key(3), Role::Client, (8, 81), None, &header("00f067aa0ba902b7"));
    host.ends(3, 81);
    host.correlator.finish(host.now_ns, &mut host.spans);
    assert_eq!((host.spans.len(), host.parent(3)), (4, (None, None)));
}

/// Behind a tunnel through a proxy exchanges of a connection are counted anew.
#[test]
fn a_key_that_is_used_again_is_another_exchanges() {
    let mut host = Host::new();
    host.asks(1, 7, 71);
    host.correlator.left(key(1));
    host.asks(1, 7, 71);
    host.correlator.tick(host.now_ns, &mut host.spans);
    host.ends(1, 71);
    assert_eq!(host.parent(1).1.as_deref(), Some("program"));
}

#[test]
fn a_run_ends_when_nothing_comes_and_no_span_waits_for_ever() {
    const MINUTE_NS: u64 = 60_000_000_000;
    let mut host = Host::new();
    host.asks(1, 7, 71);
    host.ends(1, 71);
    host.serves(2, 8, 81, None);
    host.asks(3, 8, 81);
    host.ends(3, 81);
    assert_eq!(host.spans.len(), 1);
    host.correlator.tick(host.now_ns + MINUTE_NS / 2, &mut host.spans);
    assert_eq!((host.spans.len(), host.correlator.let_go()), (2, 1), "its request does not end");
    host.correlator.tick(host.now_ns + MINUTE_NS + 1, &mut host.spans);
    assert_eq!(host.spans.len(), 3, "the run");
    host.ends(2, 81);
    host.assert_child(3, 2, Method::Thread);
}

#[test]
fn what_hangs_on_a_request_that_never_ends_is_forgotten() {
    let mut host = Host::new();
    host.serves(1, 7, 71, None);
    for round in 0..4 {
        for connection in 0..20_000 {
            let connection = 10 + round * 20_000 + connection;
            host.asks(connection, 7, 71);
            host.ends(connection, 71);
        }
        host.now_ns += 31_000_000_000;
        host.correlator.tick(host.now_ns, &mut host.spans);
    }
    assert_eq!((host.correlator.untracked(), host.spans.len()), (0, 80_000));
    // What has no span is of no use at all.
    for connection in 100_000..200_000 {
        host.asks(connection, 7, 71);
        host.correlator.ended(key(connection), (host.now_ns, host.now_ns), None, &mut host.spans);
    }
    assert_eq!(host.correlator.untracked(), 0);
    host.ends(1, 71);
    host.assert_child(80_009, 1, Method::Thread);
}

#[test]
fn memory_is_bounded_whatever_processes_do() {
    let mut host = Host::new();
    for connection in 0..70_000 {
        host.serves(connection, u32::try_from(connection % 20_000).unwrap(), 1, Some(connection + 1));
    }
    assert!(host.correlator.untracked() > 0);
    for connection in 0..70_000 {
        host.correlator.left(key(connection));
    }
    host.correlator.tick(host.now_ns, &mut host.spans);
    host.serves(70_001, 7, 1, None);
    host.ends(70_001, 1);
    assert_eq!(host.parent(70_001), (None, None));
}
