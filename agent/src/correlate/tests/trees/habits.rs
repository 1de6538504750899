//! When threads prove a cause, and when that only one request is served.

use super::*;

const PID: u32 = 7;

/// What happens in a process, by its threads. Connections have numbers of their own.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// (connection, thread) A request is received.
    Serve(u64, u32),
    /// Something is asked for.
    Ask(u64, u32),
    /// What was asked for is over, or what is served: (connection, the thread that receives the answer, or gives it).
    End(u64, u32),
}

use Step::{Ask, End, Serve};

impl Host {
    fn steps(&mut self, steps: &[Step]) {
        for step in steps.iter().copied() {
            match step {
                Serve(connection, tid) => self.serves(connection, PID, tid, None),
                Ask(connection, tid) => self.asks(connection, PID, tid),
                End(connection, tid) => self.ends(connection, tid),
            }
        }
    }

    /// Two threads serve a request each at the same time, so often.
    fn serve_beside(&mut self, times: u64) {
        for time in 0..times {
            let at = |place| 1000 + 4 * time + place;
            self.steps(&[
                Serve(at(0), 71),
                Serve(at(1), 72),
                Ask(at(2), 71),
                Ask(at(3), 72),
                End(at(2), 71),
                End(at(3), 72),
                End(at(0), 71),
                End(at(1), 72),
            ]);
        }
    }

    fn assert_open(&self, connection: u64) {
        assert_eq!(self.parent(connection), (None, None), "{connection}");
    }
}

#[test]
fn a_thread_asks_for_what_it_serves_once_threads_are_known_to_serve_one_at_a_time() {
    let mut host = Host::new();
    host.serve_beside(4);
    host.assert_open(1002);
    // Two at a time, in two threads of one process.
    host.spans.clear();
    host.steps(&[Serve(1, 71), Serve(2, 72), Ask(3, 72), Ask(4, 71), End(3, 72), End(4, 71)]);
    assert!(host.spans.is_empty(), "they wait for what they hang on");
    host.steps(&[End(2, 72), End(1, 71)]);
    host.assert_child(3, 2, Method::Thread);
    host.assert_child(4, 1, Method::Thread);
    assert_ne!(host.span(1).trace_id, host.span(2).trace_id);
    host.assert_open(1);
}

#[test]
fn threads_that_share_prove_nothing() {
    for (name, first, last) in [
        ("one has two", [Serve(1, 71), Serve(2, 71)], [End(3, 71), End(1, 71), End(2, 71)]),
        ("another answers", [Serve(1, 71), Serve(2, 72)], [End(3, 71), End(1, 73), End(2, 72)]),
        ("another hears", [Serve(1, 71), Serve(2, 72)], [End(3, 73), End(1, 71), End(2, 72)]),
    ] {
        let mut host = Host::new();
        host.serve_beside(4);
        host.steps(&first);
        host.steps(&[Ask(3, 71)]);
        host.steps(&last);
        assert_eq!(host.parent(3), (None, None), "{name}");
        let links: HashSet<_> = host.span(3).links.iter().map(|link| link.span_id).collect();
        assert_eq!(links, [1, 2].map(|served| host.span(served).span_id).into(), "{name}");
        assert!([1, 2].iter().all(|served| host.span(*served).trace_id != host.span(3).trace_id));
        // One alone is the cause still.
        host.steps(&[Serve(4, 71), Ask(5, 71), End(5, 71), End(4, 71)]);
        host.assert_child(5, 4, Method::Only);
    }
}

/// One thread receives for all, and does nothing else: the others are as good as without it.
#[test]
fn a_thread_that_receives_for_others_says_nothing_of_those() {
    let mut host = Host::new();
    host.serve_beside(4);
    host.steps(&[Serve(1, 70), Serve(2, 70), Serve(3, 71), Ask(4, 72), Ask(5, 71)]);
    host.steps(&[End(4, 72), End(5, 71), End(1, 72), End(2, 73), End(3, 71)]);
    host.assert_child(5, 3, Method::Thread);
    host.assert_open(4);
    // Alone, what was handed over is the cause of what another thread asks for, once it shows that this is how it goes.
    for at in [10, 20, 30, 40] {
        host.steps(&[Serve(at, 70), Ask(at + 1, 72), End(at + 1, 72), End(at, 72)]);
        host.assert_open(at + 1);
    }
    host.steps(&[Serve(6, 70), Ask(7, 72), End(7, 72), End(6, 72)]);
    host.assert_child(7, 6, Method::Only);
}

#[test]
fn runtimes_that_move_tasks_have_no_threads_to_believe() {
    for (runtime, method) in [("go", Method::Only), ("nodejs", Method::Only), ("cpython", Method::Thread)] {
        let mut host = Host::new();
        host.runtime = Some(runtime);
        host.serve_beside(4);
        host.steps(&[Serve(1, 71), Ask(3, 71), End(3, 71), End(1, 71)]);
        host.assert_child(3, 1, method);
        host.steps(&[Serve(4, 71), Serve(5, 72), Ask(6, 71), End(6, 71), End(4, 71), End(5, 72)]);
        match method {
            Method::Thread => host.assert_child(6, 4, method),
            _ => host.assert_open(6),
        }
    }
}

#[test]
fn what_began_before_a_process_was_followed_is_not_the_first_requests() {
    let mut host = Host::new();
    // For a request that nobody saw.
    host.steps(&[Ask(1, 71), Serve(2, 72), Ask(3, 73), End(1, 71), End(3, 73), End(2, 72)]);
    host.assert_open(3);
    host.steps(&[Serve(4, 72), Ask(5, 72), End(5, 72), End(4, 72)]);
    host.assert_child(5, 4, Method::Thread);
}

#[test]
fn what_is_done_after_the_answer_is_not_the_next_requests() {
    // By the thread that gave it, while another one serves.
    let mut host = Host::new();
    host.serve_beside(4);
    host.steps(&[Serve(1, 71), End(1, 71), Serve(2, 72), Ask(3, 71), End(3, 71), End(2, 72)]);
    host.assert_open(3);
    // And while one waits that came on the same connection.
    let next = ExchangeKey { ordinal: 1, ..key(4) };
    host.serves(4, PID, 71, None);
    host.began(next, Role::Server, (PID, 71), None, "");
    host.steps(&[End(4, 71), Ask(5, 71), End(5, 71)]);
    host.correlator.finish(host.now_ns, &mut host.spans);
    host.assert_open(5);
    // By a thread of a pool: it outlives what is served meanwhile.
    let mut host = Host::new();
    host.steps(&[Serve(1, 71), Ask(2, 75), End(1, 71), End(2, 75)]);
    host.correlator.finish(host.now_ns, &mut host.spans);
    host.assert_open(2);
}

#[test]
fn a_process_with_work_of_its_own_is_believed_again_when_all_is_in_order() {
    // By the thread that receives, by another one: how often it takes at first, and after that.
    for (tid, first, again) in [(71, 0, 4), (75, 4, 64)] {
        let mut host = Host::new();
        host.runtime = Some("nodejs");
        let mut at = 10;
        let mut believed_after = |host: &mut Host, times: u64| {
            for time in 0..=times {
                at += 2;
                host.steps(&[Serve(at, 71), Ask(at + 1, tid), End(at + 1, tid), End(at, 71)]);
                if time < times {
                    host.assert_open(at + 1);
                } else {
                    host.assert_child(at + 1, at, Method::Only);
                }
            }
        };
        believed_after(&mut host, first);
        host.steps(&[Ask(1, 75), End(1, 75)]);
        believed_after(&mut host, again);
    }
}
