//! What hostile text may cost.

use proptest::prelude::*;

use super::super::credential::steps;
use super::super::encoded::{ROUNDS, scrub};
use super::*;

/// Looks at `bytes` of text that repeats `piece`, and says how many steps that took for each byte.
fn steps_for_a_byte(piece: &str, bytes: usize) -> usize {
    let text = piece.repeat(bytes.div_ceil(piece.len()));
    steps::take();
    let _ = scrub(&text);
    steps::take() / text.len()
}

/// A pass, its look-back and what each rule looks at: see `credential`. Quadratic would be 100,000 and more.
const STEPS_MAX: usize = 32 * (ROUNDS + 1);

#[test]
fn hostile_text_is_read_once() {
    for piece in [
        "eyJ.",
        "eyJ-",
        "eyJa_",
        "eyJ.e.",
        ".eyJabcdefgh",
        "eyJabcdefgh.eyJ ",
        "eyJabcdefgh.a eyJabcdefgh",
        "sk-",
        "-sk-a ",
        "://a@",
        "://",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY----- -----END ",
        "token=",
        "token=\"",
        "token= ",
        "token=bearer ",
        "bearer ",
        "Bearer bearer:",
        "basic a ",
        "=",
        "-",
        "%65%79%4a.",
        "%2565",
        "%25",
    ] {
        let steps = steps_for_a_byte(piece, 1 << 20);
        assert!(steps <= STEPS_MAX, "{piece}: {steps}");
    }
}

proptest! {
    #[test]
    fn no_text_is_read_more_than_once(piece in "(eyJ|sk-|AKIA|://|@|=|:|token|[Bb]earer |basic |-----BEGIN |PRIVATE KEY-----|-----END |[.\"' &?/%_-]|%65|[a-z0-9]{1,12}){1,8}") {
        let steps = steps_for_a_byte(&piece, 1 << 16);
        prop_assert!(steps <= STEPS_MAX, "{}: {}", piece, steps);
    }
}

#[test]
fn no_text_costs_more_than_what_may_leave_of_it() {
    let key = &keys()[0];
    for text in ["stop ".repeat(1 << 20), "eyJ.".repeat(1 << 20), format!("{key} ").repeat(1 << 18)] {
        let mut counts = Counts::default();
        let mut left = text;
        steps::take();
        counts.text(&mut left);
        assert!(steps::take() <= STEPS_MAX * attributes::TEXT_MAX_BYTES);
        assert!(left.len() <= TEXT_MAX_BYTES && !left.contains("sk-"), "{left}");
        assert_eq!(counts.truncated, 1);
    }
    // What is cut within a credential, and comes to the front as others before it shrink, does not leave.
    let long = format!("Bearer {} {key}", "a".repeat(attributes::TEXT_MAX_BYTES - 20));
    let mut left = long;
    Counts::default().text(&mut left);
    assert_eq!(left, "Bearer [CREDENTIAL]");
}

#[test]
fn a_process_is_searched_once() {
    let key = &keys()[0];
    let owner = Arc::new(process(&[("process.command", key)]));
    let (mut first, mut second) = (span(Vec::new(), process(&[])), span(Vec::new(), process(&[])));
    (first.process, second.process) = (Arc::clone(&owner), Arc::clone(&owner));
    let mut redactor = Redactor::default();
    let (first, second) = (redactor.redact(first), redactor.redact(second));
    assert!(Arc::ptr_eq(&first.get().process, &second.get().process), "they share what was redacted");
    for redacted in [first, second] {
        assert!(!format!("{redacted:?}").contains(key.as_str()));
        assert_eq!(get(redacted.get(), "spanwire.redacted.credentials"), Some(&Value::Int(1)));
    }
    for pid in 0..3 * PROCESSES_MAX {
        let other = Process { pid: u32::try_from(pid).unwrap(), ..(*owner).clone() };
        let mut span = span(Vec::new(), process(&[]));
        span.process = Arc::new(other);
        let redacted = redactor.redact(span);
        assert_eq!(redacted.get().process.pid as usize, pid);
        assert!(redactor.processes.len() <= PROCESSES_MAX);
    }
}
