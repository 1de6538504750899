//! What a text and a process may cost; that finding is linear, `spanwire-detect` tests.

use super::*;

#[test]
fn what_is_cut_does_not_leave() {
    let key = &keys()[0];
    for text in ["stop ".repeat(1 << 20), "eyJ.".repeat(1 << 20), format!("{key} ").repeat(1 << 18)] {
        let mut left = text;
        let taken = cleaned(|names| names.text(&mut left, Look::All));
        assert!(left.len() <= TEXT_MAX_BYTES && !left.contains("sk-"), "{left}");
        assert_eq!(taken.truncated, 1);
    }
    // What is cut within a credential, and comes to the front as others before it shrink, does not leave.
    let long = format!("Bearer {} {key}", "a".repeat(attributes::TEXT_MAX_BYTES - 20));
    let mut left = long;
    cleaned(|names| names.text(&mut left, Look::All));
    assert_eq!(left, "Bearer [CREDENTIAL] ");
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
