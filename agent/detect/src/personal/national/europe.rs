//! Europe.

use super::{has_date, is_luhn, is_one_repeated, last, number, values, weighted};

/// National Insurance number: first letters not D, F, I, Q, U, V, second not O either, none of seven pairs, and a
/// suffix of A to D (HM Revenue and Customs, NIM39110).
pub(super) fn uk_nino(chars: &[u8]) -> bool {
    let [first, second, digits @ .., suffix] = chars else { return false };
    !b"DFIQUV".contains(first)
        && !b"DFIQUVO".contains(second)
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[*first, *second])
        && (b'A'..=b'D').contains(suffix)
        && !is_one_repeated(digits)
}

/// NHS number: mod 11 (NHS Data Dictionary, "NHS NUMBER").
pub(super) fn uk_nhs(chars: &[u8]) -> bool {
    let sum = weighted(chars, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    !is_one_repeated(chars) && (11 - sum % 11) % 11 == last(chars)
}

/// Steuerliche Identifikationsnummer: the first of ten digits is not 0, one of them is there two or three times, and
/// the last of the eleven is that of ISO/IEC 7064, mod 11,10 (Bundeszentralamt für Steuern).
pub(super) fn de_steuer_id(chars: &[u8]) -> bool {
    let mut counts = [0_u8; 10];
    for digit in values(chars).take(10) {
        if let Some(count) = usize::try_from(digit).ok().and_then(|digit| counts.get_mut(digit)) {
            *count += 1;
        }
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let product = values(chars).take(10).fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    chars.first() != Some(&b'0')
        && repeated == 1
        && counts.iter().all(|count| *count <= 3)
        && (11 - product) % 10 == last(chars)
}

/// Numéro d'inscription au répertoire: 97 less the rest of the division by 97, where 2A and 2B of Corsica count as 19
/// and 18 (INSEE).
pub(super) fn fr_nir(chars: &[u8]) -> bool {
    let mut digits = [0; 15];
    if chars.len() != digits.len() {
        return false;
    }
    digits.copy_from_slice(chars);
    let department = match digits.get_mut(5..7) {
        Some([b'2', last @ b'A']) => {
            *last = b'9';
            Some(b'1')
        }
        Some([b'2', last @ b'B']) => {
            *last = b'8';
            Some(b'1')
        }
        _ => None,
    };
    if let (Some(first), Some(place)) = (department, digits.get_mut(5)) {
        *place = first;
    }
    let month = digits.get(3..5).map_or(0, number);
    let (body, key) = digits.split_at(13);
    digits.iter().all(u8::is_ascii_digit)
        && matches!(digits.first(), Some(b'1'..=b'4' | b'7' | b'8'))
        && matches!(month, 1..=12 | 20 | 30..=42 | 50..=99)
        && 97 - number(body) % 97 == number(key)
}

/// The letter that ends a Spanish identity number (Ministerio del Interior).
fn spanish(digits: u64, letter: u8) -> bool {
    let letters = b"TRWAGMYFPDXBNJZSQVHLCKE";
    usize::try_from(digits % 23).ok().and_then(|place| letters.get(place)) == Some(&letter)
}

/// Documento nacional de identidad.
pub(super) fn es_dni(chars: &[u8]) -> bool {
    let [digits @ .., letter] = chars else { return false };
    spanish(number(digits), *letter)
}

/// Número de identidad de extranjero: X, Y and Z before it stand for 0, 1 and 2.
pub(super) fn es_nie(chars: &[u8]) -> bool {
    let [first @ b'X'..=b'Z', digits @ .., letter] = chars else { return false };
    spanish(u64::from(first - b'X') * 10_000_000 + number(digits), *letter)
}

/// Codice fiscale: the check letter from odd and even places, and letters for digits where two persons would have one
/// (Decreto ministeriale 23 dicembre 1976).
pub(super) fn it_codice_fiscale(chars: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let [body @ .., check] = chars else { return false };
    let is_digit =
        |place: usize| chars.get(place).is_some_and(|c| c.is_ascii_digit() || b"LMNPQRSTUV".contains(c));
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(place, char)| {
            let value = if char.is_ascii_digit() { char - b'0' } else { char.wrapping_sub(b'A') };
            if place % 2 == 0 {
                ODD.get(usize::from(value)).copied().unwrap_or_default()
            } else {
                u32::from(value)
            }
        })
        .sum();
    [6, 7, 9, 10, 12, 13, 14].into_iter().all(is_digit)
        && chars.get(8).is_some_and(|month| b"ABCDEHLMPRST".contains(month))
        && u32::from(check.wrapping_sub(b'A')) == sum % 26
}

/// Burgerservicenummer: the "elfproef" (Rijksdienst voor Identiteitsgegevens).
pub(super) fn nl_bsn(chars: &[u8]) -> bool {
    let sum = weighted(chars, &[9, 8, 7, 6, 5, 4, 3, 2]);
    !is_one_repeated(chars) && sum % 11 == last(chars)
}

/// Rijksregisternummer, numéro national: mod 97, with a 2 before it for those born from 2000 on; the months of those
/// who are not in the register are 20 or 40 higher (Koninklijk besluit 3 april 1984; Kruispuntbank).
pub(super) fn be_nn(chars: &[u8]) -> bool {
    if chars.len() != 11 {
        return false;
    }
    let (body, key) = chars.split_at(9);
    let month = chars.get(2..4).map_or(0, number) % 20;
    let day = chars.get(4..6).map_or(0, number);
    month <= 12
        && day <= 31
        && !is_one_repeated(chars)
        && [number(body), 2_000_000_000 + number(body)].iter().any(|body| 97 - body % 97 == number(key))
}

/// PESEL: a date, whose month tells the century, and a weighted sum (Ministerstwo Cyfryzacji).
pub(super) fn pl_pesel(chars: &[u8]) -> bool {
    let month = chars.get(2..4).map_or(0, number) % 20;
    let day = chars.get(4..6).map_or(0, number);
    let sum = weighted(chars, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    super::is_month_and_day(month, day) && (10 - sum % 10) % 10 == last(chars)
}

/// Personnummer and samordningsnummer, whose day is 60 higher: Luhn over the last ten digits (Skatteverket, SKV 704).
pub(super) fn se_personnummer(chars: &[u8]) -> bool {
    let Some(ten) = chars.len().checked_sub(10).and_then(|from| chars.get(from..)) else { return false };
    let (month, day) = (ten.get(2..4).map_or(0, number), ten.get(4..6).map_or(0, number));
    let is_century = chars.len() == 10 || matches!(chars.get(..2), Some(b"18" | b"19" | b"20"));
    is_century && super::is_month_and_day(month, if day > 60 { day - 60 } else { day }) && is_luhn(ten)
}

/// Henkilötunnus: the check character of the number without its sign (Digi- ja väestötietovirasto).
pub(super) fn fi_hetu(chars: &[u8]) -> bool {
    // A sign that is a letter is among the characters.
    let digits: Option<[u8; 9]> = match chars {
        [day @ .., a, b, c, _] if chars.len() == 10 => {
            day.try_into().ok().map(|[d, e, f, g, h, i]: [u8; 6]| [d, e, f, g, h, i, *a, *b, *c])
        }
        [d, e, f, g, h, i, b'A'..=b'F' | b'U'..=b'Y', a, b, c, _] => {
            Some([*d, *e, *f, *g, *h, *i, *a, *b, *c])
        }
        _ => None,
    };
    let (Some(digits), Some(check)) = (digits, chars.last()) else { return false };
    let place = usize::try_from(number(&digits) % 31).unwrap_or_default();
    has_date(&digits, 2, 0) && b"0123456789ABCDEFHJKLMNPRSTUVWXY".get(place) == Some(check)
}

/// AHV-Nummer: 756 and the check digit of EAN-13 (Zentrale Ausgleichsstelle).
pub(super) fn ch_ahv(chars: &[u8]) -> bool {
    let sum = weighted(chars, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    chars.starts_with(b"756") && (10 - sum % 10) % 10 == last(chars)
}
