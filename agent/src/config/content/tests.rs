#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::word::Word as _;
use super::*;
use crate::config::{Config, Environment, Settings, Text};

fn policy(mode: ContentMode, text: &str) -> Result<ContentPolicy, ConfigError> {
    let settings = ContentPolicy { mode, limit: 1024, ..ContentPolicy::default() };
    ContentPolicy::parse(settings, Path::new("/p.yaml"), text)
}

fn parsed(text: &str) -> ContentPolicy {
    policy(ContentMode::Redacted, text).unwrap()
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = policy(ContentMode::Redacted, text).unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}\n{message}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn the_first_entry_that_matches_holds() {
    let policy = parsed(
        "content:
  - {service: 'shop*', provider: [openai, azure.ai.openai], direction: output, kind: tool-results, mode: off}
  - {service: 'shop*', kind: [messages, tool-results], mode: full}
  - {provider: ollama, mode: metadata}
  - {direction: output, mode: off}
",
    );
    use ContentMode::{Full, Metadata, Off, Redacted};
    use Direction::{Input, Output};
    for (service, provider, direction, kind, mode) in [
        ("shop-api", "openai", Output, Kind::ToolResults, Off),
        ("shop", "azure.ai.openai", Output, Kind::ToolResults, Off),
        ("shop", "openai", Input, Kind::ToolResults, Full),
        ("shop", "anthropic", Output, Kind::ToolResults, Full),
        ("shop", "openai", Output, Kind::Messages, Full),
        ("shop", "openai", Output, Kind::ToolArguments, Off),
        ("bot", "ollama", Output, Kind::Messages, Metadata),
        ("bot", "openai", Output, Kind::Messages, Off),
        ("bot", "openai", Input, Kind::Messages, Redacted),
        ("Shop", "openai", Input, Kind::SystemInstructions, Redacted),
    ] {
        assert_eq!(policy.decide(service, provider, direction, kind), mode, "{service} {provider} {kind:?}");
    }
}

#[test]
fn what_nobody_wants_is_not_recorded() {
    use ContentMode::{Off, Redacted};
    for (mode, entries, service, may) in [
        (Off, "", "shop", false),
        (Redacted, "", "shop", true),
        (Off, "- {service: shop, mode: redacted}", "shop", true),
        (Off, "- {service: shop, mode: redacted}", "bank", false),
        (Redacted, "- {service: 'b*', mode: off}", "bank", false),
        (Redacted, "- {service: 'b*', mode: off}", "shop", true),
        (Redacted, "- {service: 'b*', direction: input, mode: off}", "bank", true),
        (
            Redacted,
            "- {service: bank, kind: errors, mode: metadata}\n- {service: bank, mode: off}",
            "bank",
            true,
        ),
        (Off, "- {service: bank, mode: off}\n- {mode: full}", "bank", false),
        (Off, "- {service: bank, mode: off}\n- {mode: full}", "shop", true),
    ] {
        let entries = if entries.is_empty() { String::new() } else { format!("content:\n{entries}") };
        let policy = policy(mode, &entries).unwrap();
        assert_eq!(policy.may_record(service), may, "{mode:?} {entries} {service}");
        if may {
            assert!(policy.records_anything());
        }
    }
}

#[test]
fn all_of_a_policy_is_read() {
    let policy = parsed(
        "detect: {off: [ip], national-ids: [us-ssn, de-steuer-id], phone-regions: [DE, US], private-ips: true}
replace: {default: token, email: hash, card: mask, phone: drop, national-id: hash}
rules:
  - {name: order-number, pattern: 'ORD-[0-9]{8}', replace: mask}
  - {name: projects, words: [Bluebird, ' Red Fox '], ignore-case: true}
fields: [geburtsdatum, customer_name]
keep: ['docs@example\\.com']
",
    );
    assert_eq!(policy.detect.off, BTreeSet::from([Class::Ip]));
    assert_eq!(policy.detect.national_ids, Some(vec!["us-ssn", "de-steuer-id"]));
    assert_eq!(
        (&policy.detect.phone_regions[..], policy.detect.private_ips),
        (&["DE", "US"][..], Some(true))
    );
    for (class, replacement) in [
        (Class::Email, Replacement::Hash),
        (Class::NationalId, Replacement::Hash),
        (Class::Card, Replacement::Mask),
        (Class::Phone, Replacement::Drop),
        (Class::Iban, Replacement::Token),
        (Class::Rule(0), Replacement::Mask),
        (Class::Rule(1), Replacement::Token),
    ] {
        assert_eq!(policy.replace.of(class), replacement, "{class:?}");
    }
    assert_eq!(policy.rules[1].words, ["Bluebird", "Red Fox"]);
    assert!(policy.rules[1].ignore_case && !policy.rules[0].ignore_case);
    assert_eq!((policy.fields.len(), &policy.keep[..]), (2, &[r"docs@example\.com".to_owned()][..]));
    assert_eq!(policy.file, Some(PathBuf::from("/p.yaml")));
    assert_eq!((policy.limit, policy.mode), (1024, ContentMode::Redacted));
    assert_eq!(parsed("# nothing\n").rules, []);
}

#[test]
fn a_credential_is_a_token_or_a_hash() {
    for (text, wanted) in [
        ("", Replacement::Token),
        ("replace: {default: drop}", Replacement::Token),
        ("replace: {default: mask}", Replacement::Token),
        ("replace: {default: hash}", Replacement::Hash),
        ("replace: {credential: hash}", Replacement::Hash),
    ] {
        assert_eq!(parsed(text).replace.of(Class::Credential), wanted, "{text}");
    }
    refused(
        "replace:\n  default: drop\n  credential: drop\n",
        "/p.yaml, line 3: a credential is replaced by token or",
    );
}

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

#[test]
fn words_and_keys_come_from_files() {
    let folder = std::env::temp_dir().join(format!("spanwire-policy-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, bytes: &[u8], mode| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let words = write("words", "\u{feff}Bluebird\r\n\n  Red Fox\n".as_bytes(), 0o644);
    let open = write("open", b"Bluebird", 0o666);
    let key = write("key", &(1..40).collect::<Vec<u8>>(), 0o600);
    let old = write("old", &(2..40).collect::<Vec<u8>>(), 0o600);
    let bare = write("bare", &(1..40).collect::<Vec<u8>>(), 0o644);

    let text = format!(
        "rules: [{{name: a, words: [x], words-file: {words}}}]\nkey-file: {key}\nprevious-key-file: {old}"
    );
    let read = parsed(&text);
    assert_eq!(read.rules[0].words, ["x", "Bluebird", "Red Fox"]);
    assert_eq!(read.key.unwrap().get().len(), 39);
    assert_eq!(read.previous_key.unwrap().get().len(), 38);
    for (text, message) in [
        (format!("fields: []\nkey-file: {bare}"), "is open to others than its owner (mode 0644)"),
        (format!("fields: []\nprevious-key-file: {old}"), "a previous key goes with a key-file"),
        (format!("key-file: {key}\nprevious-key-file: {key}"), "the previous key is the one that holds now"),
        (format!("rules:\n- {{name: a, words-file: {open}}}"), "can be changed by everybody"),
    ] {
        let error = policy(ContentMode::Off, &text).unwrap_err().to_string();
        assert!(error.starts_with("/p.yaml, line 2: ") && error.contains(message), "{error}");
    }

    // The same through the settings, whose error names the policy's file.
    let file = write("policy.yaml", b"detect: {off: [ip]}\nkeep: ['.*']\n", 0o644);
    let load = |path: &str| {
        let flags = Settings { content_policy: Some(Text(path.to_owned())), ..Settings::default() };
        Config::resolve(&flags, None, &Environment::new())
    };
    let error = load(&file).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{file}, line 2: the pattern matches the empty text")), "{error}");
    let error = load("/does/not/exist").unwrap_err().to_string();
    assert!(
        error.starts_with("/does/not/exist: the content policy /does/not/exist cannot be read"),
        "{error}"
    );
    let file = write("policy.yaml", b"detect: {off: [ip]}\n", 0o646);
    assert!(load(&file).unwrap_err().to_string().contains("changed by everybody"));
    let file = write("policy.yaml", b"detect: {off: [ip]}\n", 0o644);
    assert_eq!(load(&file).unwrap().content.detect.off.len(), 1);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_holds_is_told_and_what_is_weaker() {
    let policy = |mode, text| policy(mode, text).unwrap();
    let off = ContentPolicy { mode: ContentMode::Off, ..ContentPolicy::default() };
    assert_eq!(off.summary(), ["off: content is not read"]);
    assert!(off.weaknesses().is_empty());
    let plain = policy(ContentMode::Redacted, "replace: {default: hash, iban: drop}");
    assert_eq!(plain.summary()[0], "redacted; policy /p.yaml");
    assert_eq!(plain.summary()[2], "findings are replaced by hash, iban by drop");
    assert!(plain.summary().last().unwrap().starts_with("hashes are keyed anew at each start"));
    assert!(plain.weaknesses().is_empty());
    let weak = policy(
        ContentMode::Redacted,
        "content: [{service: a, mode: full}]\ndetect: {off: [ip, mac], private-ips: false, national-ids: []}\n\
         keep: [a1]\nreplace: {card: mask}\nrules: [{name: secret, pattern: Bluebird-1, replace: mask}]",
    );
    assert_eq!(
        weak.weaknesses(),
        [
            "full for some entries of the policy: personal data leaves as it is; only credentials are replaced",
            "not looked for: ip, mac",
            "addresses of private networks stay",
            "us-ssn is not among the national ids that are looked for",
            "findings that match one of 1 patterns stay",
            "masks show a part of what they stand for: card, secret",
        ]
    );
    let all = format!("{:?}{:?}", weak.summary(), weak.weaknesses());
    assert!(!all.contains("Bluebird") && !all.contains("a1"), "{all}");
}

#[test]
fn every_provider_that_calls_can_have_is_known() {
    for provider in crate::provider::providers() {
        word::Provider::read(provider).unwrap();
    }
}

#[test]
fn the_manuals_policy_is_one() {
    const MANUAL: &str = include_str!("../../../../docs/redaction.md");
    let (_, rest) = MANUAL.split_once("```yaml\n").unwrap();
    let (text, rest) = rest.split_once("```").unwrap();
    assert!(!rest.contains("```yaml"));
    let folder = std::env::temp_dir().join(format!("spanwire-manual-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("projects.txt"), "Green Heron\n").unwrap();
    fs::write(folder.join("redaction.key"), (0..32).collect::<Vec<u8>>()).unwrap();
    fs::set_permissions(folder.join("redaction.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let policy = parsed(&text.replace("/etc/spanwire", folder.to_str().unwrap()));
    fs::remove_dir_all(&folder).unwrap();
    let decide = |service, kind| policy.decide(service, "openai", Direction::Output, kind);
    assert_eq!(decide("shop-api", Kind::ToolResults), ContentMode::Off);
    assert_eq!(decide("payments", Kind::Messages), ContentMode::Metadata);
    assert_eq!(decide("bot", Kind::Messages), ContentMode::Redacted);
    assert_eq!(policy.rules[1].words.len(), 3);
    let kinds = Kind::WORDS.iter().map(|(word, _)| word);
    for word in kinds.chain(word::NationalId::WORDS.iter().map(|(word, _)| word)) {
        assert!(MANUAL.contains(&format!("`{word}`")), "{word}");
    }
}
