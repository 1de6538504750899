//! What a policy file must not say.

use super::*;

#[test]
fn mistakes_are_told_with_file_and_line() {
    let mut others = Vec::new();
    for (text, message) in [
        ("fields: [", "/p.yaml, line "),
        ("- x", "/p.yaml, line 1: invalid type: sequence"),
        ("fields: []\nkepe: []", "/p.yaml, line 2: there is no 'kepe' here; did you mean 'keep'?"),
        (
            "content:\n- mode: off\n  servce: x",
            "/p.yaml, line 3: content[0]: there is no 'servce' here; did you mean 'service'?",
        ),
        ("content:\n- service: shop", "/p.yaml, line 2: content[0]: missing field `mode`"),
        (
            "content:\n- {mode: full}\n- service: x\n  mode: ful",
            "/p.yaml, line 4: content[1].mode: there is no mode 'ful'; did you mean 'full'?",
        ),
        (
            "content:\n- mode: off\n  kind:\n  - errors\n  - tool-result",
            "/p.yaml, line 5: content[0].kind[1]: there is no kind of content 'tool-result'; did you mean 'tool-results'?",
        ),
        (
            "content:\n- mode: off\n  kind: []",
            "/p.yaml, line 3: content[0].kind: there is no kind of content in the list",
        ),
        (
            "content:\n- {mode: off,\n   provider: open-ai}",
            "/p.yaml, line 3: content[0].provider: there is no provider 'open-ai'; did you mean 'openai'?",
        ),
        (
            "content:\n- {mode: off, direction: both}",
            "/p.yaml, line 2: content[0].direction: there is no direction 'both'; there are input, output",
        ),
        ("content:\n- {mode: off, service: ''}", "/p.yaml, line 2: the service has no name"),
        (
            "content:\n- mode: off\n  direction: output\n  kind: [errors, tool-definitions]",
            "/p.yaml, line 4: there is no such content in this direction",
        ),
        (
            "content:\n- {direction: input, kind: errors, mode: off}",
            "/p.yaml, line 2: there is no such content",
        ),
        ("detect:\n  off: [ip,\n  credential]", "/p.yaml, line 3: credentials are hidden in every mode"),
        (
            "detect:\n  off: [e-mail]",
            "/p.yaml, line 2: detect.off[0]: there is no class 'e-mail'; did you mean 'email'?",
        ),
        (
            "detect:\n  national-ids: [us-sn]",
            "/p.yaml, line 2: detect.national-ids[0]: there is no national id 'us-sn'; did you mean 'us-ssn'?",
        ),
        (
            "detect: {phone-regions: [UK]}",
            "/p.yaml, line 1: detect.phone-regions[0]: there is no region 'UK'; docs/redaction.md",
        ),
        (
            "detect: {phone-regions: [de]}",
            "/p.yaml, line 1: detect.phone-regions[0]: there is no region 'de'; did you mean 'DE'?",
        ),
        ("detect: {private-ips: maybe}", "/p.yaml, line 1: detect.private-ips: invalid type"),
        (
            "replace:\n  emial: hash",
            "/p.yaml, line 2: replace: there is no 'emial' here; did you mean 'email'?",
        ),
        (
            "replace: {email: hide}",
            "/p.yaml, line 1: replace.email: there is no replacement 'hide'; there are token",
        ),
        ("replace: {email: hash,\n email: drop}", "/p.yaml, line 1: replace: duplicate field `email`"),
        (
            "rules:\n- {name: a, pattern: x1}\n- name: b\n  pattern: '(x'",
            "/p.yaml, line 4: the pattern of rule 'b' does not compile: unclosed group",
        ),
        (
            "rules:\n- {name: a,\n   pattern: '.*'}",
            "/p.yaml, line 3: the pattern of rule 'a' matches the empty text",
        ),
        ("rules:\n- {name: a,\n   pattern: '\\w'}", "/p.yaml, line 3: the pattern of rule 'a' hides"),
        (
            "rules:\n- {name: a, pattern: '\\w{5000}'}",
            "/p.yaml, line 2: the pattern of rule 'a' is too large",
        ),
        (
            "rules:\n- {name: a, pattern: x1}\n- {pattern: x2,\n   name: a}",
            "/p.yaml, line 4: an earlier rule is called 'a', too",
        ),
        ("rules:\n- pattern: x\n", "/p.yaml, line 2: rules[0]: missing field `name`"),
        ("rules:\n- {name: a}\n", "/p.yaml, line 2: the rule 'a' has neither a pattern nor words"),
        (
            "rules:\n- name: a\n  words-file: /does/not/exist",
            "/p.yaml, line 3: the words file /does/not/exist cannot be read: No such file",
        ),
        (
            "rules:\n- name: a\n  words-file: words.txt",
            "/p.yaml, line 3: the words file words.txt is no absolute path",
        ),
        (
            "rules:\n- name: a\n  words-file: /dev/null",
            "/p.yaml, line 3: the words file /dev/null has no words",
        ),
        ("fields: [a,\n ' ']", "/p.yaml, line 2: the name of a field has 1 to 128 bytes"),
        (
            "keep:\n- 'docs@example\\.com'\n- '.+@.+'",
            "/p.yaml, line 3: the pattern would keep every finding of the class email",
        ),
        ("keep: ['[']", "/p.yaml, line 1: the pattern does not compile: unclosed character class"),
        ("key-file: /does/not/exist", "/p.yaml, line 1: the key file /does/not/exist cannot be read"),
        ("fields: [a]\nkey-file: /dev/null", "/p.yaml, line 2: the key file /dev/null is no file"),
    ] {
        let error = policy(ContentMode::Redacted, text).unwrap_err().to_string();
        if !error.starts_with(message) || error.contains('\n') {
            others.push((message, error));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
    let many = "- {name: r, pattern: x}\n".repeat(spanwire_detect::RULES_MAX + 1);
    assert!(policy(ContentMode::Off, &format!("rules:\n{many}")).is_err());
    let names = (0..=spanwire_detect::RULES_MAX).map(|at| format!("- {{name: r{at}, pattern: x1}}\n"));
    refused(
        &format!("rules:\n{}", names.collect::<String>()),
        "/p.yaml, line 258: there are more than 256 rules",
    );
}

#[test]
fn an_entry_that_never_holds_is_a_mistake() {
    for entries in [
        "- {mode: full}\n- {service: shop, mode: off}",
        "- {service: 's*', mode: full}\n- {service: shop, mode: off}",
        "- {service: shop, mode: full}\n- {service: shop, provider: openai, kind: errors, mode: off}",
        "- {provider: [openai, ollama], mode: full}\n- {provider: ollama, direction: input, mode: off}",
        "- {kind: [errors, messages], mode: off}\n- {kind: errors, mode: off}",
    ] {
        refused(
            &format!("content:\n{entries}"),
            "/p.yaml, line 3: this entry never holds, since entry 1 is about",
        );
    }
    for entries in [
        "- {service: shop, mode: off}\n- {service: 's*', mode: off}",
        "- {service: 's*', mode: off}\n- {service: '*p', mode: off}",
        "- {provider: openai, mode: off}\n- {provider: [openai, ollama], mode: off}",
        "- {direction: input, mode: off}\n- {kind: messages, mode: off}",
    ] {
        parsed(&format!("content:\n{entries}"));
    }
}
