#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

#[test]
fn queries_say_what_they_look_for() {
    let article = Selection { class: "Article", with_properties: true, ..Selection::default() };
    let filter = r#"{"path":["city"],"operator":"Equal","valueText":"?"}"#;
    for (query, expected) in [
        (
            "{Get{Article(limit: 3 nearVector: {vector: [0.1, -0.2, 1e-3] distance: 0.5}){title _additional {id vector}}}}",
            Selection {
                search: Some("nearVector"),
                limit: Some(3),
                threshold: Some(0.5),
                vectors: vec![3],
                with_vectors: true,
                ..article.clone()
            },
        ),
        (
            "query Q($a: [Float!] = {x: 1}) @live {\n  # a comment {\n Get { Article(nearText: {concepts: [\"a } \\\" b\"], certainty: 0.7}, tenant: \"T\") { title } } }",
            Selection {
                search: Some("nearText"),
                threshold: Some(0.7),
                tenant: Some("T"),
                ..article.clone()
            },
        ),
        (
            r#"{Get{a: Article(where: {path: ["city"], operator: Equal, valueText: """x " y"""}, hybrid: {query: "x", vector: {t: [1, 2], u: [[1, 2], [3, 4]]}}) {title}}}"#,
            Selection {
                search: Some("hybrid"),
                filter: Some(filter.to_owned()),
                vectors: vec![2, 2, 2],
                ..article.clone()
            },
        ),
        (
            "{Get{Article(hybrid:{searches:{nearVector:{vector:[1,2]}}},limit:-1){_additional{score}}}}",
            Selection { search: Some("hybrid"), vectors: vec![2], with_properties: false, ..article.clone() },
        ),
        ("{Get{Article{title}}}", article.clone()),
        (
            "{ Get { Article(limit: 10) { title ... on B { vector } } } }",
            Selection { limit: Some(10), ..article.clone() },
        ),
        (
            "{Get{Article(nearVector:{vector:$v}){title}}}",
            Selection { search: Some("nearVector"), ..article.clone() },
        ),
        ("{Aggregate{Article{meta{count}}}}", Selection { aggregates: true, ..article.clone() }),
        // Cut.
        (
            "{Get{Article(limit: 3 nearVector: {vector: [0.1, -0.",
            Selection {
                search: Some("nearVector"),
                limit: Some(3),
                with_properties: false,
                ..article.clone()
            },
        ),
        (
            "{Get{Article(nearText:{concepts:[\"x",
            Selection { search: Some("nearText"), with_properties: false, ..article.clone() },
        ),
    ] {
        assert_eq!(read(query), Some(vec![expected]), "{query}");
    }
    let both = read("{Get{A(limit:1){x} b:B(nearText:{concepts:[\"x\"]}){y}}}").unwrap();
    assert_eq!(
        (both[0].class, both[0].search, both[1].class, both[1].search),
        ("A", None, "B", Some("nearText"))
    );
}

#[test]
fn strangers_are_none() {
    for query in [
        "",
        "{",
        "{Get",
        "{Get{",
        "{Get{article{title}}}",
        "query Get { Users(limit: 3) { id } }",
        "query { users { id } }",
        "mutation { Get { Article { id } } }",
        "{ get { Article { id } } }",
        "{ Get(id: 1) { Article { id } } }",
        "{ Get { Article @x { id } } }",
        "{ Get { ... on X { id } } }",
        "\"Get\"",
        "\u{1f600}",
    ] {
        assert_eq!(read(query), None, "{query}");
    }
    let deep =
        format!("{{Get{{Article(where: {}1{}){{x}}}}}}", "{operands:[".repeat(5_000), "]}".repeat(5_000));
    assert_eq!(read(&deep).unwrap()[0].filter, None);
    let many = format!("{{Get{{{}}}}}", "A{x} ".repeat(5_000));
    assert_eq!(read(&many).unwrap().len(), CLASSES_MAX);
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(query in "(\\{Get\\{A\\()?[\\{\\}\\[\\]\\(\\):\\$\"\\\\#,a-zA-Z0-9. \n-é]{0,200}") {
        let _ = read(&query);
    }

    #[test]
    fn a_vector_is_counted(vector in prop::collection::vec(any::<f32>(), 1..40)) {
        let query = format!("{{Get{{A(nearVector:{{vector:{vector:?}}}){{x}}}}}}");
        let found = read(&query).unwrap();
        let whole = vector.iter().all(|number| number.is_finite());
        if whole {
            prop_assert_eq!(&found[0].vectors, &vec![vector.len() as u64]);
        }
    }
}
