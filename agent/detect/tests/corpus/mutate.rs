//! Other texts with the same secrets: what stands round them, how they are written, what the text is wrapped in.

use super::{LookAlike, Positive};

/// What may stand before and after a value that is known by itself.
const ROUND: [(&str, &str); 34] = [
    ("(", ")"),
    ("[", "]"),
    ("\"", "\""),
    ("'", "'"),
    ("`", "`"),
    ("<", ">"),
    ("“", "”"),
    ("„", "“"),
    ("«", "»"),
    ("‹", "›"),
    ("「", "」"),
    ("【", "】"),
    ("（", "）"),
    ("{", "}"),
    ("|", "|"),
    ("value: ", "."),
    ("value = ", ";"),
    ("really? ", "!"),
    ("is it ", "?"),
    ("first, ", ", then"),
    ("\t", "\t"),
    ("\r\n", "\r\n"),
    ("\u{a0}", "\u{a0}"),
    ("\u{3000}", "\u{3000}"),
    ("\u{feff}", ""),
    ("… ", "…"),
    ("— ", " —"),
    ("• ", "\n• next"),
    ("→ ", " ←"),
    ("😀 ", " 😀"),
    ("# ", " #"),
    ("> ", "\n> "),
    ("<b>", "</b>"),
    ("、", "。"),
];
/// How many of them each value meets.
const ROUNDS: usize = 8;
/// Where names may be written in small letters, and in capitals.
const SMALL: [&str; 6] = ["header", "environment", "field name", "ini", "yaml", "connection string"];
const CAPITAL: [&str; 3] = ["header", "environment", "field name"];

/// How a part of a text is written elsewhere.
type Encode<'a> = &'a mut dyn FnMut(&str) -> String;

/// The same numbers each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }
}

/// All mutations of all cases, each with its kind.
pub(crate) fn all(cases: &[Positive]) -> Vec<(&'static str, Positive)> {
    let mut numbers = Numbers(0x5eed_0022);
    let mut mutated = Vec::new();
    for case in cases {
        let is_plain = case.hide == case.secrets;
        if case.bare {
            round(case, &mut numbers, &mut mutated);
            rewritten(case, &mut mutated);
        }
        let is_one_line = case.hide.iter().all(|hide| !hide.contains('\n'));
        if is_plain && is_one_line {
            wrapped(case, &cases[numbers.below(cases.len())], &mut numbers, &mut mutated);
            named_otherwise(case, &mut mutated);
        }
    }
    mutated
}

fn with(case: &Positive, text: String, value: &str) -> Positive {
    Positive { text, hide: vec![value.to_owned()], secrets: vec![value.to_owned()], ..case.clone() }
}

/// Other things round the value.
fn round(case: &Positive, numbers: &mut Numbers, mutated: &mut Vec<(&'static str, Positive)>) {
    let value = &case.secrets[0];
    for _ in 0..ROUNDS {
        let (before, after) = ROUND[numbers.below(ROUND.len())];
        mutated.push(("round a value", with(case, format!("{before}{value}{after}"), value)));
        mutated.push(("round a value", with(case, format!("see {before}{value}{after} there"), value)));
    }
}

/// The value in other case, with other separators.
fn rewritten(case: &Positive, mutated: &mut Vec<(&'static str, Positive)>) {
    let value = &case.secrets[0];
    let close: String = value.chars().filter(|character| character.is_ascii_alphanumeric()).collect();
    let grouped = |size: usize, by: &str| {
        let groups: Vec<&str> =
            (0..close.len()).step_by(size).map(|at| &close[at..close.len().min(at + size)]).collect();
        groups.join(by)
    };
    let others = match case.class.as_str() {
        "email" | "ip" => vec![value.to_uppercase(), value.to_lowercase()],
        "card" if close.len() == 16 => {
            vec![close.clone(), grouped(4, " "), grouped(4, "-"), grouped(4, "\u{a0}")]
        }
        "iban" => vec![close.to_lowercase(), close.to_uppercase(), grouped(4, " "), grouped(4, "\u{a0}")],
        "mac" => vec![grouped(2, ":"), grouped(2, "-"), grouped(4, "."), grouped(2, ":").to_uppercase()],
        _ => Vec::new(),
    };
    for other in others {
        mutated.push(("written otherwise", with(case, format!("Take {other} today."), &other)));
        mutated.push(("written otherwise", with(case, other.clone(), &other)));
    }
}

/// The whole text within something else.
fn wrapped(
    case: &Positive,
    other: &Positive,
    numbers: &mut Numbers,
    mutated: &mut Vec<(&'static str, Positive)>,
) {
    let text = &case.text;
    let encoded: [(_, _, Encode<'_>, _); 5] = [
        ("json string", r#"{"content":""#, &mut |part| json(part), "\"}"),
        ("json string twice", r#"{"arguments":"{\"text\":\""#, &mut |part| json(&json(part)), r#"\"}"}"#),
        ("json escapes", r#"{"content":""#, &mut |part| escaped(part, numbers), "\"}"),
        ("percent-encoded", "text=", &mut |part| percent(part), "&n=1"),
        ("entities", "<p>", &mut |part| entities(part), "</p>"),
    ];
    for (how, before, encode, after) in encoded {
        let mut hide = Vec::new();
        let mut middle = String::new();
        for (part, is_hidden) in parts(case) {
            let part = encode(part);
            middle += &part;
            hide.extend(is_hidden.then_some(part));
        }
        mutated.push((how, Positive { text: format!("{before}{middle}{after}"), hide, ..case.clone() }));
    }
    let run = base64(&format!("Note for all: {text}\n"));
    let data = Positive { text: format!("{{\"data\":\"{run}\"}}"), hide: vec![run], ..case.clone() };
    mutated.push(("base64", data));
    let (before, after) = ROUND[numbers.below(ROUND.len())];
    let plain = [
        ("between", format!("{before}{text}{after}")),
        ("quoted", format!("> {}", text.replace('\n', "\n> "))),
        ("lines end otherwise", text.replace("\r\n", "\n").replace('\n', "\r\n")),
        ("twice", format!("{text}\n{text}")),
        ("after words", format!("Hello there,\n\n{text}\n\nRegards\n")),
    ];
    mutated.extend(plain.map(|(how, text)| (how, Positive { text, ..case.clone() })));
    if other.setting.is_none() && case.setting.is_none() {
        let text = format!("{text}\n{}", other.text);
        let hide = case.hide.iter().chain(&other.hide).cloned().collect();
        let secrets = case.secrets.iter().chain(&other.secrets).cloned().collect();
        mutated.push(("with another", Positive { text, hide, secrets, ..case.clone() }));
    }
}

/// The text in parts: which of them are to be hidden.
fn parts(case: &Positive) -> Vec<(&str, bool)> {
    let mut parts = Vec::new();
    let mut rest = case.text.as_str();
    // The first of the stretches to hide that is left, each time.
    while let Some((at, hide)) = case.hide.iter().filter_map(|hide| Some((rest.find(hide)?, hide))).min() {
        parts.extend([(&rest[..at], false), (&rest[at..at + hide.len()], true)]);
        rest = &rest[at + hide.len()..];
    }
    parts.push((rest, false));
    parts
}

/// Names in other case, and space round signs of assignment.
fn named_otherwise(case: &Positive, mutated: &mut Vec<(&'static str, Positive)>) {
    let mut outside = |how, change: &dyn Fn(&str) -> String| {
        let changed = parts(case)
            .into_iter()
            .map(|(part, is_hidden)| if is_hidden { part.to_owned() } else { change(part) });
        let text: String = changed.collect();
        if text != case.text {
            mutated.push((how, Positive { text, ..case.clone() }));
        }
    };
    if case.class != "credential" {
        return;
    }
    if SMALL.contains(&case.place.as_str()) {
        outside("names in small letters", &|part| part.to_lowercase());
    }
    if CAPITAL.contains(&case.place.as_str()) {
        outside("names in capitals", &|part| part.to_uppercase());
    }
    if case.place == "field name" || case.place == "ini" {
        outside("space round signs", &|part| {
            part.replace('=', " = ").replace("  ", " ").replace("= >", "=>")
        });
    }
}

/// Look-alikes within something else, where they are to stay as well.
pub(crate) fn lookalikes(cases: &[LookAlike]) -> Vec<(&'static str, LookAlike)> {
    let mut numbers = Numbers(0x5eed_0023);
    let mut mutated = Vec::new();
    for case in cases {
        let text = &case.text;
        let (before, after) = ROUND[numbers.below(ROUND.len())];
        let texts = [
            ("json string", format!(r#"{{"content":"{}"}}"#, json(text))),
            ("json string twice", format!(r#"{{"arguments":"{{\"text\":\"{}\"}}"}}"#, json(&json(text)))),
            ("json escapes", format!(r#"{{"content":"{}"}}"#, escaped(text, &mut numbers))),
            ("percent-encoded", format!("text={}&n=1", percent(text))),
            ("entities", format!("<p>{}</p>", entities(text))),
            ("base64", format!(r#"{{"data":"{}"}}"#, base64(&format!("Note for all: {text}\n")))),
            ("between", format!("{before}{text}{after}")),
            ("quoted", format!("> {}", text.replace('\n', "\n> "))),
            ("after words", format!("Hello there,\n\n{text}\n\nRegards\n")),
            ("with another", format!("{text}\n{}", cases[numbers.below(cases.len())].text)),
        ];
        mutated.extend(texts.map(|(how, text)| (how, LookAlike { text, ..case.clone() })));
    }
    mutated
}

/// What stands between the quotes of a JSON string.
fn json(text: &str) -> String {
    let string = serde_json::Value::from(text).to_string();
    string[1..string.len() - 1].to_owned()
}

/// In a JSON string, with some characters as escapes that need not be.
fn escaped(text: &str, numbers: &mut Numbers) -> String {
    let mut units = [0; 2];
    let mut escape = |character: char| {
        let codes = character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"));
        codes.collect::<String>()
    };
    let mut write = |character: char| {
        let is_needed = character.is_control() || "\"\\@".contains(character) || !character.is_ascii();
        if is_needed || numbers.below(8) == 0 { escape(character) } else { character.to_string() }
    };
    text.chars().map(&mut write).collect()
}

fn percent(text: &str) -> String {
    let write = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(write).collect()
}

fn entities(text: &str) -> String {
    let write = |character: char| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' | '@' | '+' => format!("&#{};", u32::from(character)),
        other => other.to_string(),
    };
    text.chars().map(write).collect()
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let byte = |at: usize| u32::from(bytes.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let sign = |at: usize| {
            let value = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap_or(0);
            if at > bytes.len() { '=' } else { char::from(ALPHABET[value]) }
        };
        (0..4).map(sign).collect::<String>()
    };
    text.as_bytes().chunks(3).map(group).collect()
}
