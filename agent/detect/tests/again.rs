//! What was redacted is redacted: doing it again changes nothing, and what leaves of a text that was cut shows nothing that
//! the whole text hides.

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "tests")]

use serde::Deserialize;
use spanwire_detect::{DetectorOptions, Detectors, Key, Replacement, Replacing, RuleSpec, Rules, Scope};

#[derive(Deserialize)]
struct Case {
    id: String,
    text: String,
    /// The stretches that carry what must be hidden.
    #[serde(default)]
    hide: Vec<String>,
    /// What must be asked for to be found.
    setting: Option<String>,
}

fn read(name: &str) -> Vec<Case> {
    let path = format!("{}/../../tests/redaction/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    text.lines().map(|line| serde_json::from_str(&line.replace('¦', "")).expect(line)).collect()
}

/// With each replacement, and with rules of an operator.
fn detectors() -> Detectors {
    let spec = |name: &str, pattern: Option<&str>, words: &[&str]| RuleSpec {
        name: name.to_owned(),
        pattern: pattern.map(str::to_owned),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        ignore_case: true,
    };
    let rules = [
        spec("order-number", Some(r"\b[A-Z]{2}-[0-9]{4,12}\b"), &[]),
        spec("project", Some(r"falcon[a-z]{0,20}"), &["moon base", "Übergabe"]),
    ];
    let rules = Rules::new(&rules).expect("rules");
    Detectors::new(DetectorOptions { rules: vec![Box::new(rules)], ..DetectorOptions::default() })
}

fn replacements() -> [(&'static str, Replacing); 4] {
    let with = |replacement| Replacing::new(replacement, Key::new(vec![7; 32].into()));
    [
        ("token", with(Replacement::Token)),
        ("hash", with(Replacement::Hash)),
        ("mask", with(Replacement::Mask)),
        ("drop", with(Replacement::Drop)),
    ]
}

#[test]
fn twice_is_once() {
    let detectors = detectors();
    let mut wrong = Vec::new();
    for case in read("positives.jsonl").into_iter().chain(read("lookalikes.jsonl")) {
        let text = format!("{} AB-12345, falconry, moon base", case.text);
        for text in [&case.text, &text] {
            for (name, replacing) in replacements() {
                let once = detectors.redact(text, Scope::All, &replacing).text;
                let twice = detectors.redact(&once, Scope::All, &replacing).text;
                if once != twice {
                    wrong.push(format!("{name}: {}: {once:.160?}\n    {twice:.160?}", case.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} change:\n{}", wrong.len(), wrong.join("\n"));
}

/// Bytes of a secret that tell nothing.
const PIECE: usize = 4;
/// Cuts of each text.
const CUTS: usize = 12;

/// What of a secret that begins at `begin` can be read though the text was cut at `cut`: `outside` has what is no secret.
fn left<'t>(text: &'t str, begin: usize, cut: usize, outside: &str, redacted: &str) -> Option<&'t str> {
    let shown = &text[begin..cut];
    let starts: Vec<_> = shown.char_indices().map(|(at, _)| at).chain([shown.len()]).collect();
    let pieces = starts.windows(PIECE + 1).map(|ends| &shown[ends[0]..ends[PIECE]]);
    // What every frame of a key has tells nothing.
    const FRAME: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    let tells = |piece: &&str| !FRAME.contains(*piece);
    let mut pieces =
        pieces.filter(|piece| tells(piece) && redacted.contains(piece) && !outside.contains(piece));
    pieces.next()
}

#[test]
fn nothing_is_left_of_what_a_cut_leaves() {
    let detectors = detectors();
    let replacing = Replacing::default();
    let mut seed = 0x5eed_0024_u64;
    let mut below = |limit: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 33).unwrap_or(0) % limit.max(1)
    };
    let mut wrong = Vec::new();
    let mut tried = 0;
    for case in read("positives.jsonl").into_iter().filter(|case| case.setting.is_none()) {
        let mut outside = case.text.clone();
        for hide in &case.hide {
            outside = outside.replace(hide, "\0");
        }
        for _ in 0..CUTS {
            // Within a secret, or just behind it.
            let hide = &case.hide[below(case.hide.len())];
            let begin = case.text.find(hide).expect(hide);
            let cut = case.text.floor_char_boundary(begin + 1 + below(hide.len() + 2));
            if cut <= begin {
                continue;
            }
            tried += 1;
            let redacted = detectors.redact_cut(&case.text[..cut], Scope::All, &replacing).text;
            let end = cut.min(begin + hide.len());
            if let Some(piece) = left(&case.text, begin, end, &outside, &redacted) {
                wrong.push(format!(
                    "{}: {piece:?} of {:.80?} in {:.200?}",
                    case.id,
                    &case.text[..cut],
                    redacted
                ));
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried} leave something:\n{}", wrong.len(), wrong.join("\n"));
}
