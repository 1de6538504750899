//! The `tracestate` header (W3C Trace Context, Level 2, section 3.3).

/// Members of a list; a list with more is invalid.
const MEMBERS_MAX: usize = 32;
/// Bytes that are kept: what the specification asks of all who pass it on.
const MAX_BYTES: usize = 512;
/// Members that are longer go first when something must.
const LONG_BYTES: usize = 128;
/// Bytes of a key, and of a value.
const PART_MAX_BYTES: usize = 256;

/// The list that the headers make up, in one text of at most 512 bytes; whole members are left out from a
/// longer one. Empty when there is none. `None` when any member is invalid: no part of it may be used then.
pub(super) fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut members: Vec<&str> = Vec::new();
    for member in values.flat_map(|value| value.split(',')) {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        // A key that is there twice is left as it is.
        if members.len() == MEMBERS_MAX || !is_key(key) || !is_value(value) {
            return None;
        }
        members.push(member);
    }
    let length = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>();
    while length(&members) > MAX_BYTES + 1 {
        let long = members.iter().rposition(|member| member.len() > LONG_BYTES);
        members.remove(long.unwrap_or(members.len() - 1));
    }
    Some(members.join(","))
}

fn is_key(key: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let starts = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= PART_MAX_BYTES && key.as_bytes().first().is_some_and(starts) && key.bytes().all(is_inner)
}

fn is_value(value: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    (1..=PART_MAX_BYTES).contains(&value.len()) && value.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_BYTES, parse};

    #[test]
    fn follows_the_specification() {
        let many = |count: usize| (0..count).map(|at| format!("k{at}=v")).collect::<Vec<_>>().join(",");
        for (values, expected) in [
            (vec![], Some("")),
            (vec![""], Some("")),
            (
                vec!["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"],
                Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
            ),
            (vec!["a=1 ,\t b=2,,", "c=3"], Some("a=1,b=2,c=3")),
            (vec!["fw529a3039@dt=FfAAAA*/_-"], Some("fw529a3039@dt=FfAAAA*/_-")),
            (vec!["0a=x y"], Some("0a=x y")),
            (vec![many(32).as_str()], Some(many(32).as_str())),
            (vec![many(33).as_str()], None),
            (vec!["a=1,a=2"], Some("a=1,a=2")),
            (vec!["foo@=1,bar=2"], Some("foo@=1,bar=2")),
            (vec!["foo@@bar=1"], Some("foo@@bar=1")),
            (vec!["@foo=1,bar=2"], None),
            (vec!["FOO=1"], None),
            (vec!["foo.bar=1"], None),
            (vec!["a=1", "b"], None),
            (vec!["a="], None),
            (vec!["=1"], None),
            (vec!["A=1"], None),
            (vec!["_a=1"], None),
            (vec!["a=b=c"], None),
            (vec!["a=é"], None),
            (vec!["a b=1"], None),
        ] {
            assert_eq!(parse(values.iter().copied()).as_deref(), expected, "{values:?}");
        }
    }

    #[test]
    fn of_a_long_list_the_long_members_go_first_and_then_the_last() {
        let member = |key: &str, length: usize| format!("{key}={}", "x".repeat(length - key.len() - 1));
        let (long, short) = (member("long", 129), member("s1", 128));
        let list = [long.clone(), short.clone(), member("s2", 128), member("s3", 128)].join(",");
        assert_eq!(parse([list.as_str()].into_iter()), Some(list.replace(&format!("{long},"), "")));
        let list = (1..=5).map(|at| member(&format!("m{at}"), 128)).collect::<Vec<_>>();
        assert_eq!(parse([list.join(",").as_str()].into_iter()), list.get(..3).map(|kept| kept.join(",")));
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_bounded(text in "([a-z]=[ -~]{0,300}|\\PC|,){0,40}") {
            if let Some(kept) = parse([text.as_str()].into_iter()) {
                prop_assert!(kept.len() <= MAX_BYTES);
                prop_assert_eq!(parse([kept.as_str()].into_iter()), Some(kept));
            }
        }
    }
}
