//! Numbers of payment cards.
//!
//! A number is one by its issuer's range and length and the Luhn digit at its end (ISO/IEC 7812-1), written in one or
//! in groups as on cards. Numbers that issuers publish for tests are numbers of cards.

use super::context::{Context, Label};
use super::scan::{Window, step};

/// Ranges of first digits with the lengths that their numbers have, as the networks publish them and Wikipedia's
/// "Payment card number" collects them; written down 2026-11 from what is generally known of them, since ISO/IEC 7812
/// itself is not public. Each: lowest and highest prefix, the lengths.
const ISSUERS: &[(&str, &str, &[usize])] = &[
    // Visa; 13 digits are of the years before 2000.
    ("4", "4", &[13, 16, 19]),
    // Mastercard.
    ("51", "55", &[16]),
    ("2221", "2720", &[16]),
    // American Express.
    ("34", "34", &[15]),
    ("37", "37", &[15]),
    // Diners Club.
    ("300", "305", &[14, 16]),
    ("3095", "3095", &[14, 16]),
    ("36", "36", &[14, 16]),
    ("38", "39", &[14, 16]),
    // Discover.
    ("6011", "6011", &[16, 19]),
    ("644", "649", &[16, 19]),
    ("65", "65", &[16, 19]),
    // JCB.
    ("3528", "3589", &[16, 19]),
    // UnionPay.
    ("62", "62", &[16, 17, 18, 19]),
    ("81", "81", &[16, 17, 18, 19]),
    // Maestro.
    ("5018", "5018", &[12, 13, 14, 15, 16, 17, 18, 19]),
    ("5020", "5020", &[12, 13, 14, 15, 16, 17, 18, 19]),
    ("5038", "5038", &[12, 13, 14, 15, 16, 17, 18, 19]),
    ("5893", "5893", &[12, 13, 14, 15, 16, 17, 18, 19]),
    ("6304", "6304", &[12, 13, 14, 15, 16, 17, 18, 19]),
    ("6759", "6759", &[12, 13, 14, 15, 16, 17, 18, 19]),
    ("6761", "6763", &[12, 13, 14, 15, 16, 17, 18, 19]),
    // Dankort.
    ("5019", "5019", &[16]),
    ("4571", "4571", &[16]),
    // RuPay and Hipercard.
    ("60", "60", &[16]),
    ("82", "82", &[16]),
    ("508", "508", &[16]),
    // Mir.
    ("2200", "2204", &[16, 17, 18, 19]),
    // Troy.
    ("9792", "9792", &[16]),
    // Elo.
    ("504175", "504175", &[16]),
    ("506699", "506778", &[16]),
    ("509000", "509999", &[16]),
    ("627780", "627780", &[16]),
    ("636297", "636297", &[16]),
    ("636368", "636368", &[16]),
    // Verve.
    ("506099", "506198", &[16, 18, 19]),
    ("507865", "507964", &[16, 18, 19]),
];

/// Digits in groups, as cards have them.
const GROUPS: &[&[usize]] = &[
    &[4, 4, 4, 4],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 3],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 3],
    &[4, 4, 4, 2],
    &[4, 4, 5],
    &[6, 13],
    &[8, 8],
];

/// Digits of the shortest number, and of the longest.
const FEWEST: usize = 12;
const MOST: usize = 19;

/// Where the number ends that a window begins with, if that is a card's: an index of the window.
pub(super) fn find(window: &Window<'_>, context: &Context) -> Option<usize> {
    let is_begun = matches!(window.chars(), [b'2'..=b'9', b'0'..=b'9', ..]);
    if !is_begun || window.digits() < FEWEST {
        return None;
    }
    let before = window.before;
    if before.is_joined() || before.near == '+' {
        return None;
    }
    let mut digits = [0_u8; MOST];
    let mut groups = [0_usize; 6];
    let (mut len, mut group, mut separator, mut best) = (0, 0, None, None);
    for (index, byte) in window.chars().iter().enumerate() {
        step();
        if byte.is_ascii_digit() {
            let (Some(digit), Some(size)) = (digits.get_mut(len), groups.get_mut(group)) else { break };
            (*digit, *size) = (byte - b'0', *size + 1);
            len += 1;
            if window.is_end(index + 1)
                && is_card(window, index + 1, digits.get(..len)?, groups.get(..=group)?, separator, context)
            {
                best = Some(index + 1);
            }
        } else if matches!(byte, b' ' | b'-')
            && *separator.get_or_insert(*byte) == *byte
            && groups.get(group) != Some(&0)
        {
            group += 1;
        } else {
            break;
        }
    }
    best
}

fn is_card(
    window: &Window<'_>,
    end: usize,
    digits: &[u8],
    groups: &[usize],
    separator: Option<u8>,
    context: &Context,
) -> bool {
    if groups.len() > 1 && !GROUPS.contains(&groups) {
        return false;
    }
    if !is_issued(digits) || !is_luhn(digits) {
        return false;
    }
    match window.behind(end) {
        ('.', next) if next.is_ascii_digit() => return false,
        ('-', next) if next.is_ascii_alphanumeric() => return false,
        _ => {}
    }
    if groups.len() > 1 && separator == Some(b' ') && is_in_table(window, end) {
        return false;
    }
    // As long as an article's number, and begun like Germany's; or as long as any number of 64 bits.
    let is_other = digits.len() <= 13 || digits.len() > 16 && !digits.starts_with(&[6, 2]);
    !is_other || groups.len() > 1 || context.is(Label::Card, window.text, window.start())
}

/// Whether groups of four go on at either side: then these are columns of figures.
fn is_in_table(window: &Window<'_>, end: usize) -> bool {
    let rest = window.chars().get(end..).unwrap_or_default();
    let next: Vec<u8> =
        rest.iter().skip(1).take_while(|byte| byte.is_ascii_alphanumeric()).copied().take(5).collect();
    let is_figure = |word: &[u8]| word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    // The year to which it is good may follow.
    let goes_on = rest.first() == Some(&b' ') && is_figure(&next) && !next.starts_with(b"20");
    let before = window.text.get(..window.before.near_at).unwrap_or_default();
    let mut digits = before.bytes().rev().take(5);
    let went_before = window.before.near == ' '
        && digits.by_ref().take(4).filter(u8::is_ascii_digit).count() == 4
        && !digits.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    goes_on || went_before
}

fn is_issued(digits: &[u8]) -> bool {
    ISSUERS.iter().any(|(low, high, lengths)| {
        lengths.contains(&digits.len())
            && value(digits, low.len()) >= number(low)
            && value(digits, low.len()) <= number(high)
    })
}

fn value(digits: &[u8], count: usize) -> u32 {
    digits.iter().take(count).fold(0, |sum, digit| sum * 10 + u32::from(*digit))
}

fn number(text: &str) -> u32 {
    text.bytes().fold(0, |sum, byte| sum * 10 + u32::from(byte.wrapping_sub(b'0')))
}

/// Whether the last digit is the one that those before it give: ISO/IEC 7812-1, Annex B.
pub(super) fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit @ 0..=4) => digit * 2,
            (_, digit) => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}
