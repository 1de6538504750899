//! Africa, Asia and Australia.

use super::{has_date, is_luhn, is_one_repeated, last, number, values, weighted};

/// Aadhaar: not begun by 0 or 1, and Verhoeff's check digit (UIDAI).
pub(super) fn in_aadhaar(chars: &[u8]) -> bool {
    !matches!(chars.first(), Some(b'0' | b'1')) && !is_one_repeated(chars) && is_verhoeff(chars)
}

/// J. Verhoeff, "Error Detecting Decimal Codes", 1969: in the dihedral group of ten elements.
fn is_verhoeff(chars: &[u8]) -> bool {
    const PERMUTED: [[u32; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // 0 to 4 are rotations, 5 to 9 reflections.
    let product = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let sum = values(chars).rev().zip(PERMUTED.iter().cycle()).fold(0, |sum, (digit, permuted)| {
        let digit =
            usize::try_from(digit).ok().and_then(|digit| permuted.get(digit)).copied().unwrap_or_default();
        product(sum, digit)
    });
    sum == 0
}

/// Permanent account number: the fourth letter is P for persons, the others for what is none (Income Tax Department).
pub(super) fn in_pan(chars: &[u8]) -> bool {
    chars.get(3).is_some_and(|kind| b"PCHABGJLFT".contains(kind)) && chars.get(5..9) != Some(b"0000")
}

/// Resident identity number: a date and the check character of ISO 7064, mod 11-2 (GB 11643-1999).
pub(super) fn cn_resident_id(chars: &[u8]) -> bool {
    let sum = weighted(chars, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    let check = usize::try_from(sum % 11).ok().and_then(|rest| b"10X98765432".get(rest));
    matches!(chars.get(6..8), Some(b"18" | b"19" | b"20")) && has_date(chars, 10, 12) && check == chars.last()
}

/// Resident registration number: a date and a seventh digit for the century; the check digit is of those before
/// October 2020 only, so it is not asked for (Ministry of the Interior and Safety).
pub(super) fn kr_rrn(chars: &[u8]) -> bool {
    has_date(chars, 2, 4) && chars.get(6).is_some_and(u8::is_ascii_digit)
}

/// My Number: mod 11 (Ordinance of the Ministry of Internal Affairs No. 85 of 2014, article 5).
pub(super) fn jp_my_number(chars: &[u8]) -> bool {
    let sum = weighted(chars, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    let check = match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    !is_one_repeated(chars) && check == last(chars)
}

/// Tax file number of nine digits: mod 11 (Australian Taxation Office).
pub(super) fn au_tfn(chars: &[u8]) -> bool {
    !is_one_repeated(chars) && weighted(chars, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

/// NRIC and FIN: a letter for citizens and foreigners by century, and a check letter of each (Immigration and
/// Checkpoints Authority).
pub(super) fn sg_nric(chars: &[u8]) -> bool {
    let [series, digits @ .., check] = chars else { return false };
    let (offset, letters) = match series {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let rest = usize::try_from((weighted(digits, &[2, 7, 6, 5, 4, 3, 2]) + offset) % 11).unwrap_or_default();
    letters.get(rest) == Some(check)
}

/// Identity number: a date, 0 or 1 for citizenship, and Luhn (Department of Home Affairs).
pub(super) fn za_id(chars: &[u8]) -> bool {
    has_date(chars, 2, 4) && number(chars.get(10..11).unwrap_or_default()) <= 2 && is_luhn(chars)
}
