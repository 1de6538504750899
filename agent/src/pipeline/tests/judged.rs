//! What exchanges tell of the process that makes them.

use super::*;

#[test]
fn exchanges_over_tls_tell_whether_their_process_is_of_interest() {
    for (path, body, of_interest) in
        [("/v1/chat/completions", "{}", true), ("/metrics", "{}", false), ("/api/assistant", BODY, true)]
    {
        let mut bench = Bench::new();
        bench.moves(Direction::Write, &request(path, body));
        let judged: Vec<_> = bench
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Judged { pid: PID, of_interest } => Some(*of_interest),
                _ => None,
            })
            .collect();
        assert_eq!(judged, [of_interest]);
    }
    let mut bench = Bench::new();
    bench.moves(Direction::Write, "PRI ");
    bench.end(SESSION, End::Foreign);
    assert!(matches!(bench.effects.last(), Some(Effect::Judged { pid: PID, of_interest: false })));
    assert!(bench.pipeline.table.is_empty());
}

#[test]
fn that_a_process_asks_a_provider_is_told_once_in_a_while_and_anew_of_its_next_program() {
    let mut bench = Bench::new();
    bench.open();
    let exchanges = |bench: &mut Bench, path: &str| {
        let before = bench.effects.len();
        let body = if path == "/health" { "{}" } else { BODY };
        for _ in 0..3 {
            bench.moves(Direction::Write, &request(path, body));
            bench.moves(Direction::Read, &response(ANSWER));
        }
        let judged = |effect: &Effect| match effect {
            Effect::Judged { pid: PID, of_interest } => Some(*of_interest),
            _ => None,
        };
        bench.effects[before..].iter().filter_map(judged).collect::<Vec<_>>()
    };
    assert_eq!(exchanges(&mut bench, "/health"), [false; 3], "each counts");
    assert_eq!(exchanges(&mut bench, "/v1/chat/completions"), [true]);
    assert_eq!(exchanges(&mut bench, "/v1/chat/completions"), [false; 0]);
    assert_eq!(exchanges(&mut bench, "/health"), [false; 0], "it keeps its probes");
    bench.pipeline.refresh(0, &mut |_| {});
    assert_eq!(exchanges(&mut bench, "/v1/chat/completions"), [true]);
    bench.handle(Event::Exec { pid: PID, program: 2, time_ns: 0 });
    bench.moved = [0; 2];
    assert_eq!(exchanges(&mut bench, "/v1/chat/completions"), [true]);
    bench.handle(Event::Exit { pid: PID, time_ns: 0 });
    bench.moved = [0; 2];
    assert_eq!(exchanges(&mut bench, "/health"), [false; 3]);
}
