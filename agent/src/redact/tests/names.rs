//! Personal data in names, paths, hosts and numbers.

use super::*;

#[test]
fn personal_data_is_removed_from_names_unless_everything_may_leave() {
    let said = |mode| {
        let attributes = vec![
            ("gen_ai.request.model", "my model of jane@example.com".into()),
            ("gen_ai.conversation.id", "+49 30 901820".into()),
            ("url.path", "/v1/jane%40example.com/chat/completions".into()),
            ("gen_ai.request.stop_sequences", Value::strings(["amFuZUBleGFtcGxlLmNvbQ=="])),
            ("server.address", "192.0.2.7".into()),
            ("http.route", "/v1/{id}".into()),
            ("network.peer.address", "192.0.2.7".into()),
        ];
        let mut owner =
            process(&[("team", "jane@example.com"), ("jane@example.com", "x"), ("host.ip", "192.0.2.7")]);
        owner.service_name = "jane@example.com at 192.0.2.8".to_owned();
        let content = ContentPolicy { mode, ..ContentPolicy::default() };
        let policy = Arc::new(Policy::new(content).unwrap());
        let mut redactor = Redactor::new(policy, Arc::default());
        // The second time it is known what is clean.
        let first = redactor.redact(span(attributes.clone(), owner.clone()));
        let again = redactor.redact(span(attributes, owner));
        assert_eq!(first.get().attributes, again.get().attributes);
        first
    };
    for mode in [ContentMode::Off, ContentMode::Metadata, ContentMode::Redacted] {
        let redacted = said(mode);
        let all = format!("{redacted:?}");
        for leak in ["jane", "901820", "amFuZ", "192.0.2.8"] {
            assert!(!all.contains(leak), "{leak} in {all}");
        }
        assert_eq!(all.matches("192.0.2.7").count(), 3, "{all}");
        assert_eq!(get(redacted.get(), "spanwire.redacted.email"), Some(&Value::Int(6)));
        assert_eq!(get(redacted.get(), "gen_ai.request.model"), Some(&"my model of [EMAIL]".into()));
    }
    let all = format!("{:?}", said(ContentMode::Full));
    assert!(!all.contains("[EMAIL]") && all.matches("jane@example.com").count() == 4, "{all}");
}

#[test]
fn what_hides_in_a_path_or_a_host_is_found() {
    let key = &keys()[4].to_ascii_uppercase();
    for (name, text, expected) in [
        ("url.path", "/v1/81.2.69.160/chat/completions", "/v1/[IP]/chat/completions"),
        ("url.path", "/v1/%38%31.2.69.160/chat", "/v1/[IP]/chat"),
        ("server.address", &key.to_ascii_lowercase(), MARK),
        ("server.address", "api.openai.com", "api.openai.com"),
    ] {
        let redacted = redact(span(vec![(name, text.into())], process(&[])));
        assert_eq!(get(redacted.get(), name), Some(&expected.into()), "{text}");
    }
}

#[test]
fn names_in_the_log_are_searched() {
    let key = keys()[4].to_ascii_uppercase();
    assert_eq!(host_for_log(&format!("{}.example", key.to_ascii_lowercase())), MARK);
    assert_eq!(
        host_for_log("bedrock-runtime.eu-central-1.amazonaws.com"),
        "bedrock-runtime.eu-central-1.amazonaws.com"
    );
    assert_eq!(name_for_log("jane@example.com at 192.0.2.7"), "[EMAIL] at [IP]");
    assert_eq!(for_log("connection of 192.0.2.7"), "connection of 192.0.2.7");
    assert_eq!(for_log("of jane@example.com"), "of [EMAIL]");
}

#[test]
fn what_a_number_says_is_searched() {
    let card = 4_539_148_803_436_467_i64;
    let seed = |seed: Value, mode| {
        let policy = Policy::new(ContentPolicy { mode, ..ContentPolicy::default() }).unwrap();
        let mut redactor = Redactor::new(Arc::new(policy), Arc::default());
        redactor.redact(span(vec![("gen_ai.request.seed", seed)], process(&[]))).get().clone()
    };
    for (number, leaves) in [(42, true), (i64::MIN, true), (4_539_148_803_436_468, true), (card, false)] {
        let left = seed(Value::Int(number), ContentMode::Off);
        assert_eq!(get(&left, "gen_ai.request.seed"), leaves.then_some(&Value::Int(number)), "{number}");
        assert_eq!(get(&left, "spanwire.redacted.card"), (!leaves).then_some(&Value::Int(1)), "{number}");
    }
    assert_eq!(
        get(&seed(Value::Int(card), ContentMode::Full), "gen_ai.request.seed"),
        Some(&Value::Int(card))
    );
    #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
    let mut value =
        Value::Array(vec![Value::Double(card as f64), Value::Double(f64::NAN), Value::Double(0.5)]);
    cleaned(|names| names.value(&mut value, Look::All, 0));
    let Value::Array(left) = value else { panic!("no list") };
    assert_eq!((left.first(), left.last()), (Some(&"[CARD]".into()), Some(&Value::Double(0.5))));
}
