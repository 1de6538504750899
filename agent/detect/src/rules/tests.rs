use super::*;

fn pattern(name: &str, pattern: &str) -> RuleSpec {
    RuleSpec { name: name.to_owned(), pattern: Some(pattern.to_owned()), ..RuleSpec::default() }
}

fn words(name: &str, words: &[&str], ignore_case: bool) -> RuleSpec {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    RuleSpec { name: name.to_owned(), words, ignore_case, ..RuleSpec::default() }
}

/// What is found, with its rule, in the order of the text.
fn found(rules: &[RuleSpec], text: &str) -> Vec<(String, String)> {
    let rules = Rules::new(rules).unwrap();
    let mut found = Vec::new();
    rules.find(text, &mut found);
    found.sort_by_key(|one| (one.range.start, one.range.end, one.class));
    let shown = |one: Finding| {
        assert_eq!(rules.name(one.class), Some(&*one.rule));
        (one.rule.into_owned(), text.get(one.range).unwrap().to_owned())
    };
    found.into_iter().map(shown).collect()
}

#[test]
fn every_rule_finds_its_own_even_where_they_overlap() {
    let rules = [
        pattern("order", "ORD-[0-9]{8}"),
        words("project", &["Bluebird", "Red Fox"], true),
        pattern("short", "AB"),
        pattern("long", "B[XYZ]{3}"),
        RuleSpec { ignore_case: true, words: vec!["zaun".to_owned()], ..pattern("both", "haus-[0-9]") },
    ];
    let text = "ORD-12345678 of BLUEBIRD, ABXYZ, Haus-7 Zaun, Bluebirds, ORD-1";
    let wanted = [
        ("order", "ORD-12345678"),
        ("project", "BLUEBIRD"),
        ("short", "AB"),
        ("long", "BXYZ"),
        ("both", "Haus-7"),
        ("both", "Zaun"),
    ];
    let wanted = wanted.map(|(rule, text)| (rule.to_owned(), text.to_owned()));
    assert_eq!(found(&rules, text), wanted);
    assert!(found(&[], text).is_empty() && Rules::default().is_empty());
}

#[test]
fn what_is_wrong_is_told_of_the_rule_and_its_part() {
    let fine = || pattern("fine", "x1");
    for (rules, index, part, message) in [
        (vec![fine(), pattern("", "x2")], 1, "name", "ASCII letters, digits"),
        (vec![pattern("a b", "x2")], 0, "name", "ASCII letters, digits"),
        (vec![pattern("National_ID", "x2")], 0, "name", "built-in class"),
        (vec![fine(), fine()], 1, "name", "an earlier rule is called 'fine', too"),
        (vec![pattern("a-b", "x1"), pattern("A_b", "x2")], 1, "name", "an earlier rule is called 'A_b', too"),
        (vec![fine(), words("none", &[], false)], 1, "", "neither a pattern nor words"),
        (
            vec![fine(), pattern("bad", "(x")],
            1,
            "pattern",
            "the pattern of rule 'bad' does not compile: unclosed",
        ),
        (vec![pattern("all", ".")], 0, "pattern", "of ordinary text"),
        (vec![pattern("all", ".*")], 0, "pattern", "matches the empty text"),
        (vec![pattern("all", ".+")], 0, "pattern", "hides"),
        (vec![pattern("all", r"\w")], 0, "pattern", "hides"),
        (vec![pattern("all", r"\S+")], 0, "pattern", "hides"),
        (vec![pattern("all", r"[a-z]")], 0, "pattern", "hides"),
        (vec![words("w", &["a", " "], false)], 0, "words", "word 2 is empty"),
        (vec![words("w", &[&"a".repeat(257)], false)], 0, "words", "word 1 is longer than 256 bytes"),
    ] {
        let error = Rules::new(&rules).unwrap_err();
        assert_eq!((error.index, error.part), (index, part), "{error}");
        assert!(error.message.contains(message), "{error}");
    }
}

#[test]
fn numbers_are_bounded() {
    let many = |count: usize| (0..count).map(|at| pattern(&format!("r{at}"), "x1")).collect::<Vec<_>>();
    assert!(Rules::new(&many(RULES_MAX)).is_ok());
    assert_eq!(Rules::new(&many(RULES_MAX + 1)).unwrap_err().index, RULES_MAX);
    let word = "x".repeat(WORD_BYTES_MAX);
    let bulky = vec![word.as_str(); WORDS_BYTES_MAX / WORD_BYTES_MAX + 1];
    assert!(Rules::new(&[words("w", &bulky, false)]).unwrap_err().message.contains("2 MiB"));
    let large = (0..8).map(|at| pattern(&format!("r{at}"), r"\w{80}x")).collect::<Vec<_>>();
    assert!(Rules::new(&large).unwrap_err().message.contains("together"));
}

#[test]
fn a_rule_for_digits_is_no_mistake() {
    for fit in [r"[0-9]+", r"[A-Z]{2,}", r"\p{Han}+", r#""content": "[^"]*""#, r"(?m)^.*Lieferadresse.*$"] {
        Rules::new(&[pattern("r", fit)]).unwrap();
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic_and_ranges_are_borders_of_characters(text in "\\PC{0,80}|[aßẞ1-9é\u{200b} \n-]{0,80}") {
        let rules = [
            pattern("digits", r"\d+[^a]?"),
            pattern("border", r"\b[é1]{1,3}\b"),
            words("words", &["ss", "é1", "日"], true),
        ];
        found(&rules, &text);
    }
}
