//! What the last letters of a name tell: for most names that no list has such an end, so that none is searched.

use super::alphabet::steps;
use super::name::{BARE, MAX_BYTES, OTHERS, PASSWORDS, QUALIFIERS, SECRETS, WEAK};

/// Letters that are looked at: no end is shorter.
const LETTERS: usize = 3;

/// Lists of ends, to be put together by `|`.
pub(super) type Lists = u8;

pub(super) const PASSWORD: Lists = 1;
pub(super) const SECRET: Lists = 1 << 1;
pub(super) const IS_BARE: Lists = 1 << 2;
pub(super) const IS_WEAK: Lists = 1 << 3;
pub(super) const OTHER: Lists = 1 << 4;
pub(super) const QUALIFIER: Lists = 1 << 5;

/// The lists that have ends with these last letters, by [`place`].
static LISTS: [Lists; 1 << 12] = lists();

const fn lists() -> [Lists; 1 << 12] {
    let lists = [0; 1 << 12];
    let lists = with(lists, PASSWORDS, PASSWORD);
    let lists = with(lists, SECRETS, SECRET);
    let lists = with(lists, BARE, IS_BARE);
    let lists = with(lists, WEAK, IS_WEAK);
    let lists = with(lists, OTHERS, OTHER);
    with(lists, QUALIFIERS, QUALIFIER)
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn with(mut lists: [Lists; 1 << 12], ends: &[&str], list: Lists) -> [Lists; 1 << 12] {
    let mut at = 0;
    while at < ends.len() {
        let [.., third, second, last] = ends[at].as_bytes() else { return lists };
        lists[place([*third, *second, *last])] |= list;
        at += 1;
    }
    lists
}

/// Capital letters have the place of small ones.
const fn place([third, second, last]: [u8; LETTERS]) -> usize {
    (third as usize & 3) << 10 | (second as usize & 31) << 5 | last as usize & 31
}

/// The lists that may have an end of a name in small letters and digits.
pub(super) fn lists_of(name: &str) -> Lists {
    let [.., third, second, last] = name.as_bytes() else { return 0 };
    LISTS.get(place([*third, *second, *last])).copied().unwrap_or_default()
}

/// Whether a list may have an end of a name as it is written, or of a longer one that ends in it. Signs, and digits at
/// the end, do not count.
pub(super) fn is_known(name: &str) -> bool {
    let bytes = name.as_bytes();
    let bytes = bytes.get(bytes.len().saturating_sub(MAX_BYTES)..).unwrap_or_default();
    let mut letters = bytes
        .iter()
        .rev()
        .inspect(|_| steps::add(1))
        .skip_while(|byte| !byte.is_ascii_alphabetic())
        .filter(|byte| byte.is_ascii_alphanumeric());
    let (Some(last), Some(second), Some(third)) = (letters.next(), letters.next(), letters.next()) else {
        return true;
    };
    // The one end that is shorter: `pw`.
    let is_short = last.eq_ignore_ascii_case(&b'w') && second.eq_ignore_ascii_case(&b'p');
    is_short || LISTS.get(place([*third, *second, *last])).is_some_and(|lists| *lists != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_is_known() {
        let lists =
            [(PASSWORDS, PASSWORD), (SECRETS, SECRET), (BARE, IS_BARE), (WEAK, IS_WEAK), (OTHERS, OTHER)];
        for (ends, list) in lists.into_iter().chain([(QUALIFIERS, QUALIFIER)]) {
            for end in ends {
                assert!(end.len() >= LETTERS && lists_of(end) & list != 0, "{end}");
                let written = format!("a-{}_1", end.to_uppercase());
                assert!(is_known(end) && is_known(&written), "{end}");
            }
        }
        assert!(is_known("") && is_known("x") && is_known("db_pw") && is_known("DB-PW2"));
        assert!(!is_known("passes") && !is_known("inside") && !is_known("messages") && !is_known("model"));
    }
}
