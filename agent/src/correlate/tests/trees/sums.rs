//! What a trace comes to stands on its root, once.

use super::*;

fn calls(span: &Span) -> Option<Value> {
    map(span).get("spanwire.total.calls").cloned()
}

#[test]
fn the_request_that_a_trace_begins_with_has_its_sums() {
    let mut host = Host::new();
    host.serves(1, 7, 71, None);
    host.asks(2, 7, 71);
    host.ends(2, 71);
    // Another process, which asks a model itself: what is asked of it is the same call.
    host.asks(3, 7, 71);
    host.serves(4, 8, 81, Some(3));
    host.asks(5, 8, 81);
    host.ends(5, 81);
    host.ends(4, 81);
    host.ends(3, 71);
    host.ends(1, 71);
    host.assert_child(4, 3, Method::Connection);
    assert_eq!(calls(host.span(1)), Some(Value::Int(2)));
    for below in [2, 3, 4, 5] {
        assert_eq!(calls(host.span(below)), None, "{below}");
    }
}

#[test]
fn the_run_of_a_program_has_those_of_other_processes_too() {
    let mut host = Host::new();
    host.asks(1, 6, 61);
    host.serves(2, 7, 71, Some(1));
    for connection in [3, 4] {
        host.asks(connection, 7, 71);
        host.ends(connection, 71);
    }
    host.ends(2, 71);
    host.ends(1, 61);
    host.correlator.process_ended(6, host.now_ns, &mut host.spans);
    let root = host.spans.iter().find(|span| span.parent.is_none()).unwrap();
    assert_eq!(Some(root.span_id), host.span(1).parent);
    assert_eq!(calls(root), Some(Value::Int(2)));
    assert_eq!([1, 2].map(|below| calls(host.span(below))), [None, None]);
}

#[test]
fn one_with_a_parent_elsewhere_is_no_root() {
    let mut host = Host::new();
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    host.began(key(1), Role::Server, (7, 71), None, header);
    host.asks(2, 7, 71);
    host.ends(2, 71);
    host.ends(1, 71);
    assert_eq!(calls(host.span(1)), None);
}
