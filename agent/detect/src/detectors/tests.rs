#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::json;
use zeroize::Zeroizing;

use super::*;
use crate::{Key, Replacement};

mod hostile;

/// Stands in for the real ones: words of one shape, by regular expressions.
pub(super) struct Stub(regex::Regex, Class, &'static str);

impl Detector for Stub {
    fn find(&self, text: &str, found: &mut Vec<Finding>) {
        found.extend(self.0.find_iter(text).map(|hit| Finding {
            range: hit.range(),
            class: self.1,
            rule: self.2.into(),
        }));
    }
}

fn stub(pattern: &str, class: Class, rule: &'static str) -> Box<dyn Detector> {
    Box::new(Stub(regex::Regex::new(pattern).unwrap(), class, rule))
}

fn options() -> DetectorOptions {
    DetectorOptions {
        rules: vec![
            stub(r"\b[a-z.]+@[a-z]+\.example\b", Class::Email, "mail"),
            stub(r"\b41111111(?:11){4}\b", Class::Card, "visa"),
            stub(r"\bQQ-[0-9a-zA-Z]{8,}", Class::Credential, "qq"),
            stub(r"(?s)-----BEGIN Q-----.*?(?:-----END Q-----|\z)", Class::Credential, "pem"),
            stub(r"(?i)tel\w*: 0[0-9 ]{6,}[0-9]", Class::Phone, "tel"),
        ],
        ..DetectorOptions::default()
    }
}

pub(super) fn detectors() -> Detectors {
    Detectors::new(options())
}

fn redact(text: &str) -> String {
    detectors().redact(text, Scope::All, &Replacing::default()).text
}

#[test]
fn what_hides_is_found_where_it_stands() {
    for (text, expected) in [
        ("to bob@x.example now", "to [EMAIL] now"),
        (r"to bob\u0040x.example now", "to [EMAIL] now"),
        ("to bob%40x.example now", "to [EMAIL] now"),
        ("to bob%2540x.example now", "to [EMAIL] now"),
        (r"to bob\u0025%34\u0030x.example now", "to [EMAIL] now"),
        ("to bob&#64;x&period;example now", "to [EMAIL] now"),
        ("to b\u{200B}ob@x.ex\u{AD}ample now", "to [EMAIL] now"),
        ("card ４１１１1111１１１１1111.", "card [CARD]."),
        ("to **bob**@x.example", "to **[EMAIL]"),
        ("b64 Ym9iQHguZXhhbXBsZQ== end", "b64 [EMAIL] end"),
        ("data:text/plain;base64,Ym9iQHguZXhhbXBsZQ==", "data:text/plain;base64,[EMAIL]"),
        ("data:text/plain,bob%40x.example", "data:text/plain,[EMAIL]"),
        ("WW05aVFIZ3VaWGhoYlhCc1pRPT0=", "[EMAIL]"),
        ("nothing at all", "nothing at all"),
        ("", ""),
    ] {
        assert_eq!(redact(text), expected, "{text}");
    }
}

#[test]
fn images_are_not_searched_and_text_that_claims_to_be_one_is() {
    let image = format!("iVBORw0KGgoAAAANSUhEUgAA+QQ-{}", "abcdefgh".repeat(20));
    // As a run of base64 it ends before the hyphen; behind it stands a credential.
    assert!(redact(&image).ends_with("[CREDENTIAL]"));
    let image = format!("data:image/png;base64,iVBORw0KGgo{}/bob", "gICAgICAgICA".repeat(20));
    let message = json!([{"type": "image_url", "image_url": {"url": image}}, "bob@x.example"]).to_string();
    assert_eq!(redact(&message), message.replace("bob@x.example", "[EMAIL]"));
    let liar = format!("data:image/png;base64,{}", "Ym9iQHguZXhhbXBsZSBi".repeat(5));
    assert_eq!(redact(&liar), "data:image/png;base64,[EMAIL]");
}

#[test]
fn documents_stay_documents_as_they_were_written() {
    for (text, expected) in [
        (r#"{ "z": "bob@x.example",  "a": [1, null] }"#, r#"{ "z": "[EMAIL]",  "a": [1, null] }"#),
        (r#"{"bob@x.example": 1}"#, r#"{"[EMAIL]": 1}"#),
        (r#"{"a": "bob\u0040x.example\n"}"#, r#"{"a": "[EMAIL]\n"}"#),
        (r#"{"card": 4111111111111111}"#, r#"{"card": "[CARD]"}"#),
        (r#"{"QQ-12345678": 3}"#, r#"{"[CREDENTIAL]": 3}"#),
        (r#"[4111111111111111, 17]"#, r#"["[CARD]", 17]"#),
        (r#"{"password": "two words", "b": 1}"#, r#"{"password": "[CREDENTIAL]", "b": 1}"#),
        (r#"{"secret": {"a": [1, "}"]}, "b": 1}"#, r#"{"secret": "[CREDENTIAL]", "b": 1}"#),
        (
            r#"{"token": 17, "secret": null, "password": ""}"#,
            r#"{"token": "[CREDENTIAL]", "secret": null, "password": ""}"#,
        ),
        (r#"{"telephone": "01234567"}"#, r#"{"telephone": "[PHONE]"}"#),
        (r#"{"telephones": ["030 1234567"]}"#, r#"{"telephones": ["[PHONE]"]}"#),
        (r#"{"other": "01234567"}"#, r#"{"other": "01234567"}"#),
        // A document in a string of another, and one more.
        (
            r#"{"arguments": "{\"to\": \"bob@x.example\", \"card\": 4111111111111111}"}"#,
            r#"{"arguments": "{\"to\": \"[EMAIL]\", \"card\": \"[CARD]\"}"}"#,
        ),
        (
            r#"{"a": "{\"b\": \"{\\\"card\\\": 4111111111111111, \\\"password\\\": 7}\"}"}"#,
            r#"{"a": "{\"b\": \"{\\\"card\\\": \\\"[CARD]\\\", \\\"password\\\": \\\"[CREDENTIAL]\\\"}\"}"}"#,
        ),
        (r#"{"token": true, "password": false}"#, r#"{"token": true, "password": false}"#),
        // Of several elements, as a text that was split into its lines is.
        (
            r#"["a", "-----BEGIN Q-----", "bob@x.example", "-----END Q-----", "b"]"#,
            r#"["a", "[CREDENTIAL]", "[CREDENTIAL]", "[CREDENTIAL]", "b"]"#,
        ),
        (r#"{"a": "-----BEGIN Q-----", "b": "x"}"#, r#"{"a": "[CREDENTIAL]", "b": "x"}"#),
        // Pairs.
        (
            r#"[{"name": "DB_PASSWORD", "value": "x"}]"#,
            r#"[{"name": "DB_PASSWORD", "value": "[CREDENTIAL]"}]"#,
        ),
        (r#"[{"value": 7, "key": "api-token"}]"#, r#"[{"value": "[CREDENTIAL]", "key": "api-token"}]"#),
        (r#"[{"name": "lookup", "value": "x"}]"#, r#"[{"name": "lookup", "value": "x"}]"#),
        (r#"[["x-token", "a"], ["b", "c"]]"#, r#"[["x-token", "[CREDENTIAL]"], ["b", "c"]]"#),
        (r#"[["token", "secret", "password"]]"#, r#"[["token", "secret", "password"]]"#),
        (r#"{"required": ["token", "secret"]}"#, r#"{"required": ["token", "secret"]}"#),
        (
            r#"["x", "--password", "a", "--token", "-v"]"#,
            r#"["x", "--password", "[CREDENTIAL]", "--token", "-v"]"#,
        ),
        (r#"["--token=[CREDENTIAL]", "a"]"#, r#"["--token=[CREDENTIAL]", "a"]"#),
        // Schemas name what is hidden, and hold samples at most.
        (
            r#"{"properties": {"password": {"type": "string", "default": "x", "description": "a word"}}}"#,
            r#"{"properties": {"password": {"type": "string", "default": "[CREDENTIAL]", "description": "a word"}}}"#,
        ),
        // No documents.
        (r#"{"card": 4111111111111111"#, r#"{"card": [CARD]"#),
    ] {
        let redacted = redact(text);
        assert_eq!(redacted, expected, "{text}");
        assert_eq!(redact(&redacted), redacted, "again");
    }
}

#[test]
fn base64_of_a_document_is_replaced_without_quotation_marks() {
    // {"card": 4111111111111111}
    assert_eq!(redact("x eyJjYXJkIjogNDExMTExMTExMTExMTExMX0= y"), "x [CARD] y");
    assert_eq!(redact(r#"["eyJjYXJkIjogNDExMTExMTExMTExMTExMX0="]"#), r#"["[CARD]"]"#);
}

#[test]
fn values_are_redacted_as_documents_are() {
    let mut value = json!({"a": ["bob@x.example", 4_111_111_111_111_111_u64], "token": {"x": 1}, "n": 1.5});
    let counts = detectors().redact_json(&mut value, Scope::All, &Replacing::default());
    assert_eq!(value, json!({"a": ["[EMAIL]", "[CARD]"], "token": "[CREDENTIAL]", "n": 1.5}));
    assert_eq!(counts, Counts::from([(Class::Email, 1), (Class::Card, 1), (Class::Credential, 1)]));
    let mut text = json!("bob@x.example \"said\"");
    let _ = detectors().redact_json(&mut text, Scope::All, &Replacing::default());
    assert_eq!(text, json!("[EMAIL] \"said\""));
    let mut deep = json!("bob@x.example");
    for _ in 0..300 {
        deep = json!([deep]);
    }
    let _ = detectors().redact_json(&mut deep, Scope::All, &Replacing::default());
    assert_eq!(deep, json!("[CREDENTIAL]"), "too deep");
}

#[test]
fn what_the_operator_wants_holds() {
    let detectors = Detectors::new(DetectorOptions {
        off: BTreeSet::from([Class::Card, Class::Credential]),
        fields: vec!["customer-name".to_owned()],
        keep: Some(Box::new(|_, text| text == "docs@x.example" || text.contains("QQ"))),
        ..options()
    });
    let text = r#"{"customerName": {"first": "Bob"}, "a": "docs@x.example bob@x.example QQ-12345678", "n": 4111111111111111}"#;
    let all = detectors.redact(text, Scope::All, &Replacing::default());
    assert_eq!(
        all.text,
        r#"{"customerName": "[FIELD]", "a": "docs@x.example [EMAIL] [CREDENTIAL]", "n": 4111111111111111}"#
    );
    assert_eq!(all.counts, Counts::from([(FIELD, 1), (Class::Email, 1), (Class::Credential, 1)]));
    // Rules are of the operator's, and credentials alone are looked for here.
    let some = detectors.redact(
        r#"{"password": "x", "a": "bob@x.example"}"#,
        Scope::Credentials,
        &Replacing::default(),
    );
    assert_eq!(some.text, r#"{"password": "[CREDENTIAL]", "a": "bob@x.example"}"#);
}

#[test]
fn it_is_said_where_something_was_found() {
    let found =
        detectors().find(r#"{"password": "x", "b": "see Ym9iQHguZXhhbXBsZQ== bob%40y.example"}"#, Scope::All);
    let said: Vec<_> = found.iter().map(|found| (found.value.as_str(), &found.places[..])).collect();
    assert_eq!(
        said,
        [
            ("x", &[Place::Json][..]),
            ("bob@x.example", &[Place::Json, Place::Base64][..]),
            ("bob@y.example", &[Place::Json, Place::Escaped][..]),
        ]
    );
}

#[test]
fn the_same_value_has_the_same_hash_wherever_it_hides() {
    let replacing = Replacing::new(Replacement::Hash, Key::new(Zeroizing::new(vec![1; 32])));
    let redact = |text: &str| detectors().redact(text, Scope::All, &replacing).text;
    let plain = redact("bob@x.example");
    assert_eq!(redact("bob%40x.example"), plain);
    assert_eq!(redact("Ym9iQHguZXhhbXBsZQ=="), plain);
    assert_eq!(redact(r#"["bob\u0040x.example"]"#), format!("[\"{plain}\"]"));
    assert_eq!(redact(&plain), plain);
    // Nothing is made of a token, nor of what stands behind it.
    let labels = detectors().redact("[EMAIL:0123456789abcdef] tel: [PHONE] 01234567", Scope::All, &replacing);
    assert_eq!(labels.counts, Counts::new(), "{}", labels.text);
    let hidden = redact(r#"{"password": "x"}"#);
    assert_eq!(redact(&hidden), hidden);
}

#[test]
fn no_half_leaves_a_text_that_was_cut() {
    let cut = |text: &str| detectors().redact_cut(text, Scope::All, &Replacing::default());
    for (text, expected) in [
        ("mail bob@x.example and QQ-12", "mail [EMAIL] and "),
        ("mail bob@x.example", "mail "),
        ("mail bob@x.ex", "mail "),
        ("key -----BEGIN Q----- abc def", "key [CREDENTIAL]"),
        ("", ""),
    ] {
        assert_eq!(cut(text).text, expected, "{text}");
    }
    assert_eq!(cut("one two").cut, 3);
}

proptest! {
    #[test]
    fn redacted_text_is_redacted(text in r#"(bob@x\.example|%40|\\u0040|[ "{}:,\[\]]|QQ-12345678|"password"|41111111(11){4}|\PC|Ym9iQHguZXhhbXBsZQ==){0,12}"#) {
        let redacted = redact(&text);
        for planted in ["bob@x.example", "QQ-12345678", "Ym9iQHguZXhhbXBsZQ"] {
            let before = text.split(planted).next().unwrap_or_default().chars().next_back();
            let after = text.split(planted).nth(1).and_then(|rest| rest.chars().next());
            let borders = |char: Option<char>| char.is_none_or(|char| " \"{}:,[]".contains(char));
            if text.matches(planted).count() == 1 && borders(before) && borders(after) {
                prop_assert!(!redacted.contains(planted), "{}", redacted);
            }
        }
        let cut = detectors().redact_cut(&text, Scope::All, &Replacing::default());
        prop_assert!(cut.text.len() <= redacted.len() + 1);
    }

    #[test]
    fn documents_stay_documents(text in r#"(bob@x\.example|\\"|[ {}:,\[\]]|password| 41111111(11){4} ){0,8}"#, name in "(password|a|bob@x\\.example)") {
        let inner = json!({name.clone(): text, "list": [4_111_111_111_111_111_u64, true]}).to_string();
        let document = json!({"arguments": inner, name: {"x": text}}).to_string();
        let redacted = redact(&document);
        let value: Value = serde_json::from_str(&redacted).unwrap();
        if let Some(arguments) = value.get("arguments").and_then(Value::as_str) {
            prop_assert!(serde_json::from_str::<Value>(arguments).is_ok(), "{}", redacted);
        }
        prop_assert!(!redacted.contains("4111111111111111"));
    }
}
