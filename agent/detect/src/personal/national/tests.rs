use super::super::tests::found_with;
use super::super::{Personal, PersonalOptions};
use super::*;
use crate::Class;

/// Numbers that the issuers or their documentation publish as examples, or that are computed by the published rule.
const NUMBERS: &[(&str, &[&str])] = &[
    // Printed in advertisements: Social Security Administration, "Social Security Cards Issued by Woolworth".
    ("us-ssn", &["078-05-1120", "219 09 9999", "SSN: 078051120", "social security number is 078051120"]),
    ("us-itin", &["912-70-1234"]),
    // Wikipedia, "Social Insurance Number".
    ("ca-sin", &["046-454-286", "SIN 046454286"]),
    ("br-cpf", &["529.982.247-25", "52998224725"]),
    // Wikipedia, "National Insurance number": of the form that HMRC uses in examples, with letters that are issued.
    ("uk-nino", &["AB123456C", "AB 12 34 56 C", "ab123456c"]),
    // NHS Data Dictionary's example and the range for tests.
    ("uk-nhs", &["943 476 5919", "NHS number: 9434765919"]),
    // Bundeszentralamt für Steuern, test identification numbers.
    ("de-steuer-id", &["86 095 742 719", "Steuer-ID: 86095742719"]),
    // Wikipedia (fr), "Numéro de sécurité sociale en France", examples computed.
    ("fr-nir", &["2 55 08 14 168 025 38", "255081416802538"]),
    // python-stdnum's documentation of stdnum.es.dni and nie.
    ("es-dni", &["54362315K", "54362315-K", "54.362.315-K"]),
    ("es-nie", &["X2482300W", "X-2482300-W"]),
    // Agenzia delle Entrate's layout: Mario Rossi.
    ("it-codice-fiscale", &["RSSMRA85T10A562S", "rssmra85t10a562s", "RSS MRA 85T10 A562S"]),
    ("nl-bsn", &["1112.22.333", "BSN: 111222333"]),
    // python-stdnum: stdnum.be.nn.
    ("be-nn", &["85.07.30-033.28", "85073003328"]),
    // Wikipedia (pl), "PESEL".
    ("pl-pesel", &["44051401359"]),
    // Wikipedia (sv), "Personnummer i Sverige"; python-stdnum: stdnum.se.personnummer.
    ("se-personnummer", &["880320-0016", "811228-9874", "19811228-9874"]),
    // Digi- ja väestötietovirasto, "Henkilötunnus".
    ("fi-hetu", &["131052-308T"]),
    // Wikipedia (de), "Sozialversicherungsnummer (Schweiz)".
    ("ch-ahv", &["756.9217.0769.85", "7569217076985"]),
    // python-stdnum: stdnum.in_.aadhaar and pan.
    ("in-aadhaar", &["2341 2341 2346", "Aadhaar 234123412346"]),
    ("in-pan", &["ACUPA7085R"]),
    // Wikipedia, "Resident Identity Card".
    ("cn-resident-id", &["11010519491231002X", "440524188001010014"]),
    ("kr-rrn", &["971013-9019902"]),
    // python-stdnum: stdnum.jp.in_ (made by its rule).
    ("jp-my-number", &["6214 9832 0257", "マイナンバー：621498320257"]),
    // Australian Taxation Office's example.
    ("au-tfn", &["123 456 782", "TFN: 123456782"]),
    // Wikipedia, "National Registration Identity Card".
    ("sg-nric", &["S0000001I"]),
    ("za-id", &["7503305044089", "8001015009087"]),
];

#[test]
fn published_numbers_pass_and_others_do_not() {
    let personal = |kind: NationalId| {
        let options = PersonalOptions { national_ids: [kind].into(), ..PersonalOptions::default() };
        Personal::new(&options)
    };
    let ids = |personal: &Personal, text: &str| {
        let found = found_with(personal, text);
        found
            .into_iter()
            .filter(|(class, _)| *class == Class::NationalId)
            .map(|(_, it)| it)
            .collect::<Vec<_>>()
    };
    let names: Vec<_> = NUMBERS.iter().map(|(name, _)| *name).collect();
    assert!(NationalId::all().all(|kind| names.contains(&kind.name())), "a kind without a number");
    for (name, texts) in NUMBERS {
        let personal = personal(name.parse().unwrap());
        for text in *texts {
            let found = ids(&personal, text);
            assert_eq!(found.len(), 1, "{name}: {text}");
            assert!(text.ends_with(&found[0]), "{name}: {text}: {found:?}");
            // Not within a longer one.
            for (before, after) in [("9", ""), ("", "9"), ("1.", ""), ("", "-9"), ("a-", "")] {
                let text = format!("{before}{text}{after}");
                let found = ids(&personal, &text);
                assert!(
                    found.is_empty() || text.contains([':', '：']) || text.contains(' '),
                    "{name}: {text}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn look_alikes_stay() {
    let all = PersonalOptions { national_ids: NationalId::all().collect(), ..PersonalOptions::default() };
    let all = Personal::new(&all);
    for text in [
        "000-12-3456",
        "666-12-3456",
        "123-00-4567",
        "123-45-0000",
        "order 078051120",
        "078051120",
        "550e8400-e29b-41d4-a716-446655440000",
        "BG123456A",
        "AB123456E",
        "54362315A",
        "RSSMRA85T10A562A",
        "111222333",
        "44051401358",
        "44131401359",
        "110105194912310021",
        "0341 2341 2346",
        "2024-01-31",
        "1700000000",
        "1700000000123",
        "ABCDE1234",
        "S0000001A",
        "version 1.2.3",
    ] {
        let found = found_with(&all, text);
        assert!(!found.iter().any(|(class, _)| *class == Class::NationalId), "{text}: {found:?}");
    }
}
