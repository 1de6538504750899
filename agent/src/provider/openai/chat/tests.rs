#![allow(clippy::indexing_slicing, reason = "tests")]

mod body;
mod parts;
mod speaker;
mod stream;

use proptest::prelude::*;

use crate::provider::tests::scene::Scene;

/// JSON-like noise reaches deeper than random bytes do.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "-1",
        "1e400",
        "17.0",
        "\"\\ud800\"",
        "\"model\"",
        "\"choices\"",
        "\"usage\"",
        "\"error\"",
        "\"code\"",
        "\"index\"",
        "\"stop\"",
        "\"finish_reason\"",
        "\"x\"",
        "true",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(words, 0..40).prop_map(|words| words.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_survived(request in noise(), body in noise(), events in prop::collection::vec(noise(), 0..4)) {
        let events: Vec<_> = events.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect();
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        let call = Scene { request: &request, body: &body, events: &events, ..Scene::default() }.play();
        prop_assert!(call.finish_reasons().len() <= crate::provider::json::LIST_MAX);
    }

    #[test]
    fn any_split_gives_the_same_call(piece in 1_usize..400, noisy in noise(), use_noise: bool) {
        let request = if use_noise { &noisy } else { body::REQUEST };
        let whole = Scene { request, body: body::RESPONSE, ..Scene::default() }.play();
        let split = Scene { request, body: body::RESPONSE, piece, ..Scene::default() }.play();
        prop_assert_eq!(whole, split);
    }
}
