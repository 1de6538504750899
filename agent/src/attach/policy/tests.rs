#![allow(clippy::indexing_slicing, reason = "tests")]

use super::*;

const PID: u32 = 7;

fn client(server: &str, known: bool) -> Sign {
    Sign::Client { server_name: Some(server.to_owned()), known }
}

#[test]
fn a_process_of_no_interest_loses_its_probes_and_gets_them_back_for_a_new_server() {
    let mut policy = Policy::default();
    assert_eq!(policy.sign(PID, Sign::LibraryInit, 0), Some(Action::Attach));
    assert_eq!(policy.sign(PID, Sign::LibraryInit, 0), None, "it has them");
    for _ in 1..PATIENCE {
        assert_eq!(policy.judged(PID, false), None);
    }
    assert_eq!(policy.judged(PID, false), Some(Action::Detach));
    assert_eq!(policy.judged(PID, false), None, "they are off");
    assert_eq!(policy.sign(PID, client("a.example", false), 0), Some(Action::Attach));
    for _ in 0..PATIENCE {
        policy.judged(PID, false);
    }
    assert_eq!(policy.sign(PID, client("a.example", false), 0), None, "it was judged");
    assert_eq!(policy.sign(PID, client("api.openai.com", true), 0), Some(Action::Attach));
}

#[test]
fn an_exchange_that_was_under_way_when_they_were_taken_off_brings_them_back() {
    let mut policy = Policy::default();
    policy.sign(PID, client("gateway.example", false), 0);
    for _ in 0..PATIENCE {
        policy.judged(PID, false);
    }
    assert_eq!(policy.judged(PID, true), Some(Action::Attach));
    assert_eq!(policy.judged(PID, true), None, "it has them");
    for _ in 0..10 * PATIENCE {
        assert_eq!(policy.judged(PID, false), None);
    }
}

#[test]
fn one_that_asks_a_provider_keeps_them() {
    let mut policy = Policy::default();
    policy.sign(PID, Sign::Running, 0);
    assert!(!policy.is_involved(PID));
    assert_eq!(policy.judged(PID, true), None);
    assert!(policy.is_involved(PID));
    for _ in 0..10 * PATIENCE {
        assert_eq!(policy.judged(PID, false), None);
    }
}

#[test]
fn a_known_server_is_interest_enough() {
    let mut policy = Policy::default();
    assert_eq!(policy.sign(PID, client("api.openai.com", true), 0), Some(Action::Attach));
    for _ in 0..10 * PATIENCE {
        assert_eq!(policy.judged(PID, false), None);
    }
}

#[test]
fn named_ones_and_peers_keep_them_without_asking_a_provider() {
    for (sign, reason) in [(Sign::Named, Reason::Named), (Sign::Peer, Reason::Peer)] {
        let mut policy = Policy::default();
        assert_eq!(policy.sign(PID, sign, 0), Some(Action::Attach));
        for _ in 0..10 * PATIENCE {
            assert_eq!(policy.judged(PID, false), None);
        }
        assert_eq!((policy.reason(PID), policy.is_involved(PID)), (reason, false));
    }
}

#[test]
fn a_process_without_tls_code_is_tried_again_for_a_known_server_only() {
    let mut policy = Policy::default();
    assert_eq!(policy.sign(PID, client("a.example", false), 0), Some(Action::Attach));
    policy.bare(PID);
    assert_eq!(policy.sign(PID, client("a.example", false), 0), None);
    assert_eq!(policy.sign(PID, client("api.openai.com", true), 0), Some(Action::Attach));
}

#[test]
fn one_with_probes_is_looked_at_again_for_each_new_server() {
    let mut policy = Policy::default();
    assert_eq!(policy.sign(PID, Sign::Started, 0), Some(Action::Attach));
    assert_eq!(policy.sign(PID, client("a.example", false), 0), Some(Action::Attach));
    assert_eq!(policy.sign(PID, client("a.example", false), 0), None);
    assert_eq!(policy.sign(PID, client("b.example", true), 0), Some(Action::Attach));
    assert_eq!(policy.sign(PID, client("b.example", true), 0), None);
    assert_eq!(policy.sign(PID, Sign::LibraryInit, 0), None);
}

#[test]
fn what_ended_is_forgotten() {
    let mut policy = Policy::default();
    policy.sign(PID, Sign::Forked, 0);
    policy.ended(PID);
    assert_eq!(policy.sign(PID, Sign::Forked, 0), Some(Action::Attach));
}

#[test]
fn the_servers_of_one_process_are_bounded() {
    let mut policy = Policy::default();
    for server in 0..2 * SERVERS {
        if policy.sign(PID, client(&format!("{server}.example"), false), 0).is_some() {
            policy.bare(PID);
        }
    }
    assert_eq!(policy.processes[&PID].judged.len(), SERVERS);
}

#[test]
fn probes_for_old_sessions_come_off_when_nothing_is_seen_of_them() {
    for (sign, mode, expected) in [
        (None, TlsMode::Auto, vec![PID]),
        (Some(Sign::Named), TlsMode::Auto, vec![]),
        (Some(client("api.openai.com", true)), TlsMode::Auto, vec![PID]),
        (None, TlsMode::Calls, vec![]),
        (None, TlsMode::Keys, vec![]),
    ] {
        let mut policy = Policy::new(mode);
        policy.sign(PID, Sign::Running, 7);
        sign.clone().and_then(|sign| policy.sign(PID, sign, 7));
        assert_eq!(policy.outlived(OLD_NS), [0; 0], "too early: {sign:?}");
        policy.called(PID, 1_000);
        assert_eq!(policy.outlived(OLD_NS + 999), [0; 0], "it was called: {sign:?}");
        assert_eq!(policy.outlived(OLD_NS + 1_000), expected, "{sign:?}, {mode:?}");
        assert_eq!(policy.outlived(u64::MAX), [0; 0], "once");
        if !expected.is_empty() {
            assert!(!policy.reads_calls(PID));
            assert_eq!(policy.sign(PID, client("b.example", true), 9), Some(Action::Attach), "by keys");
            assert!(!policy.reads_calls(PID));
        }
    }
    let mut policy = Policy::default();
    for sign in [Sign::Running, Sign::Unreadable, Sign::Unreadable] {
        policy.sign(PID, sign, 0);
    }
    assert_eq!(policy.outlived(u64::MAX), [0; 0], "its keys do not do");
}

#[test]
fn calls_are_probed_where_keys_fail_or_sessions_may_be_old() {
    for (mode, old, failed) in
        [(TlsMode::Auto, true, true), (TlsMode::Keys, false, false), (TlsMode::Calls, true, true)]
    {
        let mut policy = Policy::new(mode);
        assert_eq!(policy.sign(PID, Sign::Running, 0), Some(Action::Attach));
        assert_eq!(policy.reads_calls(PID), old, "{mode:?}");
        policy.ended(PID);
        assert_eq!(policy.sign(PID, Sign::Started, 0), Some(Action::Attach));
        assert_eq!(policy.reads_calls(PID), mode == TlsMode::Calls);
        for _ in 1..UNREADABLE {
            assert_eq!(policy.sign(PID, Sign::Unreadable, 0), None, "{mode:?}");
        }
        let again = (mode == TlsMode::Auto).then_some(Action::Attach);
        assert_eq!(policy.sign(PID, Sign::Unreadable, 0), again, "{mode:?}");
        assert_eq!(policy.reads_calls(PID), failed, "{mode:?}");
        assert_eq!(policy.sign(PID, Sign::Unreadable, 0), None, "once");
    }
}
