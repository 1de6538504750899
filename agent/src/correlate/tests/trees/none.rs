//! What looks like a link in a tree and is none.

use super::*;

/// On a connection that is used again not every request need be seen at both ends.
#[test]
fn ends_of_different_exchanges_are_not_joined() {
    for is_asked_first in [true, false] {
        let mut host = Host::new();
        host.serves(1, 7, 71, None);
        let both = |host: &mut Host, ordinal: u64| {
            host.began(nth(2, ordinal), Role::Client, (7, 71), None, "");
            host.began(nth(3, ordinal), Role::Server, (8, 81), Some(2), "");
            host.nth_ends(nth(3, ordinal), 81);
            host.nth_ends(nth(2, ordinal), 71);
        };
        let served = |host: &mut Host, ordinal: u64| {
            host.began(nth(3, ordinal), Role::Server, (8, 81), Some(2), "");
            host.nth_ends(nth(3, ordinal), 81);
        };
        if is_asked_first {
            both(&mut host, 0);
            served(&mut host, 1);
        } else {
            served(&mut host, 1);
            both(&mut host, 0);
        }
        host.ends(1, 71);
        host.correlator.finish(host.now_ns, &mut host.spans);
        host.assert_child(2, 1, Method::Thread);
        host.assert_child(3, 2, Method::Connection);
        let stranger = host.nth_span(nth(3, 1));
        assert_eq!(stranger.parent, None, "{is_asked_first}");
        assert_ne!(stranger.trace_id, host.span(1).trace_id, "{is_asked_first}");
    }
}

/// The end of what was served may be told after the next request on its connection.
#[test]
fn ends_that_turn_out_to_be_of_different_exchanges_part() {
    let mut host = Host::new();
    host.serves(1, 7, 71, None);
    host.began(nth(3, 0), Role::Server, (8, 81), Some(2), "");
    host.began(nth(2, 1), Role::Client, (7, 71), None, "");
    host.now_ns -= 2_500;
    host.nth_ends(nth(3, 0), 81);
    host.now_ns += 2_500;
    host.nth_ends(nth(2, 1), 71);
    host.ends(1, 71);
    host.correlator.finish(host.now_ns, &mut host.spans);
    assert_eq!(host.nth_span(nth(2, 1)).parent, Some(host.span(1).span_id));
    assert_eq!(host.parent(3), (None, None));
    assert_ne!(host.span(3).trace_id, host.span(1).trace_id);
}

#[test]
fn what_a_process_asks_of_itself_is_not_its_own_cause() {
    // The receipt may be told before the sending.
    for is_served_first in [false, true] {
        let mut host = Host::new();
        if !is_served_first {
            host.asks(2, 7, 71);
        }
        host.serves(3, 7, 72, Some(2));
        if is_served_first {
            host.asks(2, 7, 71);
        }
        host.ends(3, 72);
        host.ends(2, 71);
        host.assert_child(3, 2, Method::Connection);
        assert_eq!((host.parent(2), host.span(2).links.len()), ((None, None), 0), "{is_served_first}");
    }
}

/// A request that found no room is served all the same: no other one is the only one.
#[test]
fn what_is_not_remembered_makes_nothing_certain() {
    for by_processes in [true, false] {
        let mut host = Host::new();
        let pid = if by_processes { 20_000 } else { 7 };
        if by_processes {
            (0..16_384).for_each(|other| host.serves(100 + u64::from(other), other, 1, None));
        }
        host.serves(1, pid, 71, None);
        if by_processes {
            host.correlator.process_ended(0, host.now_ns, &mut host.spans);
        } else {
            (0..1_024).for_each(|other| host.serves(100 + u64::from(other), pid, 100 + other, None));
            (0..1_024).for_each(|other| host.ends(100 + u64::from(other), 100 + other));
        }
        host.serves(2, pid, 72, None);
        host.asks(3, pid, 71);
        [(3, 71), (2, 72), (1, 71)].into_iter().for_each(|(connection, tid)| host.ends(connection, tid));
        assert_eq!(host.parent(3), (None, None), "{by_processes}");
        assert!(host.correlator.untracked() > 0, "{by_processes}");
    }
}
