use super::*;
use proptest::prelude::*;

/// What is found in a text, in its order, overlaps taken together.
pub(super) fn found_with(personal: &Personal, text: &str) -> Vec<(Class, String)> {
    let mut found = Vec::new();
    personal.find(text, &mut found);
    crate::merge(&mut found);
    found.into_iter().map(|one| (one.class, text[one.range].to_owned())).collect()
}

/// Asserts what is found of one class in each text.
pub(super) fn check(class: Class, cases: &[(&str, &[&str])]) {
    let personal = Personal::default();
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = found_with(&personal, text);
        let found: Vec<_> = found.iter().filter(|(it, _)| *it == class).map(|(_, part)| &**part).collect();
        if found != *expected {
            wrong.push(format!("{text}\n  found    {found:?}\n  expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cards() {
    check(
        Class::Card,
        &[
            ("4111 1111 1111 1111", &["4111 1111 1111 1111"]),
            ("4111111111111111", &["4111111111111111"]),
            ("card-4111-1111-1111-1111.", &["4111-1111-1111-1111"]),
            ("378282246310005", &["378282246310005"]),
            ("3782 822463 10005", &["3782 822463 10005"]),
            ("5555555555554444", &["5555555555554444"]),
            ("2223003122003222", &["2223003122003222"]),
            ("6011111111111117", &["6011111111111117"]),
            ("30569309025904", &["30569309025904"]),
            ("3566002020360505", &["3566002020360505"]),
            ("6200000000000005", &["6200000000000005"]),
            ("2200000000000053", &["2200000000000053"]),
            ("visa 4222222222222", &["4222222222222"]),
            ("カード番号は４１１１ １１１１ １１１１ １１１１です", &["４１１１ １１１１ １１１１ １１１１"]),
            ("4111 1111 1111 1111 12/27 123", &["4111 1111 1111 1111"]),
            ("{\"n\":4111111111111111,\"x\":1}", &["4111111111111111"]),
            ("1,4111111111111111,12/27", &["4111111111111111"]),
            ("paid with 4326520445455655566", &["4326520445455655566"]),
            ("4111111111111112", &[]),
            ("4222222222222", &[]),
            ("4644676728992673665", &[]),
            ("4000 0000 0000 0002 110", &["4000 0000 0000 0002"]),
            ("6217000000000000012", &["6217000000000000012"]),
            ("14111111111111111", &[]),
            ("0.4111111111111111", &[]),
            ("a4111111111111111", &[]),
            ("4111111111111111e5", &[]),
            ("12-4111-1111-1111-1111", &[]),
            ("1234 4111 1111 1111 1111", &[]),
            ("1700000000123456", &[]),
            ("41111111-1111-1111-1111-111111111111", &[]),
            ("0000 0000 0000 0000", &[]),
        ],
    );
}

#[test]
fn accounts() {
    check(
        Class::Iban,
        &[
            ("DE89370400440532013000", &["DE89370400440532013000"]),
            ("IBAN: DE89 3704 0044 0532 0130 00.", &["DE89 3704 0044 0532 0130 00"]),
            ("gb29 nwbk 6016 1331 9268 19 is mine", &["gb29 nwbk 6016 1331 9268 19"]),
            ("FR1420041010050500013M02606", &["FR1420041010050500013M02606"]),
            ("口座：MT84MALT011000012345MTLCAST001S。", &["MT84MALT011000012345MTLCAST001S"]),
            ("NO93-8601-1117-947", &["NO93-8601-1117-947"]),
            ("x,DE89 3704 0044 0532 0130 00,305", &["DE89 3704 0044 0532 0130 00"]),
            ("DE88370400440532013000", &[]),
            ("XX89370400440532013000", &[]),
            ("aDE89370400440532013000", &[]),
            ("DE89370400440532013000a", &[]),
        ],
    );
}

/// Texts that cost most: what begins a candidate over and over, and never ends one.
const HOSTILE: &[&str] = &[
    "@",
    "a@",
    "@a.",
    "a@a.",
    "\"@",
    "\"a@",
    "(at)",
    "a.",
    "@\u{301}",
    "%40",
    "1.",
    "1.1.1.1.",
    "+1",
    "+",
    "+1 ",
    "1",
    "1 ",
    "1-",
    "11 ",
    "12 34 ",
    "1.1 ",
    "a:",
    "a:a:",
    "::",
    "1:",
    "a-",
    "aa:",
    "aaaa.",
    "aa-",
    "00",
    "0049 ",
    "(0) ",
    "(1)",
    "4111 ",
    "4111-",
    "DE89 ",
    "DE89",
    "GB29NWBK",
    "A1 ",
    "A 1 ",
    "AB 12 ",
    "tel 1234567 ",
    "phone1",
    "tel",
    "1\u{660}",
    "\u{ff11}",
    "\\n1",
    "%2B1",
    "\u{e000}",
    "\u{4e2d}1",
    "x@\u{4e2d}",
    "=",
    "\u{301}",
    "123-45-",
    "1,",
    "2001:",
    "2001:db8::",
    "1 a ",
];

#[test]
fn time_is_linear_in_the_length() {
    let personal = {
        let options =
            PersonalOptions { national_ids: NationalId::all().collect(), ..PersonalOptions::default() };
        Personal::new(&options)
    };
    let steps = |text: &str| {
        scan::tests::STEPS.with(|steps| steps.set(0));
        personal.find(text, &mut Vec::new());
        scan::tests::STEPS.with(std::cell::Cell::get)
    };
    let mut most = (0, "");
    for unit in HOSTILE {
        let text = |length: usize| unit.repeat(length / unit.len());
        let (few, many) = (steps(&text(10_000)), steps(&text(40_000)));
        assert!(many <= few * 4 + few / 4 + 1000, "{unit:?}: {few} steps for 10 KB, {many} for 40 KB");
        most = most.max((many / 40_000, unit));
    }
    println!("at most {} steps a byte, of {:?}", most.0, most.1);
    assert!(most.0 < 1000, "{most:?}");
}

proptest! {
    #[test]
    fn ranges_are_of_whole_characters(text in ".{0,60}", units in proptest::collection::vec(0..HOSTILE.len(), 0..30)) {
        let personal = Personal::default();
        let mixed: String = units.iter().map(|unit| HOSTILE[*unit]).collect();
        for text in [&text, &mixed, &format!("{mixed}{text}{mixed}")] {
            let mut found = Vec::new();
            personal.find(text, &mut found);
            for one in found {
                prop_assert!(text.get(one.range.clone()).is_some_and(|part| !part.is_empty()), "{one:?}");
            }
        }
    }

    /// What stands beside a number, parted from it, changes nothing.
    #[test]
    fn all_is_found_wherever_it_stands(before in "[a-z ]{0,30}[\n;]", after in "[\n;][a-z ]{0,30}") {
        let personal = Personal::default();
        for number in ["jane@example.com", "+49 30 12345678", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00",
                       "078-05-1120", "203.0.113.7", "2001:db8::1", "02:42:ac:11:00:02"] {
            let text = format!("{before}{number}{after}");
            let found = found_with(&personal, &text);
            prop_assert!(found.iter().any(|(_, part)| part == number), "{text}: {found:?}");
        }
    }
}

/// Nanoseconds that this thread has had a processor, whatever neighbours do.
fn on_processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default()
}

/// Prints how fast it is: `cargo test --release -p spanwire-detect -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    const RUNS: usize = 5;
    let prose = "The quarterly review of 2024 went well, and Jane's team (12 people) moved to building 7 in May. \
                 Version 1.2.3 of the tool is at https://example.com/a/b?c=d; write to jane@example.com by 17:30. ";
    let json = r#"{"id":"chatcmpl-9f8e7d6c","created":1700000000,"model":"gpt-4o-2024-08-06","usage":{"prompt_tokens":
        123,"completion_tokens":45},"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"v":0.125}]}"#;
    let personals = [
        ("default", Personal::default()),
        ("all ids", {
            let options =
                PersonalOptions { national_ids: NationalId::all().collect(), ..PersonalOptions::default() };
            Personal::new(&options)
        }),
    ];
    for (options, personal) in &personals {
        for (name, unit) in
            [("prose", prose), ("json", json)].into_iter().chain(HOSTILE.iter().map(|it| (*it, *it)))
        {
            let text = unit.repeat((1 << 20) / unit.len());
            let mut found = Vec::new();
            let start = on_processor();
            // Several times, since the clock moves by milliseconds.
            for _ in 0..RUNS {
                found.clear();
                personal.find(&text, &mut found);
            }
            let speed = (RUNS * text.len()) as f64 * 1e3 / (on_processor() - start).max(1) as f64;
            println!("{options} {name:?}: {speed:.1} MB/s, {} found", found.len());
        }
    }
}
