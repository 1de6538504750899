//! The Americas.

use super::{is_luhn, is_one_repeated, number, values};

/// Social security number: areas 000, 666 and 900 to 999, group 00 and serial 0000 are not assigned
/// (Social Security Administration, "Social Security Number Randomization", 2011). Those that were printed in
/// advertisements and examples are such numbers, too.
pub(super) fn us_ssn(chars: &[u8]) -> bool {
    let (area, group, serial) = parts(chars);
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 && !is_one_repeated(chars)
}

/// Individual taxpayer identification number: 900 to 999, with the groups 50 to 65, 70 to 88, 90 to 92 and 94 to 99
/// (Internal Revenue Service, Publication 1915 and IRM 3.21.263).
pub(super) fn us_itin(chars: &[u8]) -> bool {
    let (area, group, _) = parts(chars);
    area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

fn parts(chars: &[u8]) -> (u64, u64, u64) {
    let part = |range: std::ops::Range<usize>| chars.get(range).map_or(0, number);
    (part(0..3), part(3..5), part(5..9))
}

/// Social insurance number: Luhn; those of 8 are of businesses (Employment and Social Development Canada).
pub(super) fn ca_sin(chars: &[u8]) -> bool {
    chars.first() != Some(&b'8') && is_luhn(chars) && !is_one_repeated(chars)
}

/// Cadastro de Pessoas Físicas: two check digits, each mod 11 (Receita Federal).
pub(super) fn br_cpf(chars: &[u8]) -> bool {
    let check = |count: usize| {
        let sum: u32 =
            values(chars).take(count).zip((2..=11).rev().skip(10 - count)).map(|(d, w)| d * w).sum();
        values(chars).nth(count) == Some(sum * 10 % 11 % 10)
    };
    chars.len() == 11 && !is_one_repeated(chars) && check(9) && check(10)
}
