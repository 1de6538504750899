//! Clocks that step: what the kernel tells comes with any time, and the calendar is set while calls are under way.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Serve(u32),
    Ask(u32),
    /// That one ends which began so many before.
    End(usize),
    Tick,
    /// The time goes on, or back.
    Jump(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u32).prop_map(Step::Serve),
        5 => (0..4_u32).prop_map(Step::Ask),
        6 => (0..8_usize).prop_map(Step::End),
        1 => Just(Step::Tick),
        3 => prop_oneof![-5_000_000_i64..5_000_000, -200_000_000_000_i64..200_000_000_000].prop_map(Step::Jump),
    ]
}

proptest! {
    #[test]
    fn no_span_is_lost_or_ends_before_it_begins(steps in prop::collection::vec(step(), 0..60)) {
        let mut host = Host::new();
        host.now_ns = 1 << 50;
        let (mut open, mut connections) = (Vec::new(), 0);
        let mut ended = HashSet::new();
        for step in steps {
            match step {
                Step::Serve(pid) | Step::Ask(pid) => {
                    connections += 1;
                    match step {
                        Step::Serve(_) => host.serves(connections, pid, 70 + pid % 2, None),
                        _ => host.asks(connections, pid, 70 + pid % 2),
                    }
                    open.push(connections);
                }
                Step::End(_) if open.is_empty() => {}
                Step::End(before) => {
                    let connection = open.remove(before % open.len());
                    host.ends(connection, 70);
                    ended.insert(connection);
                }
                Step::Tick => host.correlator.tick(host.now_ns, &mut host.spans),
                Step::Jump(by) => host.now_ns = host.now_ns.saturating_add_signed(by),
            }
        }
        host.correlator.finish(host.now_ns, &mut host.spans);
        for connection in &ended {
            host.span(*connection);
        }
        let exchanges = host.spans.iter().filter(|span| map(span).contains_key("url.path")).count();
        prop_assert_eq!(exchanges, ended.len());
        let ids: HashSet<_> = host.spans.iter().map(|span| span.span_id).collect();
        prop_assert_eq!(ids.len(), host.spans.len());
        for span in &host.spans {
            prop_assert!(span.started <= span.ended, "{:?}", span);
        }
    }

    #[test]
    fn a_calendar_that_is_set_makes_no_time_negative(
        monotonic_ns in 0..1_u64 << 60, calendar_s in 0..1_u64 << 34, times in (0..1_u64 << 60, 0..1_u64 << 60),
    ) {
        let clock = Clock::new(monotonic_ns, SystemTime::UNIX_EPOCH + Duration::from_secs(calendar_s));
        let (earlier, later) = (times.0.min(times.1), times.0.max(times.1));
        let between = clock.at(later).duration_since(clock.at(earlier));
        prop_assert_eq!(between.ok(), Some(Duration::from_nanos(later - earlier)));
    }
}

#[test]
fn a_tool_that_runs_while_the_calendar_is_set_back_takes_no_time() {
    let mut host = Host::new();
    let calls = [(0, Duration::from_secs(9_000)), (1, Duration::ZERO)];
    for (connection, ahead) in calls {
        host.asks(connection, 7, 71);
        let (mut exchange, process) = host.begun.remove(&key(connection)).unwrap();
        exchange.ended_ns = host.now_ns + 1_000;
        let mut call = call();
        call.is_final = true;
        call.dialogue.prefixes = if connection == 0 { vec![1] } else { vec![1, 2, 3] };
        if connection == 0 {
            call.tool_calls =
                vec![crate::call::ToolCall { name: "weather".to_owned(), id: Some("1".to_owned()) }];
        } else {
            let result = crate::call::ToolResult { call_id: Some("1".to_owned()), ..Default::default() };
            call.dialogue.tool_results = vec![result];
        }
        let clock = Clock::new(0, CLOCK_ZERO + ahead);
        let facts = ConnectionFacts::default();
        host.correlator.call(key(connection), &call, &exchange, process, facts, (&clock, host.now_ns));
        host.correlator.ended(key(connection), (host.now_ns, host.now_ns), None, &mut host.spans);
    }
    host.correlator.finish(host.now_ns, &mut host.spans);
    let names: HashSet<_> = host.spans.iter().map(|span| &*span.name).collect();
    assert!(names.contains("execute_tool weather") && names.contains("invoke_agent"), "{names:?}");
    assert!(host.spans.iter().all(|span| span.started <= span.ended), "{:#?}", host.spans);
}
