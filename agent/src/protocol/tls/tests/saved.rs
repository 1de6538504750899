//! Sessions that are read on by another reader, who has seen neither the handshake nor a key.

use super::peers::{SUITES, Step, TERMS, Terms, talk};
use super::*;

/// What is read of both directions: of `recording` up to `cut`, and from `from` on by a second session that is restored
/// from what the first one saved, by way of JSON; none where it saves nothing.
fn handed_over(recording: &Recording, cut: usize, from: usize) -> Option<[Vec<u8>; 4]> {
    let mut first = Run::new(&recording.keys);
    for (direction, bytes) in &recording.bytes[..cut] {
        first.data(*direction, bytes);
    }
    let saved = serde_json::to_vec(&first.session.save()?).unwrap();
    let saved: Saved = serde_json::from_slice(&saved).unwrap();
    let mut second = Run { session: Session::restore(&saved), ..Run::new(&[]) };
    for (direction, bytes) in &recording.bytes[from..] {
        second.data(*direction, bytes);
    }
    let read = |run: &Run, direction| run.content(direction).into_iter().flatten().collect();
    Some([read(&first, Write), read(&second, Write), read(&first, Read), read(&second, Read)])
}

fn recordings() -> Vec<(String, Recording)> {
    let text = |n: u8, length| vec![b'a' + n; length];
    let steps: Vec<_> = (0..20)
        .map(|n| Step::Send(if n % 2 == 0 { Write } else { Read }, text(n, 1 + usize::from(n) * 700)))
        .collect();
    let own = SUITES.into_iter().enumerate();
    let own = own.map(|(n, suite)| (format!("suite {n}"), talk(Terms { suite, ..TERMS }, &steps)));
    own.chain(fixtures::all().map(|(name, recording)| (name.to_owned(), recording))).collect()
}

#[test]
fn what_follows_is_read_by_the_saved_keys_alone() {
    for (name, recording) in recordings() {
        let mut handovers = 0;
        for cut in 0..recording.bytes.len() {
            let Some([sent, sent_later, answered, answered_later]) = handed_over(&recording, cut, cut) else {
                continue;
            };
            // Before its first content a direction's key may be another one.
            if sent.is_empty()
                || answered.is_empty()
                || name.contains("update")
                || name.contains("renegotiated")
            {
                continue;
            }
            handovers += 1;
            let whole = [[sent, sent_later].concat(), [answered, answered_later].concat()];
            assert!(whole == [recording.sent.clone(), recording.answered.clone()], "{name}: at {cut}");
        }
        let changes_keys = name.contains("update") || name.contains("renegotiated");
        assert!(handovers > 0 || changes_keys, "{name}");
    }
}

#[test]
fn what_moved_meanwhile_is_missing_and_nothing_else() {
    for (name, recording) in recordings().into_iter().filter(|(name, _)| name.starts_with("suite")) {
        let last = recording.bytes.len();
        let [.., answered_later] = handed_over(&recording, last - 6, last - 2).unwrap();
        assert!(!answered_later.is_empty(), "{name}");
        assert!(recording.answered.ends_with(&answered_later), "{name}");
    }
}

#[test]
fn nothing_is_saved_before_a_key_is_known_and_nothing_shows_it() {
    let (_, recording) = recordings().swap_remove(0);
    assert_eq!(Session::new().save(), None);
    let mut run = Run::new(&recording.keys);
    for (direction, bytes) in &recording.bytes {
        run.data(*direction, bytes);
    }
    let shown = format!("{:?}", run.session.save().unwrap());
    assert!(
        shown.contains("SavedKey(") && !recording.keys.iter().any(|key| shown.contains(&format!("{key:?}")))
    );
    run.finish();
    assert_eq!(run.session.save(), None);
}
