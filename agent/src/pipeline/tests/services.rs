//! What processes serve that take part in traces, and ask of others than providers.

use super::*;

impl Bench {
    /// With what traced processes serve and ask.
    fn with_services() -> Self {
        let mut bench = Self::new();
        bench.pipeline = bench.pipeline.with_http(true);
        bench
    }

    /// Bytes on a plain socket, of which so many were captured.
    fn moves_plain(&mut self, connection: u64, direction: Direction, bytes: &str, original_bytes: usize) {
        let moved = self.plain.entry(connection).or_default();
        let index = usize::from(direction == Direction::Write);
        self.time_ns += 1_000;
        let (position, requests) = (moved.bytes[index], *moved.requests.get_or_insert(direction));
        moved.bytes[index] += original_bytes as u64;
        let turns = moved.last.replace(direction) != Some(direction);
        self.handle(Event::Chunk(Chunk {
            connection: ConnectionId(connection),
            pid: PID,
            tid: PID,
            direction,
            source: Source::Socket,
            time_ns: self.time_ns,
            position,
            original_bytes: u32::try_from(original_bytes).unwrap(),
            after_answer: turns && direction == requests && !bytes.is_empty(),
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        }));
    }
}

#[test]
fn what_a_process_serves_is_a_span_without_its_bodies() {
    let mut bench = Bench::with_services();
    bench.moves_plain(
        7,
        Direction::Read,
        "POST /task HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
        51 + 9,
    );
    bench.moves_plain(7, Direction::Write, "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", 47 + 20);
    bench.moves_plain(7, Direction::Write, "", 40);
    assert!(bench.spans().is_empty());
    bench.moves_plain(7, Direction::Write, "0\r\n\r\n", 5);
    let spans = bench.spans();
    assert_eq!((spans.len(), spans[0].kind), (1, crate::correlate::span::Kind::Server));
    assert_eq!(attribute(spans[0], "http.response.status_code"), Some(&Value::Int(500)));
    assert_eq!(attribute(spans[0], "url.path"), Some(&Value::String("/task".to_owned())));
    assert_eq!(attribute(spans[0], "spanwire.notes"), None);
    let counters = &bench.pipeline.counters;
    assert_eq!(
        (counters.http_requests.get(), counters.calls.get(), counters.stream_gap_bytes.get()),
        (1, 0, 0)
    );
}

#[test]
fn a_tunnel_that_a_request_leads_to_is_not_cut() {
    let mut bench = Bench::with_services();
    let ask = request("/v1/chat/completions", BODY);
    bench.moves_plain(9, Direction::Write, &ask, ask.len());
    let task = "GET /task HTTP/1.1\r\nHost: a\r\n\r\n";
    bench.moves_plain(13, Direction::Read, task, task.len());
    let connect = "CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n";
    bench.moves_plain(10, Direction::Write, connect, connect.len());
    assert!(!bench.verdicts().iter().any(|verdict| verdict.2 == Verdict::Heads));
}

#[test]
fn what_a_process_that_asks_a_provider_asks_of_others_is_a_span() {
    let mut bench = Bench::with_services();
    let other = "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789";
    bench.moves_plain(8, Direction::Write, other, other.len());
    assert_eq!(bench.verdicts()[0].2, Verdict::SkipExchange, "nothing is known of it yet");
    let ask = request("/v1/chat/completions", BODY);
    bench.moves_plain(9, Direction::Write, &ask, ask.len());
    let traced = |effect: &&Effect| matches!(effect, Effect::Traced { pid: PID });
    assert_eq!(bench.effects.iter().filter(traced).count(), 1);
    bench.moves_plain(12, Direction::Write, other, other.len());
    assert_eq!(bench.verdicts().last().unwrap().2, Verdict::SkipExchange, "it serves nobody");
    // Who it asked that for was not seen, and is served no more.
    bench.moves_plain(9, Direction::Read, &response(ANSWER), response(ANSWER).len());
    bench.effects.clear();
    let task = "GET /task HTTP/1.1\r\nHost: a\r\n\r\n";
    bench.moves_plain(13, Direction::Read, task, task.len());
    bench.moves_plain(10, Direction::Write, other, other.len());
    assert_eq!(bench.verdicts().last().unwrap().2, Verdict::Heads);
    bench.moves_plain(10, Direction::Read, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 38);
    bench.moves_plain(10, Direction::Read, "", 9);
    assert!(bench.spans().is_empty(), "it waits for what it is a part of");
    bench.moves_plain(13, Direction::Write, &response(""), response("").len());
    let spans = bench.spans();
    assert_eq!((spans.len(), spans[0].kind), (2, crate::correlate::span::Kind::Client));
    assert_eq!((spans[0].parent, spans[1].parent), (Some(spans[1].span_id), None));
    assert_eq!(attribute(spans[0], "url.path"), Some(&Value::String("/orders".to_owned())));
    assert_eq!(attribute(spans[0], "spanwire.notes"), None);
    // The next request on the same connection may be to a provider.
    bench.moves_plain(10, Direction::Write, &ask, ask.len());
    bench.moves_plain(10, Direction::Read, &response(ANSWER), response(ANSWER).len());
    assert_eq!(bench.spans()[2].name, "chat gpt-4o");
    let export = "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    bench.moves_plain(11, Direction::Write, export, export.len());
    bench.moves_plain(11, Direction::Read, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38);
    assert!(
        bench.verdicts().iter().all(|(id, ..)| *id != ConnectionId(11)) && bench.spans().len() == 3,
        "spans of spans"
    );
}

const CLIENT: u32 = PID + 1;

impl Bench {
    /// A socket of a process; its other end is the one with the numbers the other way round.
    fn opens(&mut self, connection: u64, pid: u32, ends: Ends, identities: Identities) {
        let (connection, command) = (ConnectionId(connection), "python".to_owned());
        let ends = Some(ends);
        self.handle(Event::Opened { connection, pid, command, program: 0, ends, identities, time_ns: 0 });
    }

    /// Bytes of an exchange without bodies, as another process than the usual one moved them.
    fn moves_of(&mut self, connection: u64, pid: u32, direction: Direction, bytes: &str) {
        self.time_ns += 1_000;
        let moved = self.plain.entry(connection).or_default();
        let position = moved.bytes[usize::from(direction == Direction::Write)];
        moved.bytes[usize::from(direction == Direction::Write)] += bytes.len() as u64;
        let turns = moved.last.replace(direction) != Some(direction);
        let requests = *moved.requests.get_or_insert(direction);
        self.handle(Event::Chunk(Chunk {
            connection: ConnectionId(connection),
            pid,
            tid: pid,
            direction,
            source: Source::Socket,
            time_ns: self.time_ns,
            position,
            original_bytes: u32::try_from(bytes.len()).unwrap(),
            after_answer: turns && direction == requests,
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        }));
    }

    /// The client asks on one connection, and the server reads it on another, and answers.
    fn asks(&mut self, client: u64, server: u64) {
        let (task, answer) = ("GET /task HTTP/1.1\r\nHost: a\r\n\r\n", response(""));
        self.moves_of(client, CLIENT, Direction::Write, task);
        self.moves_of(server, PID, Direction::Read, task);
        self.moves_of(server, PID, Direction::Write, &answer);
        self.moves_of(client, CLIENT, Direction::Read, &answer);
    }

    /// Of a served request: whether its span is the child of a client's.
    fn is_joined(&self) -> bool {
        let spans = self.spans();
        let kind = |kind| spans.iter().rfind(|span| span.kind == kind);
        let server = kind(crate::correlate::span::Kind::Server).unwrap();
        let parent = kind(crate::correlate::span::Kind::Client).map(|client| client.span_id);
        let method = attribute(server, "spanwire.link.method");
        let is_said = method == Some(&Value::String("connection".to_owned()));
        assert_eq!(server.parent.is_some(), is_said, "{server:#?}");
        is_said && server.parent == parent
    }
}

fn tcp(client: u32) -> Option<Identity> {
    Some(Identity::Tcp { client, server: 500 })
}

fn unix(client: u64) -> Option<Identity> {
    Some(Identity::Unix { client })
}

fn internet(local: &str, peer: &str) -> Ends {
    Ends::Internet { local: local.parse().unwrap(), peer: peer.parse().unwrap() }
}

#[test]
fn the_ends_of_a_connection_are_joined_whatever_their_addresses() {
    let (a, b) = ("192.0.2.1:40000", "192.0.2.2:80");
    let unix_ends = (Ends::Unix { local: None, peer: Some(5) }, Ends::Unix { local: Some(5), peer: None });
    for (name, (client, server), (of_client, of_server), joined) in [
        ("one address for both", (internet(a, b), internet(b, a)), (tcp(7), tcp(7)), true),
        ("translated", (internet(a, "10.96.0.1:443"), internet(b, "10.0.0.1:9")), (tcp(7), tcp(7)), true),
        ("the same in another namespace", (internet(a, b), internet(b, a)), (tcp(7), tcp(8)), false),
        ("not known", (internet(a, b), internet(b, a)), (None, None), false),
        ("a Unix socket", unix_ends, (unix(7), unix(7)), true),
        ("another's Unix socket", unix_ends, (unix(7), unix(8)), false),
        ("a Unix socket of which nothing is known", unix_ends, (unix(7), None), false),
    ] {
        let mut bench = Bench::with_services();
        let ask = request("/v1/chat/completions", BODY);
        for (connection, pid) in [(90, PID), (91, CLIENT)] {
            bench.moves_of(connection, pid, Direction::Write, &ask);
        }
        bench.opens(1, CLIENT, client, Identities { as_client: of_client, as_server: None });
        bench.opens(2, PID, server, Identities { as_client: None, as_server: of_server });
        // It is known by the first request where the client's connections lead.
        bench.asks(1, 2);
        bench.asks(1, 2);
        assert_eq!(bench.is_joined(), joined, "{name}");
    }
}

#[test]
fn of_connections_with_the_same_addresses_one_may_end() {
    let ends = (internet("127.0.0.1:40000", "127.0.0.1:80"), internet("127.0.0.1:80", "127.0.0.1:40000"));
    let mut bench = Bench::with_services();
    let ask = request("/v1/chat/completions", BODY);
    for (connection, pid) in [(90, PID), (91, CLIENT)] {
        bench.moves_of(connection, pid, Direction::Write, &ask);
    }
    for (client, server, number) in [(1, 2, 7), (3, 4, 8)] {
        bench.opens(client, CLIENT, ends.0, Identities { as_client: tcp(number), as_server: None });
        bench.opens(server, PID, ends.1, Identities { as_client: None, as_server: tcp(number) });
    }
    bench.asks(1, 2);
    bench.asks(3, 4);
    assert!(bench.is_joined());
    bench.end(ConnectionId(3), End::Closed);
    bench.asks(1, 2);
    assert!(bench.is_joined(), "the other one's end is not this one's");
    bench.moves_of(4, PID, Direction::Read, "GET /task HTTP/1.1\r\nHost: a\r\n\r\n");
    bench.moves_of(4, PID, Direction::Write, &response(""));
    assert!(!bench.is_joined(), "and it is joined with nothing else");
    // The kernel side has forgotten a socket and met it again.
    for (connection, pid, ends, number) in [(5, CLIENT, ends.0, 7), (6, PID, ends.1, 9)] {
        bench.opens(connection, pid, ends, Identities { as_client: tcp(number), as_server: None });
    }
    bench.end(ConnectionId(1), End::Closed);
    bench.asks(5, 2);
    assert!(bench.is_joined());
}

/// An answer wakes the client, whose next request another thread may have read before it shows that there was an answer.
#[test]
fn a_request_that_shows_before_the_answer_to_the_one_ahead_is_its_own() {
    let mut bench = Bench::with_services();
    let ask = request("/v1/chat/completions", BODY);
    bench.moves_plain(6, Direction::Write, &ask, ask.len());
    let head = |path: &str| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    for path in ["/a", "/b"] {
        bench.moves_plain(7, Direction::Read, &head(path), head(path).len() + 9);
    }
    for _ in 0..2 {
        bench.moves_plain(7, Direction::Write, answer, answer.len() + 4);
    }
    let spans = bench.spans();
    let paths: Vec<_> = spans.iter().filter_map(|span| attribute(span, "url.path")).collect();
    assert_eq!(paths, [&Value::from("/a"), &Value::from("/b")]);
    assert!(spans.iter().all(|span| attribute(span, "spanwire.notes").is_none()), "{spans:#?}");
}

fn decided(bench: &Bench, connection: u64) -> Vec<Verdict> {
    let verdicts = bench.verdicts();
    verdicts.iter().filter(|(id, ..)| *id == ConnectionId(connection)).map(|(.., verdict)| *verdict).collect()
}

#[test]
fn a_call_of_a_model_that_a_process_serves_is_read_whole() {
    let mut bench = Bench::with_services();
    let ask = request("/v1/chat/completions", BODY);
    let tokens = Some(&Value::Int(7));
    for round in 0..2 {
        bench.moves_plain(7, Direction::Read, &ask, ask.len());
        bench.moves_plain(7, Direction::Write, &response(ANSWER), response(ANSWER).len());
        let spans = bench.spans();
        let span = spans.last().unwrap();
        assert_eq!((spans.len(), span.kind), (round + 1, crate::correlate::span::Kind::Server));
        assert_eq!(span.name, "chat gpt-4o");
        assert_eq!(attribute(span, "gen_ai.usage.input_tokens"), tokens, "{span:#?}");
        assert_eq!(attribute(span, "url.path"), Some(&"/v1/chat/completions".into()));
        assert_eq!(attribute(span, "gen_ai.cost.total"), None);
        assert_eq!(attribute(span, "fi.span.kind"), Some(&"CHAIN".into()));
        assert_eq!(attribute(span, "spanwire.notes"), None);
    }
    let counters = &bench.pipeline.counters;
    let counts = (counters.served_calls.get(), counters.calls.get(), counters.served_calls_unread.get());
    assert_eq!(counts, (2, 0, 0));
    assert!(decided(&bench, 7).is_empty());
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::ReadWhole { .. })), "a usual path");
}

#[test]
fn of_a_path_that_is_not_usual_the_first_call_is_a_request_and_no_more() {
    let mut bench = Bench::with_services();
    let path = "/team/a/v1/chat/completions";
    let ask = request(path, BODY);
    let head = ask.len() - BODY.len();
    // As the kernel side sends it: heads, and how much came behind them.
    bench.moves_plain(7, Direction::Read, &ask[..head], ask.len());
    let answer = response(ANSWER);
    bench.moves_plain(7, Direction::Write, &answer[..answer.len() - ANSWER.len()], answer.len());
    let named = |bench: &Bench| {
        bench.effects.iter().filter(|effect| matches!(effect, Effect::ReadWhole { .. })).count()
    };
    assert_eq!((bench.spans().len(), &*bench.spans()[0].name, named(&bench)), (1, "POST", 1));
    assert_eq!(attribute(bench.spans()[0], "spanwire.notes"), None);
    bench.moves_plain(7, Direction::Read, &ask, ask.len());
    bench.moves_plain(7, Direction::Write, &answer, answer.len());
    assert_eq!((&*bench.spans()[1].name, named(&bench)), ("chat gpt-4o", 1));
    let counters = &bench.pipeline.counters;
    let counts =
        (counters.served_calls.get(), counters.served_calls_unread.get(), counters.stream_gap_bytes.get());
    assert_eq!(counts, (1, 1, 0));
}

#[test]
fn an_apps_own_request_to_such_a_path_is_no_call() {
    let mut bench = Bench::with_services();
    let ask = request("/v1/responses", r#"{"survey":3,"answers":[1,2]}"#);
    bench.moves_plain(7, Direction::Read, &ask, ask.len());
    bench.moves_plain(7, Direction::Write, &response("{}"), response("{}").len());
    // What lacks the vendor's header is known by its head.
    let ask = request("/v1/messages", r#"{"text":"hello"}"#);
    bench.moves_plain(8, Direction::Read, &ask, ask.len());
    bench.moves_plain(8, Direction::Write, &response("{}"), response("{}").len());
    // A path that apps of any kind have.
    for (connection, body) in [(9, r#"{"room":1,"text":"hello"}"#), (10, BODY)] {
        let ask = request("/api/chat", body);
        bench.moves_plain(connection, Direction::Read, &ask, ask.len());
        bench.moves_plain(connection, Direction::Write, &response("{}"), response("{}").len());
    }
    let names: Vec<_> = bench.spans().iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["POST", "POST", "POST", "chat gpt-4o"]);
    let heads = vec![Verdict::Heads];
    let all = [7, 8, 9, 10].map(|connection| decided(&bench, connection));
    assert_eq!(all, [vec![], heads.clone(), heads, vec![]]);
    let is_judged = |effect: &Effect| matches!(effect, Effect::Judged { of_interest: true, .. });
    assert!(!bench.effects.iter().any(is_judged), "who serves asks nobody");
}

#[test]
fn what_a_caller_did_wrong_is_no_error_of_the_server() {
    for (status, error_type) in
        [(200, None), (404, None), (429, None), (500, Some("500")), (503, Some("503"))]
    {
        let mut bench = Bench::with_services();
        let ask = request("/v1/chat/completions", BODY);
        let error = r#"{"error":{"message":"m","code":"odd","type":"t"}}"#;
        let body = if status == 200 { ANSWER } else { error };
        let answer = response(body).replacen("200", &status.to_string(), 1);
        bench.moves_plain(7, Direction::Read, &ask, ask.len());
        bench.moves_plain(7, Direction::Write, &answer, answer.len());
        let spans = bench.spans();
        let told = attribute(spans[0], "error.type").is_some();
        assert_eq!(told, error_type.is_some(), "{status}: {:#?}", spans[0]);
        let failed = spans[0].status == crate::correlate::span::Status::Error;
        assert_eq!(failed, error_type.is_some(), "{status}");
    }
}
