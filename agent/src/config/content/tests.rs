#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use spanwire_detect::Scope;

use super::word::Word as _;
use super::*;
use crate::config::{Config, Environment, Settings, Text};

mod mistakes;

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
fn a_service_is_open_where_everything_of_it_is() {
    use ContentMode::{Full, Redacted};
    let full = "content: [{service: a, mode: full}]";
    let partly = "content: [{service: a, kind: messages, mode: full}]";
    let but = "content: [{service: a, kind: messages, mode: metadata}]";
    for (mode, entries, service, is_full) in [
        (Full, "{}", Some("a"), true),
        (Full, "{}", None, true),
        (Redacted, "{}", Some("a"), false),
        (Redacted, full, Some("a"), true),
        (Redacted, full, Some("b"), false),
        (Redacted, full, None, false),
        (Redacted, partly, Some("a"), false),
        (Full, partly, Some("a"), true),
        (Full, but, Some("a"), false),
        (Full, but, Some("b"), true),
        (Full, but, None, false),
        (Redacted, "content: [{mode: full}]", None, true),
    ] {
        assert_eq!(
            policy(mode, entries).unwrap().is_full(service),
            is_full,
            "{mode:?} {entries} {service:?}"
        );
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
    let names: Vec<_> = policy.detect.national_ids.as_ref().unwrap().iter().map(|id| id.name()).collect();
    assert_eq!(names, ["de-steuer-id", "us-ssn"]);
    assert_eq!(
        (&policy.detect.phone_regions, policy.detect.private_ips),
        (&Some(vec!["DE", "US"]), Some(true))
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
    assert!(error.starts_with("/does/not/exist: the content policy cannot be read"), "{error}");
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
    let kinds = Kind::words().map(|(word, _)| word);
    for word in kinds.chain(NationalId::words().map(|(word, _)| word)) {
        assert!(MANUAL.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn every_region_has_telephone_numbers() {
    for (name, _) in word::Region::words() {
        name.parse::<spanwire_detect::PhoneRegion>().unwrap();
    }
}

#[test]
fn a_policy_is_what_the_detectors_do() {
    let policy = parsed(
        "detect: {off: [ip], national-ids: [de-steuer-id], phone-regions: []}
replace: {email: hash, card: mask, phone: drop}
rules: [{name: order-number, pattern: 'ORD-[0-9]{8}', replace: hash}, {name: projects, words: [Bluebird]}]
fields: [customer_name]
keep: ['docs@example\\.com', Bluebird-9]
",
    );
    let (detectors, replacing) = (policy.detectors().unwrap(), policy.replacing().unwrap());
    let redact = |text: &str| detectors.redact(text, Scope::All, &replacing).text;
    for (text, wanted) in [
        ("docs@example.com 192.0.2.17 219-09-9999", "docs@example.com 192.0.2.17 219-09-9999"),
        ("the Bluebird flies", "the [PROJECTS] flies"),
        (r#"{"customer_name": "Anna"}"#, r#"{"customer_name": "[FIELD]"}"#),
    ] {
        assert_eq!(redact(text), wanted);
    }
    let hashed = redact("anna@example.com ORD-12345678 Anna@example.com");
    let tokens: Vec<_> = hashed.split(' ').collect();
    assert!(tokens[0].starts_with("[EMAIL:") && tokens[0] == tokens[2], "{hashed}");
    assert!(tokens[1].starts_with("[ORDER_NUMBER:"), "{hashed}");
    let other = detectors.redact("anna@example.com", Scope::All, &policy.replacing().unwrap()).text;
    assert_ne!(other, tokens[0], "a key is drawn anew");
}
