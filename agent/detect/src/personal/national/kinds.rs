//! All kinds, by their names.

use super::{Kind, africa_asia as aa, americas as am, europe as eu};

const fn kind(
    name: &'static str,
    shapes: &'static [&'static str],
    said: &'static [&'static str],
    check: fn(&[u8]) -> bool,
) -> Kind {
    Kind { name, shapes, said, check }
}

/// The kinds.
pub(super) static KINDS: &[Kind] = &[
    kind("us-ssn", &["999-99-9999", "999 99 9999"], &["999999999", "999.99.9999"], am::us_ssn),
    kind("us-itin", &["999-99-9999", "999 99 9999"], &["999999999"], am::us_itin),
    kind("ca-sin", &["999-999-999", "999 999 999"], &["999999999"], am::ca_sin),
    kind("br-cpf", &["999.999.999-99", "99999999999"], &["999999999-99"], am::br_cpf),
    kind("uk-nino", &["AA999999A", "AA 99 99 99 A", "AA-99-99-99-A", "AA 999999 A"], &[], eu::uk_nino),
    kind("uk-nhs", &["999 999 9999", "999-999-9999"], &["9999999999"], eu::uk_nhs),
    kind("de-steuer-id", &["99 999 999 999"], &["99999999999", "99/999/999/999"], eu::de_steuer_id),
    kind(
        "fr-nir",
        &[
            "9 99 99 ** 999 999 99",
            "9999999999999 99",
            "99999**99999999",
            "99999**999999 99",
            "9 99 99 ** 999 999-99",
        ],
        &[],
        eu::fr_nir,
    ),
    kind(
        "es-dni",
        &["99999999A", "99999999-A", "99.999.999-A", "99.999.999 A", "99999999 A"],
        &[],
        eu::es_dni,
    ),
    kind("es-nie", &["A9999999A", "A-9999999-A", "A9999999-A", "A-9999999A"], &[], eu::es_nie),
    kind(
        "it-codice-fiscale",
        &["AAAAAA**A**A***A", "AAA AAA **A** A***A", "AAA AAA **A** A*** A"],
        &[],
        eu::it_codice_fiscale,
    ),
    kind("nl-bsn", &["9999.99.999"], &["999999999", "9999 99 999", "999 999 999"], eu::nl_bsn),
    kind("be-nn", &["99.99.99-999.99", "99.99.99-999-99", "99999999999"], &["99 99 99 999 99"], eu::be_nn),
    kind("pl-pesel", &["99999999999"], &[], eu::pl_pesel),
    kind(
        "se-personnummer",
        &["999999-9999", "999999+9999", "99999999-9999", "999999999999"],
        &["9999999999"],
        eu::se_personnummer,
    ),
    kind("fi-hetu", &["999999-999*", "999999+999*", "999999A999*"], &[], eu::fi_hetu),
    kind("ch-ahv", &["999.9999.9999.99", "9999999999999", "999 9999 9999 99"], &[], eu::ch_ahv),
    kind("in-aadhaar", &["9999 9999 9999", "9999-9999-9999"], &["999999999999"], aa::in_aadhaar),
    kind("in-pan", &["AAAAA9999A"], &[], aa::in_pan),
    kind("cn-resident-id", &["99999999999999999*"], &[], aa::cn_resident_id),
    kind("kr-rrn", &["999999-9999999"], &["9999999999999"], aa::kr_rrn),
    kind("jp-my-number", &["9999 9999 9999", "9999-9999-9999"], &["999999999999"], aa::jp_my_number),
    kind("au-tfn", &["999 999 999"], &["999999999", "999-999-999"], aa::au_tfn),
    kind("sg-nric", &["A9999999A"], &[], aa::sg_nric),
    kind("za-id", &["9999999999999", "999999 9999 999", "999999 9999 99 9"], &[], aa::za_id),
];
