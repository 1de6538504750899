#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::LazyLock;

use proptest::prelude::*;

use super::reader::KEPT_MAX_BYTES;
use super::tree::Document;
use super::*;

static SHAPE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", 32),
        ("stop", 8),
        ("stop[]", 8),
        ("n", 0),
        ("messages[].role", 16),
        ("messages[].content", 0),
        ("usage.in", 0),
        ("usage.details.cached", 0),
        ("error", 16),
        ("error.code", 16),
    ])
});

fn read(document: &str) -> Document {
    let document = Reader::read(&SHAPE, document.as_bytes());
    assert!(!document.overflowed);
    document
}

#[test]
fn shapes_are_joined() {
    static BOTH: LazyLock<Shape> = LazyLock::new(|| {
        let one = Shape::new(&[("a.b", 0), ("c[]", 2)]).and_below("d.e[]", &[("f", 4)]);
        one.and(&Shape::new(&[("a.b", 3), ("a.g", 3), ("d.e[].h", 4)]))
    });
    let text = br#"{"a":{"b":"xyz","g":"xyz"},"c":["xy"],"d":{"e":[{"f":"x","h":"y","i":"z"}]}}"#;
    let root = Reader::read(&BOTH, text).root;
    for path in ["a.b", "a.g"] {
        assert_eq!(root.get(path).as_text(), Some("xyz"), "{path}");
    }
    let element = &root.get("d.e").items()[0];
    assert_eq!((element.get("f").as_text(), element.get("h").as_text()), (Some("x"), Some("y")));
    assert!(!element.has("i"));
}

#[test]
fn what_is_wanted_is_kept_and_nothing_else() {
    let document = read(
        r#" {"id":"x","model":"gpt","tools":[{"model":"no"}],"n":-3,"messages":[{"content":"hello","role":"user"},7],
            "usage":{"in":5.0,"details":{"cached":3,"x":[[]]}},"stop":"."} "#,
    );
    assert_eq!(document.ending, Ending::Whole);
    let root = &document.root;
    assert_eq!(root.get("model").text().as_deref(), Some("gpt"));
    assert_eq!((root.get("n").integer(), root.get("n").count()), (Some(-3), None));
    assert_eq!(root.get("usage.in").count(), Some(5));
    assert_eq!(root.get("usage.details.cached").count(), Some(3));
    assert_eq!(root.get("messages").length(), Some(2));
    let message = &root.get("messages").items()[0];
    assert_eq!(message.get("role").text().as_deref(), Some("user"));
    assert_eq!(message.get("content"), &Json::Text { text: String::new(), bytes: 5, padding: 0, cut: true });
    assert_eq!(root.get("stop").items().iter().filter_map(Json::text).collect::<Vec<_>>(), ["."]);
    assert_eq!((root.get("id"), root.get("usage.x.y")), (&Json::Null, &Json::Null));
}

#[test]
fn odd_values_are_empty_and_cost_no_others() {
    for (value, text) in [
        (r#""a""#, Some("a")),
        (r#""""#, None),
        ("null", None),
        ("17", None),
        ("true", None),
        ("{}", None),
        (r#"["a"]"#, None),
        (r#""\u0073k-\ud83d\ude00\ud800\n\/""#, Some("sk-\u{1f600}\u{fffd}\n/")),
        (r#""longer than the thirty-two bytes that are kept""#, None),
        ("123456789012345678901234567890123456789012345678901234567890123456789", None),
        ("1e400", None),
    ] {
        let document = read(&format!(r#"{{"model":{value},"n":1}}"#));
        assert_eq!(document.root.get("model").text().as_deref(), text, "{value}");
        assert_eq!((document.root.get("n").count(), document.ending), (Some(1), Ending::Whole), "{value}");
    }
}

#[test]
fn of_two_members_the_last_holds() {
    let document = read(r#"{"model":"x","mod\u0065l":"gpt-4o","usage":{"in":1},"usage":{"in":2}}"#);
    assert_eq!(document.root.get("model").text().as_deref(), Some("gpt-4o"));
    assert_eq!(document.root.get("usage.in").count(), Some(2));
    assert_eq!(read(r#"{"n":3,"n":null}"#).root.get("n").count(), None);
}

#[test]
fn endings() {
    for (document, ending) in [
        ("", Ending::Empty),
        ("  ", Ending::Empty),
        ("\u{feff}{}", Ending::Whole),
        ("7", Ending::Whole),
        ("[]", Ending::Whole),
        ("{", Ending::Cut),
        (r#"{"a"#, Ending::Cut),
        (r#"{"a":"#, Ending::Cut),
        (r#"{"a":1"#, Ending::Cut),
        (r#"{"a":1,"#, Ending::Cut),
        ("{]", Ending::Invalid),
        ("{,}", Ending::Invalid),
        ("[1,]", Ending::Invalid),
        ("[,1]", Ending::Invalid),
        (r#"{"a":1,}"#, Ending::Invalid),
        (r#"{"a" 1}"#, Ending::Invalid),
        ("{1:2}", Ending::Invalid),
        ("{} {}", Ending::Invalid),
        ("nul", Ending::Invalid),
        ("[nul]", Ending::Invalid),
        ("<html>", Ending::Invalid),
        ("Internal Server Error", Ending::Invalid),
        ("data: {}", Ending::Invalid),
    ] {
        assert_eq!(Reader::read(&SHAPE, document.as_bytes()).ending, ending, "{document}");
    }
}

#[test]
fn what_came_before_the_end_is_kept() {
    let document = read(r#"{"model":"m","usage":{"in":4,"details":{"cached":1"#);
    assert_eq!(document.ending, Ending::Cut);
    assert_eq!(document.root.get("model").text().as_deref(), Some("m"));
    assert_eq!(document.root.get("usage.in").count(), Some(4));
}

#[test]
fn behind_a_gap_the_documents_own_members_are_found() {
    let with_gap = |before: &str, behind: &str| {
        let mut reader = Reader::new(&SHAPE);
        reader.push(before.as_bytes());
        reader.gap();
        reader.push(behind.as_bytes());
        let Document { root, ending, .. } = reader.finish();
        assert_eq!(ending, Ending::Gap);
        (root.get("model").text(), root.get("usage.in").count())
    };
    let model = || Some("m".to_owned());
    for (before, behind, expected) in [
        // Inside a string, and outside.
        (r#"{"model":"m","choices":[{"text":"a"#, r#"b"}],"usage":{"in":3}}"#, (model(), Some(3))),
        (r#"{"model":"m","choices":[{"text":"a"#, r#"{"x":1}],"usage":{"in":3}}"#, (model(), Some(3))),
        (r#"{"choices":"#, r#"lse,"usage":{"in":3},"model":"m"}"#, (model(), Some(3))),
        // The members of others that end there are not the document's.
        (r#"{"model":"m","a":{"b":"#, r#""c","usage":{"in":9}}}"#, (model(), None)),
        (r#"{"model":"m","a":["#, r#"{"usage":{"in":9}}]}"#, (model(), None)),
        // What is said in a text is no member.
        (r#"{"model":"m","a":""#, r#" \"usage\":{\"in\":9}"}"#, (model(), None)),
        // Without the end nothing is certain.
        (r#"{"model":"m","a":"#, r#"1,"usage":{"in":9}"#, (model(), None)),
        (r#"{"model":"m","a":"#, "", (model(), None)),
    ] {
        assert_eq!(with_gap(before, behind), expected, "{before} … {behind}");
    }
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let image = "A".repeat(1 << 20);
    let mut reader = Reader::new(&SHAPE);
    reader.push(br#"{"messages":["#);
    for _ in 0..16 {
        reader.push(br#"{"role":"user","content":""#);
        reader.push(image.as_bytes());
        reader.push(br#""},"#);
        assert!(reader.held_bytes() < 8 << 10, "{}", reader.held_bytes());
    }
    reader.push(br#"0],"model":"m"}"#);
    let document = reader.finish();
    assert_eq!((document.ending, document.root.get("messages").length()), (Ending::Whole, Some(17)));
    assert_eq!(document.root.get("model").text().as_deref(), Some("m"));

    let mut reader = Reader::new(&SHAPE);
    for _ in 0..1 << 20 {
        reader.push(b"[");
    }
    assert!(reader.is_over() && reader.held_bytes() < 64 << 10);

    let mut reader = Reader::new(&SHAPE);
    reader.push(br#"{"stop":["#);
    for _ in 0..100_000 {
        reader.push(br#""12345678","#);
    }
    reader.push(br#"0],"model":"m"}"#);
    assert!(reader.held_bytes() < 32 << 10);
    let document = reader.finish();
    let stop = document.root.get("stop");
    assert_eq!((stop.items().len(), stop.length()), (LIST_MAX, Some(100_001)));
    assert_eq!(document.root.get("model").text().as_deref(), Some("m"));

    let mut reader = Reader::new(&SHAPE);
    reader.push(b"{");
    for _ in 0..100_000 {
        reader.push(br#""model":"12345678","other":[1],"#);
    }
    assert!(reader.held_bytes() < KEPT_MAX_BYTES + (2 << 20));
    assert!(reader.finish().overflowed);
}

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
        "\"usage\"",
        "\"in\"",
        "\"",
        "\\",
        "\\u00",
        "x",
        " ",
        "true",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(words, 0..60).prop_map(|words| words.concat().into_bytes()),
    ]
}

/// A valid document with wanted members among others.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let key =
        prop::sample::select(vec!["model", "stop", "n", "messages", "role", "usage", "in", "error", "ö"]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e9..1e9_f64).prop_map(Into::into),
        "\\PC{0,7}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_survived(pieces in prop::collection::vec(noise(), 0..6), gap: bool) {
        let mut reader = Reader::new(&SHAPE);
        for piece in &pieces {
            reader.push(piece);
            if gap {
                reader.gap();
            }
        }
        let _ = reader.finish();
    }

    #[test]
    fn any_split_reads_the_same(document in noise(), size in 1_usize..50) {
        let mut split = Reader::new(&SHAPE);
        document.chunks(size).for_each(|piece| split.push(piece));
        let split = split.finish();
        let whole = Reader::read(&SHAPE, &document);
        prop_assert_eq!(split, whole);
    }

    #[test]
    fn agrees_with_serde_json(value in value(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let document = Reader::read(&SHAPE, text.unwrap().as_bytes());
        prop_assert_eq!(document.ending, Ending::Whole);
        for (path, pointer) in [("model", "/model"), ("n", "/n"), ("usage.in", "/usage/in")] {
            let (ours, theirs) = (document.root.get(path), value.pointer(pointer));
            let text = theirs.and_then(|value| value.as_str()).filter(|text| !text.is_empty() && text.len() <= 32);
            if path == "model" {
                prop_assert_eq!(ours.text(), text.map(str::to_owned));
            }
            prop_assert_eq!(ours.number(), theirs.and_then(serde_json::Value::as_f64));
            prop_assert_eq!(ours.length(), theirs.and_then(|value| Some(value.as_array()?.len() as u64)));
        }
    }

    #[test]
    fn a_gap_never_makes_up_a_member(value in value(), cut in 0_usize..400, gap in 1_usize..100) {
        let text = serde_json::to_string(&value).unwrap().into_bytes();
        let from = cut.min(text.len());
        let to = (from + gap).min(text.len());
        let mut reader = Reader::new(&SHAPE);
        reader.push(&text[..from]);
        reader.gap();
        reader.push(&text[to..]);
        let found = reader.finish().root;
        let whole = Reader::read(&SHAPE, &text).root;
        if found.is_object() && whole.is_object() {
            for path in ["model", "n"] {
                let value = found.get(path);
                // A list may be whole or not: it is what was certain.
                prop_assert!(matches!(value, Json::Null | Json::List { .. }) || value == whole.get(path), "{:?} in {:?}", value, text);
            }
        }
    }
}

#[test]
fn what_holds_itself_is_read_however_deep() {
    static QUERY: LazyLock<Shape> = LazyLock::new(|| {
        Shape::new(&[
            ("query.knn.k", 0),
            ("query[#]=query", 0),
            ("query.bool.must=query", 0),
            ("query.nested.query=query", 0),
            ("n", 0),
        ])
    });
    let read = |document: &str| Reader::read(&QUERY, document.as_bytes());
    let knn = r#"{"nested":{"path":"p","query":{"bool":{"must":{"knn":{"k":3,"v":[1,2]}}}}}}"#;
    let document = read(&format!(r#"{{"query":{{"bool":{{"must":[{{"match":{{}}}},{knn},7]}}}},"n":1}}"#));
    let must = document.root.get("query.bool.query");
    assert_eq!((must.length(), must.items().len()), (Some(3), 2), "a number is counted: {must:?}");
    assert_eq!(must.items()[1].get("nested.query.bool.query.knn.k").count(), Some(3));
    assert_eq!(document.root.get("n").count(), Some(1));
    let deep = format!("{}7{}", r#"{"query":[["#.repeat(100), "]]}".repeat(100));
    assert_eq!(read(&deep).ending, Ending::Whole);
    let deeper = format!("{}7{}", "{\"query\":[[".repeat(1_000), "]]}".repeat(1_000));
    assert_eq!(read(&deeper).ending, Ending::Invalid);
}

#[test]
fn a_begin_has_the_begin_of_a_string() {
    for (begin, model, n) in [
        (r#"{"n":1,"model":"gpt"#, "gpt", Some(1)),
        (r#"{"n":1,"model":"gp\u00"#, "gp\u{fffd}", Some(1)),
        (r#"{"n":1,"model":"gpt","messages":[{"content":"gp"#, "gpt", Some(1)),
        (r#"{"n":1,"mod"#, "", Some(1)),
        (r#""mod"#, "", None),
    ] {
        let document = Reader::read_begin(&SHAPE, begin.as_bytes());
        assert_eq!((document.root.get("model").begin(), document.ending), (model, Ending::Cut), "{begin}");
        assert_eq!(document.root.get("n").count(), n);
    }
}
